/** Memorisation and privacy of synthetic images. See docs/metrics.md. */
export {
  assessPrivacy,
  type PrivacyAssessment,
  type PrivacyInput,
  type PrivacyOptions,
} from './assess.js';
export { type Authenticity, type AuthenticShare, authenticity } from './authenticity.js';
export { type PrivacyCheck, sharedNotes } from './checks.js';
export { type CopyTest, type CopyTestCell, type CopyTestOptions, copyTest } from './copy-test.js';
export { kMeans, type Partition } from './k-means.js';
export { type MatchedShare, type MatchedShareOptions, matchedShare } from './matched-share.js';
export { type Membership, type MembershipOptions, membership, type TruePositiveRate } from './membership.js';
export {
  featureCopies,
  type NearCopies,
  type NearCopiesOptions,
  type NearCopy,
  shrunkenCopies,
} from './near-copies.js';
export {
  type NearestDistances,
  type NearestDistancesOptions,
  type NearShare,
  nearestDistances,
} from './nearest-distances.js';
export { type PictureCopies, type PictureCopy, pictureCopies, symmetryNames } from './picture-copies.js';
export type { PrivacySets, RealGroups } from './sets.js';
export { nearest, nearestOfOtherGroup } from './sets.js';
export { shrunken, shrunkenSymmetries } from './shrunken.js';
export { defaultThresholds, type PrivacyThresholds } from './thresholds.js';
