/** Initialisers: fill a tensor in place from the global generator, and give it back. */
import { aten, noGrad, type Tensor } from '../torch/index.js';

/** N(mean, deviation²). */
export const normal_ = (value: Tensor, mean = 0, deviation = 1): Tensor =>
  noGrad(() => aten.normal_(value, mean, deviation));

/** Uniform in ± bound. */
export const uniform_ = (value: Tensor, bound: number): Tensor =>
  noGrad(() => aten.uniform_(value, -bound, bound));

export const constant_ = (value: Tensor, to: number): Tensor => noGrad(() => value.fill_(to));

/** N(0, 2 / fan-out): He et al. 2015, for rectified layers. Fan-out = dimension 0 × receptive field. */
export function kaimingNormalFanOut_(weight: Tensor): Tensor {
  const [out, , ...kernel] = weight.shape as [number, number, ...number[]];
  return normal_(weight, 0, Math.sqrt(2 / (out * kernel.reduce((a, b) => a * b, 1))));
}

/** Uniform with variance 2 · gain² / (fan-in + fan-out): Glorot & Bengio 2010. Fans as PyTorch counts them. */
export function xavierUniform_(weight: Tensor, gain = 1): Tensor {
  const [out, into, ...kernel] = weight.shape as [number, number, ...number[]];
  return uniform_(weight, gain * Math.sqrt(6 / ((out + into) * kernel.reduce((a, b) => a * b, 1))));
}
