/** One check of privacy: what was measured, what it is held to, and in a sentence what that means. */
import type { Authenticity } from './authenticity.js';
import type { CopyTest } from './copy-test.js';
import type { MatchedShare } from './matched-share.js';
import type { Membership } from './membership.js';
import type { NearCopies } from './near-copies.js';
import type { NearestDistances } from './nearest-distances.js';
import { type PictureCopies, symmetryNames } from './picture-copies.js';
import { imageName, type PrivacySets } from './sets.js';
import type { PrivacyThresholds } from './thresholds.js';

export interface PrivacyCheck {
  id:
    | 'pictureCopies'
    | 'shrunkenCopies'
    | 'featureCopies'
    | 'nearShare'
    | 'matchedShare'
    | 'copyTest'
    | 'authenticity'
    | 'membershipAuc'
    | 'membershipRate';
  name: string;
  /** Null where it could not be measured. */
  value: number | null;
  /** At the level of the false alarm, two-sided (99 %); null where the check has none. */
  interval: readonly [number, number] | null;
  /** What held-out images score, or what is expected of a generator that copies nothing. */
  reference: number | null;
  /** The worst value that passes. */
  threshold: number | null;
  /** What is compared with the threshold: the value, or an end of the interval. */
  compared: 'value' | 'low' | 'high';
  /** Which side of the threshold passes. */
  passes: 'atMost' | 'atLeast';
  /** Null: could not be decided, which is no pass. */
  passed: boolean | null;
  /** What it says and what it does not. */
  meaning: string;
  /** Why it could not be decided, or the worst images by name. */
  notes: string[];
}

/** Notes that more than one check has, each once: that there are too few images is no news the eighth time. */
export function sharedNotes(checks: readonly PrivacyCheck[]): string[] {
  const all = checks.flatMap(({ notes }) => [...new Set(notes)]);
  return [...new Set(all.filter((note, i) => all.indexOf(note) !== i))];
}

/** What a check passes with, in words: 'high end ≥ 0', '≤ 0.55'. */
export function passesWith({ threshold, compared, passes }: PrivacyCheck): string {
  if (threshold === null) return '–';
  const what = compared === 'value' ? '' : `${compared} end `;
  return `${what}${passes === 'atMost' ? '≤' : '≥'} ${checkNumber(threshold)}`;
}

/** A check's value with three digits that count; '–' for none. */
export const checkNumber = (value: number | null): string =>
  value === null ? '–' : String(Number(value.toPrecision(3))).replace('-', '−');

type Names = PrivacySets<readonly string[]> | undefined;
type Measured = Omit<PrivacyCheck, 'passed'>;

/** Copies that a note names. */
const NAMED = 5;
const NO_IMAGES = 'no images were given: give them beside the features';

const pair = ({ low, high }: { low: number; high: number }): readonly [number, number] => [low, high];
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Compares what the check says it compares; what is missing decides nothing. */
function decide(check: Measured): PrivacyCheck {
  const { value, interval, threshold, compared, passes } = check;
  const figure = compared === 'value' ? value : (interval?.[compared === 'low' ? 0 : 1] ?? null);
  const passed =
    figure === null || threshold === null
      ? null
      : passes === 'atMost'
        ? figure <= threshold
        : figure >= threshold;
  return { ...check, passed };
}

/**
 * @param pictures null where there were no images to compare
 * @param small null likewise
 */
export function checkPictureCopies(
  { pictures, small }: { pictures: PictureCopies | null; small: NearCopies | null },
  limits: PrivacyThresholds,
  names?: Names,
): PrivacyCheck {
  const copies = new Map<number, { synthetic: number; train: number; symmetry: number }>();
  for (const pair of pictures?.pairs ?? []) copies.set(pair.synthetic, pair);
  // Nearer than real pictures are to each other and likely by its details, too: two signs that err for different reasons.
  const likely = new Set(pictures?.likely.map(({ synthetic, train }) => `${synthetic} ${train}`));
  for (const pair of small?.pairs ?? []) {
    const near =
      pair.distance < limits.copyRatio * small!.threshold || likely.has(`${pair.synthetic} ${pair.train}`);
    if (near && !copies.has(pair.synthetic)) copies.set(pair.synthetic, pair);
  }
  const notes = pictures
    ? [...copies.values()]
        .slice(0, NAMED)
        .map(
          ({ synthetic, train, symmetry }) =>
            `${imageName(names, 'synthetic', synthetic)} shows ${imageName(names, 'train', train)}, ${symmetryNames[symmetry]}`,
        )
    : [NO_IMAGES];
  if (pictures && pictures.heldOut > 0) {
    notes.push(
      `${pictures.heldOut} held-out images show a training image too: remove near-duplicates, or look at the pairs`,
    );
  }
  return decide({
    id: 'pictureCopies',
    name: 'Copied pictures',
    value: pictures && copies.size,
    interval: null,
    reference: pictures?.heldOut ?? null,
    threshold: limits.pictureCopies,
    compared: 'value',
    passes: 'atMost',
    meaning:
      'How many synthetic images show the picture of a training image, also mirrored, turned, shifted, softer or noisier; a copied part of a picture is not found.',
    notes,
  });
}

const NEAR = {
  shrunkenCopies: {
    name: 'Pictures nearer than real ones are',
    meaning:
      'How many synthetic images, shrunken, come nearer to a training image (also mirrored or turned) than any two real images to each other; a few do by chance, and soft copies are found.',
  },
  featureCopies: {
    name: 'Features nearer than real ones are',
    meaning:
      'How many synthetic images come nearer to a training image in their features than any two real images to each other; a few do by chance, and mirrored copies are not found.',
  },
} as const;

/** @param near null where there were no images to compare */
export function checkNearCopies(
  id: 'shrunkenCopies' | 'featureCopies',
  near: NearCopies | null,
  names?: Names,
): PrivacyCheck {
  const blind = near?.threshold === 0;
  const notes = !near
    ? [NO_IMAGES]
    : blind
      ? ['two real images are at distance 0: remove duplicates, or give groups']
      : near.pairs
          .slice(0, NAMED)
          .map(
            ({ synthetic, train, distance, symmetry }) =>
              `${imageName(names, 'synthetic', synthetic)} is ${distance.toPrecision(3)} from ${imageName(names, 'train', train)}${symmetry > 0 ? ` ${symmetryNames[symmetry]}` : ''}; no two real images are nearer than ${near.threshold.toPrecision(3)}`,
          );
  // Of a handful of patients even as many as all of them may be chance.
  const hopeless = near !== null && near.limit >= near.synthetic;
  if (hopeless)
    notes.unshift('too few patients or lesions to decide: chance alone may bring all images so near');
  return decide({
    id,
    ...NEAR[id],
    value: near && !blind ? near.pairs.length : null,
    interval: null,
    reference: near?.expected ?? null,
    threshold: near && !hopeless ? near.limit : null,
    compared: 'value',
    passes: 'atMost',
    notes,
  });
}

export function checkNearShare(
  { near, mirrored }: Pick<NearestDistances, 'near' | 'mirrored'>,
  limits: PrivacyThresholds,
): PrivacyCheck {
  // Images blander than real ones are near to all of them: what they are near to held-out ones cannot be copying.
  const reference = Math.max(near.expected, mirrored.value);
  return decide({
    id: 'nearShare',
    name: 'Share near to training images',
    value: near.value,
    interval: pair(near.interval),
    reference,
    threshold: Math.max(limits.nearShareRatio * reference, near.limit),
    compared: 'value',
    passes: 'atMost',
    meaning:
      'Which share of the synthetic images is nearer to a training image than nearly all held-out ones, beside the share near to held-out images, which is as large where images are only blander than real ones.',
    notes: [
      `near to held-out images: ${percent(mirrored.value)}; expected of real images: ${percent(near.expected)}`,
    ],
  });
}

export function checkMatchedShare(share: MatchedShare, limits: PrivacyThresholds): PrivacyCheck {
  return decide({
    id: 'matchedShare',
    name: 'Nearer to training than to held-out images',
    value: share.value,
    interval: pair(share.chance),
    reference: 0.5,
    threshold: Math.max(limits.matchedShare, share.limit),
    compared: 'value',
    passes: 'atMost',
    meaning:
      'Which share of the synthetic images is nearer to the training images than to as many held-out ones; the interval is what chance gives, and a few copies among many images do not move it.',
    notes: [`both real sets cut to ${share.matched} images`],
  });
}

export function checkCopyTest(test: CopyTest, limits: PrivacyThresholds): PrivacyCheck {
  const used = test.cells.filter(({ z }) => z !== null).length;
  return decide({
    id: 'copyTest',
    name: 'Copy test (C_T, standardised)',
    value: test.z,
    interval: null,
    reference: 0,
    threshold: limits.copyTestZ,
    compared: 'value',
    passes: 'atLeast',
    meaning:
      'Whether synthetic images as a whole lie nearer to the training images than held-out ones do; far above 0 they lie further off, which is no copying but no likeness either.',
    notes: [
      test.value === null
        ? 'no cell holds enough images of every set'
        : `C_T ${test.value.toFixed(2)}, ${used} of ${test.cells.length} cells`,
    ],
  });
}

export function checkAuthenticity({ synthetic, heldOut, difference }: Authenticity): PrivacyCheck {
  return decide({
    id: 'authenticity',
    name: 'Authenticity, synthetic less held-out images',
    value: difference.value,
    interval: pair(difference),
    reference: 0,
    threshold: 0,
    compared: 'high',
    passes: 'atLeast',
    meaning:
      'Whether fewer synthetic than held-out images lie outside the gap around their nearest training image; new real images do not score 100 % either.',
    notes: [`synthetic ${percent(synthetic.value)}, held-out ${percent(heldOut.value)}`],
  });
}

export function checkMembershipAuc(attack: Membership, limits: PrivacyThresholds): PrivacyCheck {
  const { mean, interval } = attack.control;
  return decide({
    id: 'membershipAuc',
    name: 'Membership inference, AUC',
    value: attack.auc,
    interval: pair(attack.interval),
    reference: 0.5,
    threshold: limits.membershipAuc,
    compared: 'low',
    passes: 'atMost',
    meaning:
      'How well the distance to the nearest synthetic image tells training from held-out images, over all of them; an attacker who holds the generator itself may do better.',
    notes: [
      `training images against each other: ${mean.toFixed(3)} [${interval.low.toFixed(3)}, ${interval.high.toFixed(3)}]`,
    ],
  });
}

/** The largest of the false positive rates that were measured decides: of the smaller ones, chance knows more. */
export function checkMembershipRate(attack: Membership): PrivacyCheck {
  const rates = attack.truePositiveRates.filter(({ value }) => value !== null);
  const rate = rates.at(-1);
  return decide({
    id: 'membershipRate',
    name: 'Membership inference, true positive rate',
    value: rate?.value ?? null,
    interval: null,
    reference: rate?.expected ?? null,
    threshold: rate?.limit ?? null,
    compared: 'value',
    passes: 'atMost',
    meaning:
      'Which share of the training images the attack names while it wrongly names few held-out ones: whether it is sure about some, even if it guesses about the rest.',
    notes: attack.truePositiveRates.map(({ falsePositiveRate, value }) =>
      value === null
        ? `at a false positive rate of ${percent(falsePositiveRate)}: below one held-out image`
        : `at a false positive rate of ${percent(falsePositiveRate)}: ${percent(value)}`,
    ),
  });
}
