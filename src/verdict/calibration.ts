/**
 * Does the verdict keep its promises? Whole trials are simulated with a known truth (./simulation.ts), analysed and judged
 * by the code that judges real ones, many times over. Of each design:
 *
 *   no effect at all          "helps" or "harms" in at most 1 − level of trials; the interval holds zero in at least `level`
 *   an effect of the size that the design can detect          found with the power that was declared
 *   the same effect being the margin          "no difference that matters" in at most (1 − level)/2 of trials
 *
 * Margins are chosen per design, as small as what it can detect, so that claims are made often enough to be wrong.
 */
import { Random } from '../random.js';
import { chanceOfEffect } from '../stats/interval-power.js';
import { detectableDifference } from '../stats/power.js';
import { wilsonInterval } from '../stats/proportion.js';
import { spendingShares } from '../stats/spending.js';
import { summarise } from '../trial/analysis.js';
import { scoresOf } from '../trial/scores.js';
import type { TrialSummary } from '../trial/summary.js';
import type { Comparison } from './analysis.js';
import { decideLook } from './sequential.js';
import { binormalModel, highestAuc, type ScoreModel, simulateTrial, type TrialDesign } from './simulation.js';
import { kindOf, type VerdictKind } from './verdict.js';

export interface CalibrationDesign extends Omit<TrialDesign, 'seeds'> {
  /** Fixed number of seeds, or looks at growing numbers. */
  seeds: number | readonly number[];
}

/** What is compared with what was promised. */
export interface Share {
  count: number;
  of: number;
  share: number;
  /** 95 % interval of the share. */
  low: number;
  high: number;
}

export interface CalibrationRow {
  design: CalibrationDesign;
  /** Of trials without an effect: "helps" or "harms". */
  falseClaims: Share;
  /** Of the same: the interval holds zero. */
  coverage: Share;
  /**
   * Detectable difference by the mean variances of the trials without an effect, or the largest that the model has room for;
   * effect and margin of the other trials.
   */
  effect: number;
  /** Power declared for it. */
  declared: number;
  /** Of trials with this effect: "helps". */
  found: Share;
  /** Of the same: "no difference that matters", with the effect for a margin. */
  wrongEquivalence: Share;
  /** Mean number of seeds in the trials without and with an effect. */
  seeds: { without: number; with: number };
  /** Mean half width of the interval in trials without an effect. */
  halfWidth: number;
}

export interface CalibrationOptions {
  model?: ScoreModel;
  designs?: readonly CalibrationDesign[];
  /** Trials a design, without an effect and with one. */
  repetitions?: number;
  seed?: number;
  /** Called after each design. */
  onRow?: (row: CalibrationRow) => void;
  /** Judges a trial's comparison; only a test that the check can fail gives another one. */
  judge?: (comparison: Comparison) => Comparison;
}

export interface Calibration {
  model: ScoreModel;
  repetitions: number;
  level: number;
  power: number;
  rows: CalibrationRow[];
}

const LEVEL = 0.95;
const POWER = 0.8;
/** Small enough never to turn an effect into "no difference that matters". */
const NO_MARGIN = 1e-6;

export const defaultDesigns: readonly CalibrationDesign[] = [1, 5].flatMap((folds) =>
  [2, 3, 5, [3, 5, 8], [2, 3, 4, 6]].map((seeds) => ({ folds, seeds, testImages: 300 })),
);

export function calibrate(options: CalibrationOptions = {}): Calibration {
  const { model = binormalModel, designs = defaultDesigns, repetitions = 200, seed = 1, onRow } = options;
  const judge = options.judge ?? ((comparison: Comparison) => comparison);
  const rows = designs.map((design): CalibrationRow => {
    const random = new Random(seed).fork(JSON.stringify(design));
    const trials = (effect: number, margin: number): Outcome[] =>
      Array.from({ length: repetitions }, () =>
        runTrial(design, judge, (seeds) =>
          simulateTrial(model, { ...design, seeds }, { effect, margin, random }),
        ),
      );
    const without = trials(0, NO_MARGIN);
    const { effect, declared } = detectableIn(design, without, highestAuc(model) - model.auc);
    const withEffect = trials(effect, effect);
    const row: CalibrationRow = {
      design,
      falseClaims: shareOf(without, ({ kind }) => kind === 'helps' || kind === 'harms'),
      coverage: shareOf(without, ({ low, high }) => low <= 0 && high >= 0),
      effect,
      declared,
      found: shareOf(withEffect, ({ kind }) => kind === 'helps'),
      wrongEquivalence: shareOf(withEffect, ({ kind }) => kind === 'equivalent'),
      seeds: {
        without: mean(without.map((one) => one.seeds)),
        with: mean(withEffect.map((one) => one.seeds)),
      },
      halfWidth: mean(without.map(({ low, high }) => (high - low) / 2)),
    };
    onRow?.(row);
    return row;
  });
  return { model, repetitions, level: LEVEL, power: POWER, rows };
}

interface Outcome {
  kind: VerdictKind;
  low: number;
  high: number;
  seeds: number;
  seedVariance: number;
  testVariance: number;
}

/** One trial to its verdict, look by look where it has looks. */
function runTrial(
  design: CalibrationDesign,
  judge: (comparison: Comparison) => Comparison,
  simulate: (seeds: number) => TrialSummary,
): Outcome {
  const looks = typeof design.seeds === 'number' ? null : design.seeds;
  const summary = simulate(looks?.at(-1) ?? (design.seeds as number));
  const upTo = (seeds: number): TrialSummary => ({
    ...summary,
    runs: summary.runs.filter((run) => run.seed < seeds),
  });
  let final = summary;
  for (let look = 1; looks && look <= looks.length; look++) {
    const soFar = upTo(looks[look - 1]!);
    const { stop } = decideLook(scoresOf(soFar), { looks, halfWidth: null }, look);
    if (!stop) continue;
    final = { ...soFar, sequential: { looks: [...looks], reached: look, stopped: stop } };
    break;
  }
  const analysis = summarise(final, { replicates: 0 });
  const primary = judge(analysis.comparisons[analysis.primary!]!);
  return {
    kind: kindOf(primary),
    low: primary.difference.low,
    high: primary.difference.high,
    seeds: primary.seeds.length,
    seedVariance: primary.variance.seeds!,
    testVariance: primary.variance.test,
  };
}

/** The difference that the design finds with the declared power, all its seeds used, by mean variances. */
function detectableIn(
  { seeds, folds }: CalibrationDesign,
  outcomes: readonly Outcome[],
  room: number,
): { effect: number; declared: number } {
  const looks = typeof seeds === 'number' ? [seeds] : seeds;
  const design = {
    seeds: looks.at(-1)!,
    folds,
    seedVariance: mean(outcomes.map((one) => one.seedVariance)),
    testVariance: mean(outcomes.map((one) => one.testVariance)),
  };
  const alpha = (1 - LEVEL) * spendingShares(looks, 1 - LEVEL).at(-1)!;
  const effect = Math.min(room, detectableDifference(design, { alpha, power: POWER }));
  return { effect, declared: Math.min(POWER, chanceOfEffect(effect, design, alpha)) };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function shareOf(outcomes: readonly Outcome[], has: (outcome: Outcome) => boolean): Share {
  const count = outcomes.filter(has).length;
  const { low, high } = wilsonInterval(count / outcomes.length, outcomes.length);
  return { count, of: outcomes.length, share: count / outcomes.length, low, high };
}

/** The rows as a Markdown table. */
export function calibrationTable({ rows }: Calibration): string {
  const cell = ({ share, low, high }: Share): string =>
    `${share.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
  const lines = rows.map(
    ({ design, falseClaims, coverage, effect, declared, found, wrongEquivalence, seeds, halfWidth }) =>
      [
        '',
        String(design.folds),
        typeof design.seeds === 'number' ? String(design.seeds) : `looks at ${design.seeds.join(', ')}`,
        cell(falseClaims),
        cell(coverage),
        `±${halfWidth.toFixed(3)}`,
        effect.toFixed(3),
        declared.toFixed(2),
        cell(found),
        cell(wrongEquivalence),
        typeof design.seeds === 'number' ? '' : `${seeds.without.toFixed(1)} / ${seeds.with.toFixed(1)}`,
        '',
      ].join(' | '),
  );
  return [
    '| folds | seeds | "helps" or "harms" without an effect | interval holds the truth | mean interval | effect | declared power | found | called equivalent at the margin | mean seeds |',
    '| ---: | :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines.map((line) => line.trim()),
  ].join('\n');
}
