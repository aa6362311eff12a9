/**
 * Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017): all logits are divided by one
 * number T > 0, chosen so that the likelihood of *validation* labels is largest. The ranking, and with it the AUC and what
 * a classifier calls at a threshold of the same rank, stays as it is; only the probabilities move.
 *
 *   minimise over β = 1/T:   L(β) = mean softplus(βz) − y βz
 *
 * L is convex in β: Newton's steps, kept inside a bracket of its minimum by bisection.
 */
import { DataError } from '../errors.js';
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

/**
 * Fits a temperature. Give it labels and logits of *validation* images.
 * @throws DataError for unequal lengths, labels other than 0 and 1, a missing class, logits that are not finite
 */
export function fitTemperature(labels: Numbers, logits: Numbers): Temperature {
  checkBinary(labels, logits);
  const n = labels.length;
  const loss = (beta: number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += softplus(beta * logits[i]!) - labels[i]! * beta * logits[i]!;
    return sum / n;
  };
  const derivatives = (beta: number): { slope: number; curvature: number } => {
    let slope = 0;
    let curvature = 0;
    for (let i = 0; i < n; i++) {
      const p = sigmoid(beta * logits[i]!);
      slope += (p - labels[i]!) * logits[i]!;
      curvature += p * (1 - p) * logits[i]! ** 2;
    }
    return { slope, curvature };
  };
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
