/**
 * Are probabilities what they say? Of the images that a classifier gives 30 %, about 30 % should be positive.
 * Images are put into bins by their probability; in each the mean probability is held against the share of positives:
 *
 *   ECE = Σ_b n_b / N · |mean probability_b − share of positives_b|
 *
 * Expected calibration error: Naeini et al., AAAI 2015; here of the positive class (a binary classifier's reliability
 * diagram), not of the confidence in whatever class was called.
 *
 * An ECE of few images is never 0: even true probabilities miss the shares by chance. `calibrationFloor` says by how much,
 * and an ECE means something only beside it. For the same reason it gets no bootstrap interval, which would lie too high.
 */
import { DataError, type Random } from 'graft-torch/base';
import { quantile } from './bootstrap.js';
import type { Numbers } from './roc.js';

export interface CalibrationBin {
  /** Bounds of the bin; it holds its upper one. */
  low: number;
  high: number;
  images: number;
  positives: number;
  meanProbability: number;
  /** Share of positives. */
  observed: number;
}

export interface CalibrationOptions {
  /** Default 10. */
  bins?: number;
  /** `width`: bins of equal width (Guo et al. 2017); `count`: of about as many images each. Default `width`. */
  by?: 'width' | 'count';
}

/** Inner bounds of the bins, ascending. */
function innerBounds(probabilities: Numbers, { bins = 10, by = 'width' }: CalibrationOptions): number[] {
  if (!Number.isInteger(bins) || bins < 1)
    throw new DataError(`Calibration needs 1 bin or more, not ${bins}.`);
  const shares = Array.from({ length: bins - 1 }, (_, b) => (b + 1) / bins);
  if (by === 'width') return shares;
  // Many equal probabilities give equal bounds, and then fewer bins.
  return [...new Set(shares.map((share) => quantile(probabilities, share)))];
}

/** Which bin each probability falls into; on a bound, into the lower one. */
function binIndex(probabilities: Numbers, bounds: readonly number[]): Uint16Array {
  const index = new Uint16Array(probabilities.length);
  for (let i = 0; i < index.length; i++) {
    let low = 0;
    for (let high = bounds.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (bounds[middle]! < probabilities[i]!) low = middle + 1;
      else high = middle;
    }
    index[i] = low;
  }
  return index;
}

/**
 * The bins of a reliability diagram, empty ones left out.
 * @param probabilities in [0, 1]
 * @throws DataError for unequal lengths, no images, values out of range
 */
export function calibrationBins(
  labels: Numbers,
  probabilities: Numbers,
  options: CalibrationOptions = {},
): CalibrationBin[] {
  checkProbabilities(labels, probabilities);
  const bounds = innerBounds(probabilities, options);
  const index = binIndex(probabilities, bounds);
  const bins = Array.from(
    { length: bounds.length + 1 },
    (_, b): CalibrationBin => ({
      low: bounds[b - 1] ?? 0,
      high: bounds[b] ?? 1,
      images: 0,
      positives: 0,
      meanProbability: 0,
      observed: 0,
    }),
  );
  index.forEach((b, i) => {
    const bin = bins[b]!;
    bin.images++;
    bin.positives += labels[i]!;
    bin.meanProbability += probabilities[i]!;
  });
  return bins
    .filter(({ images }) => images > 0)
    .map((bin) => ({
      ...bin,
      meanProbability: bin.meanProbability / bin.images,
      observed: bin.positives / bin.images,
    }));
}

/** Expected calibration error, 0 (true probabilities) to 1. Errors: as {@link calibrationBins}. */
export function calibrationError(
  labels: Numbers,
  probabilities: Numbers,
  options: CalibrationOptions = {},
): number {
  return calibrationBins(labels, probabilities, options).reduce(
    (sum, { images, meanProbability, observed }) =>
      sum + (images / labels.length) * Math.abs(meanProbability - observed),
    0,
  );
}

/**
 * The ECE that these very probabilities would have if they were true: labels are drawn from them, many times.
 * @returns mean, and the value that 95 % of the draws stay below
 */
export function calibrationFloor(
  probabilities: Numbers,
  options: CalibrationOptions & { random: Random; draws?: number },
): { mean: number; high: number } {
  const { random, draws = 500 } = options;
  const bounds = innerBounds(probabilities, options);
  const index = binIndex(probabilities, bounds);
  const excess = new Float64Array(bounds.length + 1);
  const errors = new Float64Array(draws);
  for (let draw = 0; draw < draws; draw++) {
    excess.fill(0);
    for (let i = 0; i < index.length; i++) {
      excess[index[i]!]! += probabilities[i]! - (random.chance(probabilities[i]!) ? 1 : 0);
    }
    errors[draw] = excess.reduce((sum, value) => sum + Math.abs(value), 0) / index.length;
  }
  return { mean: errors.reduce((sum, value) => sum + value, 0) / draws, high: quantile(errors, 0.95) };
}

function checkProbabilities(labels: Numbers, probabilities: Numbers): void {
  if (labels.length === 0 || labels.length !== probabilities.length) {
    throw new DataError(`Got ${labels.length} labels for ${probabilities.length} probabilities.`);
  }
  for (let i = 0; i < labels.length; i++) {
    if (!(probabilities[i]! >= 0 && probabilities[i]! <= 1)) {
      throw new DataError(
        `Probabilities must lie in [0, 1]; number ${i} is ${probabilities[i]}. Apply the sigmoid first.`,
      );
    }
    if (labels[i] !== 0 && labels[i] !== 1)
      throw new DataError(`Labels must be 0 or 1; label ${i} is ${labels[i]}.`);
  }
}
