/**
 * Density and coverage: precision and recall that one outlier does not decide. Density counts in how many real images'
 * balls a synthetic image lies, over the k of a real one; coverage is the part of the real images whose ball holds a
 * synthetic image. All balls are of real images, as wide as the distance to the k-th nearest other real image.
 * Naeem, Oh, Uh, Choi, Yoo, "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020.
 *
 *   density = 1/(k M) Σ over synthetic s, real r of [‖s − r‖ < radius_k(r)]
 *   coverage = mean over real r of [∃ synthetic s: ‖s − r‖ < radius_k(r)]
 *
 * For two sets of one distribution with N = M the expectation of density is 1, that of coverage
 * 1 − (N − 1)…(N − k) / (2N − 1)…(2N − k), about 1 − 2^−k (`expectedCoverage`).
 */
import type { Tensor } from 'graft-torch';
import { type Occupancy, occupancies } from './balls.js';
import { requireFeatures } from './features.js';
import { partAbove0, requireMoreThan } from './precision-recall.js';

export interface DensityCoverage {
  /** From 0; 1 for sets of one distribution, more where synthetic images crowd around the densest real ones. */
  density: number;
  /** 0…1. */
  coverage: number;
  k: number;
}

/**
 * Distances that decide are of float64; memory is that of a float32 copy of both sets and of tiles of a few MiB.
 * Coverage rises with the number of synthetic images: compare figures of equal N, M and k only.
 *
 * @param real features [N > k, D] of any floating type
 * @param synthetic features [M ≥ 2, D]
 * @param options.k default 5 (the paper's)
 * @throws DataError if there are no more than k real images, the lengths differ, or a value is not finite
 */
export function densityCoverage(
  real: Tensor,
  synthetic: Tensor,
  options: { k?: number } = {},
): DensityCoverage {
  const { k = 5 } = options;
  requireFeatures('density and coverage', real, synthetic);
  requireMoreThan('density and coverage', k, [real]);
  const { first } = occupancies(real, synthetic, { first: [k], second: [] });
  return { ...densityCoverageOf(first[0]!, k), k };
}

/** @param byReal of balls around real images, to the k-th neighbour, by synthetic ones */
export function densityCoverageOf(
  { held, holders }: Occupancy,
  k: number,
): Pick<DensityCoverage, 'density' | 'coverage'> {
  const inBalls = holders.reduce((sum, count) => sum + count, 0);
  return { density: inBalls / (k * holders.length), coverage: partAbove0(held) };
}

/**
 * Coverage to be expected of a perfect generator: of N − 1 other real and M synthetic images in random order of distance
 * to a real one, not all of the nearest k are real. (The paper's equation 9 for N = M.) A synthetic image must be nearer
 * than the k-th real one, so the nearest k of all must not be real alone.
 *
 * @param real N
 * @param synthetic M
 */
export function expectedCoverage(real: number, synthetic: number, k: number): number {
  let allReal = 1;
  for (let i = 0; i < k; i++) allReal *= (real - 1 - i) / (real - 1 + synthetic - i);
  return 1 - allReal;
}
