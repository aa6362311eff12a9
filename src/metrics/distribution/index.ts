/**
 * Metrics of sets as a whole: how a set of synthetic images lies to a set of real ones in the space of a backbone's
 * features. `measureAll` gives every record with its interval, its floor (real against real) and its protocol; the
 * functions give a figure alone. One file a metric; `../registry.ts` lists them.
 *
 *   const { records } = measureAll(backbone, { real, synthetic }, { groups }); // features [N, D], [M, D]
 */

// Single figures.
export { type DensityCoverage, densityCoverage, expectedCoverage } from './density-coverage.js';
// What they stand on: intervals by half-sampling, exact nearest neighbours, rows of features.
export type { DistanceMetric } from './exact-distances.js';
export { firstNonFiniteRow, requireFeatureSet, rowsOf } from './features.js';
export { frechetDistance } from './frechet.js';
export { type FrechetInfinity, type FrechetInfinityOptions, frechetInfinity } from './frechet-infinity.js';
export { type InceptionScore, type InceptionScoreOptions, inceptionScore } from './inception-score.js';
export { type HalfSampleInterval, type HalfSampleOptions, halfSampleIntervals } from './interval.js';
export { type KernelDistance, type KernelDistanceOptions, kernelDistance } from './kernel-distance.js';
export { measureAll, measureDistribution } from './measure.js';
export {
  backboneProtocol,
  type DistributionMetric,
  type FeatureSets,
  type MeasureOptions,
  type Statistic,
} from './metric.js';
export {
  kthNeighbourRadii,
  type NeighbourOptions,
  type Neighbours,
  nearestNeighbours,
} from './neighbours.js';
// A metric of one's own, with the same interval and floor.
export { loadMetrics, measureOwn, type OwnMetric } from './own.js';
export { type Prdc, prdc } from './prdc.js';
export { type PrecisionRecall, precisionRecall } from './precision-recall.js';
