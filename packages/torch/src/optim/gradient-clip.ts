/**
 * Gradient clipping by the norm of all gradients together: g ← g · min(1, c / (‖g‖ + 10⁻⁶)), PyTorch's
 * `clip_grad_norm_`. A step keeps its direction and loses its length. Source: Pascanu, Mikolov & Bengio, "On the
 * Difficulty of Training Recurrent Neural Networks", ICML 2013.
 */
import { aten, noGrad, type Tensor, tidy } from '../torch/index.js';

/** As in PyTorch: a norm of 0 divides nothing. */
const EPS = 1e-6;

/**
 * Shortens the gradients, in place; parameters without one are passed over.
 *
 * @param maxNorm largest L2 norm of all gradients as one vector
 * @returns the norm before; waits for the device once
 */
export function clipGradNorm_(parameters: readonly Tensor[], maxNorm: number): number {
  return tidy(() =>
    noGrad(() => {
      const gradients = parameters.flatMap((parameter) => parameter.grad ?? []);
      if (gradients.length === 0) return 0;
      const norm = aten.linalg_vector_norm(aten.stack(aten._foreach_norm.Scalar(gradients))).item();
      const factor = maxNorm / (norm + EPS);
      if (factor < 1 || Number.isNaN(factor)) aten._foreach_mul_.Scalar(gradients, factor);
      return norm;
    }),
  );
}
