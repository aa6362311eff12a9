/** The report on one evaluation of a classifier: one page that needs nothing else. */

import { writeFileAtomic } from 'graft-torch/base';
import { type Dataset, type DatasetRow, imagePath } from '../../data/dataset/index.js';
import { columnTitle, thumbnail } from '../../data/eda/index.js';
import { isMissing } from '../../data/table/index.js';
import type { Tile } from '../../report/index.js';
import { fixed, toHtml } from '../../report/index.js';
import type { ClassScoreRow, ScoreRow } from '../scores.js';
import { wrongest, wrongestCalls } from '../worst.js';
import { composeClassReport } from './class-content.js';
import { composeEvaluationReport } from './content.js';
import type { ClassReportInput, EvaluationReportInput } from './input.js';

export { composeClassReport } from './class-content.js';
export { composeEvaluationReport } from './content.js';
export type { ClassReportInput, EvaluationReportInput } from './input.js';

/** Images of each kind of error. */
const GALLERY_IMAGES = 12;

/** What is told of an image, at the most this many columns of metadata. */
const FACTS = 8;

/** Of each class, where there are several: a row of the gallery on a wide page. */
const GALLERY_IMAGES_OF_A_CLASS = 6;

/**
 * The errors furthest on the wrong side of the threshold, with their pictures.
 * @throws DataError when a picture can no longer be read
 */
export async function errorTiles(
  dataset: Dataset,
  rows: readonly ScoreRow[],
  threshold: number,
): Promise<{ missed: Tile[]; falseAlarms: Tile[] }> {
  const known = rowsOf(dataset);
  const tiles = (label: 0 | 1): Promise<Tile[]> =>
    Promise.all(
      wrongest(rows, label, threshold)
        .slice(0, GALLERY_IMAGES)
        .flatMap(({ id, score }) => {
          const row = known.get(id);
          const facts = [{ name: 'probability', value: fixed(score, 4) }];
          return row ? [tileOf(dataset, row, { caption: fixed(score), facts })] : [];
        }),
    );
  return { missed: await tiles(1), falseAlarms: await tiles(0) };
}

/**
 * The surest wrong calls of the images of each class, with their pictures.
 * @throws DataError when a picture can no longer be read
 */
export async function classErrorTiles(
  dataset: Dataset,
  rows: readonly ClassScoreRow[],
  classes: readonly string[],
): Promise<NonNullable<ClassReportInput['errors']>> {
  const known = rowsOf(dataset);
  const errors = wrongestCalls(rows, classes);
  return Promise.all(
    classes.map(async (name, k) => {
      const own = errors.filter(({ row }) => row.label === name);
      const tiles = own
        .slice(0, GALLERY_IMAGES_OF_A_CLASS)
        .flatMap(({ row: scored, called, probability }) => {
          const row = known.get(scored.id);
          const caption = `${called} ${fixed(probability, 2)}; own ${fixed(scored.probabilities[k]!, 2)}`;
          const facts = classes.map((one, c) => ({
            name: `probability of ${one}`,
            value: fixed(scored.probabilities[c]!, 4),
          }));
          return row ? [tileOf(dataset, row, { caption, facts })] : [];
        });
      return { name, total: own.length, tiles: await Promise.all(tiles) };
    }),
  );
}

const rowsOf = (dataset: Dataset): Map<string, DatasetRow> =>
  new Map(dataset.rows.map((row) => [row.id, row]));

/** @param told what the classifier said of it */
async function tileOf(
  dataset: Dataset,
  row: DatasetRow,
  told: { caption: string; facts: Tile['facts'] },
): Promise<Tile> {
  const known = Object.entries(row.extra).filter(([, value]) => !isMissing(value, 'value'));
  const facts = [
    { name: 'id', value: row.id },
    { name: 'label', value: row.label },
    ...told.facts,
    ...known.slice(0, FACTS).map(([name, value]) => ({ name: columnTitle(name), value })),
    { name: 'group', value: row.group },
  ];
  const alt = `${row.id}, ${row.label}; probability: ${told.caption}`;
  return { images: [{ jpeg: await thumbnail(imagePath(dataset, row)), alt }], caption: told.caption, facts };
}

/** Writes the page. */
export function writeEvaluationReport(path: string, input: EvaluationReportInput): void {
  writeFileAtomic(path, toHtml(composeEvaluationReport(input)));
}

/** Writes the page of a classifier with several classes. */
export function writeClassReport(path: string, input: ClassReportInput): void {
  writeFileAtomic(path, toHtml(composeClassReport(input)));
}
export type { ReportSubject } from './input.js';
