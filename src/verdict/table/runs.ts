/** What the rows of a run say of the run itself: its generator, its threshold, its partner in the other arm. */
import { ConfigError, DataError } from 'graft-torch/base';
import { list, plural } from '../../report/index.js';
import { auc, chooseThreshold } from '../../stats/index.js';
import type { ScoredRun, TrialScores } from '../scores.js';
import type { Design, VerdictPlan } from './plan.js';
import { placesText } from './problems.js';
import type { NumberedRow } from './rows.js';

/** @throws DataError where rows of one run name two */
export function generatorOf(rows: readonly NumberedRow[]): string | null {
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
export function validated(
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
export function thresholdsLack(runs: readonly ScoredRun[]): string {
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
export function assumeGenerators(
  runs: readonly ScoredRun[],
  { has, plan, design, notes }: { has: boolean; plan: VerdictPlan; design: Design; notes: string[] },
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
export function pairing(
  runs: readonly Pick<ScoredRun, 'arm' | 'fold' | 'seed'>[],
  { comparisons }: Design,
  { path, notes }: { path: string; notes: string[] },
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
export function looksOf(
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
