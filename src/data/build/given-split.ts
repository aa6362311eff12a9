/** Splits that the source gives: what they tear apart, and what they leave open. */
import { DataError } from 'graft-torch/base';
import type { Split } from '../dataset/dataset.js';
import { nameSome, type Problem, problem } from '../dataset/problems.js';
import { assignSplits, type Fractions } from '../dataset/split.js';
import { protection, receipt } from './cleaning.js';
import type { DatasetItem } from './item.js';

/** Groups that a given split tears apart. */
export function tornGroups(
  items: readonly { group: string; split: Split }[],
): Map<string, { most: Split; images: number }> {
  const seen = new Map<string, { splits: Set<Split>; images: number }>();
  for (const { group, split } of items) {
    const one = seen.get(group) ?? { splits: new Set(), images: 0 };
    one.splits.add(split);
    one.images++;
    seen.set(group, one);
  }
  return new Map(
    [...seen]
      .filter(([, { splits }]) => splits.size > 1)
      .map(([group, { splits, images }]) => [
        group,
        { most: [...splits].sort((a, b) => protection[b] - protection[a])[0]!, images },
      ]),
  );
}

/**
 * Groups that a given split tears apart: refused, or their images leave every split but the best protected one.
 * @throws DataError with the number of groups and images, and what can be done
 */
export function dropLeaks<Item extends { item: DatasetItem; group: string }>(
  items: readonly Item[],
  leaks: 'refuse' | 'drop',
): { kept: Item[]; problems: Problem[] } {
  const torn = tornGroups(items.map(({ item, group }) => ({ group, split: item.split! })));
  if (torn.size > 0 && leaks === 'refuse') {
    const images = [...torn.values()].reduce((sum, one) => sum + one.images, 0);
    throw new DataError(
      `the given split tears ${torn.size} groups (${images} images) apart: ${nameSome([...torn.keys()], 3)}; leave their images out of training with --leaks drop, or let Graft split`,
    );
  }
  const leaves = ({ item, group }: Item): boolean => torn.has(group) && torn.get(group)!.most !== item.split;
  return {
    kept: items.filter((one) => !leaves(one)),
    problems: items
      .filter(leaves)
      .map(({ item, group }) =>
        receipt(
          'leaking-image',
          item,
          `in ${item.split}, but ${group} is in ${torn.get(group)!.most} as well`,
        ),
      ),
  };
}

/** A given split without validation images gets them from its training groups, in the ratio of the fractions. */
export function completeSplit(
  given: readonly Split[],
  dealt: readonly { group: string; label: string; strata: string[] }[],
  { fractions, seed }: { fractions: Fractions; seed: number },
): Split[] {
  if (given.includes('val') || fractions.val === 0) return [...given];
  const trained = given.map((_, i) => i).filter((i) => given[i] === 'train');
  const sum = fractions.train + fractions.val;
  const parts = assignSplits(
    trained.map((i) => dealt[i]!),
    { train: fractions.train / sum, val: fractions.val / sum, test: 0 },
    seed,
  );
  const assigned = [...given];
  trained.forEach((i, at) => {
    assigned[i] = parts[at]!;
  });
  return assigned;
}

/** A doubt for each column of which most images have a stratum to themselves. */
export function fineStrata(columns: readonly string[], strata: readonly (readonly string[])[]): Problem[] {
  return columns.flatMap((column, i) => {
    const counts = new Map<string, number>();
    for (const own of strata) counts.set(own[i]!, (counts.get(own[i]!) ?? 0) + 1);
    const single = [...counts.values()].filter((count) => count === 1).length;
    return 2 * single > strata.length && single > 2
      ? [
          problem('fine-strata', {
            detail: `${column}: ${single} of ${strata.length} images have a value of their own, which cannot be shared out`,
          }),
        ]
      : [];
  });
}
