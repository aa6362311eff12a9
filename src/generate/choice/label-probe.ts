/**
 * Does an image show the class it was drawn as? A linear probe says so: logistic regression on a backbone's features
 * (Alain & Bengio, "Understanding intermediate layers using linear classifier probes", 2016), fitted to training images
 * alone. Classes are weighed alike, or a probe of a rare class would agree with nothing:
 *
 *   min over w, b:  ½ ‖w‖² + C Σ s_i log(1 + exp(−y_i (w·x_i + b))),  s_i = N / (2 N of its class),  y = ±1
 *
 * x are features standardised by the training images; solved by Newton's method in float64. How well the probe knows the
 * classes is measured out of fold, whole groups held out: a probe that does not know them filters at random.
 */

import { aten, cat, noGrad, ones, type Tensor, tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { DataError } from 'graft-torch/base';
import { requireFeatureSet, rowsOf } from '../../metrics/distribution/index.js';

/** C: scikit-learn's default. */
const INVERSE_PENALTY = 1;
const MAX_ITERATIONS = 50;
/** The largest change of a weight at which the solution stands. */
const TOLERANCE = 1e-9;
const FOLDS = 5;

/** A fitted probe; its tensors belong to the scope of whoever fitted it. */
export interface Probe {
  /** float64 `[1, D]`: of the training images. */
  mean: Tensor;
  deviation: Tensor;
  /** float64 `[D + 1, 1]`, the intercept last. */
  weights: Tensor;
}

/**
 * @param features `[N, D]`
 * @param targets 1 of the class, 0 of another; both must be there
 * @throws DataError where a class is missing or features are not finite
 */
export function fitProbe(features: Tensor, targets: ArrayLike<number>): Probe {
  requireFeatureSet('label agreement', features, { which: 'real' });
  const n = features.shape[0]!;
  const positives = Array.from(targets).filter((target) => target === 1).length;
  if (positives === 0 || positives === n)
    throw new DataError(
      `label agreement: ${positives} of ${n} training images are of the class; it takes images of another class, too: choose without filtered`,
    );
  return tidy(() =>
    noGrad(() => {
      const x = features.detach().to({ device: 'cpu', dtype: 'float64' });
      const mean = x.mean([0], true);
      const spread = x.sub(mean).square().mean([0], true).sqrt();
      // A feature that never changes says nothing; dividing by its rounding would make it loud.
      const deviation = spread.add(spread.lt(1e-12).to({ dtype: 'float64' }));
      const y = tensor(targets, [n, 1], { dtype: 'float64' });
      const weight = y.mul(n / (2 * positives)).add(y.sub(1).mul(-n / (2 * (n - positives))));
      return { mean, deviation, weights: newton(withOnes(x.sub(mean).div(deviation)), y, weight) };
    }),
  );
}

const withOnes = (x: Tensor): Tensor => cat([x, ones([x.shape[0]!, 1], { dtype: 'float64' })], 1);

/** @param x `[N, D + 1]`; y, weight `[N, 1]` */
function newton(x: Tensor, y: Tensor, weight: Tensor): Tensor {
  const width = x.shape[1]!;
  const penalty = ones([width, 1], { dtype: 'float64' });
  penalty.narrow(0, width - 1, 1).fill_(0); // none on the intercept
  const sign = y.mul(2).sub(1);
  const lossOf = (w: Tensor): number =>
    tidy(() => {
      const misfit = aten.softplus(x.matmul(w).mul(sign).neg()).mul(weight).sum().mul(INVERSE_PENALTY);
      return misfit.add(w.square().mul(penalty).sum().div(2)).item();
    });
  let w = penalty.mul(0);
  let loss = lossOf(w);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const step = tidy(() => {
      const p = x.matmul(w).sigmoid();
      const gradient = x.t().matmul(p.sub(y).mul(weight)).mul(INVERSE_PENALTY).add(w.mul(penalty));
      const curvature = p.mul(p.neg().add(1)).mul(weight).mul(INVERSE_PENALTY);
      const hessian = x.t().matmul(x.mul(curvature)).add(aten.diag(penalty.flatten()));
      return aten.linalg_solve(hessian, gradient);
    });
    // Far from the solution a whole step may overshoot.
    let share = 1;
    let next = w.sub(step);
    for (let nextLoss = lossOf(next); ; nextLoss = lossOf(next)) {
      if (nextLoss <= loss || share < 1e-6) {
        loss = nextLoss;
        break;
      }
      share /= 2;
      next = w.sub(step.mul(share));
    }
    w = next;
    if (step.abs().amax().item() * share < TOLERANCE) break;
  }
  return w;
}

/**
 * @param features `[N, D]`
 * @returns probability of the class as if both sides were equally frequent, N values in 0…1
 */
export const probabilities = (probe: Probe, features: Tensor): Float64Array =>
  tidy(() =>
    noGrad(() => {
      const x = features.to({ device: 'cpu', dtype: 'float64' }).sub(probe.mean).div(probe.deviation);
      return withOnes(x).matmul(probe.weights).sigmoid().flatten().toArray() as Float64Array;
    }),
  );

/** What a probe knows: shares of real images that it was not fitted to. */
export interface ProbeQuality {
  /** Of the class, that agree. */
  sensitivity: number;
  /** Of other classes, that do not agree. */
  specificity: number;
  /** Whether balanced accuracy is above guessing by two standard errors. */
  knows: boolean;
}

/**
 * Cross-validation over whole groups: at most five folds, each with groups of both sides.
 *
 * @param groups patient or lesion of each image
 * @param threshold least probability that agrees
 * @throws DataError where a side has fewer than two groups
 */
export function probeQuality(
  features: Tensor,
  targets: ArrayLike<number>,
  options: { groups: readonly string[]; threshold: number; random: Random },
): ProbeQuality {
  const { groups, threshold, random } = options;
  const folds = dealFolds(targets, groups, random);
  const rightly = [0, 0];
  const counts = [0, 0];
  for (let fold = 0; fold <= Math.max(...folds); fold++) {
    const rows = (held: boolean): number[] => [...folds.keys()].filter((i) => (folds[i] === fold) === held);
    const [fitted, held] = [rows(false), rows(true)];
    const found = tidy(() => {
      const probe = fitProbe(
        rowsOf(features, fitted),
        fitted.map((i) => targets[i]!),
      );
      return probabilities(probe, rowsOf(features, held));
    });
    held.forEach((i, at) => {
      const target = targets[i]!;
      counts[target]! += 1;
      if (found[at]! >= threshold === (target === 1)) rightly[target]! += 1;
    });
  }
  const [specificity, sensitivity] = rightly.map((right, side) => right / counts[side]!) as [number, number];
  const variance = (share: number, count: number): number => (share * (1 - share)) / count;
  const error = Math.sqrt(variance(specificity, counts[0]!) + variance(sensitivity, counts[1]!)) / 2;
  return { sensitivity, specificity, knows: (sensitivity + specificity) / 2 - 0.5 > 2 * error };
}

/** Fold of each image. Groups are dealt out side by side, so that every fold has some of both. */
function dealFolds(targets: ArrayLike<number>, groups: readonly string[], random: Random): number[] {
  const sides: Set<string>[] = [new Set(), new Set()];
  // A group with images of both sides counts with the class.
  groups.forEach((group, i) => {
    sides[targets[i]!]!.add(group);
  });
  for (const group of sides[1]!) sides[0]!.delete(group);
  const fewest = Math.min(...sides.map((side) => side.size));
  if (fewest < 2)
    throw new DataError(
      `label agreement: ${fewest} groups of one side in the training split; it takes two or more of both to say how well classes are known`,
    );
  const count = Math.min(FOLDS, fewest);
  const foldOf = new Map<string, number>();
  for (const side of sides) {
    random.shuffle([...side]).forEach((group, i) => {
      foldOf.set(group, i % count);
    });
  }
  return groups.map((group) => foldOf.get(group)!);
}
