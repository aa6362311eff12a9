/** From a trial's summary to what the verdict hangs on, with what only training knows of how far it reaches. */
import { DataError } from 'graft-torch/base';
import { parseYaml } from '../base/yaml/index.js';
import { list, plural, whole } from '../report/index.js';
import { auc } from '../stats/index.js';
import type { Limit, PlannedComparison, ScoredRun, TrialScores } from '../verdict/index.js';
import { balanceAlone } from '../verdict/index.js';
import type { TrialArm } from './arms.js';
import { comparisonPairs, plannedComparisons, rebalances, referenceArm } from './comparisons.js';
import type { TrialRun, TrialSummary } from './summary.js';

/** @throws DataError where a recorded AUC is not the AUC of the scores */
export function scoresOf(summary: TrialSummary): TrialScores {
  const { name, dataset, folds, runs, arms } = summary;
  for (const run of runs) requireSameAuc(summary, run);
  const comparisons = plannedComparisons(arms);
  return {
    name: `Trial ${name}`,
    level: summary.level,
    power: summary.power,
    equivalenceMargin: summary.equivalenceMargin,
    names: {
      group: dataset.group,
      positive: dataset.positive,
      subject: 'synthetic images of this recipe',
      short: 'Synthetic images',
      one: onesOf(summary, comparisons),
      plural: true,
    },
    arms: arms.map((arm) => arm.name),
    reference: referenceArm(arms)?.name ?? null,
    comparisons,
    folds: folds.map(({ fold, test, counts }) => ({ fold, test, trainingImages: trainingImages(counts) })),
    external: summary.external,
    runs: runs.map(
      (run): ScoredRun => ({
        arm: run.arm,
        fold: run.fold,
        seed: run.seed,
        generator: generatorOf(summary, run),
        testScores: run.testScores,
        externalScores: run.externalScores,
        threshold: run.test.threshold,
        validationAuc: run.validation.auc,
      }),
    ),
    sequential: summary.sequential,
    limits: limitsOf(summary, comparisons),
    equalSteps: new Set(runs.map((run) => run.optimiserSteps)).size === 1,
  };
}

/** 'these 480 images of one GAN' */
function onesOf({ runs }: TrialSummary, comparisons: readonly PlannedComparison[]): string {
  const primary = comparisons.find(({ role }) => role === 'primary');
  const counts = new Set(
    runs.filter(({ arm }) => arm === primary?.arm).map(({ syntheticImages }) => syntheticImages),
  );
  const [count] = counts;
  return counts.size === 1 && count! > 0
    ? `these ${whole(count!)} images of one GAN`
    : 'these images of one GAN';
}

/** A recorded AUC that its scores do not give means scores in another order than the labels. */
function requireSameAuc({ folds, name }: TrialSummary, run: TrialRun): void {
  const test = folds.find(({ fold }) => fold === run.fold)?.test;
  if (!test || test.labels.length !== run.testScores.length) return; // the analysis says so
  const computed = auc(test.labels, run.testScores);
  if (Math.abs(computed - run.test.auc) <= 1e-6) return;
  throw new DataError(
    `Trial ${name}, arm ${run.arm}, fold ${run.fold}, seed ${run.seed}: recorded test AUC ${run.test.auc} is not the AUC of its scores (${computed}). Are scores and labels in the same order?`,
  );
}

function trainingImages(counts: TrialSummary['folds'][number]['counts']): number | null {
  const sum = counts.reduce((total, { split, images }) => total + (split === 'train' ? images : 0), 0);
  return sum > 0 ? sum : null;
}

/**
 * Whose images a run was trained with. Summaries of before the runs said so name the GANs by fold, and by seed where each
 * has its own; where they name none, a fold is taken to have one.
 */
function generatorOf({ arms, gans }: TrialSummary, run: TrialRun): string | null {
  const arm = arms.find(({ name }) => name === run.arm);
  if (!arm?.synthetic) return null;
  if (run.generator !== null) return run.generator;
  const { gan } = arm.synthetic;
  const own = gans.filter(
    ({ name, fold, realFraction }) =>
      (name === gan || name.startsWith(`${gan}, `)) && fold === run.fold && realFraction === arm.realFraction,
  );
  const found =
    own.find(({ name }) => name.endsWith(`seed-${run.seed}`)) ?? (own.length === 1 ? own[0] : undefined);
  return found ? `${found.lineage.run} ${found.lineage.checkpoint}` : `${gan}, fold ${run.fold}`;
}

/** From this share of a comparison's runs on, training was cut off too early to call it the recipe's. */
const STILL_IMPROVING = 0.2;

function limitsOf(summary: TrialSummary, comparisons: readonly PlannedComparison[]): Limit[] {
  const primary = comparisons.find(({ role }) => role === 'primary');
  if (!primary) return [];
  const arm = summary.arms.find(({ name }) => name === primary.arm)!;
  const runs = summary.runs.filter((run) => run.arm === primary.arm || run.arm === primary.baseline);
  const limits = [
    unequalSteps(runs, primary),
    failedPrivacy(summary, arm),
    partOfReal(arm),
    stillImproving(runs),
    balanceUnknown(summary, comparisons),
    missingRuns(summary, primary),
  ];
  return limits.filter((limit) => limit !== null);
}

function unequalSteps(runs: readonly TrialRun[], { arm, baseline }: PlannedComparison): Limit | null {
  const stepsOf = (name: string): number[] => [
    ...new Set(runs.filter((run) => run.arm === name).map((run) => run.optimiserSteps)),
  ];
  const [ours, theirs] = [stepsOf(arm), stepsOf(baseline)];
  if (new Set([...ours, ...theirs]).size <= 1) return null;
  const span = (steps: number[]): string =>
    steps.length === 1 ? `${steps[0]}` : `${Math.min(...steps)} to ${Math.max(...steps)}`;
  return {
    id: 'steps',
    short: 'unequal training',
    clause: 'the arms were not trained for the same number of steps',
    detail: `${arm} took ${span(ours)} optimiser steps, ${baseline} ${span(theirs)}: a difference may come from training longer. Run both with the same number.`,
  };
}

function failedPrivacy({ gans, folds }: TrialSummary, arm: TrialArm): Limit | null {
  const gan = arm.synthetic?.gan;
  const own = gans.filter(
    ({ name, privacy }) => privacy !== null && (name === gan || name.startsWith(`${gan}, `)),
  );
  const failed = own.filter(({ privacy }) => privacy!.verdict === 'fail');
  if (failed.length === 0) return null;
  const of =
    own.length > 1 ? ` in ${failed.length} of ${own.length} ${folds.length > 1 ? 'folds' : 'sets'}` : '';
  return {
    id: 'privacy',
    short: 'privacy fails',
    clause: `the images fail the checks for copies and memorisation${of}`,
    detail: `${list(failed.map(({ name, privacy }) => `${name}: ${privacy!.sentence}`))} Images that repeat training images must not be shared, and what they do to a classifier is not what new images would do.`,
  };
}

function partOfReal({ realFraction }: TrialArm): Limit | null {
  if (realFraction === 1) return null;
  const percent = `${Number((100 * realFraction).toFixed(1))} %`;
  return {
    id: 'part',
    short: `${percent} of the real images`,
    clause: `this is with ${percent} of the real training images`,
    detail: `No arm with all real images asks the question: with all of them synthetic images may bring less. Add the arms without a fraction.`,
  };
}

function stillImproving(runs: readonly TrialRun[]): Limit | null {
  const trained = runs.filter(({ optimiserSteps }) => optimiserSteps > 0);
  const last = trained.filter(({ bestStep, optimiserSteps }) => bestStep >= optimiserSteps);
  if (trained.length === 0 || last.length / trained.length < STILL_IMPROVING) return null;
  return {
    id: 'improving',
    short: 'training cut short',
    clause: `${last.length} of ${trained.length} runs were still improving at their last step`,
    detail: `At ${plural(last.length, 'run')} of ${trained.length} the last step had the best validation AUC: with a larger budget the arms may differ by less, or more. Run the trial again with \`--set classifier.set.steps=${2 * Math.max(...trained.map(({ optimiserSteps }) => optimiserSteps))}\`, and compare.`,
  };
}

/** Runs that the plan of the trial has and its summary has not, in both arms alike: what stands there may be a choice. */
function missingRuns(summary: TrialSummary, { arm }: PlannedComparison): Limit | null {
  const { folds, sequential, runs, configYaml } = summary;
  const planned = (parseYaml(configYaml, 'configYaml').value as { seeds?: unknown } | undefined)?.seeds;
  const seeds = sequential
    ? sequential.looks[sequential.reached - 1]!
    : Array.isArray(planned)
      ? planned.length
      : new Set(runs.map(({ seed }) => seed)).size;
  const expected = folds.length * seeds;
  const there = runs.filter((run) => run.arm === arm).length;
  if (there >= expected) return null;
  return {
    id: 'missing',
    short: 'runs are missing',
    clause: `${there} of ${expected} planned runs of an arm are there`,
    detail: `The trial was to have ${plural(folds.length, 'fold')} and ${plural(seeds, 'seed')}, and ${expected - there} runs of ${arm} are missing: finish it, or say why they were left out.`,
  };
}

/** The trial could not tell what balance alone brings; the comparison that could is missing. */
function balanceUnknown({ arms }: TrialSummary, comparisons: readonly PlannedComparison[]): Limit | null {
  if (!rebalances(comparisonPairs(arms)) || comparisons.some(({ role }) => role === 'required')) return null;
  return balanceAlone('add the arm real+standard+oversampling (or class-weights).');
}
