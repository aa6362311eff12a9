/**
 * The bootstrap by group: whole patients (or lesions) are drawn with replacement, never single images, because
 * images of one patient are not independent. Groups are drawn within strata (only positives, only negatives,
 * both), so that no replicate loses a class. For several seeds the seeds are drawn as well (hierarchical): the
 * same draw of groups and seeds serves every arm, so that differences stay paired.
 * Sources: Efron & Tibshirani 1993; Field & Welsh, J. R. Stat. Soc. B 2007 (clusters).
 *
 * With few seeds the percentile interval is too narrow for the part that seeds contribute (it knows neither
 * n − 1 nor t); ./seeds.ts gives the interval that conclusions rest on, this one checks it.
 *
 * Scores that have no formula of their own get their covariance over images from replicates, one draw serving all
 * classifiers and all scores (`scoreReplicates`); ./seeds.ts combines it with the spread over seeds.
 */
import type { Random } from 'graft-torch/base';
import type { Interval } from './delong.js';
import { checkBinary, type Numbers, sortedOrder } from './roc.js';
import { type BinaryScores, binaryScorer } from './scores.js';
import { type CombineOptions, combine, type SeedsEstimate } from './seeds.js';

/** Draws how often each image counts in one replicate; the array is reused by the next draw. */
export type DrawWeights = (random: Random) => Float64Array;

/** @param groups one name an image; without it each image is its own group. */
export function groupDraw(labels: Numbers, groups?: readonly string[]): DrawWeights {
  const strata: [number[][], number[][], number[][]] = [[], [], []];
  for (const list of membersOf(labels.length, groups)) {
    const positives = list.filter((i) => labels[i] === 1).length;
    strata[positives === 0 ? 0 : positives === list.length ? 1 : 2].push(list);
  }
  return drawWithin(strata, labels.length);
}

/**
 * The same for several classes: a group is drawn among those that share its rarest class, so that rare classes keep their
 * groups. (Strata of every mixture of classes would often hold one group alone, which would then never vary.)
 * @param truths index of each image's class
 */
export function classDraw(truths: Numbers, groups?: readonly string[]): DrawWeights {
  const counts = new Map<number, number>();
  for (let i = 0; i < truths.length; i++) counts.set(truths[i]!, (counts.get(truths[i]!) ?? 0) + 1);
  const strata = new Map<number, number[][]>();
  for (const list of membersOf(truths.length, groups)) {
    const rarest = list
      .map((i) => truths[i]!)
      .reduce((best, truth) => (counts.get(truth)! < counts.get(best)! ? truth : best));
    const stratum = strata.get(rarest);
    if (stratum) stratum.push(list);
    else strata.set(rarest, [list]);
  }
  return drawWithin([...strata.values()], truths.length);
}

/** Images of each group. */
function membersOf(images: number, groups?: readonly string[]): number[][] {
  const members = new Map<string, number[]>();
  for (let i = 0; i < images; i++) {
    const name = groups ? groups[i]! : String(i);
    const list = members.get(name);
    if (list) list.push(i);
    else members.set(name, [i]);
  }
  return [...members.values()];
}

/** As many groups of each stratum as it has, with replacement. */
function drawWithin(strata: readonly (readonly number[][])[], images: number): DrawWeights {
  const weights = new Float64Array(images);
  return (random) => {
    weights.fill(0);
    for (const stratum of strata) {
      for (let i = 0; i < stratum.length; i++) {
        for (const image of stratum[random.int(stratum.length)]!) weights[image]! += 1;
      }
    }
    return weights;
  };
}

/** AUC with a weight an image, in linear time a call: the scores are sorted once. NaN where a class has no weight. */
export function weightedAuc(labels: Numbers, scores: Numbers): (weights: Numbers) => number {
  checkBinary(labels, scores);
  const order = sortedOrder(scores);
  // Where a run of equal scores ends.
  const lastOfTie = new Uint8Array(order.length);
  for (let i = 0; i < order.length; i++) {
    lastOfTie[i] = i + 1 === order.length || scores[order[i + 1]!] !== scores[order[i]!] ? 1 : 0;
  }
  return (weights) => {
    let below = 0;
    let positives = 0;
    let area = 0;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (let i = 0; i < order.length; i++) {
      const image = order[i]!;
      if (labels[image] === 1) tiedPositives += weights[image]!;
      else tiedNegatives += weights[image]!;
      if (lastOfTie[i] === 1) {
        area += tiedPositives * (below + 0.5 * tiedNegatives);
        below += tiedNegatives;
        positives += tiedPositives;
        tiedPositives = 0;
        tiedNegatives = 0;
      }
    }
    return area / (positives * below);
  };
}

/** Linear-interpolated quantile (type 7) of unsorted numbers. */
export function quantile(values: Numbers, probability: number): number {
  const sorted = Float64Array.from(values).sort();
  const position = probability * (sorted.length - 1);
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (position - low);
}

/** The middle `level` of the replicates. */
export function percentileInterval(replicates: Numbers, level = 0.95): Interval {
  return { low: quantile(replicates, (1 - level) / 2), high: quantile(replicates, (1 + level) / 2) };
}

/**
 * Replicates of each arm's mean AUC over seeds, groups and seeds drawn with replacement. The i-th replicates of
 * all arms share their draw: subtract them for paired differences.
 * @param scores `[arm][seed][image]`; the s-th arrays of all arms belong to the same seed.
 * @returns `[arm][replicate]`
 */
export function hierarchicalBootstrap(
  labels: Numbers,
  scores: readonly (readonly Numbers[])[],
  options: { groups?: readonly string[]; replicates?: number; random: Random },
): Float64Array[] {
  const { random, replicates = 2000 } = options;
  const draw = groupDraw(labels, options.groups);
  const seeds = scores[0]?.length ?? 0;
  const areas = scores.map((arm) => arm.map((seedScores) => weightedAuc(labels, seedScores)));
  const result = scores.map(() => new Float64Array(replicates));
  const times = new Uint32Array(seeds);
  for (let i = 0; i < replicates; i++) {
    times.fill(0);
    for (let s = 0; s < seeds; s++) times[random.int(seeds)]! += 1;
    const weights = draw(random);
    areas.forEach((arm, a) => {
      let sum = 0;
      for (let s = 0; s < seeds; s++) if (times[s]! > 0) sum += times[s]! * arm[s]!(weights);
      result[a]![i] = sum / seeds;
    });
  }
  return result;
}

export type ScoreKey = keyof BinaryScores;

export interface ScoreReplicates<Key extends ScoreKey = ScoreKey> {
  /** On the images as they are. */
  values: BinaryScores;
  /** One a draw. */
  replicates: Record<Key, Float64Array>;
}

/**
 * @param readers probabilities, one an image in the order of `labels`, and the threshold from which on they call positive
 * @param options.scores of which replicates are kept
 * @returns one a reader; the b-th replicates of all readers share their draw
 */
export function scoreReplicates<Key extends ScoreKey>(
  labels: Numbers,
  readers: readonly { scores: Numbers; threshold: number }[],
  options: { scores: readonly Key[]; groups?: readonly string[]; replicates: number; random: Random },
): ScoreReplicates<Key>[] {
  const { scores, replicates, random } = options;
  const draw = groupDraw(labels, options.groups);
  const scorers = readers.map((reader) => binaryScorer(labels, reader.scores, reader.threshold));
  const result = scorers.map((scorer) => ({
    values: scorer(),
    replicates: Object.fromEntries(scores.map((key) => [key, new Float64Array(replicates)])) as Record<
      Key,
      Float64Array
    >,
  }));
  for (let i = 0; i < replicates; i++) {
    const weights = draw(random);
    scorers.forEach((scorer, reader) => {
      const drawn = scorer(weights);
      for (const key of scores) result[reader]!.replicates[key][i] = drawn[key];
    });
  }
  return result;
}

export interface ReplicateOptions<Key extends ScoreKey> extends CombineOptions {
  /** Subtracted seed by seed, for a paired difference. */
  minus?: readonly ScoreReplicates<Key>[];
}

/** Mean of one score over seeds, its covariance over images taken from the replicates. @param readers one a seed */
export function combineReplicates<Key extends ScoreKey>(
  readers: readonly ScoreReplicates<Key>[],
  score: Key,
  { minus, ...options }: ReplicateOptions<Key> = {},
): SeedsEstimate {
  const values = readers.map(({ values: own }, i) => own[score] - (minus ? minus[i]!.values[score] : 0));
  const deviations = readers.map(({ replicates }, i) => {
    const theirs = minus ? minus[i]!.replicates[score] : null;
    const own = theirs ? replicates[score].map((value, b) => value - theirs[b]!) : replicates[score];
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    return own.map((value) => value - mean);
  });
  const covariance = deviations.map((a) =>
    deviations.map((b) => a.reduce((sum, value, i) => sum + value * b[i]!, 0) / (a.length - 1)),
  );
  return combine(values, covariance, options);
}
