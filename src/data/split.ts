/**
 * Group-aware stratified split: each group goes to one of train, val, test as a whole, and each class is shared out
 * in the given fractions, counting images. Groups are dealt out largest first (a large one cannot be fitted in at
 * the end), each to the split whose class counts come nearest to their targets by it; equal sizes in an order that
 * the seed decides. Deterministic: the order of the items does not matter.
 */
import { ConfigError } from '../errors.js';
import { Random } from '../random.js';
import { type Split, splits } from './dataset.js';

export type Fractions = Record<Split, number>;

/** The original project's 70 / 15 / 15. */
export const defaultFractions: Fractions = { train: 0.7, val: 0.15, test: 0.15 };

/**
 * Reads `70/15/15` (or `0.7/0.15/0.15`) as fractions of train, val and test.
 * @throws ConfigError when there are not three numbers ≥ 0 that sum to 100 or 1, or nothing is left for training
 */
export function parseFractions(text: string): Fractions {
  const parts = text.split('/').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const sum = parts.reduce((a, b) => a + b, 0);
  const scale = Math.abs(sum - 100) < 1e-6 ? 100 : Math.abs(sum - 1) < 1e-6 ? 1 : Number.NaN;
  const [train = 0, val = 0, test = 0] = parts.map((part) => part / scale);
  if (parts.length !== 3 || Number.isNaN(scale) || parts.some((part) => !(part >= 0)) || train === 0)
    throw new ConfigError(`split '${text}': expected train/val/test in per cent, as in 70/15/15`);
  return { train, val, test };
}

/**
 * @param items one an image
 * @param fractions sum to 1
 * @returns the split of each item
 */
export function assignSplits(
  items: readonly { group: string; label: string }[],
  fractions: Fractions,
  seed: number,
): Split[] {
  const classes = [...new Set(items.map((item) => item.label))].sort();
  const classIndex = new Map(classes.map((label, i) => [label, i]));
  const totals = new Float64Array(classes.length);
  const groups = new Map<string, { name: string; size: number; counts: Float64Array }>();
  for (const { group, label } of items) {
    let entry = groups.get(group);
    if (!entry) {
      entry = { name: group, size: 0, counts: new Float64Array(classes.length) };
      groups.set(group, entry);
    }
    const c = classIndex.get(label)!;
    entry.size++;
    entry.counts[c]!++;
    totals[c]!++;
  }

  const order = [...groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  new Random(seed).fork('split').shuffle(order);
  order.sort((a, b) => b.size - a.size); // stable: the shuffle decides among equals

  const open = splits.filter((split) => fractions[split] > 0);
  const have = new Map(open.map((split) => [split, { counts: new Float64Array(classes.length), size: 0 }]));
  // Change of Σ (have − target)² / total over classes, and of the same for all images, by adding the group.
  const cost = (split: Split, group: { size: number; counts: Float64Array }): number => {
    const { counts, size } = have.get(split)!;
    const change = (n: number, had: number, total: number): number =>
      (n * n + 2 * n * (had - fractions[split] * total)) / total;
    let sum = change(group.size, size, items.length);
    for (let c = 0; c < classes.length; c++)
      if (group.counts[c]! > 0) sum += change(group.counts[c]!, counts[c]!, totals[c]!);
    return sum;
  };
  const assigned = new Map<string, Split>();
  for (const group of order) {
    let best = open[0]!;
    let lowest = Number.POSITIVE_INFINITY;
    for (const split of open) {
      const value = cost(split, group);
      if (value < lowest - 1e-12) {
        lowest = value;
        best = split;
      }
    }
    assigned.set(group.name, best);
    const target = have.get(best)!;
    target.size += group.size;
    for (let c = 0; c < classes.length; c++) target.counts[c]! += group.counts[c]!;
  }
  return items.map((item) => assigned.get(item.group)!);
}
