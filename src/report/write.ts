/** Writes a report's page, its Markdown and its figures; each file is whole or not there. */
import { join } from 'node:path';
import { writeFileAtomic } from 'graft-torch/base';
import { standaloneSvg } from './charts/plot.js';
import type { ReportDocument } from './document.js';
import { figureSheet } from './figure-files.js';
import { toHtml } from './html.js';
import { panelFile, toMarkdown } from './markdown.js';
import { encodedBytes } from './picture.js';

/** @param dir made if missing: `report.html`, `report.md`, `figures/` */
export function writeReportFiles(report: ReportDocument, dir: string): { html: string; markdown: string } {
  for (const block of report.sections.flatMap(({ blocks }) => blocks)) {
    if (block.kind === 'figure') {
      block.panels.forEach(({ wide }, i) => {
        writeFileAtomic(
          join(dir, 'figures', panelFile(block.name, i, block.panels.length)),
          standaloneSvg(wide),
        );
      });
    } else if (block.kind === 'gallery') {
      writeFileAtomic(join(dir, 'figures', `${block.name}.svg`), figureSheet(block).svg);
    } else if (block.kind === 'pictures') {
      for (const picture of block.pictures) {
        const { format, bytes } = encodedBytes(picture);
        writeFileAtomic(join(dir, 'figures', `${picture.name}.${format}`), bytes);
      }
    }
  }
  const paths = { html: join(dir, 'report.html'), markdown: join(dir, 'report.md') };
  writeFileAtomic(paths.html, toHtml(report));
  writeFileAtomic(paths.markdown, toMarkdown(report));
  return paths;
}
