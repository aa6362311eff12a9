/**
 * Which near-duplicates make one group. Pairs are taken strongest first. A pair that is certain joins whatever its two
 * images are in by then. One that is not joins two groups only if half of the pairs across are alike as well: so a
 * chain, A like B and B like C, does not put A and C together where nothing but its weakest link says so.
 */

import type { NearPolicy } from '../build/cleaning.js';
import { assignGroups, type Groupable, UnionFind } from '../dataset/groups.js';
import { type Problem, problem } from '../dataset/problems.js';
import type { DuplicatePair } from './duplicates.js';
import { evidenceOf } from './near.js';
import { sheetFile } from './near-sheet.js';

/** Evidence (near.ts) at which no pair of different pictures was seen: well above the least that joins. */
const certain = 0.9;
/** Share of the pairs between two groups that must be alike, for one that is not certain to join them. */
const leastAcross = 0.5;

/** Pairs that somebody named are certain, as are copies of a file. */
const strength = (pair: DuplicatePair): number =>
  pair.kind === 'exact' || pair.correlation === 0 ? Number.POSITIVE_INFINITY : evidenceOf(pair);

/**
 * @param count of images
 * @param policy `keep`: only copies of a file and pairs that somebody named are joined
 * @returns the pairs that join, and those that do not, each in the order given
 */
export function joiningPairs(
  count: number,
  pairs: readonly DuplicatePair[],
  policy: NearPolicy = 'group',
): { joining: DuplicatePair[]; apart: DuplicatePair[] } {
  const sets = new UnionFind(count);
  const members = new Map<number, number[]>();
  const membersOf = (root: number): number[] => members.get(root) ?? [root];
  const alike = new Set(pairs.map(({ a, b }) => a * count + b));
  const joins = new Set<DuplicatePair>();
  const considered =
    policy === 'keep' ? pairs.filter((pair) => !Number.isFinite(strength(pair))) : [...pairs];
  for (const pair of considered.sort((p, q) => strength(q) - strength(p) || p.a - q.a || p.b - q.b)) {
    const [a, b] = [sets.find(pair.a), sets.find(pair.b)];
    if (a === b) {
      joins.add(pair);
      continue;
    }
    const [one, other] = [membersOf(a), membersOf(b)];
    if (strength(pair) < certain) {
      let across = 0;
      for (const i of one)
        for (const j of other) if (alike.has(Math.min(i, j) * count + Math.max(i, j))) across++;
      if (across < leastAcross * one.length * other.length) continue;
    }
    sets.union(a, b);
    members.set(sets.find(a), [...one, ...other]);
    joins.add(pair);
  }
  return {
    joining: pairs.filter((pair) => joins.has(pair)),
    apart: pairs.filter((pair) => !joins.has(pair)),
  };
}

/**
 * Without the pairs that a patient or a lesion joins as well: of HAM10000's 1,390 these are all but 23. Where the search
 * errs there, nothing comes of it, and among so many nobody would find those that rest on the search alone. Not so where
 * one image of a pair is removed.
 */
export function restingOnPixels(
  items: readonly Groupable[],
  { joining, apart }: ReturnType<typeof joiningPairs>,
  policy: NearPolicy,
): ReturnType<typeof joiningPairs> {
  if (policy === 'remove') return { joining, apart };
  const known = assignGroups(items, []);
  const unknown = ({ a, b }: DuplicatePair): boolean => known[a] !== known[b];
  return { joining: joining.filter(unknown), apart: apart.filter(unknown) };
}

/** Pairs that are more than this share of the images, or a set with more than this share of them, call for a look. */
const suspicious = { pairs: 0.1, set: 0.01 };
/** In a small dataset a pair or two are no sign of anything. */
const fewest = { pairs: 5, set: 5 };

const whole = (n: number): string => n.toLocaleString('en-US');

/** What should make somebody look at the near-duplicates that were found. */
export function nearDoubts(
  ids: readonly string[],
  { joining, apart }: ReturnType<typeof joiningPairs>,
  policy: NearPolicy,
): Problem[] {
  const doubts: Problem[] = [];
  const found = [...joining, ...apart].filter(({ kind, correlation }) => kind === 'near' && correlation > 0);
  const largest = largestSet(
    ids.length,
    policy === 'keep' ? found : joining.filter((pair) => found.includes(pair)),
  );
  const many = found.length > Math.max(fewest.pairs, suspicious.pairs * ids.length);
  if (many || largest > Math.max(fewest.set, suspicious.set * ids.length))
    doubts.push(
      problem('many-near-duplicates', {
        detail: `${whole(found.length)} near-duplicate pairs among ${whole(ids.length)} images, the largest set of ${whole(largest)}: look at ${sheetFile} in the dataset’s folder; if different pictures are among them, raise --near-evidence or give --near-duplicates keep`,
      }),
    );
  if (policy !== 'keep')
    for (const pair of apart)
      doubts.push(
        problem('alike-apart', {
          id: ids[pair.b]!,
          detail: `alike to ${ids[pair.a]} (evidence ${evidenceOf(pair).toFixed(2)}), but most of what each is grouped with is not: look at them`,
        }),
      );
  return doubts;
}

/** The number of images in the largest set that pairs join. */
function largestSet(count: number, pairs: readonly DuplicatePair[]): number {
  const sets = new UnionFind(count);
  for (const { a, b } of pairs) sets.union(a, b);
  const sizes = new Map<number, number>();
  for (const { a, b } of pairs) for (const i of [a, b]) sizes.set(sets.find(i), 0);
  for (let i = 0; i < count; i++) {
    const root = sets.find(i);
    if (sizes.has(root)) sizes.set(root, sizes.get(root)! + 1);
  }
  return Math.max(0, ...sizes.values());
}
