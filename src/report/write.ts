/** Writes reports: a page, its Markdown, its figures. Each file is whole or not there; the page comes last. */
import { join } from 'node:path';
import { writeFileAtomic } from 'graft-torch/base';
import type { Block, FigureBlock, GalleryBlock, PicturesBlock, ReportDocument } from './document.js';
import { figureFiles, figureSheet } from './figure-files.js';
import { toHtml } from './html.js';
import { toMarkdown } from './markdown.js';

export interface FigureOptions {
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

const figuresOf = ({ sections }: ReportDocument): (FigureBlock | GalleryBlock | PicturesBlock)[] => {
  const isFigure = (block: Block) => ['figure', 'gallery', 'pictures'].includes(block.kind);
  return sections.flatMap(({ blocks }) => blocks.filter(isFigure)) as ReturnType<typeof figuresOf>;
};

/** The page alone. @param path its folder is made if missing */
export const writePage = (report: ReportDocument, path: string): void =>
  writeFileAtomic(path, toHtml(report));

/** @param dir made if missing: `report.html`, `report.md`, and in `figures/` each panel as SVG and each picture */
export function writeReportFiles(report: ReportDocument, dir: string): { html: string; markdown: string } {
  for (const { file, content } of figuresOf(report).flatMap((block) => figureFiles(block, 'panels')))
    writeFileAtomic(join(dir, 'figures', file), content());
  const paths = { html: join(dir, 'report.html'), markdown: join(dir, 'report.md') };
  writeFileAtomic(paths.markdown, toMarkdown(report));
  writePage(report, paths.html);
  return paths;
}

/**
 * Every figure and gallery of a report on a sheet of its own with its title and legend, as `<name>.svg` (for a paper) and
 * `<name>.png` (for a slide), and pictures as they are.
 * @param dir made if missing
 * @returns the paths written
 */
export async function writeFigureFiles(
  report: ReportDocument,
  dir: string,
  { signal, onProgress }: FigureOptions = {},
): Promise<string[]> {
  const { default: sharp } = await import('sharp');
  const blocks = figuresOf(report);
  const written: string[] = [];
  const write = (file: string, bytes: string | Uint8Array): void => {
    written.push(join(dir, file));
    writeFileAtomic(join(dir, file), bytes);
  };
  for (const [done, block] of blocks.entries()) {
    signal?.throwIfAborted();
    onProgress?.(done, blocks.length);
    if (block.kind === 'pictures') {
      for (const { file, content } of figureFiles(block, 'sheets')) write(file, content());
      continue;
    }
    const { svg } = figureSheet(block);
    // Small pictures gain nothing from being enlarged.
    const density = block.kind === 'figure' ? 144 : 72;
    write(`${block.name}.svg`, svg);
    write(
      `${block.name}.png`,
      await sharp(Buffer.from(svg), { density }).png({ compressionLevel: 8 }).toBuffer(),
    );
  }
  onProgress?.(blocks.length, blocks.length);
  return written;
}
