/** Pairs of images of a dataset that show one picture: as its import found them, or searched for anew. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from 'graft-torch/base';
import { type Dataset, type DatasetRow, imagePath } from '../dataset/dataset.js';
import { type ImportReport, reportFile } from '../dataset/report.js';
import { findDuplicateFiles } from '../duplicates/duplicates.js';

/** Pairs of ids; pairs with images that the import left out are among them, since they tie others together. */
export function recordedPairs(dir: string): [string, string][] | undefined {
  const path = join(dir, reportFile);
  if (!existsSync(path)) return undefined;
  const { duplicates = [] } = readJson<Partial<ImportReport>>(path);
  return duplicates.map(({ a, b }) => [a, b]);
}

/**
 * Decodes every image and compares it with all others.
 * @param options.onProgress images decoded, then images compared: of twice the dataset's images
 * @throws DataError naming the file that cannot be decoded
 */
export async function searchPairs(
  dataset: Pick<Dataset, 'dir'> & { rows: readonly DatasetRow[] },
  options: { onProgress?: (done: number, total: number) => void; signal?: AbortSignal },
): Promise<[string, string][]> {
  const { rows } = dataset;
  const files = rows.map((row) => ({ path: imagePath(dataset, row), sha256: row.sha256 }));
  const pairs = await findDuplicateFiles(files, options);
  return pairs.map(({ a, b }) => [rows[a]!.id, rows[b]!.id]);
}
