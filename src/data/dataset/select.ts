/** Which images of a dataset are taken: the majority class cut, the whole reduced, both at random by seed and stratum. */
import { Random } from 'graft-torch/base';
import { type Problem, problem } from './problems.js';

/** What selection sees of an image. */
export interface Selectable {
  id: string;
  label: string;
  file: string;
  split: string;
}

export interface Selection {
  /** No class keeps more than so many images for each one of the rarest class; from 1. */
  majorityRatio?: number;
  /** Splits whose majority class is cut; default train alone, so that evaluation keeps its natural prevalence. */
  cutSplits?: readonly string[];
  /** Images to keep in all, in the ratio of classes and splits. */
  reduceTo?: number;
  seed: number;
}

/**
 * Shares `total` out over strata in proportion to their sizes (largest remainder), at least one each where that is
 * possible, never more than there are.
 */
export function shareOut(sizes: readonly number[], total: number): number[] {
  const all = sizes.reduce((a, b) => a + b, 0);
  if (total >= all) return [...sizes];
  const exact = sizes.map((size) => (size * total) / all);
  const shares = exact.map(Math.floor);
  const order = sizes
    .map((_, i) => i)
    .sort((i, j) => exact[j]! - shares[j]! - (exact[i]! - shares[i]!) || i - j);
  const left = total - shares.reduce((a, b) => a + b, 0);
  for (const i of order.slice(0, left)) shares[i]!++;
  for (const i of sizes.keys())
    if (shares[i] === 0 && sizes[i]! > 0) {
      const largest = shares.indexOf(Math.max(...shares));
      if (shares[largest]! < 2) break;
      shares[largest]!--;
      shares[i]!++;
    }
  return shares;
}

/**
 * @returns which images are kept, by index, in order, and a receipt for each of the others. The order of the images
 * does not matter: ids decide with the seed.
 */
export function select(
  images: readonly Selectable[],
  selection: Selection,
): { kept: number[]; problems: Problem[] } {
  const problems: Problem[] = [];
  let kept = images.map((_, i) => i).sort((i, j) => (images[i]!.id < images[j]!.id ? -1 : 1));
  const leave = (indices: readonly number[], kind: 'majority-cut' | 'not-drawn', detail: string): void => {
    const gone = new Set(indices);
    kept = kept.filter((i) => !gone.has(i));
    for (const i of indices) {
      const { id, file, label } = images[i]!;
      problems.push(problem(kind, { id, file, label, detail }));
    }
  };
  const members = (split: string, label: string): number[] =>
    kept.filter((i) => images[i]!.split === split && images[i]!.label === label);
  const labels = [...new Set(images.map(({ label }) => label))].sort();
  const random = new Random(selection.seed).fork('select');

  const { majorityRatio, cutSplits = ['train'], reduceTo } = selection;
  if (majorityRatio !== undefined)
    for (const split of cutSplits) {
      const byLabel = labels.map((label) => members(split, label));
      const rarest = Math.min(...byLabel.map((own) => own.length).filter((n) => n > 0));
      const most = Math.floor(rarest * majorityRatio);
      for (const own of byLabel)
        if (own.length > most)
          leave(
            random.shuffle([...own]).slice(most),
            'majority-cut',
            `more than ${majorityRatio} : 1 in ${split}`,
          );
    }
  if (reduceTo !== undefined && reduceTo < kept.length) {
    const strata = [...new Set(images.map(({ split }) => split))]
      .sort()
      .flatMap((split) => labels.map((label) => members(split, label)))
      .filter((own) => own.length > 0);
    const shares = shareOut(
      strata.map((own) => own.length),
      reduceTo,
    );
    strata.forEach((own, i) => {
      leave(random.shuffle([...own]).slice(shares[i]!), 'not-drawn', `reduction to ${reduceTo} images`);
    });
  }
  return { kept: kept.sort((i, j) => i - j), problems };
}
