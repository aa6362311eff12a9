/** TODO door */
export { type BinaryScores, binaryScorer, groupsBehind, LARGEST_LOG_LOSS } from './binary-scores.js';
export { binormalCovariance } from './binormal.js';
export { classDraw, groupDraw, hierarchicalBootstrap, percentileInterval, quantile } from './bootstrap.js';
export { boundedInterval, pOfAlike, replicateInterval } from './bounded-interval.js';
export { type CalibrationBin, calibrationBins, calibrationError, calibrationFloor } from './calibration.js';
export { clusterCovariance } from './cluster-covariance.js';
export type { Codes } from './cross-fit.js';
export { crossFitAuc } from './cross-fit-auc.js';
export { benefitOfAll, benefitOfImages, netBenefit } from './decision-curve.js';
export {
  type AucCovariance,
  aucCovariance,
  aucInterval,
  delongDifference,
  type Interval,
  intervalAround,
} from './delong.js';
export { effectiveGroups, effectiveSize } from './effective-groups.js';
export { chanceOfEffect, chanceOfEquivalence } from './interval-power.js';
export {
  confusionMatrix,
  likeliest,
  type MultiClassScores,
  multiClassScorer,
  type OneClassScores,
  type OverallScores,
} from './multi-class.js';
export { normalCdf, normalQuantile } from './normal.js';
export { holm, meanAndDeviation, pairedT, pooledSpread, wilcoxonSignedRank } from './paired.js';
export {
  type Design,
  detectableDifference,
  detectableFloor,
  foldsNeeded,
  groupsNeeded,
  seedsAndGroupsNeeded,
  seedsNeeded,
} from './power.js';
export { type PrecisionRecallCurve, precisionRecallCurve } from './precision-recall.js';
export { type Proportion, proportion, proportionDifference, wilsonInterval } from './proportion.js';
export { spearman } from './rank-correlation.js';
export { recalibrate } from './recalibration.js';
export { auc, midRanks, type RocCurve, rocCurve, sensitivityAt } from './roc.js';
export { combineReplicates, type ScoreReplicates, scoreReplicates } from './score-bootstrap.js';
export { type Confusion, chooseThreshold, confusion, type SplitScores, splitScores } from './scores.js';
export {
  combine,
  combineFolds,
  differenceOf,
  equivalenceHalfWidth,
  equivalenceP,
  type FoldSpread,
  fewestGroups,
  foldSpread,
  forThese,
  type GroupSizes,
  halfWidth,
  inference,
  isSaturated,
  meanDifference,
  meanOf,
  type ReaderOrigin,
  type SeedsEstimate,
} from './seeds.js';
export { shareCovariance } from './shares.js';
export { logGamma } from './special.js';
export { spendingShares } from './spending.js';
export { tCdf, tQuantile } from './student-t.js';
export { FEWEST_TO_JUDGE, subgroupAucDifference } from './subgroup-auc.js';
export {
  fitSoftmaxTemperature,
  fitTemperature,
  logit,
  logProbability,
  type Temperature,
  temper,
  temperSoftmax,
} from './temperature.js';
