/**
 * Twofold resampling with the sym6 wavelet's low-pass filter (Daubechies, "Ten Lectures on Wavelets", 1992), which
 * keeps an image that is turned or shrunk from aliasing. Its downsampling undoes its upsampling exactly, so that what
 * lies between can be bent without a loss to what is not.
 *
 * Resampling is linear and works on rows and columns alone, so it is two products with a matrix: on a CPU many times
 * faster than convolutions of one channel, and differentiable as often as one likes.
 */

/** The low-pass coefficients; their sum is √2. They weigh about index 5. */
const TAPS = [
  0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
  0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
  0.0017677118642428036, -0.007800708325034148,
];
const CENTRE = 5;

/** A matrix by rows. */
export interface Matrix {
  rows: number;
  columns: number;
  values: Float64Array;
}

/** Mirrors an index into [0, length) without repeating the border. */
function reflect(index: number, length: number): number {
  const period = 2 * (length - 1);
  const wrapped = ((index % period) + period) % period;
  return Math.min(wrapped, period - wrapped);
}

/**
 * `[2·side − 1, side]`: the signal at its own places (even rows) and half-way between (odd rows); beyond its ends it
 * goes on mirrored.
 */
export function upsampling(side: number): Matrix {
  const rows = 2 * side - 1;
  const values = new Float64Array(rows * side);
  // Of a zero-stuffed signal z, z[2i] = x[i], the row is Σ z[row − k] · taps[centre + k], scaled to a gain of 1.
  for (let row = 0; row < rows; row++) {
    TAPS.forEach((tap, index) => {
      const source = row - (index - CENTRE);
      if (source % 2 === 0) values[row * side + reflect(source / 2, side)]! += Math.SQRT2 * tap;
    });
  }
  return { rows, columns: side, values };
}

/** How many half-pixel steps downsampling reaches beyond the image, before its first and behind its last pixel. */
export const REACH = { before: CENTRE, behind: TAPS.length - 1 - CENTRE } as const;

/** `[side, 2·side − 1 + reach]`: the transposed filter, at every second place. */
export function downsampling(side: number): Matrix {
  const columns = REACH.before + 2 * side - 1 + REACH.behind;
  const values = new Float64Array(side * columns);
  for (let row = 0; row < side; row++) {
    TAPS.forEach((tap, index) => {
      values[row * columns + 2 * row + index] = tap / Math.SQRT2;
    });
  }
  return { rows: side, columns, values };
}
