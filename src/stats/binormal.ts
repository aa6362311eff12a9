/**
 * The binormal model: scores of negatives are normal, those of positives normal with the same variance and another mean, so
 * that AUC = Φ(d/√2) at a distance of d deviations. Two classifiers' scores of one image are correlated with ρ in both
 * classes. Then the covariance of their empirical AUCs is known exactly, which is what a trial that has not been run yet
 * needs: with m positives and n negatives, and B(r) = P(both win) for two normals of correlation r,
 *
 *   Cov = [ (B(ρ) − A₁A₂) + (m + n − 2)(B(ρ/2) − A₁A₂) ] / (m·n)
 *
 * The first term is of the same pair of images, the second of pairs that share one of the two. The model is that of
 * Obuchowski & McClish (Stat. Med. 1997), the counting of pairs that of Hanley & McNeil (Radiology 1982).
 */
import { DataError } from 'graft-torch/base';
import { normalCdf, normalQuantile } from './distributions.js';

/** Intervals of Simpson's rule; ample, the integrand is smooth. */
const STEPS = 400;

/**
 * P(X ≤ h, Y ≤ k) for standard normals of this correlation, by Plackett's formula (Biometrika 1954); absolute error below
 * 1e-9.
 * @param correlation −1 to 1
 */
export function bivariateNormalCdf(h: number, k: number, correlation: number): number {
  if (correlation >= 1) return normalCdf(Math.min(h, k));
  if (correlation <= -1) return Math.max(0, normalCdf(h) + normalCdf(k) - 1);
  const end = Math.asin(correlation);
  let sum = 0;
  for (let i = 0; i <= STEPS; i++) {
    const angle = (end * i) / STEPS;
    const weight = i === 0 || i === STEPS ? 1 : i % 2 === 1 ? 4 : 2;
    const exponent = (h * h + k * k - 2 * h * k * Math.sin(angle)) / (2 * Math.cos(angle) ** 2);
    sum += weight * Math.exp(-exponent);
  }
  return normalCdf(h) * normalCdf(k) + (sum * end) / (3 * STEPS) / (2 * Math.PI);
}

export interface BinormalPair {
  /** True AUCs of the two classifiers; the same twice for a variance. */
  aucs: readonly [number, number];
  /** Of their scores of one image, within a class; 1 for a variance. */
  correlation: number;
  /** Independent images, or groups. */
  positives: number;
  negatives: number;
}

/**
 * Covariance of two empirical AUCs on the same images.
 * @throws DataError for AUCs outside (0, 1), a correlation outside [−1, 1], fewer than one image of a class
 */
export function binormalCovariance({ aucs, correlation, positives, negatives }: BinormalPair): number {
  const [first, second] = aucs;
  if (!(first > 0 && first < 1 && second > 0 && second < 1)) {
    throw new DataError(`The binormal model needs AUCs between 0 and 1, not ${first} and ${second}.`);
  }
  if (!(Math.abs(correlation) <= 1)) {
    throw new DataError(`A correlation lies between −1 and 1, not at ${correlation}.`);
  }
  if (!(positives >= 1 && negatives >= 1)) {
    throw new DataError(
      `An AUC needs images of both classes; got ${positives} positive and ${negatives} negative.`,
    );
  }
  const [h, k] = [normalQuantile(first), normalQuantile(second)];
  const beyond = (r: number): number => bivariateNormalCdf(h, k, r) - first * second;
  return (
    (beyond(correlation) + (positives + negatives - 2) * beyond(correlation / 2)) / (positives * negatives)
  );
}
