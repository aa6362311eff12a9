/** The Hessian of a logistic regression, factored: what makes a badly conditioned one easy. */
import { aten, cat, type Tensor, tidy, unsafeAten, zeros } from 'graft-torch';
import { chances } from './batch.js';

/** Rows of a Hessian of all classes together. */
const WIDEST_WHOLE = 2500;
const CHUNK_ROWS = 8192;

/**
 * Cholesky factors of the Hessian at logits `z` of a single problem: whole, `[1, K · D, K · D]`, where that is small, else
 * each class's own block, `[K, D, D]`.
 */
export function factorsOf(
  features: Tensor,
  { z, rowWeights, penalty }: { z: Tensor; rowWeights: Tensor; penalty: Tensor },
): Tensor {
  return tidy(() => {
    const [width, classes] = [features.shape[1]!, z.shape[2]!];
    const indices = Array.from({ length: classes }, (_, k) => k);
    const p = chances(z).select(1, 0); // [N, K]
    const block = (a: number, b: number): Tensor =>
      tidy(() => {
        const of = (k: number): Tensor => p.narrow(1, k, 1);
        const spread = a === b ? of(a).mul(of(a).rsub(1)) : of(a).mul(of(b)).neg();
        return weighedSquare(features, spread.mul(rowWeights.select(1, 0)));
      });
    const isWhole = classes * width <= WIDEST_WHOLE;
    const hessian = isWhole
      ? cat(
          indices.map((a) =>
            cat(
              indices.map((b) => block(a, b)),
              1,
            ),
          ),
        ).unsqueeze(0)
      : aten.stack(
          indices.map((k) => block(k, k)),
          0,
        );
    const diagonal = aten.diagonal(hessian, 0, 1, 2);
    // The intercept has no penalty, and no curvature either where every row is sure.
    const floor = diagonal.amax().item() * 1e-12 + 1e-300;
    diagonal.add_(aten.repeat(penalty.flatten().clamp({ min: floor }), [isWhole ? classes : 1]));
    return aten.linalg_cholesky_ex(hessian)[0];
  });
}

/** Xᵀ diag(r) X, float64, of X `[N, D]` and r `[N, 1]`: a part of the rows at a time, so that no copy of X is made. */
function weighedSquare(x: Tensor, weights: Tensor): Tensor {
  const [rows, width] = x.shape as [number, number];
  const sum = zeros([width, width], { dtype: 'float64' });
  for (let start = 0; start < rows; start += CHUNK_ROWS) {
    const length = Math.min(CHUNK_ROWS, rows - start);
    tidy(() => {
      const part = x.narrow(0, start, length).to({ dtype: 'float64' });
      sum.add_(part.t().matmul(part.mul(weights.narrow(0, start, length))));
    });
  }
  return sum;
}

/** H⁻¹ q by the factors, `[D, 1, K]`. */
export function solvedBy(factors: Tensor, q: Tensor): Tensor {
  const byClass = q.permute([2, 0, 1]); // [K, D, 1]
  const right = byClass.reshape([factors.shape[0]!, factors.shape[1]!, 1]);
  const left = unsafeAten.cholesky_solve(right, factors).reshape(byClass.shape);
  return left.permute([1, 2, 0]).contiguous();
}
