/**
 * Group-aware stratified split: each group goes to one of train, val, test as a whole, and each class is shared out
 * in the given fractions, counting images. Groups are dealt out largest first (a large one cannot be fitted in at
 * the end), each to the split whose counts come nearest to their targets by it; equal sizes in an order that
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
 * What is to be shared out evenly: each class, all images, and the groups of about one size within a class, so that
 * repeated lesions do not all end up in training.
 */
interface Group {
  name: string;
  size: number;
  /** Images by stratum. */
  strata: Map<string, number>;
}

function gather(items: readonly { group: string; label: string }[]): Group[] {
  const labels = new Map<string, Map<string, number>>();
  for (const { group, label } of items) {
    const counts = labels.get(group) ?? new Map<string, number>();
    counts.set(label, (counts.get(label) ?? 0) + 1);
    labels.set(group, counts);
  }
  return [...labels].map(([name, counts]) => {
    const size = [...counts.values()].reduce((a, b) => a + b, 0);
    const [main] = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]!;
    const strata = new Map([...counts].map(([label, n]) => [`class ${label}`, n]));
    strata.set('all', size);
    strata.set(`size ${Math.ceil(Math.log2(size))} ${main}`, size);
    return { name, size, strata };
  });
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
  const order = gather(items).sort((a, b) => (a.name < b.name ? -1 : 1));
  new Random(seed).fork('split').shuffle(order);
  order.sort((a, b) => b.size - a.size); // stable: the shuffle decides among equals

  const totals = new Map<string, number>();
  for (const { strata } of order)
    for (const [stratum, n] of strata) totals.set(stratum, (totals.get(stratum) ?? 0) + n);
  const open = splits.filter((split) => fractions[split] > 0);
  const have = new Map(open.map((split) => [split, new Map<string, number>()]));

  // Change of χ² = Σ (have − target)² / target over the strata if the group is added.
  const cost = (split: Split, group: Group): number => {
    let sum = 0;
    for (const [stratum, n] of group.strata) {
      const target = fractions[split] * totals.get(stratum)!;
      const had = have.get(split)!.get(stratum) ?? 0;
      sum += (n * n + 2 * n * (had - target)) / target;
    }
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
    const counts = have.get(best)!;
    for (const [stratum, n] of group.strata) counts.set(stratum, (counts.get(stratum) ?? 0) + n);
  }
  return items.map((item) => assigned.get(item.group)!);
}
