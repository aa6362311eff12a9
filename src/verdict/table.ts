/**
 * Anybody's table of scores as {@link TrialScores}: from PyTorch, MONAI, timm, or a spreadsheet. Whatever would make the
 * statistics wrong without a sound is an error that names the rows: an image in two folds, labels that change, a patient
 * across folds, images that a run lacks, a score that is no number. docs/verdict.md is for those who write such tables.
 */

import { DataError } from 'graft-torch/base';
import { list, plural } from '../report/index.js';
import { balanceAlone } from './limits.js';
import type { Limit, ScoredFold, ScoredRun, TestImages, TrialScores } from './scores.js';
import type { Subgroups } from './subgroups.js';
import { checkRows, requireBothClasses } from './table/checks.js';
import { binaryLabels, imagesOf, inOrder, keys, type Of } from './table/meaning.js';
import { type Design, designOf, type VerdictPlan } from './table/plan.js';
import { placesText } from './table/problems.js';
import { type AucRow, type NumberedRow, readTables } from './table/rows.js';
import { assumeGenerators, generatorOf, looksOf, pairing, thresholdsLack, validated } from './table/runs.js';
import { shapeOf, type TableShape } from './table/shape.js';

export { type VerdictPlan, verdictPlanSchema } from './table/plan.js';

export interface ScoreTable {
  kind: 'scores';
  scores: TrialScores;
  subgroups: readonly Subgroups[];
  /** Every score is a probability, so that calibration can be asked for. */
  isProbability: boolean;
  shape: TableShape;
  /** What was assumed, left out or called otherwise, a sentence each. */
  notes: readonly string[];
}

export interface AucTable {
  kind: 'aucs';
  plan: VerdictPlan;
  design: Design;
  rows: readonly (Omit<AucRow, 'fold' | 'seed'> & { fold: number; seed: number })[];
  limits: readonly Limit[];
  shape: TableShape;
  notes: readonly string[];
}

/**
 * Reads scores, or AUCs where a table has nothing else.
 * @throws DataError naming file and rows, ConfigError naming what has to be said
 */
export async function readScoreTable(
  paths: readonly string[],
  plan: VerdictPlan,
): Promise<ScoreTable | AucTable> {
  const { columns, wide, files, subgroups } = plan;
  const table = await readTables(paths, {
    columns,
    subgroups,
    ...(wide !== undefined && { wide }),
    ...(files !== undefined && { files }),
  });
  return table.kind === 'scores' ? scoreTable(table, plan) : aucTable(table, plan);
}

/** As a trial says of itself where it has no arm that re-balances the real images. */
const limitsOf = ({ synthetic, balanceControls }: VerdictPlan): Limit[] =>
  synthetic && balanceControls.length === 0
    ? [balanceAlone('train an arm with them and name it with --balance-control.')]
    : [];

/** Of a table without groups. */
const patientsUnknown: Limit = {
  id: 'groups',
  short: 'patients unknown',
  clause: 'no column says which images are of one patient',
  detail:
    'Each image counts as a patient of its own. Images of one patient resemble each other, so that the interval is too narrow if there are several, and one patient may stand in two folds unseen. Add a column group with patients or lesions.',
};

/** Training images of a fold: by what was said, else the images of the other folds; null for a single one. */
function trainedOn(
  tested: number,
  sets: readonly { images: TestImages }[],
  { testToTrain }: VerdictPlan,
): number | null {
  if (testToTrain !== undefined) return testToTrain > 0 ? tested / testToTrain : Number.POSITIVE_INFINITY;
  if (sets.length < 2) return null;
  return sets.reduce((sum, { images }) => sum + images.labels.length, 0) - tested;
}

function scoreTable(table: Of<'scores'>, plan: VerdictPlan): ScoreTable {
  const { path, has, notes } = table;
  const { of: labelOf, positive } = binaryLabels(table, plan);
  const rows: NumberedRow[] = keys(table.rows, table).map((row) => ({ ...row, label: labelOf(row.label) }));
  const design = designOf([...new Set(rows.map(({ arm }) => arm))], plan, path);
  notes.push(...design.notes);
  checkRows(rows);
  const own = rows.filter(({ external, split }) => external === '' && split === 'test');
  if (own.length === 0)
    throw new DataError(
      `${path}: no row of the trial's own test images: leave external empty for these, or the column out`,
    );

  const ungrouped = new Set(own.filter(({ group }) => group === '').map(({ image }) => image));
  const group = has.has('group') ? table.group : 'image';
  if (!has.has('group'))
    notes.push(
      'No column for groups: each image counts as a patient of its own; intervals are too narrow if a patient has several.',
    );
  else if (ungrouped.size > 0)
    notes.push(
      `${plural(ungrouped.size, 'image')} without a ${group} ${ungrouped.size === 1 ? 'counts' : 'count'} as a ${group} of ${ungrouped.size === 1 ? 'its' : 'their'} own.`,
    );

  const foldNumbers = [...new Set(own.map(({ fold }) => fold))].sort((a, b) => a - b);
  const sets = foldNumbers.map((fold) => imagesOf(own.filter((row) => row.fold === fold)));
  const folds: ScoredFold[] = sets.map(({ images }, i) => ({
    fold: foldNumbers[i]!,
    test: images,
    trainingImages: trainedOn(images.labels.length, sets, plan),
  }));
  if (folds.length > 1 && plan.testToTrain === undefined)
    notes.push(
      'Each fold is taken to have been trained on the images of the others, as in cross-validation; otherwise say --test-to-train.',
    );
  const external = [...new Set(rows.map((row) => row.external))]
    .filter((name) => name !== '')
    .sort()
    .map((name) => ({
      name,
      ...imagesOf(rows.filter((row) => row.external === name && row.split === 'test')),
    }));
  requireBothClasses(folds, positive);

  const byRun = new Map<string, NumberedRow[]>();
  for (const row of rows) {
    const key = `${row.arm}\0${row.fold}\0${row.seed}`;
    const list = byRun.get(key);
    if (list) list.push(row);
    else byRun.set(key, [row]);
  }
  const runs = [...byRun.values()]
    .map((list): ScoredRun => {
      const { arm, fold, seed } = list[0]!;
      const set = sets[foldNumbers.indexOf(fold)];
      if (!set || !list.some(({ external, split }) => external === '' && split === 'test'))
        throw new DataError(
          `${placesText(list)}: arm ${arm}, fold ${fold}, seed ${seed} has no score on test images of its own`,
        );
      const scored = (name: string) => list.filter((row) => row.external === name && row.split === 'test');
      const validation = list.filter(({ split }) => split === 'val');
      return {
        arm,
        fold,
        seed,
        generator: generatorOf(list),
        testScores: inOrder(scored(''), set),
        externalScores: Object.fromEntries(
          external.flatMap((images) => {
            const own = scored(images.name);
            return own.length > 0 ? [[images.name, inOrder(own, images)]] : [];
          }),
        ),
        ...validated(list, validation),
      };
    })
    .sort(
      (a, b) => design.arms.indexOf(a.arm) - design.arms.indexOf(b.arm) || a.fold - b.fold || a.seed - b.seed,
    );
  const generators = assumeGenerators(runs, { has: has.has('generator'), plan, design, notes });
  pairing(generators, design, { path, notes });

  const isProbability = rows.every(({ score }) => score >= 0 && score <= 1);
  if (!isProbability)
    notes.push(
      'Scores outside [0, 1] rank images as probabilities do; Brier score, log loss and calibration need probabilities and are left out.',
    );
  const unknown = runs.filter(({ threshold }) => threshold === null);
  if (unknown.length > 0)
    notes.push(
      `${unknown.length === runs.length ? 'No threshold is known' : thresholdsLack(unknown)}: sensitivity, specificity and balanced accuracy are left out. A column split with rows of the validation images, or a column threshold, brings them.`,
    );
  return {
    kind: 'scores',
    scores: {
      name: plan.name,
      level: plan.level,
      power: plan.power,
      equivalenceMargin: plan.margin,
      names: { ...design.names, group, positive },
      arms: design.arms,
      reference: design.reference,
      comparisons: design.comparisons,
      folds,
      external: external.map(({ name, images }) => ({ name, ...images })),
      runs: generators,
      sequential: looksOf(generators, plan, path),
      limits: [...(has.has('group') ? [] : [patientsUnknown]), ...limitsOf(plan)],
      equalSteps: null,
    },
    subgroups: table.subgroups.map((column, at) => ({
      column,
      folds: sets.map(({ first }) => first.map((row) => row.subgroups[at]!)),
    })),
    isProbability,
    shape: shapeOf(
      table.rows.filter(({ split }) => split === 'test'),
      'scores',
      has,
    ),
    notes,
  };
}

function aucTable(table: Of<'aucs'>, plan: VerdictPlan): AucTable {
  const rows = keys(table.rows, table);
  const design = designOf([...new Set(rows.map(({ arm }) => arm))], plan, table.path);
  const seen = new Map<string, (typeof rows)[number]>();
  for (const row of rows) {
    const key = `${row.arm}\0${row.fold}\0${row.seed}`;
    const before = seen.get(key);
    if (before)
      throw new DataError(
        `${placesText([before, row])}: arm ${row.arm}, fold ${row.fold}, seed ${row.seed} stands twice`,
      );
    seen.set(key, row);
  }
  pairing(rows, design, table);
  if (plan.subgroups.length > 0)
    table.notes.push(
      `Subgroups need a row an image: nothing is told by ${list(plan.subgroups.map((name) => `‘${name}’`))}.`,
    );
  const order = (arm: string): number => design.arms.indexOf(arm);
  rows.sort((a, b) => order(a.arm) - order(b.arm) || a.fold - b.fold || a.seed - b.seed);
  return {
    kind: 'aucs',
    plan,
    design,
    rows,
    limits: limitsOf(plan),
    shape: shapeOf(table.rows, 'aucs', table.has),
    notes: [...table.notes, ...design.notes],
  };
}
