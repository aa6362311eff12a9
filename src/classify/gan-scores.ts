/**
 * What GAN-train and GAN-test say, from the scores of every image by every seed's classifier. Shmelkov, Schmid &
 * Alahari, "How good is my GAN?", ECCV 2018; GAN-train is also Ravuri & Vinyals' "Classification Accuracy Score"
 * (NeurIPS 2019).
 *
 * Intervals are those of ../stats/seeds.ts: seeds and images both are samples. A difference on the same images (GAN-train
 * against GAN-base) takes the covariance between the two; between synthetic and real images only the seeds are shared, so
 * the variances over images add up.
 */
import {
  auc,
  aucCovariance,
  boundedInterval,
  combine,
  effectiveGroups,
  type GroupSizes,
  halfWidth,
  inference,
  intervalAround,
  meanAndDeviation,
  meanDifference,
  pOfAlike,
  type SeedsEstimate,
  shareCovariance,
} from '../stats/index.js';
import type { ScoreRow } from './scores.js';

/** Mean over seeds. */
export interface Estimate {
  value: number;
  /** 95 %, over seeds and images; with one seed over images; null where a class has fewer than two groups. */
  interval: [number, number] | null;
  /** Standard deviation over seeds; null with one. */
  sd: number | null;
  /** One a seed. */
  values: number[];
}

export interface Difference extends Estimate {
  /** Two-sided, against zero; null where there is no interval. */
  p: number | null;
}

/** One score of synthetic images beside the same of real ones. */
export interface Comparison {
  synthetic: Estimate;
  real: Estimate;
  /** Synthetic − real, paired by seed. */
  difference: Difference;
}

/** A score of every seed's classifier on one set of images, with the covariance over the choice of images. */
export interface Measured {
  values: number[];
  /** Null where there are too few groups. */
  covariance: number[][] | null;
  /** Independent groups that the images are worth, of the smaller class where classes are compared. */
  groups: number;
  /** Images of each group, class by class, where the value is an AUC. */
  groupSizes?: GroupSizes;
}

const LEVEL = 0.95;
/** An interval of a difference that is narrower is a point. */
const ROUNDING = 1e-9;
const scoresOf = (rows: readonly ScoreRow[]): number[] => rows.map((row) => row.score);

/** What all seeds share: labels and groups of the images. */
function imagesOf(seeds: readonly (readonly ScoreRow[])[]) {
  const labels = seeds[0]!.map((row) => row.label);
  const groups = seeds[0]!.map((row) => row.group);
  const groupsOf = (label: 0 | 1): number => new Set(groups.filter((_, i) => labels[i] === label)).size;
  const { positives, negatives } = effectiveGroups(labels, groups);
  return {
    labels,
    groups,
    few: Math.min(groupsOf(0), groupsOf(1)) < 2,
    smallerClass: Math.min(positives, negatives),
  };
}

/** AUC. @param seeds rows of the same images, one list a seed */
export function measureAuc(seeds: readonly (readonly ScoreRow[])[]): Measured {
  const { labels, groups, few, smallerClass } = imagesOf(seeds);
  const scores = seeds.map(scoresOf);
  if (few) {
    return { values: scores.map((one) => auc(labels, one)), covariance: null, groups: smallerClass };
  }
  const { aucs, covariance, groupSizes } = aucCovariance(labels, scores, { groups });
  return { values: aucs, covariance, groups: smallerClass, groupSizes };
}

/**
 * Share of the images whose score is on the right side of the threshold: accuracy; of positives alone, sensitivity.
 * @param thresholds one a seed: called positive from here on
 */
export function measureAccuracy(
  seeds: readonly (readonly ScoreRow[])[],
  thresholds: readonly number[],
): Measured {
  const { groups } = imagesOf(seeds);
  const right = seeds.map((rows, s) =>
    rows.map(({ label, score }) => Number(score >= thresholds[s]! === (label === 1))),
  );
  // Of all images, whatever their class.
  const { negatives: count } = effectiveGroups(new Uint8Array(groups.length), groups);
  if (new Set(groups).size < 2)
    return { values: right.map((one) => meanAndDeviation(one).mean), covariance: null, groups: count };
  const { shares, covariance } = shareCovariance(right, groups);
  return { values: shares, covariance, groups: count };
}

/** Mean and spread over seeds; the deviation of one value is unknown. */
function spread(values: readonly number[]): Pick<Estimate, 'value' | 'sd' | 'values'> {
  const { mean, deviation } = meanAndDeviation(values);
  return { value: mean, sd: values.length > 1 ? deviation : null, values: [...values] };
}

/** Interval on the logit scale, which stays inside 0…1; exact where every image is right. */
export function estimate({ values, covariance, groups, groupSizes }: Measured): Estimate {
  if (covariance === null) return { ...spread(values), interval: null };
  const combined = combine(values, covariance, { groupSizes });
  const half = halfWidth(combined, 1 - LEVEL);
  const { low, high } = boundedInterval(
    intervalAround(combined.mean, half, { level: LEVEL, smallerClass: groups }),
    { value: combined.mean, groups, level: LEVEL },
  );
  return { ...spread(values), interval: [low, high] };
}

/** @param groups that the images are worth: decides where neither images nor seeds differ */
function asDifference(seeds: SeedsEstimate, groups: number): Difference {
  const found = inference(seeds, LEVEL);
  const { low, high } = boundedInterval(found, {
    value: seeds.mean,
    groups,
    range: [-1, 1],
    level: LEVEL,
  });
  const p = found.high - found.low < ROUNDING ? pOfAlike(seeds.mean, groups) : found.p;
  return { ...spread(seeds.values), interval: [low, high], p };
}

/**
 * Covariance over images, never none at all: where every seed has every image right (or wrong) the sample's is zero and
 * would claim certainty. Then one success and one failure are added (Agresti & Caffo, Am. Stat. 2000).
 */
function covarianceOver({ values, covariance, groups }: Measured): number[][] | null {
  if (covariance === null || !(values.every((v) => v === 1) || values.every((v) => v === 0)))
    return covariance;
  const share = 1 / (groups + 2);
  const variance = (share * (1 - share)) / (groups + 2);
  return covariance.map((row) => row.map(() => variance));
}

/** Synthetic against real images: other images, the same classifiers. */
export function compareSets(synthetic: Measured, real: Measured): Comparison {
  const values = synthetic.values.map((value, s) => value - real.values[s]!);
  const [a, b] = [covarianceOver(synthetic), covarianceOver(real)];
  return {
    synthetic: estimate(synthetic),
    real: estimate(real),
    difference:
      a && b
        ? asDifference(
            combine(
              values,
              a.map((row, j) => row.map((value, k) => value + b[j]![k]!)),
            ),
            Math.min(synthetic.groups, real.groups),
          )
        : { ...spread(values), interval: null, p: null },
  };
}

/** GAN-train against GAN-base: the same real test images, other classifiers, paired by seed. */
export function compareTraining(
  ganTrain: readonly (readonly ScoreRow[])[],
  ganBase: readonly (readonly ScoreRow[])[],
): Comparison {
  const { labels, groups, smallerClass } = imagesOf(ganTrain);
  const [synthetic, real] = [measureAuc(ganTrain), measureAuc(ganBase)];
  const values = synthetic.values.map((value, s) => value - real.values[s]!);
  return {
    synthetic: estimate(synthetic),
    real: estimate(real),
    difference: synthetic.covariance
      ? asDifference(
          meanDifference(labels, [ganTrain.map(scoresOf), ganBase.map(scoresOf)], groups),
          smallerClass,
        )
      : { ...spread(values), interval: null, p: null },
  };
}
