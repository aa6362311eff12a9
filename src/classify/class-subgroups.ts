/**
 * Does a classifier with several classes serve all alike? Subgroups hold other mixtures of classes, and some classes are
 * easier: accuracies of two subgroups are no measure of how they are served. So they are compared by the mean sensitivity
 * over those classes that both sides have enough of, every class with the same weight.
 *
 * The variance of the difference is the bootstrap's over groups, which knows patients with images on both sides; p-values
 * are corrected over all subgroups (Holm 1979).
 */

import type { Random } from 'graft-torch/base';
import type { Partition } from '../data/dataset/index.js';
import type { Interval } from '../stats/index.js';
import {
  boundedInterval,
  classDraw,
  effectiveGroups,
  meanAndDeviation,
  normalCdf,
  normalQuantile,
  type Proportion,
  proportion,
  replicateInterval,
} from '../stats/index.js';
import type { ClassScoreRow } from './scores.js';
import { type SubgroupTable, tabulate } from './subgroups.js';

/** Classes with fewer groups (patients, lesions, images) than this on either side are left out of the comparison. */
export const FEWEST_GROUPS_OF_A_CLASS = 10;

/** Deviations below this are rounding. */
const NOISE = 1e-9;

export interface ClassSubgroup {
  value: string;
  images: number;
  /** Share of its images that are called what they are: hangs on its mixture of classes. */
  accuracy: Proportion | null;
  /** Indices of the classes that it and the rest have enough of. */
  judged: number[];
  /** Fewer than two such classes: not compared. */
  few: boolean;
  /** Mean sensitivity over the judged classes; null where there are few. */
  balancedAccuracy: { value: number; interval: Interval } | null;
  /** To all other images whose value is known, over the same classes; null where there are few, or no spread. */
  difference: (Interval & { difference: number; p: number; holm: number | null }) | null;
}

interface Decision {
  /** How many there are. */
  classes: number;
  truths: readonly number[];
  calls: readonly number[];
}

/**
 * @param rows images of one split
 * @param partitions of the same images in the same order
 */
export function classSubgroupTables(
  rows: readonly ClassScoreRow[],
  partitions: readonly Partition[],
  { replicates, random, ...decision }: Decision & { replicates: number; random: Random },
): SubgroupTable<ClassSubgroup>[] {
  if (partitions.length === 0) return [];
  const draw = classDraw(
    decision.truths,
    rows.map(({ group }) => group),
  );
  // One draw serves all subgroups.
  const compared = partitions.flatMap(({ of, values }) =>
    values.map((value) => new Comparison(rows, decision, { of, value })),
  );
  for (let replicate = 0; replicate < replicates; replicate++) {
    const weights = draw(random);
    for (const one of compared) one.add(weights);
  }
  let at = 0;
  return tabulate(
    partitions,
    () => compared[at++]!.result(),
    ({ difference }) => difference,
  );
}

/** Mean sensitivities of a subgroup and of the rest, under weights. */
class Comparison {
  readonly value: string;
  readonly #inside: boolean[];
  /** Images on either side, of the judged classes alone. */
  readonly #sides: [inside: number[], outside: number[]];
  readonly #judged: number[];
  readonly #drawn: { own: number; difference: number }[] = [];

  constructor(
    readonly rows: readonly ClassScoreRow[],
    readonly decision: Decision,
    { of, value }: { of: Partition['of']; value: string },
  ) {
    this.value = value;
    this.#inside = of.map((name) => name === value);
    const isOutside = of.map((name) => name !== null && name !== value);
    const { truths, classes } = decision;
    const groupsOf = (k: number, isThere: readonly boolean[]): number =>
      new Set(rows.filter((_, i) => truths[i] === k && isThere[i]).map(({ group }) => group)).size;
    this.#judged = Array.from({ length: classes }, (_, k) => k).filter((k) =>
      [this.#inside, isOutside].every((side) => groupsOf(k, side) >= FEWEST_GROUPS_OF_A_CLASS),
    );
    const judged = new Set(this.#judged);
    const imagesOf = (isThere: readonly boolean[]): number[] =>
      [...rows.keys()].filter((i) => isThere[i] && judged.has(truths[i]!));
    this.#sides = [imagesOf(this.#inside), imagesOf(isOutside)];
  }

  get #few(): boolean {
    return this.#judged.length < 2;
  }

  #means(weights?: ArrayLike<number>): { own: number; difference: number } {
    const { truths, calls, classes } = this.decision;
    const [own, rest] = this.#sides.map((images) => {
      const right = new Float64Array(classes);
      const all = new Float64Array(classes);
      for (const i of images) {
        const weight = weights?.[i] ?? 1;
        all[truths[i]!]! += weight;
        if (truths[i] === calls[i]) right[truths[i]!]! += weight;
      }
      return this.#judged.reduce((sum, k) => sum + right[k]! / all[k]!, 0) / this.#judged.length;
    }) as [number, number];
    return { own, difference: own - rest };
  }

  add(weights: ArrayLike<number>): void {
    if (this.#few) return;
    const means = this.#means(weights);
    // A replicate may hold no image of a class on one side.
    if (Number.isFinite(means.difference)) this.#drawn.push(means);
  }

  result(): ClassSubgroup {
    const { truths, calls } = this.decision;
    const own = [...this.rows.keys()].filter((i) => this.#inside[i]);
    const accuracy = proportion(
      own.map((i) => (truths[i] === calls[i] ? 1 : 0)),
      { groups: own.map((i) => this.rows[i]!.group) },
    );
    const found = { value: this.value, images: own.length, accuracy, judged: this.#judged, few: this.#few };
    if (this.#few || this.#drawn.length === 0) return { ...found, balancedAccuracy: null, difference: null };
    const { own: value, difference } = this.#means();
    const interval = replicateInterval(
      this.#drawn.map((drawn) => drawn.own),
      { value, groups: this.#fewestGroups() },
    )!;
    const balancedAccuracy = { value, interval };
    const { deviation } = meanAndDeviation(this.#drawn.map((drawn) => drawn.difference));
    // Every image of a class alike (all found, or none): nothing is known of the spread.
    if (deviation < NOISE) return { ...found, balancedAccuracy, difference: null };
    const reach = normalQuantile(0.975) * deviation;
    const p = 2 * normalCdf(-Math.abs(difference) / deviation);
    const bounded = boundedInterval(
      { low: difference - reach, high: difference + reach },
      { value: difference, groups: this.#fewestGroups(), range: [-1, 1] },
    );
    return { ...found, balancedAccuracy, difference: { difference, ...bounded, p, holm: null } };
  }

  /** Effective groups of the judged class that has fewest of them in the subgroup. */
  #fewestGroups(): number {
    const own = [...this.rows.keys()].filter((i) => this.#inside[i]);
    return Math.min(
      ...this.#judged.map(
        (k) =>
          effectiveGroups(
            own.map((i) => (this.decision.truths[i] === k ? 1 : 0)),
            own.map((i) => this.rows[i]!.group),
          ).positives,
      ),
    );
  }
}
