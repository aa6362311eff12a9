/**
 * Memorisation and privacy: do synthetic images give their training images away? `assessPrivacy` runs every check on three
 * sets (what the generator saw, real images it did not see, synthetic ones) and says pass, fail or undecided; the checks
 * can be had one by one. docs/metrics.md has what each finds, and what it does not.
 *
 *   const { passed, checks } = assessPrivacy({ features: { train, heldOut, synthetic }, images, groups });
 */
export { assessPrivacy, type PrivacyAssessment, type PrivacyInput, type PrivacyOptions } from './assess.js';
// One check each.
export { type Authenticity, type AuthenticShare, authenticity } from './authenticity.js';
export { checkNumber, type PrivacyCheck, passesWith, sharedNotes } from './checks.js';
export { type CopyTest, type CopyTestCell, type CopyTestOptions, copyTest } from './copy-test.js';
// What they stand on, which the choice of images uses too.
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
export { defaultThresholds, type PrivacyThresholds, parseThresholds } from './thresholds.js';
