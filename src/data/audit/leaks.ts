/**
 * Leaks: what two splits share although they should share nothing. A model that has seen a patient, a lesion or the
 * picture itself in training is not tested by it.
 */
import { UnionFind } from '../dataset/groups.js';
import type { Leak, LeakKind } from './result.js';

/** What the search for leaks has to know of an image; empty or left out where it is not known. */
export interface LeakRow {
  id: string;
  split: string;
  sha256?: string;
  lesion?: string;
  patient?: string;
  group?: string;
}

/** The order in which leaks are told: from the picture itself to what merely belongs together. */
const kinds: readonly LeakKind[] = ['id', 'file', 'near-duplicate', 'lesion', 'patient', 'group'];

const shownKeys = 5;
const shownIds = 4;

/**
 * @param pairs ids of images that show one picture
 * @returns leaks by pair of splits, then by kind; within a leak the largest examples first
 */
export function findLeaks(
  rows: readonly LeakRow[],
  splits: readonly string[],
  pairs: readonly (readonly [string, string])[] = [],
): Leak[] {
  const clusterOf = duplicateClusters(pairs);
  const keyOf: Record<LeakKind, (row: LeakRow) => string | undefined> = {
    id: (row) => row.id,
    file: (row) => row.sha256,
    'near-duplicate': (row) => clusterOf.get(row.id),
    lesion: (row) => row.lesion,
    patient: (row) => row.patient,
    group: (row) => row.group,
  };
  const tables = kinds.map((kind) => ({ kind, bySplit: membersBySplit(rows, keyOf[kind]) }));
  const leaks: Leak[] = [];
  splits.forEach((first, a) => {
    for (const second of splits.slice(a + 1))
      for (const { kind, bySplit } of tables) {
        const [one, other] = [bySplit.get(first), bySplit.get(second)];
        if (!one || !other) continue;
        const shared = [...one.keys()].filter((key) => other.has(key));
        if (shared.length === 0) continue;
        const images = (of: ReadonlyMap<string, string[]>, keys: Iterable<string>): number =>
          [...keys].reduce((sum, key) => sum + of.get(key)!.length, 0);
        leaks.push({
          kind,
          splits: [first, second],
          groups: shared.length,
          images: [images(one, shared), images(other, shared)],
          known: [images(one, one.keys()), images(other, other.keys())],
          examples: shared
            .map((key) => ({ key, first: one.get(key)!, second: other.get(key)! }))
            .sort((p, q) => q.first.length + q.second.length - p.first.length - p.second.length)
            .slice(0, shownKeys)
            .map(({ key, first: ids, second: others }) => ({ key, ids: alternating(ids, others) })),
        });
      }
  });
  return leaks;
}

/** A few ids, of both splits in turn. */
function alternating(ids: readonly string[], others: readonly string[]): string[] {
  const both = Array.from({ length: shownIds / 2 }, (_, i) => [ids[i], others[i]]).flat();
  return [...new Set(both.filter((id) => id !== undefined))];
}

/** Images that show one picture, directly or over others, by the first id among them. */
function duplicateClusters(pairs: readonly (readonly [string, string])[]): Map<string, string> {
  const ids = [...new Set(pairs.flat())].sort();
  const place = new Map(ids.map((id, i) => [id, i]));
  const sets = new UnionFind(ids.length);
  for (const [a, b] of pairs) sets.union(place.get(a)!, place.get(b)!);
  return new Map(ids.map((id, i) => [id, ids[sets.find(i)]!]));
}

/** Split → key → ids. */
function membersBySplit(
  rows: readonly LeakRow[],
  keyOf: (row: LeakRow) => string | undefined,
): Map<string, Map<string, string[]>> {
  const table = new Map<string, Map<string, string[]>>();
  for (const row of rows) {
    const key = keyOf(row);
    if (!key) continue;
    let keys = table.get(row.split);
    if (!keys) {
      keys = new Map();
      table.set(row.split, keys);
    }
    const ids = keys.get(key);
    if (ids) ids.push(row.id);
    else keys.set(key, [row.id]);
  }
  return table;
}

const sharing: Record<LeakKind, string> = {
  id: 'are listed in',
  file: 'are the same file, byte for byte, as one in',
  'near-duplicate': 'show the same picture as one in',
  lesion: 'show a lesion that is also in',
  patient: 'show a patient who is also in',
  group: 'are of a group that is also in',
};

const knownBy: Record<LeakKind, string> = {
  id: 'with an id',
  file: 'whose file was hashed',
  'near-duplicate': 'that have a near-duplicate',
  lesion: 'whose lesion is known',
  patient: 'whose patient is known',
  group: 'with a group',
};

/** A plain sentence on each leak: how much of which split it touches, and what that means. */
export function explainLeaks(
  leaks: readonly Leak[],
  splitImages: Readonly<Record<string, number>>,
): string[] {
  return leaks.map(({ kind, splits: [first, second], images, known }) => {
    // Told of the split that is tested on: the smaller one.
    const at = splitImages[second]! <= splitImages[first]! ? 1 : 0;
    const [tested, other] = at === 1 ? [second, first] : [first, second];
    const all = splitImages[tested]!;
    const share = (part: number): string => `${((100 * images[at]!) / part).toFixed(1)} %`;
    const ofKnown =
      kind !== 'near-duplicate' && known[at] < all
        ? ` of the ${known[at].toLocaleString('en-US')} images of ${tested} ${knownBy[kind]} (${share(known[at])}), ${share(all)} of all ${all.toLocaleString('en-US')},`
        : ` of the ${all.toLocaleString('en-US')} images of ${tested} (${share(all)})`;
    return `${images[at]!.toLocaleString('en-US')}${ofKnown} ${sharing[kind]} ${other}.`;
  });
}
