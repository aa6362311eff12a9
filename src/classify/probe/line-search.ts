/**
 * How far to go: Newton's method on the derivative along a direction, kept inside a bracket, for every problem of a batch at
 * once. The objective is convex, so a small derivative is all that the strong Wolfe condition asks. Logits are linear in the
 * weights: those along the direction are known, and no product of matrices is needed.
 */
import { aten, full, type Tensor, tidy, where } from 'graft-torch';
import { chances, inner } from './batch.js';

/** Part of the slope that may be left. */
const SLOPE_LEFT = 0.3;
const MOST_TURNS = 40;

interface Line {
  z: Tensor;
  along: Tensor;
  targets: Tensor;
  rowWeights: Tensor;
  slope: Tensor;
  linear: Tensor;
  quadratic: Tensor;
}

/** How far to go along the direction: `[1, P, 1]`, > 0. */
export function lineSearch({ z, along, targets, rowWeights, slope, linear, quadratic }: Line): Tensor {
  const allowed = slope.abs().mul(SLOPE_LEFT);
  let [low, high, share] = [0, Number.POSITIVE_INFINITY, 1].map((it) =>
    full(slope.shape, it, { dtype: 'float64' }),
  ) as [Tensor, Tensor, Tensor];
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const next = tidy(() => {
      const p = chances(z.add(along.mul(share)));
      const pull = along.mul(rowWeights);
      const derivative = inner(p.sub(targets), pull).add(linear).add(quadratic.mul(share));
      const done = derivative.abs().le(allowed);
      if (done.all().item()) return null;
      const second = secondDerivative(p, along, pull).add(quadratic);
      const isBefore = derivative.lt(0);
      const newLow = where(isBefore, share, low);
      const newHigh = where(isBefore, high, share);
      const newton = share.sub(derivative.div(second));
      const inside = aten.logical_and(newton.gt(newLow), newton.lt(newHigh));
      const halfway = where(newHigh.isfinite(), newLow.add(newHigh).div(2), newLow.mul(2));
      return {
        low: newLow,
        high: newHigh,
        share: where(done, share, where(inside, newton, halfway)),
      };
    });
    if (!next) break;
    ({ low, high, share } = next);
  }
  return share;
}

/** Σ r · variance of the step in logits under the probabilities. */
function secondDerivative(p: Tensor, along: Tensor, pull: Tensor): Tensor {
  if (p.shape[2] === 1) return inner(p.mul(p.rsub(1)), along.mul(pull));
  const mean = p.mul(along).sum(2, true);
  return inner(p, along.sub(mean).mul(pull));
}
