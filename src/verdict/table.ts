/**
 * Anybody's table of scores as {@link TrialScores}: from PyTorch, MONAI, timm, or a spreadsheet. Whatever would make the
 * statistics wrong without a sound is an error that names the rows: an image in two folds, labels that change, a patient
 * across folds, images that a run lacks, a score that is no number. docs/verdict.md is for those who write such tables.
 */

import { ConfigError, DataError } from 'graft-torch/base';
import { isMissing, oneSpelling, truthOf } from '../data/table/index.js';
import { list, plural, whole } from '../report/index.js';
import { auc, chooseThreshold } from '../stats/index.js';
import { balanceAlone } from './limits.js';
import type { Limit, ScoredFold, ScoredRun, TestImages, TrialScores } from './scores.js';
import type { Subgroups } from './subgroups.js';
import { checkRows, requireAllImages, requireBothClasses } from './table/checks.js';
import { instead } from './table/columns.js';
import { numbering } from './table/numbering.js';
import { designOf, type VerdictPlan } from './table/plan.js';
import { type Place, placesText, refuse } from './table/problems.js';
import { type AucRow, type NumberedRow, type ReadTable, readTables } from './table/rows.js';
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
  design: ReturnType<typeof designOf>;
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

type Of<Kind> = Extract<ReadTable, { kind: Kind }>;

/** Arms, folds and seeds of any rows. */
function keys<Row extends Place & { arm: string; fold: string; seed: string }>(
  rows: readonly Row[],
  { has, notes }: ReadTable,
): (Omit<Row, 'fold' | 'seed'> & { fold: number; seed: number })[] {
  for (const role of ['fold', 'seed'] as const) {
    const empty = rows.filter((row) => isMissing(row[role], 'value'));
    if (empty.length < rows.length)
      refuse(empty, `no ${role}, which other rows have; say which ${role} these scores are of`);
  }
  const arms = oneSpelling(rows.map(({ arm }) => arm));
  for (const { to, from } of arms.merged)
    notes.push(`Arm ‘${to}’ is also written ${list(from.map(({ spelling }) => `‘${spelling}’`))}.`);
  const fold = numbering(
    rows.map((row) => row.fold),
    { what: 'Fold', least: 1, otherwise: 1 },
  );
  const seed = numbering(
    rows.map((row) => row.seed),
    { what: 'Seed', least: 0, otherwise: 0 },
  );
  for (const { note } of [fold, seed]) if (note !== null) notes.push(note);
  if (!has.has('fold')) notes.push('No column for folds: all images are one test set.');
  if (!has.has('seed')) notes.push('No column for seeds: one run an arm and fold.');
  return rows.map((row) => ({
    ...row,
    arm: arms.of(row.arm),
    fold: fold.of(row.fold),
    seed: seed.of(row.seed),
  }));
}

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
  pairing(generators, design, path, notes);

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

/** Labels as 0 and 1. @throws ConfigError where nothing says which class is the positive one */
function binaryLabels(
  { rows, path, notes }: Of<'scores'>,
  { positive }: VerdictPlan,
): { of: (label: string) => 0 | 1; positive: string } {
  const spelling = oneSpelling(
    rows.map(({ label }) => label),
    positive === undefined ? {} : { named: [positive] },
  );
  const labels = [...new Set(rows.map(({ label }) => spelling.of(label)))].sort();
  const counts = (label: string): number => rows.filter((row) => spelling.of(row.label) === label).length;
  if (positive !== undefined) {
    if (!labels.includes(positive))
      throw new ConfigError(`${path}: no label '${positive}' (--positive)${instead(positive, labels)}`);
    if (labels.length > 2)
      notes.push(`${whole(labels.length)} labels: ‘${positive}’ is held against all others.`);
    return { of: (label) => (spelling.of(label) === positive ? 1 : 0), positive };
  }
  if (labels.every((label) => truthOf(label) !== undefined))
    return { of: (label) => (truthOf(label) === 'true' ? 1 : 0), positive: 'positive' };
  const rarest = [...labels].sort((a, b) => counts(a) - counts(b))[0]!;
  throw new ConfigError(
    `${path}: labels ${list(labels.slice(0, 8).map((label) => `'${label}'`))}; say which is the positive class, as in --positive '${rarest}'`,
  );
}

interface ImageSet {
  images: TestImages;
  /** The first row of each image. */
  first: readonly NumberedRow[];
}

/** Images in the order of their ids, so that the order of rows decides nothing. */
function imagesOf(rows: readonly NumberedRow[]): ImageSet {
  const byId = new Map<string, NumberedRow>();
  for (const row of rows) if (!byId.has(row.image)) byId.set(row.image, row);
  const first = [...byId.values()].sort((a, b) => (a.image < b.image ? -1 : 1));
  return {
    images: {
      ids: first.map(({ image }) => image),
      groups: first.map(({ group, image }) => group || image),
      labels: first.map(({ label }) => label),
    },
    first,
  };
}

function inOrder(rows: readonly NumberedRow[], { images, first }: ImageSet): number[] {
  requireAllImages(rows, first);
  const scores = new Map(rows.map(({ image, score }) => [image, score]));
  return images.ids.map((id) => scores.get(id)!);
}

/** @throws DataError where rows of one run name two */
function generatorOf(rows: readonly NumberedRow[]): string | null {
  const [name, second] = [...new Set(rows.map(({ generator }) => generator))];
  if (second !== undefined) {
    const { arm, fold, seed } = rows[0]!;
    throw new DataError(
      `${placesText(rows.filter(({ generator }) => generator === second))}: arm ${arm}, fold ${fold}, seed ${seed} has the generators '${name}' and '${second}'; a run has one`,
    );
  }
  return name || null;
}

/** Threshold: the column's, else chosen on validation rows. @throws DataError where a run has two */
function validated(
  rows: readonly NumberedRow[],
  validation: readonly NumberedRow[],
): Pick<ScoredRun, 'threshold' | 'validationAuc'> {
  const { arm, fold, seed } = rows[0]!;
  const labels = validation.map(({ label }) => label);
  const scores = validation.map(({ score }) => score);
  const both = labels.includes(0) && labels.includes(1);
  if (validation.length > 0 && !both)
    throw new DataError(
      `${placesText(validation)}: the validation rows of arm ${arm}, fold ${fold}, seed ${seed} hold one class only; a threshold needs both`,
    );
  const [given, other] = [...new Set(rows.map(({ threshold }) => threshold))].filter(
    (value) => value !== null,
  );
  if (other !== undefined)
    throw new DataError(
      `${placesText(rows.filter(({ threshold }) => threshold === other))}: arm ${arm}, fold ${fold}, seed ${seed} has the thresholds ${given} and ${other}; a run has one`,
    );
  return {
    threshold: given ?? (both ? thresholdOf(labels, scores) : null),
    validationAuc: both ? auc(labels, scores) : null,
  };
}

/** 'No validation rows and no threshold of arm ‘x’ (6 runs), which others have' */
function thresholdsLack(runs: readonly ScoredRun[]): string {
  const arms = [...new Set(runs.map(({ arm }) => arm))].map(
    (arm) => `‘${arm}’ (${plural(runs.filter((run) => run.arm === arm).length, 'run')})`,
  );
  return `No validation rows and no threshold of ${list(arms)}, which other runs have`;
}

/** Of any scores, by their ranks, since the rule knows probabilities. */
function thresholdOf(labels: readonly (0 | 1)[], scores: readonly number[]): number {
  const distinct = [...new Set(scores)].sort((a, b) => a - b);
  const rank = new Map(distinct.map((score, i) => [score, i / distinct.length]));
  const chosen = chooseThreshold(
    labels,
    scores.map((score) => rank.get(score)!),
  );
  return distinct[Math.round(chosen * distinct.length)] ?? distinct.at(-1)! + 1;
}

/** Where nobody says whose images an arm was trained with: one generator a fold, which is the common case. */
function assumeGenerators(
  runs: readonly ScoredRun[],
  {
    has,
    plan,
    design,
    notes,
  }: { has: boolean; plan: VerdictPlan; design: ReturnType<typeof designOf>; notes: string[] },
): ScoredRun[] {
  if (!plan.synthetic) return [...runs];
  const { arm, baseline } = design.comparisons[0]!;
  if (has) {
    requireGenerators(runs, { arm, baseline });
    return [...runs];
  }
  notes.push(
    `No column for generators: ‘${arm}’ is taken to have one generator in each fold, whose images all seeds share.`,
  );
  return runs.map((run) => (run.arm === arm ? { ...run, generator: `fold ${run.fold}` } : run));
}

/** @throws DataError where the arm of the verdict lacks generators that it, or its baseline, has in other runs */
function requireGenerators(
  runs: readonly ScoredRun[],
  { arm, baseline }: { arm: string; baseline: string },
): void {
  const own = runs.filter((run) => run.arm === arm);
  const without = own.filter(({ generator }) => generator === null);
  if (without.length === 0) return;
  if (without.length < own.length) {
    const { fold, seed } = without[0]!;
    throw new DataError(
      `arm ${arm}, fold ${fold}, seed ${seed} has no generator, which other runs of the arm have; name it in every row`,
    );
  }
  if (runs.some((run) => run.arm === baseline && run.generator !== null))
    throw new DataError(
      `${baseline} has generators and ${arm} has none: are --arm and --baseline the wrong way round?`,
    );
}

/** @throws DataError where arm and baseline of the verdict share no run; a note where they share some */
function pairing(
  runs: readonly Pick<ScoredRun, 'arm' | 'fold' | 'seed'>[],
  { comparisons }: ReturnType<typeof designOf>,
  path: string,
  notes: string[],
): void {
  for (const { arm, baseline, role } of comparisons) {
    const of = (name: string) =>
      runs.filter((run) => run.arm === name).map(({ fold, seed }) => `fold ${fold}, seed ${seed}`);
    const [ours, theirs] = [of(arm), of(baseline)];
    const alone = (own: string[], other: string[]) => own.filter((run) => !other.includes(run));
    const [onlyOurs, onlyTheirs] = [alone(ours, theirs), alone(theirs, ours)];
    const some = (own: string[]): string =>
      `${own.slice(0, 3).join('; ')}${own.length > 3 ? ` … (${own.length} in all)` : ''}`;
    if (onlyOurs.length === ours.length && role === 'primary')
      throw new DataError(
        `${path}: no seed is paired: '${arm}' has ${some(ours)}, '${baseline}' has ${some(theirs)}; train both arms with the same seeds in the same folds, or call them alike in the table`,
      );
    const missing = [
      onlyOurs.length > 0 ? `‘${baseline}’ lacks ${some(onlyOurs)}` : '',
      onlyTheirs.length > 0 ? `‘${arm}’ lacks ${some(onlyTheirs)}` : '',
    ].filter((part) => part !== '');
    if (missing.length > 0)
      notes.push(
        `‘${arm}’ against ‘${baseline}’: ${missing.join('; ')}. Runs without a partner are left out of the comparison.`,
      );
  }
}

/** @throws ConfigError where the number of seeds is none at which a look was planned */
function looksOf(
  runs: readonly ScoredRun[],
  { looks }: VerdictPlan,
  path: string,
): TrialScores['sequential'] {
  if (looks === undefined || looks.length === 0) return null;
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  const at = looks.indexOf(seeds);
  if (at < 0)
    throw new ConfigError(
      `${path}: ${plural(seeds, 'seed')}, but looks were planned at ${list(looks.map(String))}; give a table with as many seeds as a look has`,
    );
  return { looks, reached: at + 1, stopped: at + 1 === looks.length ? 'budget' : 'running' };
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
  pairing(rows, design, table.path, table.notes);
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
