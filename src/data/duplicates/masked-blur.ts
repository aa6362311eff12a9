/** Gaussian blur of small square maps of which a part alone counts: normalised convolution (Knutsson & Westin 1993). */
import { kernels } from 'graft-torch/kernels';

export interface MaskedBlur {
  /** What counts from now on: `[side, side]`, 1 or 0. */
  within(inside: Float32Array): MaskedBlur;
  /** Blurs `map` `[side, side]`, which is 0 where nothing counts, and gives 0 there; `into` may be `map`. */
  blur(map: Float32Array, into: Float32Array): Float32Array;
}

/** The right half of a Gaussian, from its middle: not normalised, since what counts of a map does that. */
export const gaussianKernel = (sigma: number): Float32Array =>
  Float32Array.from({ length: Math.ceil(2.5 * sigma) + 1 }, (_, i) =>
    Math.exp((-i * i) / (2 * sigma * sigma)),
  );

/**
 * @param sigma in pixels
 * @param side of the maps, in pixels
 */
export function createBlur(sigma: number, side: number): MaskedBlur {
  const kernel = gaussianKernel(sigma);
  const ones = new Float32Array(side * side).fill(1);
  const scale = new Float32Array(side * side);
  const self: MaskedBlur = {
    within: (inside) => {
      kernels.blur(inside, ones, kernel, scale);
      for (let i = 0; i < scale.length; i++) scale[i] = inside[i]! > 0 ? 1 / scale[i]! : 0;
      return self;
    },
    blur: (map, into) => {
      kernels.blur(map, scale, kernel, into);
      return into;
    },
  };
  return self;
}
