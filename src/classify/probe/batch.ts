/**
 * A batch of P problems over the same N rows: tensors `[·, P, K]`, K logits a row. Sums run over the first and last axes, so
 * that every problem has its own.
 */
import { aten, cat, type Tensor, tidy } from 'graft-torch';

/** `[A, B] · [B, P, K]` → `[A, P, K]`, in the precision of `a`; float64. */
export function product(a: Tensor, b: Tensor): Tensor {
  const [rows, problems, classes] = b.shape as [number, number, number];
  return tidy(() => {
    const flat = b.reshape([rows, problems * classes]).to({ dtype: a.dtype });
    return a.matmul(flat).to({ dtype: 'float64' }).view([a.shape[0]!, problems, classes]);
  });
}

/** Columns of problems: `[·, P, ·]` → `[·, indices, ·]`, copied. */
export const pick = (values: Tensor, indices: readonly number[]): Tensor =>
  tidy(() =>
    cat(
      indices.map((i) => values.narrow(1, i, 1)),
      1,
    ),
  );

/** `[1, P, 1]` */
export const inner = (a: Tensor, b: Tensor): Tensor => tidy(() => a.mul(b).sum([0, 2], true));

/** Probabilities by logits `[N, P, K]`. */
export const chances = (z: Tensor): Tensor => (z.shape[2] === 1 ? z.sigmoid() : aten.softmax.int(z, 2));
