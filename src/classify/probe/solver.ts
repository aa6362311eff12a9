/**
 * Many logistic regressions over one matrix of features, solved together: the strengths of a grid, the folds of a
 * cross-validation (a row that is held out weighs 0). Problem p minimises
 *
 *   ½ Σ_j λ_jp ‖w_jp‖² + Σ_i r_ip · loss(x_i · w_p, y_i)
 *
 * One logit a row (K = 1, sigmoid) or one a class (softmax). L-BFGS (Nocedal & Wright, Numerical Optimization, 2006,
 * algorithm 7.4) with a state of its own for each problem: one product of matrices serves them all, and whoever has
 * arrived leaves the batch. Logits are linear in the weights, so those along a direction cost one product, and the line
 * search (Newton's method, kept inside a bracket, on the derivative: the strong Wolfe condition of a convex function)
 * needs none.
 *
 * Problems that are not there after PLAIN_ITERATIONS go on alone, preconditioned by the Cholesky factor of their
 * Hessian where they stand (of each class alone, where all
 * together would be large): what is badly conditioned takes tens of steps then, not thousands.
 */
import { cat, dispose, full, type Tensor, tidy, where, zeros } from 'graft-torch';
import { chances, inner, pick, product } from './batch.js';
import { factorsOf, solvedBy } from './hessian.js';
import { lineSearch } from './line-search.js';

const f64 = { dtype: 'float64' } as const;
/** Pairs of steps and changes of the gradient that are kept. */
const HISTORY = 12;
/** A factor costs as much as a hundred steps in a batch, or some fifty of a problem alone. */
const PLAIN_ITERATIONS = 100;
const PLAIN_ALONE = 40;
/** Steps until the factor is taken anew. */
const FACTOR_ITERATIONS = 40;
/** Factors of wider matrices take more time and memory than they save. */
const WIDEST_FACTOR = 6000;
/** Logits that are held at once: N · P · K; 128 MB. */
const BATCH_LOGITS = 2 ** 24;

/** All float64, but for `x` as it is said. */
export interface LogisticProblems {
  /**
   * `[N, D]`, the intercept's constant among the columns. In float32 products take half the time, and gradients stand to
   * some 1e-6 of their terms.
   */
  x: Tensor;
  /** `[N, 1, K]`: 0 or 1; K = 1 for two classes. */
  targets: Tensor;
  /** r, `[N, P, 1]`, ≥ 0: C times the weight of a row. */
  rowWeights: Tensor;
  /** λ, `[D, P, 1]`, ≥ 0. */
  penalty: Tensor;
  /** Largest entry of the gradient at which each of the P problems is solved. */
  tolerances: readonly number[];
  maxIterations: number;
}

export interface LogisticSolution {
  /** `[D, P, K]`. */
  weights: Tensor;
  /** Of each problem. */
  iterations: number[];
  /** Largest entry of each problem's gradient. */
  gradients: number[];
}

/** Solves all of them. Whoever asks compares `gradients` with the tolerances: not everybody may have arrived. */
export function solveLogistic(problems: LogisticProblems): LogisticSolution {
  const { x, targets, tolerances } = problems;
  const count = tolerances.length;
  const most = Math.max(1, Math.floor(BATCH_LOGITS / (x.shape[0]! * targets.shape[2]!)));
  return tidy(() => {
    const parts: LogisticSolution[] = [];
    for (let start = 0; start < count; start += most) {
      const ids = Array.from({ length: Math.min(most, count - start) }, (_, i) => start + i);
      parts.push(solveBatch(problems, ids));
    }
    return {
      weights: cat(
        parts.map(({ weights }) => weights),
        1,
      ),
      iterations: parts.flatMap(({ iterations }) => iterations),
      gradients: parts.flatMap(({ gradients }) => gradients),
    };
  });
}

function solveBatch(problems: LogisticProblems, ids: readonly number[]): LogisticSolution {
  const { x, targets, maxIterations } = problems;
  const [width, classes] = [x.shape[1]!, targets.shape[2]!];
  const result = {
    weights: zeros([width, ids.length, classes], f64),
    iterations: ids.map(() => 0),
    gradients: ids.map(() => Number.POSITIVE_INFINITY),
  };
  const canFactor = width <= WIDEST_FACTOR;
  const worthwhile = canFactor ? (ids.length === 1 ? PLAIN_ALONE : PLAIN_ITERATIONS) : maxIterations;
  const plain = Math.min(worthwhile, maxIterations);
  let left = descend(problems, ids, { result, places: [...ids.keys()], steps: plain });
  for (let spent = plain; left.length > 0 && spent < maxIterations; spent += FACTOR_ITERATIONS) {
    const steps = Math.min(FACTOR_ITERATIONS, maxIterations - spent);
    left = left.flatMap((place) =>
      descend(problems, [ids[place]!], { result, places: [place], steps, factor: true }),
    );
  }
  return result;
}

/** A step, the change of the gradient by it, and 1 / their product. */
interface Pair {
  step: Tensor;
  change: Tensor;
  inverse: Tensor;
}

/**
 * L-BFGS from where `result` stands, at most `steps` of it.
 * @param ids problems; `places` theirs in `result`, which is brought up to date
 * @returns places of those that have not arrived
 */
function descend(
  problems: LogisticProblems,
  ids: readonly number[],
  {
    result,
    places: given,
    steps,
    factor = false,
  }: { result: LogisticSolution; places: readonly number[]; steps: number; factor?: boolean },
): number[] {
  return tidy(() => {
    const { x, targets } = problems;
    const allowed = new Map(given.map((place, i) => [place, problems.tolerances[ids[i]!]!]));
    let places = [...given];
    let rowWeights = pick(problems.rowWeights, ids);
    let penalty = pick(problems.penalty, ids);
    let w = pick(result.weights, places);
    let z = product(x, w);
    const gradientOf = (): Tensor =>
      tidy(() => product(x.t(), chances(z).sub(targets).mul(rowWeights)).add(penalty.mul(w)));
    let g = gradientOf();
    const factors = factor ? factorsOf(x, { z, rowWeights, penalty }) : null;
    let pairs: Pair[] = [];

    for (let step = 0; ; step++) {
      const largest = Array.from(tidy(() => g.abs().amax([0, 2]).toArray() as Float64Array));
      places.forEach((place, i) => {
        result.gradients[place] = largest[i]!;
      });
      const arrived = (i: number): boolean => largest[i]! <= allowed.get(places[i]!)!;
      const staying = [...places.keys()].filter((i) => !arrived(i));
      if (staying.length < places.length || step === steps) {
        tidy(() => {
          places.forEach((place, i) => {
            result.weights.select(1, place).copy_(w.select(1, i));
          });
        });
        places = staying.map((i) => places[i]!);
        if (places.length === 0 || step === steps) return places;
        const old = [rowWeights, penalty, w, z, g, pairs];
        [rowWeights, penalty, w, z, g] = [rowWeights, penalty, w, z, g].map((it) => pick(it, staying)) as [
          Tensor,
          Tensor,
          Tensor,
          Tensor,
          Tensor,
        ];
        pairs = pairs.map((pair) => ({
          step: pick(pair.step, staying),
          change: pick(pair.change, staying),
          inverse: pick(pair.inverse, staying),
        }));
        for (const it of old) dispose(it);
      }

      const { pair, gradient } = tidy(() => {
        let direction = directionOf(g, pairs, factors);
        let slope = inner(g, direction);
        if (!slope.lt(0).all().item()) {
          // Rounding has spoilt the history.
          direction = directionOf(g, [], factors);
          slope = inner(g, direction);
        }
        const along = product(x, direction);
        const share = lineSearch({ z, along, targets, rowWeights, slope, ...ridge(penalty, w, direction) });
        const moved = direction.mul(share);
        w.add_(moved);
        z.add_(along.mul(share));
        const gradient = gradientOf();
        const change = gradient.sub(g);
        const curvature = inner(moved, change);
        // A pair without curvature is left out of its problem's history: its factor is 0.
        const inverse = where(curvature.gt(0), curvature.clamp({ min: 1e-300 }).pow(-1), curvature.mul(0));
        return { pair: { step: moved, change, inverse }, gradient };
      });
      dispose(g);
      g = gradient;
      pairs.push(pair);
      if (pairs.length > HISTORY) dispose(pairs.shift());
      for (const place of places) result.iterations[place]! += 1;
    }
  });
}

/** What the penalty adds to the slope along a direction: at the start, and for each step of it. */
const ridge = (penalty: Tensor, w: Tensor, direction: Tensor): { linear: Tensor; quadratic: Tensor } => {
  const pulled = penalty.mul(direction);
  return { linear: inner(pulled, w), quadratic: inner(pulled, direction) };
};

/** The two loops. */
function directionOf(g: Tensor, pairs: readonly Pair[], factors: Tensor | null): Tensor {
  return tidy(() => {
    const q = g.clone();
    const shares: Tensor[] = [];
    for (const { step, change, inverse } of [...pairs].reverse()) {
      const share = inner(step, q).mul_(inverse);
      shares.push(share);
      q.sub_(change.mul(share));
    }
    const last = pairs.at(-1);
    const direction = factors ? solvedBy(factors, q) : q.mul(last ? scaleOf(last) : inner(g, g).rsqrt());
    for (const { step, change, inverse } of pairs) {
      const share = shares.pop()!;
      direction.add_(step.mul(share.sub(inner(change, direction).mul_(inverse))));
    }
    return direction.neg();
  });
}

/** The size of the Hessian's inverse along the last step; 1 where that had no curvature. */
function scaleOf({ change, inverse }: Pair): Tensor {
  const scale = inverse.mul(inner(change, change));
  return where(scale.gt(0), scale.clamp({ min: 1e-300 }).pow(-1), full(scale.shape, 1, f64));
}
