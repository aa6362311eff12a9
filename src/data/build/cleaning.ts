/**
 * Cleaning with receipts: what is removed for being a duplicate or a leak, `cleaning.csv` with every removal and its
 * reason.
 */
import { basename } from 'node:path';
import type { Split } from '../dataset/dataset.js';
import { UnionFind } from '../dataset/groups.js';
import {
  byKind,
  nameSome,
  type Problem,
  type ProblemKind,
  problem,
  problemKinds,
} from '../dataset/problems.js';
import type { DuplicatePair } from '../duplicates/duplicates.js';
import { writeTable } from '../table/table.js';

export const cleaningFile = 'cleaning.csv';

/** `remove`: one image of a set of duplicates stays; `group`: all stay, in one group and so in one split. */
export type DuplicatePolicy = 'remove' | 'group';
/** `keep`: all stay, each in its own group: near-duplicates are named, and nothing else. */
export type NearPolicy = DuplicatePolicy | 'keep';

/** What cleaning has to know of an image. */
export interface Cleanable {
  id: string;
  label: string;
  /** Path and place in the metadata table, for the receipts. */
  name: string;
  table: string;
  line: number;
  width: number;
  height: number;
  /** Where it is given. */
  split?: Split;
}

/** The particulars of an image as a receipt gives them. */
export const receipt = (
  kind: ProblemKind,
  { id, label, name, table, line }: Omit<Cleanable, 'width' | 'height'>,
  detail: string,
): Problem => problem(kind, { id, label, file: name, table: basename(table), line, detail });

/** The better protected a split is, the later it comes: what is in two of them is taken out of the earlier one. */
export const protection: Record<Split, number> = { train: 0, val: 1, test: 2 };

/**
 * Decides which duplicates go.
 *
 * Exact copies: the first by id stays; where labels differ, nobody knows which is right and all of them go. Near
 * ones: the largest stays, then the first by id; a picture goes only if it is a duplicate of one that stays (likeness
 * over a third picture does not count). Where splits are given, what is in test stays before what is in val, and that
 * before what is in train: a given test set does not lose images to training. Near-duplicates with different labels are not removed, whatever the policy:
 * two photographs of a lesion may rightly bear two readings, and grouping keeps them from leaking. Groups are made
 * before, so that a removed picture still ties together what it was a duplicate of.
 * @returns indices of the items to remove, with a receipt for each
 */
export function removeDuplicates(
  items: readonly Cleanable[],
  pairs: readonly DuplicatePair[],
  policy: { exact: DuplicatePolicy; near: NearPolicy },
): { gone: Set<number>; problems: Problem[] } {
  const problems: Problem[] = [];
  const gone = new Set<number>();
  const guarded = (i: number): number => protection[items[i]!.split ?? 'train'];
  const byId = (i: number, j: number): number => (items[i]!.id < items[j]!.id ? -1 : 1);
  const remove = (index: number, kind: ProblemKind, detail: string): void => {
    gone.add(index);
    problems.push(receipt(kind, items[index]!, detail));
  };

  if (policy.exact === 'remove') {
    const copies = new UnionFind(items.length);
    for (const { a, b, kind } of pairs) if (kind === 'exact') copies.union(a, b);
    const sets = new Map<number, number[]>();
    items.forEach((_, i) => {
      const root = copies.find(i);
      const set = sets.get(root);
      if (set) set.push(i);
      else sets.set(root, [i]);
    });
    for (const set of sets.values()) {
      if (set.length === 1) continue;
      const labels = new Set(set.map((i) => items[i]!.label));
      const [first, ...others] = [...set].sort((i, j) => guarded(j) - guarded(i) || byId(i, j));
      if (labels.size > 1) {
        const all = nameSome(set.map((i) => `${items[i]!.id} ${items[i]!.label}`));
        for (const i of set) remove(i, 'conflicting-duplicate', `same bytes, different labels: ${all}`);
      } else for (const i of others) remove(i, 'exact-duplicate', `same bytes as ${items[first!]!.id}`);
    }
  }
  if (policy.near === 'remove') {
    const partners = new Map<number, DuplicatePair[]>();
    for (const pair of pairs) {
      if (pair.kind !== 'near') continue;
      for (const end of [pair.a, pair.b]) {
        const own = partners.get(end);
        if (own) own.push(pair);
        else partners.set(end, [pair]);
      }
    }
    const area = (i: number): number => items[i]!.width * items[i]!.height;
    const order = [...partners.keys()].sort(
      (i, j) => guarded(j) - guarded(i) || area(j) - area(i) || byId(i, j),
    );
    const stays = new Set<number>();
    for (const i of order) {
      if (gone.has(i)) continue;
      const original = partners
        .get(i)!
        .map((pair) => ({ other: pair.a === i ? pair.b : pair.a, pair }))
        .find(({ other }) => stays.has(other) && items[other]!.label === items[i]!.label);
      if (!original) stays.add(i);
      else {
        const { other, pair } = original;
        const likeness =
          pair.correlation > 0 ? `details correlate at ${pair.correlation.toFixed(3)}` : 'named as known';
        remove(i, 'near-duplicate', `near-duplicate of ${items[other]!.id} (${likeness})`);
      }
    }
  }

  return { gone, problems };
}

/** Writes `cleaning.csv`: every removal with its reason, then every doubt. */
export function writeCleaning(path: string, problems: readonly Problem[]): void {
  const sorted = [...problems].sort(byKind);
  writeTable(
    path,
    ['reason', 'removed', 'id', 'file', 'table', 'line', 'label', 'detail'],
    sorted.map(({ kind, line, ...one }) => ({
      ...one,
      reason: kind,
      removed: problemKinds[kind].leaves === 'nothing' ? 'no' : 'yes',
      line: line === 0 ? '' : line,
    })),
  );
}
