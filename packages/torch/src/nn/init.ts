/** Initialisers: fill a tensor in place from the global generator, and give it back. */
import { aten, noGrad, type Tensor } from '../torch/index.js';

/** N(mean, std²). */
export const normal_ = (value: Tensor, mean = 0, std = 1): Tensor =>
  noGrad(() => aten.normal_(value, mean, std));

/** Uniform in `[a, b)`. */
export const uniform_ = (value: Tensor, a = 0, b = 1): Tensor => noGrad(() => aten.uniform_(value, a, b));

export const constant_ = (value: Tensor, constant: number): Tensor => noGrad(() => value.fill_(constant));

/**
 * N(0, 2 / fan): He et al. 2015, for rectified layers.
 * @param options.mode fan-in (dimension 1) or fan-out (dimension 0), times the receptive field
 */
export function kaimingNormal_(weight: Tensor, options: { mode?: 'fanIn' | 'fanOut' } = {}): Tensor {
  const [out, into, ...kernel] = weight.shape as [number, number, ...number[]];
  const fan = options.mode === 'fanOut' ? out : into;
  return normal_(weight, 0, Math.sqrt(2 / (fan * kernel.reduce((a, b) => a * b, 1))));
}

/** Uniform with variance 2 · gain² / (fan-in + fan-out): Glorot & Bengio 2010. Fans as PyTorch counts them. */
export function xavierUniform_(weight: Tensor, gain = 1): Tensor {
  const [out, into, ...kernel] = weight.shape as [number, number, ...number[]];
  const bound = gain * Math.sqrt(6 / ((out + into) * kernel.reduce((a, b) => a * b, 1)));
  return uniform_(weight, -bound, bound);
}
