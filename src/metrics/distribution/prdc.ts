/**
 * Precision, recall, density and coverage (`precision-recall.ts`, `density-coverage.ts`) of two sets at once, from the
 * same distances: half of the time that the two pairs of figures take one after the other.
 */
import type { Tensor } from 'graft-torch';
import { occupancies } from './balls.js';
import { densityCoverage, densityCoverageOf } from './density-coverage.js';
import { requireFeatures } from './features.js';
import type { DistributionMetric, Statistic } from './metric.js';
import { precisionRecall, precisionRecallOf, requireMoreThan } from './precision-recall.js';

export interface Prdc {
  /** Part of the synthetic images on the real manifold, 0…1. */
  precision: number;
  /** Part of the real images on the synthetic manifold, 0…1. */
  recall: number;
  /** From 0; 1 for sets of one distribution. */
  density: number;
  /** Part of the real images whose ball holds a synthetic one, 0…1. */
  coverage: number;
}

/**
 * Distances that decide are of float64; memory is that of a float32 copy of both sets and of tiles of a few MiB. All
 * figures depend on N and M: compare figures of equal N, M and k only.
 *
 * @param real features [N, D] of any floating type, of more rows than either k
 * @param synthetic features [M, D], of more rows than the k of precision
 * @param options.ks neighbours that a ball reaches to; default 3 for precision and recall, 5 for density and coverage
 *   (the papers')
 * @throws DataError if a set has too few rows, the lengths differ, or a value is not finite
 */
export function prdc(
  real: Tensor,
  synthetic: Tensor,
  options: { ks?: { precision?: number; density?: number } } = {},
): Prdc {
  const { precision = 3, density = 5 } = options.ks ?? {};
  requireFeatures('precision, recall, density and coverage', real, synthetic);
  requireMoreThan('precision and recall', precision, [real, synthetic]);
  requireMoreThan('density and coverage', density, [real]);
  const { first, second } = occupancies(real, synthetic, {
    first: [precision, density],
    second: [precision],
  });
  return { ...precisionRecallOf(first[0]!, second[0]!), ...densityCoverageOf(first[1]!, density) };
}

/** All four from the same distances; where only two are wanted, no more than those need. */
function statistic(wanted: readonly string[]): Statistic {
  const third = wanted.some((metric) => metric === 'precision' || metric === 'recall');
  const fifth = wanted.some((metric) => metric === 'density' || metric === 'coverage');
  return (real, synthetic) => {
    if (third && fifth) return { ...prdc(real, synthetic) };
    const { k: _, ...figures } = third ? precisionRecall(real, synthetic) : densityCoverage(real, synthetic);
    return figures;
  };
}

const metric = (name: string, neighbour: '3rd' | '5th', most: number) => ({
  metric: name.toLowerCase(),
  name,
  better: 'higher' as const,
  settings: `balls to the ${neighbour} neighbour, strict`,
  range: [0, most] as const,
});

export const prdcMetrics: DistributionMetric = {
  metrics: [
    metric('Precision', '3rd', 1),
    metric('Recall', '3rd', 1),
    metric('Density', '5th', Number.POSITIVE_INFINITY),
    metric('Coverage', '5th', 1),
  ],
  minimum: 6,
  movesWithCount: true,
  statistic: (_, wanted) => statistic(wanted),
};
