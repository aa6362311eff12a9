/**
 * All checks of memorisation and privacy together, as a verdict that a reviewer can follow: each check with its value,
 * what real images or chance give, the threshold it is held to, and a sentence on what it says and what it does not.
 *
 * A pass is no proof of privacy (that is differential privacy's business): it says that what these checks would have
 * found is not there. What could not be decided is not passed.
 */
import { DataError } from 'graft-torch/base';
import type { DistanceMetric } from '../distribution/exact-distances.js';
import { authenticity } from './authenticity.js';
import {
  checkAuthenticity,
  checkCopyTest,
  checkMatchedShare,
  checkMembershipAuc,
  checkMembershipRate,
  checkNearCopies,
  checkNearShare,
  checkPictureCopies,
  type PrivacyCheck,
} from './checks.js';
import { copyTest } from './copy-test.js';
import { waysToHoldOut } from './grouped-chance.js';
import { matchedShare } from './matched-share.js';
import { membership } from './membership.js';
import { featureCopies, type NearCopies, shrunkenCopies } from './near-copies.js';
import { nearestDistances } from './nearest-distances.js';
import { type PictureCopies, pictureCopies } from './picture-copies.js';
import {
  joinPictures,
  type PrivacySets,
  type RealGroups,
  requireGroups,
  requireSets,
  setNames,
} from './sets.js';
import { completeThresholds, type PrivacyThresholds } from './thresholds.js';

export interface PrivacyInput {
  /** [N, D] of one backbone. */
  features: PrivacySets;
  /** uint8 [N, 3, H, W], in the order of the features. Without them pictures cannot be compared, and nothing passes. */
  images?: PrivacySets;
  /** Patient or lesion of each real image. */
  groups?: RealGroups;
  /** Names for messages; a set of none has an empty list. */
  names?: PrivacySets<readonly string[]>;
}

export interface PrivacyOptions {
  /** Default euclidean. */
  metric?: DistanceMetric;
  /** Default 0. */
  seed?: number;
  /** Of the search for copied pictures, which takes nearly all of the time. */
  onProgress?: (done: number, total: number) => void;
}

export interface PrivacyAssessment {
  /** True only if every check passed; false if one failed; else null. */
  passed: boolean | null;
  checks: PrivacyCheck[];
  counts: PrivacySets<number>;
  thresholds: PrivacyThresholds;
  /** The synthetic images that show a training image, or come nearer to one than real images do to each other. */
  copies: { pictures: PictureCopies | null; shrunken: NearCopies | null; features: NearCopies };
}

/**
 * @param thresholds that differ from `defaultThresholds`
 * @throws DataError if a set has fewer than two images, features are not finite or differ in length, or names, groups
 *   or images do not fit the features
 */
export function assessPrivacy(
  input: PrivacyInput,
  thresholds: Partial<PrivacyThresholds> = {},
  options: PrivacyOptions = {},
): PrivacyAssessment {
  const limits = completeThresholds(thresholds);
  const { features, images, groups, names } = input;
  requireInput(input);
  const { falseAlarm } = limits;
  const common = { ...options, falseAlarm, level: 1 - 2 * falseAlarm };
  const counts = { train: 0, heldOut: 0, synthetic: 0 };
  for (const set of setNames) counts[set] = features[set].shape[0]!;

  const pictures = images ? pictureCopies(images, { onProgress: options.onProgress }) : null;
  const apart = joinPictures(counts, pictures?.realPairs ?? [], groups);
  const near = featureCopies(features, { ...common, groups: apart });
  const small = images ? shrunkenCopies(images, { falseAlarm, groups: apart }) : null;
  const attack = membership(features, { ...common, groups });
  const checks = [
    checkPictureCopies({ pictures, small }, limits, names),
    ...[
      checkNearCopies('shrunkenCopies', small, names),
      checkNearCopies('featureCopies', near, names),
      checkNearShare(nearestDistances(features, { ...common, groups }), limits),
      checkMatchedShare(matchedShare(features, { ...common, groups }), limits),
      checkCopyTest(copyTest(features, { ...options, groups: groups?.heldOut }), limits),
      checkAuthenticity(authenticity(features, { ...common, groups })),
      checkMembershipAuc(attack, limits),
      checkMembershipRate(attack),
    ].map((check) => withEnoughGroups(withEnough(check, counts, limits), groups, limits)),
  ];
  const verdicts = checks.map((check) => check.passed);
  return {
    passed: verdicts.includes(false) ? false : verdicts.includes(null) ? null : true,
    checks,
    counts,
    thresholds: limits,
    copies: { pictures, shrunken: small, features: near },
  };
}

const words: PrivacySets<string> = { train: 'training', heldOut: 'held-out', synthetic: 'synthetic' };

/** A check that rests on statistics decides nothing about a handful of images. A copy that is seen needs no more. */
function withEnough(
  check: PrivacyCheck,
  counts: PrivacySets<number>,
  { minimum }: PrivacyThresholds,
): PrivacyCheck {
  const few = setNames
    .filter((set) => counts[set] < minimum[set])
    .map((set) => `${counts[set]} ${words[set]} images: at least ${minimum[set]} are needed`);
  return few.length === 0 ? check : { ...check, passed: null, notes: [...few, ...check.notes] };
}

/** What a check that compares seen with unseen real images needs: those of copies have training images to compare as well. */
const COPY_CHECKS: readonly PrivacyCheck['id'][] = ['pictureCopies', 'shrunkenCopies', 'featureCopies'];

/** If few groups could have been held out in their place, chance alone gives whatever was found, now and then. */
function withEnoughGroups(
  check: PrivacyCheck,
  groups: RealGroups | undefined,
  { falseAlarm }: PrivacyThresholds,
): PrivacyCheck {
  if (!groups || COPY_CHECKS.includes(check.id)) return check;
  const { held, all, ways } = waysToHoldOut(groups);
  if (ways * falseAlarm >= 2) return check;
  const note = `${held} of ${all} patients or lesions were held out, which can be chosen in ${ways} ways: too few to decide`;
  return { ...check, passed: null, notes: [note, ...check.notes] };
}

function requireInput({ features, images, groups, names }: PrivacyInput): void {
  requireSets('privacy', features, names);
  if (groups) requireGroups('privacy', features, groups);
  for (const set of setNames) {
    const count = features[set].shape[0]!;
    for (const [what, found] of [
      ['images', images?.[set].shape[0]],
      ['names', names?.[set].length || undefined],
    ] as const) {
      if (found !== undefined && found !== count) {
        throw new DataError(
          `privacy: ${found} ${what} for ${count} rows of features of ${set}: give one each, in one order`,
        );
      }
    }
  }
}
