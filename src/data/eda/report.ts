/** Makes and writes the exploratory report on a dataset. */
import { basename, dirname, extname, join } from 'node:path';
import type { ReportDocument } from '../../report/index.js';
import { writeFigureFiles, writePage } from '../../report/index.js';
import type { AuditResult } from '../audit/result.js';
import type { Dataset } from '../dataset/dataset.js';
import { readImportReport } from '../dataset/report.js';
import { columnsOf } from './columns.js';
import { composeEdaReport } from './content.js';
import { duplicateBlocks } from './duplicates.js';
import { samplesGallery } from './samples.js';

export type EdaPhase = 'pictures' | 'figures';

export interface EdaOptions {
  /** What `auditDataset` found; left out: the report says that the audit was not run. */
  audit?: AuditResult;
  /** Folder of the figures' files; default `<report>-figures` beside the page. */
  figuresDir?: string;
  /** Draws the lots for the sample images; default 0. */
  seed?: number;
  /** Version of Graft that the report names. */
  version?: string;
  /** When it was made; default now. */
  madeAt?: Date;
  onProgress?: (phase: EdaPhase, done: number, total: number) => void;
  signal?: AbortSignal;
}

/** `eda.html` → `eda-figures`, beside it. */
export const figuresDirOf = (path: string): string =>
  join(dirname(path), `${basename(path, extname(path))}-figures`);

/**
 * The report on a dataset as a document, its pictures included.
 * @throws DataError when an image cannot be decoded any more
 */
export async function makeEdaReport(dataset: Dataset, options: EdaOptions = {}): Promise<ReportDocument> {
  const { audit = null, seed = 0, signal, onProgress } = options;
  const columns = columnsOf(dataset);
  const report = readImportReport(dataset);
  const samples = await samplesGallery(dataset, columns, {
    seed,
    signal,
    onProgress: (done, total) => onProgress?.('pictures', done, total),
  });
  return composeEdaReport(dataset, {
    columns,
    report,
    audit,
    samples,
    duplicates: await duplicateBlocks(dataset, columns, report),
    maker: options.version ? `Graft ${options.version}` : 'Graft',
    madeAt: (options.madeAt ?? new Date()).toISOString(),
  });
}

/**
 * Writes the report on a dataset.
 * @param path of the HTML page; its folder is made if missing. The page is written last: it is there only when its
 * figures are.
 * @returns the page's path, and the paths of the figures' files
 * @throws DataError as {@link makeEdaReport}
 */
export async function writeEdaReport(
  dataset: Dataset,
  path: string,
  options: EdaOptions = {},
): Promise<{ html: string; figures: string[] }> {
  const { signal, onProgress } = options;
  const document = await makeEdaReport(dataset, options);
  const figures = await writeFigureFiles(document, options.figuresDir ?? figuresDirOf(path), {
    signal,
    onProgress: (done, total) => onProgress?.('figures', done, total),
  });
  writePage(document, path);
  return { html: path, figures };
}
