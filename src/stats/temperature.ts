/**
 * Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017): all logits are divided by one
 * number T > 0, chosen so that the likelihood of *validation* labels is largest. The ranking, and with it the AUC and what
 * a classifier calls at a threshold of the same rank, stays as it is; only the probabilities move.
 *
 *   minimise over β = 1/T:   L(β) = mean softplus(βz) − y βz
 *
 * L is convex in β, for two classes and for more.
 */
import { DataError } from 'graft-torch/base';
import { checkBinary, type Numbers } from './roc.js';

/** T is looked for between the inverses of these. */
const betaBounds = [1e-3, 1e3] as const;

export interface Temperature {
  /** Above 1: the classifier is too sure of itself; below: not sure enough. */
  temperature: number;
  /** Mean negative log-likelihood in nats on the images that it was fitted to, before and after. */
  lossBefore: number;
  lossAfter: number;
  /**
   * The likelihood has no maximum within 0.001 … 1000: the logits separate the classes without error (then T is at its
   * lower bound), or say less than nothing (upper). Such a T says nothing; use 1.
   */
  atBound: boolean;
}

/** Numerically safe ln(1 + eˣ). */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** ln(p / (1 − p)); at 0 and 1, where a stored probability was rounded, ±36.7 (the last double before 1). */
export function logit(probability: number): number {
  const p = Math.min(1 - 2 ** -53, Math.max(2 ** -53, probability));
  return Math.log(p) - Math.log1p(-p);
}

/** A probability with its logit divided by the temperature. */
export const temper = (probability: number, temperature: number): number =>
  sigmoid(logit(probability) / temperature);

/** T is the minimum of a convex function of β = 1/T. */
interface BetaLoss {
  at(beta: number): number;
  derivatives(beta: number): { slope: number; curvature: number };
}

/**
 * Fits a temperature. Give it labels and logits of *validation* images.
 * @throws DataError for unequal lengths, labels other than 0 and 1, a missing class, logits that are not finite
 */
export function fitTemperature(labels: Numbers, logits: Numbers): Temperature {
  checkBinary(labels, logits);
  const n = labels.length;
  return minimise({
    at(beta) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += softplus(beta * logits[i]!) - labels[i]! * beta * logits[i]!;
      return sum / n;
    },
    derivatives(beta) {
      let slope = 0;
      let curvature = 0;
      for (let i = 0; i < n; i++) {
        const p = sigmoid(beta * logits[i]!);
        slope += (p - labels[i]!) * logits[i]!;
        curvature += p * (1 - p) * logits[i]! ** 2;
      }
      return { slope, curvature };
    },
  });
}

/**
 * The same for several classes, whose probabilities are softmax(z / T). Only differences within a row count, so that
 * log-probabilities do as well as logits.
 *
 *   L(β) = mean log Σ exp(β zⱼ) − β z_truth,   L′ = mean E[z] − z_truth,   L″ = mean Var[z]   under softmax(βz)
 *
 * @param truths index of each image's class
 * @param logits a row an image, one number a class
 * @throws DataError for unequal lengths, no images, numbers that are not finite
 */
export function fitSoftmaxTemperature(truths: Numbers, logits: readonly Numbers[]): Temperature {
  const n = logits.length;
  if (n === 0 || truths.length !== n) throw new DataError(`Got ${truths.length} labels for ${n} images.`);
  for (let i = 0; i < n; i++) {
    if (!Array.from(logits[i]!).every(Number.isFinite))
      throw new DataError(`Scores must be finite; those of image ${i} are not. Did training diverge?`);
  }
  const terms = (beta: number, i: number): { loss: number; slope: number; curvature: number } => {
    const z = logits[i]!;
    // Counted from the largest: nothing overflows, and the variance keeps its digits.
    let largest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < z.length; k++) largest = Math.max(largest, z[k]!);
    let [sum, first, second] = [0, 0, 0];
    for (let k = 0; k < z.length; k++) {
      const below = z[k]! - largest;
      const e = Math.exp(beta * below);
      sum += e;
      first += e * below;
      second += e * below ** 2;
    }
    const truth = z[truths[i]!]! - largest;
    const expected = first / sum;
    return {
      loss: Math.log(sum) - beta * truth,
      slope: expected - truth,
      curvature: second / sum - expected ** 2,
    };
  };
  return minimise({
    at(beta) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += terms(beta, i).loss;
      return sum / n;
    },
    derivatives(beta) {
      let [slope, curvature] = [0, 0];
      for (let i = 0; i < n; i++) {
        const own = terms(beta, i);
        slope += own.slope;
        curvature += own.curvature;
      }
      return { slope, curvature };
    },
  });
}

/** Probabilities of all classes with their logits divided by the temperature. */
export function temperSoftmax(probabilities: readonly number[], temperature: number): number[] {
  const powers = probabilities.map((p) => Math.exp(logProbability(p) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** ln p; at 0, where a stored probability was rounded, −690.8. */
export const logProbability = (p: number): number => Math.log(Math.max(1e-300, p));

/** By Newton's steps, kept inside a bracket of the minimum by bisection. */
function minimise({ at: loss, derivatives }: BetaLoss): Temperature {
  let [low, high]: [number, number] = [...betaBounds];
  if (derivatives(low).slope >= 0 || derivatives(high).slope <= 0) {
    const beta = derivatives(low).slope >= 0 ? low : high;
    return { temperature: 1 / beta, lossBefore: loss(1), lossAfter: loss(beta), atBound: true };
  }
  let beta = 1;
  for (let step = 0; step < 200; step++) {
    const { slope, curvature } = derivatives(beta);
    if (slope > 0) high = beta;
    else low = beta;
    const newton = beta - slope / curvature;
    const next = newton > low && newton < high ? newton : Math.sqrt(low * high);
    const done = Math.abs(next - beta) <= 1e-13 * beta;
    beta = next;
    if (done) break;
  }
  if (!Number.isFinite(beta)) throw new DataError('The temperature cannot be fitted: logits overflow.');
  return { temperature: 1 / beta, lossBefore: loss(1), lossAfter: loss(beta), atBound: false };
}
