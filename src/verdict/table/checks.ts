/** What rows of scores must agree on with one another; each error names the rows. */
import { DataError } from 'graft-torch/base';
import { list, plural } from '../../report/index.js';
import type { ScoredFold } from '../scores.js';
import { placesText, refuse } from './problems.js';
import type { NumberedRow } from './rows.js';

/** @throws DataError for labels or groups that change, scores that stand twice, images and groups in two folds */
export function checkRows(rows: readonly NumberedRow[]): void {
  const own = rows.filter(({ external }) => external === '');
  for (const set of [own, ...bySet(rows)]) {
    constant(set, 'label', (label) => (label === 1 ? 'positive' : 'negative'));
    constant(set, 'group', (group) => (group === '' ? 'none' : `'${group}'`));
  }
  refuseTwice(rows);
  const test = own.filter(({ split }) => split === 'test');
  imageInTwoFolds(test);
  groupInTwoFolds(test);
  validatedOnTest(own);
}

/** Rows of each external set. */
function bySet(rows: readonly NumberedRow[]): NumberedRow[][] {
  const sets = new Map<string, NumberedRow[]>();
  for (const row of rows)
    if (row.external !== '') {
      const own = sets.get(row.external);
      if (own) own.push(row);
      else sets.set(row.external, [row]);
    }
  return [...sets.values()];
}

/** The first row of each key, and later ones that differ from it. */
function differing(
  rows: readonly NumberedRow[],
  keyOf: (row: NumberedRow) => string,
  differ: (first: NumberedRow, row: NumberedRow) => boolean,
): { first: Map<string, NumberedRow>; found: NumberedRow[]; before: NumberedRow | undefined } {
  const first = new Map<string, NumberedRow>();
  const found: NumberedRow[] = [];
  for (const row of rows) {
    const before = first.get(keyOf(row));
    if (!before) first.set(keyOf(row), row);
    else if (differ(before, row)) found.push(row);
  }
  return { first, found, before: found[0] && first.get(keyOf(found[0])) };
}

const imageOf = ({ image }: NumberedRow): string => image;
const otherFold = (first: NumberedRow, row: NumberedRow): boolean => first.fold !== row.fold;

function constant<Key extends 'label' | 'group'>(
  rows: readonly NumberedRow[],
  key: Key,
  print: (value: NumberedRow[Key]) => string,
): void {
  const { found, before } = differing(rows, imageOf, (first, row) => first[key] !== row[key]);
  const [row] = found;
  if (!row || !before) return;
  const images = new Set(found.map(imageOf)).size;
  throw new DataError(
    `${placesText(found)}: the ${key} of ${images > 1 ? `${plural(images, 'image')} changes` : 'an image changes'}: '${row.image}' is ${print(before[key])} in line ${before.line}${before.file === row.file ? '' : ` of ${before.file}`} and ${print(row[key])} in line ${row.line}`,
  );
}

function refuseTwice(rows: readonly NumberedRow[]): void {
  const keyOf = ({ arm, fold, seed, external, split, image }: NumberedRow): string =>
    [arm, fold, seed, external, split, image].join('\0');
  const { found, before } = differing(rows, keyOf, () => true);
  const [row] = found;
  if (!row || !before) return;
  const same = before.score === row.score ? 'the same score' : `the scores ${before.score} and ${row.score}`;
  throw new DataError(
    `${placesText(found)}: an image stands twice in one run: '${row.image}' of arm ${row.arm}, fold ${row.fold}, seed ${row.seed} has ${same} (first in line ${before.line}); are several runs called by one name?`,
  );
}

function imageInTwoFolds(rows: readonly NumberedRow[]): void {
  const { first, found, before } = differing(rows, imageOf, otherFold);
  const [row] = found;
  if (!row || !before) return;
  const images = new Set(found.map(imageOf)).size;
  throw new DataError(
    images === first.size
      ? `${placesText(found)}: every fold tests the same ${plural(images, 'image')}; folds have test images of their own. If these are repetitions on one test set, call the column a seed: --column seed=fold (see docs/verdict.md)`
      : `${placesText(found)}: ${plural(images, 'image')} in two folds: '${row.image}' is tested in fold ${before.fold} (line ${before.line}) and in fold ${row.fold} (line ${row.line}); test images of folds must be disjoint`,
  );
}

function groupInTwoFolds(rows: readonly NumberedRow[]): void {
  const grouped = rows.filter(({ group }) => group !== '');
  const { found, before } = differing(grouped, ({ group }) => group, otherFold);
  const [row] = found;
  if (!row || !before) return;
  const groups = new Set(found.map(({ group }) => group)).size;
  throw new DataError(
    `${placesText(found)}: ${plural(groups, 'group')} in two folds: '${row.group}' is tested in fold ${before.fold} (line ${before.line}) and in fold ${row.fold} (line ${row.line}). Each fold then trained on patients that another tests: split by group and train again`,
  );
}

/** A threshold that is chosen on the very images it is tested on makes sensitivity and specificity too good. */
function validatedOnTest(own: readonly NumberedRow[]): void {
  const key = ({ fold, image }: NumberedRow): string => `${fold}\0${image}`;
  const tested = new Set(own.filter(({ split }) => split === 'test').map(key));
  const both = own.filter((row) => row.split === 'val' && tested.has(key(row)));
  const first = both.filter(({ fold }) => fold === both[0]!.fold);
  const images = new Set(first.map(key)).size;
  refuse(
    both,
    `${plural(images, 'image')} both validate and test fold ${both[0]?.fold}, such as '${both[0]?.image}'; a threshold must be chosen on other images: leave these rows of split val out`,
  );
}

/** @throws DataError for a run that lacks images which other runs of its fold, or of the external set, scored */
export function requireAllImages(rows: readonly NumberedRow[], all: readonly NumberedRow[]): void {
  const scored = new Set(rows.map(({ image }) => image));
  const lacking = all.filter(({ image }) => !scored.has(image));
  if (lacking.length === 0) return;
  const { arm, fold, seed, external } = rows[0] ?? all[0]!;
  const where = external === '' ? `fold ${fold}` : external;
  const hint = otherSpelling(
    lacking.map(({ image }) => image),
    rows.map(({ image }) => image),
  );
  throw new DataError(
    `${(rows[0] ?? all[0]!).file}: arm ${arm}, fold ${fold}, seed ${seed} scored ${all.length - lacking.length} of the ${all.length} images of ${where}; it lacks ${list(lacking.slice(0, 5).map(({ image, line }) => `'${image}' (line ${line} of another run)`))}${lacking.length > 5 ? ` and ${lacking.length - 5} more` : ''}. ${hint ?? 'Score them, or leave the images or the run out'}`,
  );
}

/** Ids that a spreadsheet or pandas has read as numbers: '007' became '7', '7' became '7.0'. */
function otherSpelling(lacking: readonly string[], scored: readonly string[]): string | null {
  const bare = (id: string): string => id.replace(/\.0+$/, '').replace(/^0+(?=\d)/, '');
  const byBare = new Map(scored.map((id) => [bare(id), id]));
  const id = lacking.find((one) => byBare.has(bare(one)) && byBare.get(bare(one)) !== one);
  return id === undefined
    ? null
    : `It has '${byBare.get(bare(id))}', perhaps the same as '${id}': ids were read as numbers somewhere; write them as text (pandas: dtype=str)`;
}

/** @throws DataError for a fold whose test images are all of one class: it has no AUC */
export function requireBothClasses(folds: readonly ScoredFold[], positive: string): void {
  for (const { fold, test } of folds) {
    const positives = test.labels.filter((label) => label === 1).length;
    if (positives > 0 && positives < test.labels.length) continue;
    throw new DataError(
      `fold ${fold}: all ${plural(test.labels.length, 'test image')} are ${positives > 0 ? positive : `not ${positive}`}; an AUC needs both classes${folds.length > 1 ? ' in every fold: stratify the folds, or use fewer' : ' (is --positive the right label?)'}`,
    );
  }
}
