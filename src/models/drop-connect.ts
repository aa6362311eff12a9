/** Stochastic depth: training drops the branches of residual blocks for some samples. Huang et al., ECCV 2016. */
import { rand, type Tensor } from 'graft-torch';

/**
 * Factors that drop whole samples of a branch with probability `rate` and scale the others up (stochastic depth):
 * `[N, 1, 1, 1]`, for an input or output of the branch with N samples.
 */
export function dropConnect({ shape, dtype, device }: Tensor, rate: number): Tensor {
  const keep = 1 - rate;
  return rand([shape[0]!, 1, 1, 1], { dtype, device }).add(keep).floor().div(keep);
}

/** Rates of `count` blocks one behind the other: from 0 for the first to `rate` for the last, evenly. */
export const dropRates = (rate: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (count > 1 ? (rate * i) / (count - 1) : rate));
