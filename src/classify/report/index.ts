/** The report on one evaluation of a classifier: one page that needs nothing else. */

import { isMissing } from '../../data/audit/levels.js';
import { type Dataset, type DatasetRow, imagePath } from '../../data/dataset.js';
import { columnTitle } from '../../data/eda/columns.js';
import { thumbnail } from '../../data/eda/thumbnails.js';
import { writeFileAtomic } from '../../files.js';
import type { Tile } from '../../report/document.js';
import { fixed } from '../../report/format.js';
import { toHtml } from '../../report/html.js';
import type { ScoreRow } from '../scores.js';
import { wrongest } from '../worst.js';
import { composeEvaluationReport } from './content.js';
import type { EvaluationReportInput } from './input.js';

export { composeEvaluationReport } from './content.js';
export type { EvaluationReportInput } from './input.js';

/** Images of each kind of error. */
const GALLERY_IMAGES = 12;

/** What is told of an image, at the most this many columns of metadata. */
const FACTS = 8;

/**
 * The errors furthest on the wrong side of the threshold, with their pictures.
 * @throws DataError when a picture can no longer be read
 */
export async function errorTiles(
  dataset: Dataset,
  rows: readonly ScoreRow[],
  threshold: number,
): Promise<{ missed: Tile[]; falseAlarms: Tile[] }> {
  const byId = new Map(dataset.rows.map((row) => [row.id, row]));
  const tiles = (label: 0 | 1): Promise<Tile[]> =>
    Promise.all(
      wrongest(rows, label, threshold)
        .slice(0, GALLERY_IMAGES)
        .flatMap(({ id, score }) => {
          const row = byId.get(id);
          return row ? [tileOf(dataset, row, score)] : [];
        }),
    );
  return { missed: await tiles(1), falseAlarms: await tiles(0) };
}

async function tileOf(dataset: Dataset, row: DatasetRow, score: number): Promise<Tile> {
  const known = Object.entries(row.extra).filter(([, value]) => !isMissing(value));
  const facts = [
    { name: 'id', value: row.id },
    { name: 'label', value: row.label },
    { name: 'probability', value: fixed(score, 4) },
    ...known.slice(0, FACTS).map(([name, value]) => ({ name: columnTitle(name), value })),
    { name: 'group', value: row.group },
  ];
  const alt = `${row.id}, ${row.label}, probability ${fixed(score)}`;
  return { images: [{ jpeg: await thumbnail(imagePath(dataset, row)), alt }], caption: fixed(score), facts };
}

/** Writes the page. */
export function writeEvaluationReport(path: string, input: EvaluationReportInput): void {
  writeFileAtomic(path, toHtml(composeEvaluationReport(input)));
}
