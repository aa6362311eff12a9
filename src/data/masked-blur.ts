/** Gaussian blur of small square maps of which a part alone counts: normalised convolution (Knutsson & Westin 1993). */

export interface MaskedBlur {
  /** What counts from now on: `[side, side]`, 1 or 0. */
  within(inside: Float32Array): MaskedBlur;
  /** Blurs `map` `[side, side]`, which is 0 where nothing counts, and gives 0 there; `into` may be `map`. */
  blur(map: Float32Array, into: Float32Array): Float32Array;
}

/**
 * @param sigma in pixels
 * @param side of the maps, in pixels
 */
export function createBlur(sigma: number, side: number): MaskedBlur {
  const radius = Math.ceil(2.5 * sigma);
  const kernel = Float32Array.from({ length: radius + 1 }, (_, i) =>
    Math.exp((-i * i) / (2 * sigma * sigma)),
  );
  const half = new Float32Array(side * side);
  // A line with room on both sides, so that no tap needs a look at where it is.
  const line = new Float32Array(side + 2 * radius);
  const scale = new Float32Array(side * side);

  /** Along the rows, then what came out along its rows, transposed twice. */
  const along = (from: Float32Array, to: Float32Array): void => {
    for (let y = 0; y < side; y++) {
      for (let x = 0, i = y * side; x < side; x++, i++) line[x + radius] = from[i]!;
      for (let x = 0, i = y; x < side; x++, i += side) {
        const middle = x + radius;
        let sum = kernel[0]! * line[middle]!;
        for (let t = 1; t <= radius; t++) sum += kernel[t]! * (line[middle - t]! + line[middle + t]!);
        to[i] = sum;
      }
    }
  };
  const convolve = (map: Float32Array, into: Float32Array): void => {
    along(map, half);
    along(half, into);
  };
  const self: MaskedBlur = {
    within: (inside) => {
      convolve(inside, scale);
      for (let i = 0; i < scale.length; i++) scale[i] = inside[i]! > 0 ? 1 / scale[i]! : 0;
      return self;
    },
    blur: (map, into) => {
      convolve(map, into);
      for (let i = 0; i < into.length; i++) into[i]! *= scale[i]!;
      return into;
    },
  };
  return self;
}
