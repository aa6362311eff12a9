/**
 * The report on one GAN run: `report.html`, one page that needs nothing else, and `report.md` with `figures/` (curves
 * as SVG and PNG, pictures as they are). Each file is whole or not there; the page comes last.
 */
import { join } from 'node:path';
import { writeFileAtomic } from 'graft-torch/base';
import { toHtml, toMarkdown, writeFigureFiles } from '../../report/index.js';
import { composeGanReport } from './content.js';
import { type GatherOptions, gatherGanReport } from './gather.js';

export interface GanReportOptions extends GatherOptions {
  /** Folder of the report; default `report` in the run folder. */
  dir?: string;
}

/**
 * Writes the report on a run, finished or not.
 * @returns the paths written
 * @throws as `gatherGanReport`
 */
export async function writeGanReport(
  runDir: string,
  options: GanReportOptions = {},
): Promise<{ html: string; markdown: string; figures: string[] }> {
  const dir = options.dir ?? join(runDir, 'report');
  const report = composeGanReport(await gatherGanReport(runDir, options));
  const figures = await writeFigureFiles(report, join(dir, 'figures'));
  const paths = { html: join(dir, 'report.html'), markdown: join(dir, 'report.md') };
  writeFileAtomic(paths.markdown, toMarkdown(report, { figures: 'sheets' }));
  writeFileAtomic(paths.html, toHtml(report));
  return { ...paths, figures };
}
