/**
 * Group-aware stratified dealing, into train, val and test or into folds: each group goes to one part as a whole, and
 * each class (and, where asked for, each site or age band within it) is shared out in the given fractions, counting
 * images. Groups are dealt out largest first (a large one cannot be fitted in at the end), each to the part whose
 * counts come nearest to their targets by it; equal sizes in an order that the seed decides. Then groups change
 * parts where a class would be missing from one although it has groups enough (cover.ts). Deterministic: the order of
 * the items does not matter.
 */
import { ConfigError, Random } from 'graft-torch/base';
import { dayReader, isMissing, numberReader, oneSpelling } from '../table/cell.js';
import { coverClasses } from './cover.js';
import type { Split } from './dataset.js';

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

/** One image, as dealing sees it. */
export interface Dealt {
  group: string;
  label: string;
  /** What is to be shared out evenly within the class as well, such as `site torso`; see {@link strataOf}. */
  strata?: readonly string[];
}

/**
 * What is to be shared out evenly: each class, all images, the strata, and the groups of about one size within a
 * class, so that repeated lesions do not all end up in training.
 */
interface Group {
  name: string;
  size: number;
  labels: string[];
  /** Images by stratum. */
  strata: Map<string, number>;
}

function gather(items: readonly Dealt[]): Group[] {
  const members = new Map<string, Dealt[]>();
  for (const item of items) {
    const own = members.get(item.group);
    if (own) own.push(item);
    else members.set(item.group, [item]);
  }
  return [...members].map(([name, own]) => {
    const strata = new Map<string, number>();
    const add = (stratum: string, n = 1): void => {
      strata.set(stratum, (strata.get(stratum) ?? 0) + n);
    };
    const labels = new Map<string, number>();
    for (const { label, strata: further = [] } of own) {
      labels.set(label, (labels.get(label) ?? 0) + 1);
      add(`class ${label}`);
      for (const stratum of further) add(`class ${label}, ${stratum}`);
    }
    const size = own.length;
    const [main] = [...labels].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]!;
    add('all', size);
    add(`size ${Math.ceil(Math.log2(size))} ${main}`, size);
    return { name, size, labels: [...labels.keys()], strata };
  });
}

/**
 * Deals groups into parts; `shares` sum to 1, a part of nothing stays empty.
 * @param options.priority parts that a class with few groups should be in, the most important first; default: any
 */
function deal<Part extends string>(
  items: readonly Dealt[],
  shares: Readonly<Record<Part, number>>,
  { random, priority }: { random: Random; priority?: readonly Part[] },
): Part[] {
  const order = gather(items).sort((a, b) => (a.name < b.name ? -1 : 1));
  random.shuffle(order);
  order.sort((a, b) => b.size - a.size); // stable: the shuffle decides among equals

  const totals = new Map<string, number>();
  for (const { strata } of order)
    for (const [stratum, n] of strata) totals.set(stratum, (totals.get(stratum) ?? 0) + n);
  const open = (Object.keys(shares) as Part[]).filter((part) => shares[part] > 0);
  const have = open.map(() => new Map<string, number>());

  // Change of χ² = Σ (have − target)² / target over the strata if the group is added.
  const cost = (part: number, group: Group): number => {
    let sum = 0;
    for (const [stratum, n] of group.strata) {
      const target = shares[open[part]!] * totals.get(stratum)!;
      const had = have[part]!.get(stratum) ?? 0;
      sum += (n * n + 2 * n * (had - target)) / target;
    }
    return sum;
  };
  const count = (part: number, group: Group, sign: 1 | -1): void => {
    const counts = have[part]!;
    for (const [stratum, n] of group.strata) counts.set(stratum, (counts.get(stratum) ?? 0) + sign * n);
  };
  const partOf = order.map((group) => {
    let best = 0;
    let lowest = Number.POSITIVE_INFINITY;
    for (const part of open.keys()) {
      const value = cost(part, group);
      if (value < lowest - 1e-12) {
        lowest = value;
        best = part;
      }
    }
    count(best, group, 1);
    return best;
  });
  coverClasses({
    classes: order.map(({ labels }) => labels),
    part: partOf,
    parts: open.length,
    priority: priority?.map((part) => open.indexOf(part)).filter((part) => part >= 0),
    cost: (i, to) => {
      const group = order[i]!;
      const from = partOf[i]!;
      count(from, group, -1);
      const change = cost(to, group) - cost(from, group);
      count(from, group, 1);
      return change;
    },
    onMove: (i, from, to) => {
      count(from, order[i]!, -1);
      count(to, order[i]!, 1);
    },
    random: random.fork('cover'),
  });
  const assigned = new Map(order.map(({ name }, i) => [name, open[partOf[i]!]!]));
  return items.map((item) => assigned.get(item.group)!);
}

/**
 * A class with as many groups as there are splits is in each of them; one with fewer is in train, then in test. Only
 * groups of several classes can make that impossible.
 * @param items one an image
 * @param fractions sum to 1
 * @returns the split of each item
 */
export function assignSplits(items: readonly Dealt[], fractions: Fractions, seed: number): Split[] {
  const { train, val, test } = fractions;
  return deal<Split>(
    items,
    { train, val, test },
    // What is not learned cannot be found, and what is not tested is not known to be.
    { random: new Random(seed).fork('split'), priority: ['train', 'test', 'val'] },
  );
}

/**
 * K folds of equal size for cross-validation. A class with K groups or more is in every fold, one with fewer in as many
 * folds as it has groups.
 * @param k from 2
 * @returns the fold of each item, 1…k
 * @throws ConfigError when there are fewer groups than folds
 */
export function assignFolds(items: readonly Dealt[], k: number, seed: number): number[] {
  const groups = new Set(items.map((item) => item.group)).size;
  if (groups < k)
    throw new ConfigError(`${k} folds need as many groups, but there are ${groups}; ask for fewer folds`);
  const shares = Object.fromEntries(Array.from({ length: k }, (_, i) => [`fold ${i + 1}`, 1 / k]));
  return deal(items, shares, { random: new Random(seed).fork('folds') }).map((part) => Number(part.slice(5)));
}

/** More numbers than these are put into bands. */
const fewValues = 12;
const bands = 4;

/**
 * The strata that metadata columns make: their values, whatever their spelling; the quarters of a column that holds more
 * than 12 different numbers or days (so age becomes age bands); what is missing is a stratum of its own.
 * @param rows metadata by column, one row an image
 * @returns names such as `sex female`, for each image
 */
export function strataOf(
  rows: readonly Readonly<Record<string, string>>[],
  columns: readonly string[],
): string[][] {
  const namers = columns.map((column) => {
    const name = stratumNamer(rows.map((row) => row[column] ?? ''));
    return (row: Readonly<Record<string, string>>) => `${column} ${name(row[column] ?? '')}`;
  });
  return rows.map((row) => namers.map((name) => name(row)));
}

function stratumNamer(cells: readonly string[]): (cell: string) => string {
  const orderOf = numberReader(cells) ?? dayReader(cells);
  const ordered = orderOf && cells.map(orderOf).filter((value) => value !== undefined);
  if (!orderOf || !ordered || new Set(ordered).size <= fewValues) {
    const spelling = oneSpelling(cells.filter((cell) => !isMissing(cell, 'value')));
    return (cell) => (isMissing(cell, orderOf ? 'number' : 'value') ? 'missing' : spelling.of(cell));
  }
  ordered.sort((a, b) => a - b);
  const cuts = Array.from(
    { length: bands - 1 },
    (_, i) => ordered[Math.floor(((i + 1) * ordered.length) / bands)]!,
  );
  return (cell) => {
    const value = orderOf(cell);
    return value === undefined ? 'missing' : `band ${cuts.filter((cut) => value >= cut).length + 1}`;
  };
}
