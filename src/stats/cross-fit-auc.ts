/**
 * The cross-fitted AUC of one or several categorical features (cross-fit.ts), with an interval that may be read as a
 * test: it lies above 0.5 only where a permutation test finds more than chance.
 *
 * The influence function takes the fitted scores as given. That holds where a relation is clear. Where there is none,
 * the folds share their luck: the same images make the scores of one fold and are scored in another, so that with many
 * levels the true variance is up to twice what it seems, and "lower limit above 0.5" would be wrong in 8 % of features
 * that mean nothing instead of 2.5 %. So whenever the lower limit lies above 0.5, the labels are dealt anew among
 * groups, and the limit is drawn back to 0.5 unless the AUC is among the highest 2.5 %. The upper limit is not below
 * 0.5: no feature predicts worse than chance, only samples do.
 */
import { Random } from 'graft-torch/base';
import { boundedInterval } from './bounded-interval.js';
import { type Codes, crossFitter, dealFolds } from './cross-fit.js';
import { type Interval, intervalAround } from './delong.js';
import { normalQuantile } from './distributions.js';
import { effectiveGroups, groupPermutation } from './groups.js';
import type { Numbers } from './roc.js';

export interface CrossFitAucOptions {
  /** One name an image; images of one group share a fold and count as one observation of the interval. */
  groups?: readonly string[];
  /** Decides the folds and the permutations; default 0. */
  seed?: number;
  /** Default 10. */
  folds?: number;
  /** How often folds are dealt; the AUC is the mean. Default 5. */
  repeats?: number;
  /** λ of the ridge; default 10. */
  shrinkage?: number;
  /** Coverage of the interval; default 0.95. */
  level?: number;
  /** Default 199. */
  permutations?: number;
}

export interface CrossFitAuc {
  auc: number;
  interval: Interval;
}

/**
 * @param features codes of each feature, one an image; together they make one score
 * @param labels 1 positive, 0 negative
 * @returns null where no fold holds images of both classes, or a class has one group alone
 */
export function crossFitAuc(
  features: readonly Codes[],
  labels: Numbers,
  options: CrossFitAucOptions = {},
): CrossFitAuc | null {
  const { level = 0.95, permutations = 199, shrinkage = 10, repeats = 5 } = options;
  const random = new Random(options.seed ?? 0);
  const groups = options.groups ?? Array.from({ length: labels.length }, (_, i) => String(i));
  const names = new Set(groups);
  const groupsOf = (label: number): number => new Set(groups.filter((_, i) => labels[i] === label)).size;
  if (Math.min(groupsOf(0), groupsOf(1)) < 2) return null;

  const dealing = random.fork('folds');
  const fitters = Array.from({ length: repeats }, () =>
    crossFitter(features, dealFolds(groups, Math.min(options.folds ?? 10, names.size), dealing), {
      shrinkage,
    }),
  );
  const fits = fitters.map((fitter) => fitter.fit(labels));
  const auc = mean(fits.map((fit) => fit.auc));
  if (Number.isNaN(auc)) return null;

  const ofGroup = new Map<string, number>();
  groups.forEach((group, i) => {
    const own = mean(fits.map(({ influence }) => influence[i]!));
    ofGroup.set(group, (ofGroup.get(group) ?? 0) + own);
  });
  let variance = 0;
  for (const value of ofGroup.values()) variance += value * value;
  variance *= names.size / (names.size - 1);
  const half = normalQuantile(0.5 + level / 2) * Math.sqrt(variance);
  const effective = effectiveGroups(labels, groups);
  const smallerClass = Math.min(effective.positives, effective.negatives);
  // Features that say nothing at all rank all images alike: their variance is zero.
  const { low, high } = boundedInterval(intervalAround(auc, half, { level, smallerClass }), {
    value: auc,
    groups: smallerClass,
    level,
  });

  const dealt = groupPermutation(labels, groups);
  const shuffling = random.fork('permutations');
  const draw = (): number => {
    const drawn = dealt(shuffling);
    return mean(fitters.map((fitter) => fitter.auc(drawn)));
  };
  const isMore = low <= 0.5 || exceedsChance(auc, { chance: (1 - level) / 2, permutations, draw });
  return { auc, interval: { low: isMore ? low : 0.5, high: Math.max(0.5, high) } };
}

/** One-sided permutation test; stops as soon as it is lost. */
function exceedsChance(
  observed: number,
  options: { chance: number; permutations: number; draw: () => number },
): boolean {
  const { chance, permutations, draw } = options;
  let reached = 0;
  for (let i = 0; i < permutations; i++) {
    // A draw without pairs says nothing, and must not speak for the feature.
    if (!(draw() < observed)) reached++;
    if ((1 + reached) / (1 + permutations) > chance) return false;
  }
  return true;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
