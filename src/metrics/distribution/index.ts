/** TODO door */
export { firstNonFiniteRow, requireFeatureSet, rowsOf } from './features.js';
export { backboneProtocol, type MeasureOptions, measureAll, measureDistribution } from './measure.js';
export { loadMetrics, measureOwn, type OwnMetric } from './own.js';
