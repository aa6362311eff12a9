/**
 * Draws from the symmetric beta distribution, from two gamma variates: G₁ / (G₁ + G₂). Gamma after Marsaglia & Tsang,
 * "A Simple Method for Generating Gamma Variables", 2000; below shape 1 through Γ(a) = Γ(a + 1) · U^(1/a).
 */
import type { Random } from 'graft-torch/base';

/** Logarithm of a gamma variate: those of small shapes are too small to be numbers themselves. */
function logGamma(shape: number, random: Random): number {
  if (shape < 1) return logGamma(shape + 1, random) + Math.log(1 - random.next()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.next()) < 0.5 * x * x + d * (1 - v + Math.log(v)))
      return Math.log(d * v);
  }
}

/**
 * A draw from Beta(α, α), in [0, 1]: uniform for α = 1, mostly near 0 and 1 below.
 * @param alpha > 0
 */
export function drawBeta(alpha: number, random: Random): number {
  const difference = logGamma(alpha, random) - logGamma(alpha, random);
  return 1 / (1 + Math.exp(-difference));
}
