/**
 * How well categories predict a label, without a reward for memory: each fold is scored by what the other folds
 * taught, and only images of one fold are compared with each other.
 *
 * The scores are those of a ridge regression on the levels, written as 0/1 columns:
 *
 *   β = (XᵀX + λI)⁻¹ Xᵀ(y − ȳ),   score = Σ β of the image's levels
 *
 * With a single feature that is the shrunk class rate of target encoding, β = n(ȳ_level − ȳ) / (n + λ) (Micci-Barreca,
 * SIGKDD Explorations 2001); with several it is a regularised linear discriminant, which counts what features share
 * once. A linear score is enough: the levels of a feature are free, so that no shape of a relation is left out, only
 * what features say jointly.
 *
 * Why within folds: a fold with more positives than its share leaves fewer to the others, so that scores pooled over
 * folds run against the labels, and an AUC of chance comes out below 0.5 (Airola et al., Comput. Stat. Data Anal. 2011).
 * Within a fold all scores come from one model; where the labels have nothing to do with the features the expectation
 * is exactly 0.5. The AUC is the share of positive–negative pairs of one fold that are in order, ties a half.
 */
import type { Random } from 'graft-torch/base';
import type { Numbers } from './roc.js';

/** Codes 0…levels − 1, one an image. */
export type Codes = Uint16Array;

export interface CrossFit {
  /** NaN where no fold holds both classes. */
  auc: number;
  /**
   * What each image contributes to the deviation of the AUC from its expectation, scores taken as given: the sum of
   * squares (of sums a group) estimates the variance (LeDell, Petersen & van der Laan, Electron. J. Stat. 2015).
   */
  influence: Float64Array;
}

/** Refits for new labels of the same images; what only features and folds decide was worked out before. */
export interface CrossFitter {
  auc(labels: Numbers): number;
  fit(labels: Numbers): CrossFit;
}

/**
 * Deals groups out to folds, largest first, each to the fold that has the fewest images. The labels have no say, so
 * that exchanging them between groups is a test of chance.
 * @param groups one name an image
 * @returns the fold of each image
 */
export function dealFolds(groups: readonly string[], folds: number, random: Random): Uint8Array {
  const sizes = new Map<string, number>();
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const order = random.shuffle([...sizes.keys()]).sort((a, b) => sizes.get(b)! - sizes.get(a)!);
  const images = new Array<number>(folds).fill(0);
  const foldOf = new Map<string, number>();
  for (const group of order) {
    const fold = images.indexOf(Math.min(...images));
    foldOf.set(group, fold);
    images[fold]! += sizes.get(group)!;
  }
  return Uint8Array.from(groups, (group) => foldOf.get(group)!);
}

/** A fold; its slots are the combinations of levels that occur in it, and images of one slot have one score. */
interface FoldSlots {
  fold: number;
  from: number;
  to: number;
  images: number;
  /** Lower triangle of the Cholesky factor of XᵀX + λI over the other folds, `[levels, levels]`. */
  factor: Float64Array;
  /** Images of each level in the other folds. */
  trained: Float64Array;
}

/**
 * @param features one or more; all of one length
 * @param folds the fold of each image
 * @param options.shrinkage λ: a level counts in full once it has many more images than this
 */
export function crossFitter(
  features: readonly Codes[],
  folds: Uint8Array,
  options: { shrinkage: number },
): CrossFitter {
  const n = folds.length;
  const offsets: number[] = [];
  let size = 0;
  for (const codes of features) {
    offsets.push(size);
    size += codes.reduce((most, code) => Math.max(most, code + 1), 0);
  }

  // A slot is one combination of levels in one fold; slots of a fold stand together.
  const order = Uint32Array.from(folds, (_, i) => i).sort((a, b) => folds[a]! - folds[b]!);
  const slotOf = new Uint32Array(n);
  const levels: number[] = []; // [slots, features]
  const counts: number[] = [];
  const parts: FoldSlots[] = [];
  const seen = new Map<string, number>();
  const openPart = (fold: number): FoldSlots => {
    const none = new Float64Array(0);
    const part = { fold, from: counts.length, to: counts.length, images: 0, factor: none, trained: none };
    parts.push(part);
    seen.clear();
    return part;
  };
  for (const i of order) {
    const part = parts.at(-1)?.fold === folds[i] ? parts.at(-1)! : openPart(folds[i]!);
    const own = features.map((codes, f) => offsets[f]! + codes[i]!);
    const key = own.join();
    let slot = seen.get(key);
    if (slot === undefined) {
      slot = counts.length;
      seen.set(key, slot);
      levels.push(...own);
      counts.push(0);
      part.to = slot + 1;
    }
    slotOf[i] = slot;
    counts[slot]! += 1;
    part.images++;
  }

  const width = features.length;
  const gram = new Float64Array(size * size);
  const addGram = (to: Float64Array, { from, to: end }: FoldSlots, sign: number): void => {
    for (let slot = from; slot < end; slot++)
      for (let a = slot * width; a < (slot + 1) * width; a++)
        for (let b = slot * width; b <= a; b++) to[levels[a]! * size + levels[b]!]! += sign * counts[slot]!;
  };
  for (const part of parts) addGram(gram, part, 1);
  for (const part of parts) {
    part.factor = gram.slice();
    addGram(part.factor, part, -1);
    part.trained = Float64Array.from({ length: size }, (_, l) => part.factor[l * size + l]!);
    for (let l = 0; l < size; l++) part.factor[l * size + l]! += options.shrinkage;
    cholesky(part.factor, size);
  }

  const positives = new Float64Array(counts.length);
  const scores = new Float64Array(counts.length);
  /** Pairs in order, for each positive and each negative of a slot. */
  const wins = new Float64Array(counts.length);
  const losses = new Float64Array(counts.length);
  const total = new Float64Array(size);
  const beta = new Float64Array(size);
  const slots = Uint32Array.from(counts, (_, slot) => slot);

  const rank = (labels: Numbers): { inOrder: number; pairs: number } => {
    positives.fill(0);
    total.fill(0);
    let allPositives = 0;
    for (let i = 0; i < n; i++) {
      positives[slotOf[i]!]! += labels[i]!;
      allPositives += labels[i]!;
    }
    for (let at = 0; at < levels.length; at++) total[levels[at]!]! += positives[(at / width) | 0]!;
    let inOrder = 0;
    let pairs = 0;
    for (const { from, to, images, factor, trained } of parts) {
      let own = 0;
      for (let slot = from; slot < to; slot++) own += positives[slot]!;
      if (own === 0 || own === images) continue;
      const rate = (allPositives - own) / (n - images);
      for (let l = 0; l < size; l++) beta[l] = total[l]! - rate * trained[l]!;
      for (let at = from * width; at < to * width; at++) beta[levels[at]!]! -= positives[(at / width) | 0]!;
      solve(factor, beta);
      for (let slot = from; slot < to; slot++) {
        let score = 0;
        for (let at = slot * width; at < (slot + 1) * width; at++) score += beta[levels[at]!]!;
        scores[slot] = score;
      }
      inOrder += countPairs(slots.subarray(from, to), own);
      pairs += own * (images - own);
    }
    return { inOrder, pairs };
  };

  /** Sorts the slots of a fold by score and counts the pairs in order. */
  const countPairs = (own: Uint32Array, foldPositives: number): number => {
    own.sort((a, b) => scores[a]! - scores[b]!);
    let inOrder = 0;
    let negativesBelow = 0;
    let positivesBelow = 0;
    for (let start = 0; start < own.length; ) {
      let end = start;
      let tiedPositives = 0;
      let tiedNegatives = 0;
      for (; end < own.length && scores[own[end]!] === scores[own[start]!]; end++) {
        tiedPositives += positives[own[end]!]!;
        tiedNegatives += counts[own[end]!]! - positives[own[end]!]!;
      }
      const win = negativesBelow + tiedNegatives / 2;
      const loss = foldPositives - positivesBelow - tiedPositives / 2;
      for (; start < end; start++) {
        wins[own[start]!] = win;
        losses[own[start]!] = loss;
      }
      inOrder += tiedPositives * win;
      negativesBelow += tiedNegatives;
      positivesBelow += tiedPositives;
    }
    return inOrder;
  };

  return {
    auc: (labels) => {
      const { inOrder, pairs } = rank(labels);
      return inOrder / pairs;
    },
    fit: (labels) => {
      const { inOrder, pairs } = rank(labels);
      const auc = inOrder / pairs;
      const influence = new Float64Array(n);
      const foldPositives = new Map(
        parts.map(({ fold, from, to, images }) => {
          const own = positives.subarray(from, to).reduce((sum, one) => sum + one, 0);
          return [fold, { positives: own, negatives: images - own }];
        }),
      );
      for (let i = 0; i < n; i++) {
        const { positives: own, negatives } = foldPositives.get(folds[i]!)!;
        if (own === 0 || negatives === 0) continue;
        const slot = slotOf[i]!;
        influence[i] = (labels[i] === 1 ? wins[slot]! - auc * negatives : losses[slot]! - auc * own) / pairs;
      }
      return { auc, influence };
    },
  };
}

/** Cholesky factor of a symmetric positive definite matrix, in its lower triangle. */
function cholesky(matrix: Float64Array, size: number): void {
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * size + k]! * matrix[j * size + k]!;
      matrix[i * size + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * size + j]!;
    }
}

/** Solves L Lᵀ x = b in place. */
function solve(factor: Float64Array, b: Float64Array): void {
  const size = b.length;
  for (let i = 0; i < size; i++) {
    let sum = b[i]!;
    for (let k = 0; k < i; k++) sum -= factor[i * size + k]! * b[k]!;
    b[i] = sum / factor[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    const x = b[i]! / factor[i * size + i]!;
    b[i] = x;
    for (let k = 0; k < i; k++) b[k]! -= factor[i * size + k]! * x;
  }
}
