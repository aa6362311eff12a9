/**
 * Where two arms seem alike because there is nothing to see: collapsed classifiers, one and the same classifier twice,
 * baselines that tell nothing, tests that everybody passes. No evidence of a difference is none of equivalence.
 */
import type { Interval } from '../stats/index.js';
import type { Reader } from './image-sets.js';

/**
 *   few-groups   too few independent groups of a class, or one that dominates: no verdict of any kind
 *   inverted     an arm's interval lies below 0.5: higher scores mean negative, or the other class was meant
 *   copies       seeds of an arm have one and the same scores: a run counts once
 *   constant     an arm gives all images one score, or nearly so
 *   identical    both arms rank every image alike, in half of the runs or more
 *   saturated    the arms differ on hardly any group, so that no variance could be seen
 *   chance       the baseline's interval holds 0.5: it may know nothing
 */
export type Degeneracy =
  | 'few-groups'
  | 'inverted'
  | 'copies'
  | 'constant'
  | 'identical'
  | 'saturated'
  | 'chance';

/** Below these degrees of freedom (effective groups of a class, less one) an estimate of variance is worth nothing. */
export const LEAST_DEGREES_OF_FREEDOM = 4;

/** Share of a run's positive–negative pairs with equal scores from which on it tells images hardly apart. */
const MOSTLY_TIED = 0.5;

/** Share of the positive–negative pairs whose scores are equal. */
export function tiedShare(labels: readonly number[], scores: readonly number[]): number {
  const counts = new Map<number, [negatives: number, positives: number]>();
  let [negatives, positives] = [0, 0];
  labels.forEach((label, i) => {
    const own = counts.get(scores[i]!) ?? [0, 0];
    own[label === 1 ? 1 : 0]++;
    counts.set(scores[i]!, own);
    if (label === 1) positives++;
    else negatives++;
  });
  let tied = 0;
  for (const [n, p] of counts.values()) tied += n * p;
  return tied / (negatives * positives);
}

export interface DegenerateInput {
  /** Of the class that has fewer. */
  effectiveGroups: number;
  /** Paired runs of both arms with the labels of the images that they scored. */
  pairs: readonly { labels: readonly (0 | 1)[]; readers: readonly [Reader, Reader] }[];
  /** The interval is as narrow as so few groups allow: see `isSaturated` of ../stats/seeds.ts. */
  saturated: boolean;
  baseline: Interval;
  arm: Interval;
}

export function degeneracies(input: DegenerateInput): Degeneracy[] {
  const { effectiveGroups, pairs, saturated, baseline, arm } = input;
  const same = pairs.filter(({ readers: [a, b] }) => sameOrder(a.scores, b.scores));
  const alike = pairs.length > 0 && 2 * same.length >= pairs.length;
  const found: (Degeneracy | false)[] = [
    effectiveGroups - 1 < LEAST_DEGREES_OF_FREEDOM && 'few-groups',
    (baseline.high < 0.5 || arm.high < 0.5) && 'inverted',
    (isCollapsed(pairs, 0) || isCollapsed(pairs, 1)) && 'constant',
    pairs.length > 0 && hasCopies(pairs.map(({ readers }) => readers[0])) && 'copies',
    alike && 'identical',
    saturated && !alike && 'saturated',
    baseline.low <= 0.5 && baseline.high >= 0.5 && 'chance',
  ];
  return found.filter((one) => one !== false);
}

/** Whether one side of the pairs, the arm (0) or the baseline (1), tells images hardly apart in half of its runs or more. */
export function isCollapsed(pairs: DegenerateInput['pairs'], side: 0 | 1): boolean {
  const collapsed = pairs.filter(
    ({ labels, readers }) => tiedShare(labels, readers[side].scores) > MOSTLY_TIED,
  );
  return pairs.length > 0 && 2 * collapsed.length >= pairs.length;
}

/** Whether two runs of one fold rank every image alike: by chance no two trainings do. */
export function hasCopies(readers: readonly Reader[]): boolean {
  const byFold = new Map<number, Reader[]>();
  for (const reader of readers) {
    const others = byFold.get(reader.fold) ?? [];
    if (others.some((other) => sameOrder(other.scores, reader.scores) && spreadOf(reader) > 2)) return true;
    byFold.set(reader.fold, [...others, reader]);
  }
  return false;
}

/** Number of different scores: hard labels and collapsed classifiers agree without being copies. */
const spreadOf = ({ scores }: Reader): number => new Set(scores).size;

/** Whether two lists of scores put the images in the same order, ties included. */
function sameOrder(a: readonly number[], b: readonly number[]): boolean {
  const order = a.map((_, i) => i).sort((i, j) => a[i]! - a[j]! || b[i]! - b[j]!);
  return order.every((image, at) => {
    if (at === 0) return true;
    const before = order[at - 1]!;
    return Math.sign(a[image]! - a[before]!) === Math.sign(b[image]! - b[before]!);
  });
}
