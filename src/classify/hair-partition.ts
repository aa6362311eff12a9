/** Images with hair and without, by looking at the pictures: for subgroups where no column tells. */

import type { Partition } from '../data/dataset/index.js';
import { type Dataset, imagePath } from '../data/dataset/index.js';
import { measureTraits } from '../image/index.js';
import { traitThresholds } from '../metrics/artefacts/index.js';
import type { ScoreRow } from './scores.js';

/** Images that are looked at side by side. */
const WORKERS = 4;

/**
 * The detector is simple and errs (docs/metrics.md has how often): it blurs a difference between the two, and makes none.
 * @param rows images of the dataset; one that is not in it is in no subgroup
 * @returns null where all have hair, or none
 * @throws DataError naming the picture that cannot be decoded
 */
export async function hairPartition(
  dataset: Dataset,
  rows: readonly ScoreRow[],
  onProgress: (done: number) => void = () => {},
): Promise<Partition | null> {
  const byId = new Map(dataset.rows.map((row) => [row.id, row]));
  const of = new Array<string | null>(rows.length).fill(null);
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (next < rows.length) {
      const k = next++;
      const row = byId.get(rows[k]!.id);
      if (row) {
        const { hairShare } = await measureTraits(imagePath(dataset, row));
        of[k] = hairShare > traitThresholds.hair ? 'some' : 'none';
      }
      onProgress(++done);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  const values = ['none', 'some'];
  if (!values.every((value) => of.includes(value))) return null;
  return { column: '(measured hair)', title: 'hair, as measured', values, of };
}
