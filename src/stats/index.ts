/**
 * Statistics of classifiers and trials: numbers in, numbers out; no engine, no files. `groups` names the patient or lesion
 * of each image: images of one group are not independent, and every interval here knows that. What several seeds or folds
 * say is combined first (`meanOf`, `differenceOf`) and then judged (`inference`):
 *
 *     const measured = aucCovariance(labels, [armSeed0, armSeed1, baseSeed0, baseSeed1], { groups });
 *     const { low, high, p } = inference(differenceOf(measured, [[0, 2], [1, 3]]));
 */

// Curves and the areas under them.

export { averagePrecision, type PrecisionRecallCurve, precisionRecallCurve } from './precision-recall.js';
export { auc, midRanks, type Numbers, type RocCurve, rocCurve, sensitivityAt } from './roc.js';

// The AUC's variance, interval and paired test on given classifiers (DeLong, by group); within subgroups.

export {
  type AucCovariance,
  aucCovariance,
  aucInterval,
  delongDifference,
  delongTest,
  type Interval,
  intervalAround,
} from './delong.js';
export { FEWEST_TO_JUDGE, subgroupAucDifference } from './subgroup-auc.js';

// Scores of a decision, of two classes and of several; what acting on a probability is worth.

export { benefitOfAll, benefitOfImages, netBenefit } from './decision-curve.js';
export {
  confusionMatrix,
  likeliest,
  type MultiClassScores,
  multiClassScorer,
  type OneClassScores,
  type OverallScores,
} from './multi-class.js';
export {
  type BinaryScores,
  binaryScorer,
  type Confusion,
  chooseThreshold,
  confusion,
  groupsBehind,
  LARGEST_LOG_LOSS,
  type SplitScores,
  splitScores,
} from './scores.js';

// Shares of images with Wilson's interval, and scores that have a range.

export { boundedInterval, pOfAlike, replicateInterval } from './bounded-interval.js';
export {
  type Proportion,
  proportion,
  proportionDifference,
  shareCovariance,
  wilsonInterval,
} from './proportion.js';

// Calibration: are probabilities what they say, and what would mend them.

export { type CalibrationBin, calibrationBins, calibrationError, calibrationFloor } from './calibration.js';
export { recalibrate } from './recalibration.js';
export {
  fitSoftmaxTemperature,
  fitTemperature,
  logit,
  logProbability,
  type Temperature,
  temper,
  temperSoftmax,
} from './temperature.js';

// Seeds, folds and generators as samples: estimates, intervals, equivalence.

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

// Paired tests over seeds, and the correction for making several, or for looking several times.

export { holm, spendingShares } from './multiplicity.js';
export { meanAndDeviation, pairedT, pooledSpread, spearman, wilcoxonSignedRank } from './paired.js';

// What a design can see: power, seeds, folds and groups needed; a trial that has not been run.

export { binormalCovariance } from './binormal.js';
export {
  chanceOfEffect,
  chanceOfEquivalence,
  type Design,
  detectableDifference,
  detectableFloor,
  foldsNeeded,
  groupsNeeded,
  seedsAndGroupsNeeded,
  seedsNeeded,
} from './power.js';

// The bootstrap by group, quantiles, and how many independent groups a class is worth.

export {
  classDraw,
  combineReplicates,
  groupDraw,
  hierarchicalBootstrap,
  percentileInterval,
  quantile,
  type ScoreReplicates,
  scoreReplicates,
} from './bootstrap.js';
export { clusterCovariance, effectiveGroups, effectiveSize } from './groups.js';

// How well categories predict a label, without a reward for memory.

export type { Codes } from './cross-fit.js';
export { crossFitAuc } from './cross-fit-auc.js';

// Distributions.

export { logGamma, normalCdf, normalQuantile, tCdf, tQuantile } from './distributions.js';
