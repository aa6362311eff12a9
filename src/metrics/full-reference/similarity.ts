/**
 * The pieces that gradient and colour metrics share: how alike two maps are at each place, gradients to compare, and
 * roots that can be trained through.
 */
import { aten, type Tensor, tidy } from 'graft-torch';

/**
 * How alike two maps x and y are at each place, 1 where they are equal:
 *
 *     ((2 − α) xy + c) / (x² + y² − α xy + c)
 *
 * @param maps.product xy
 * @param maps.squares x² + y², of the same shape
 * @param c keeps places steady where both maps are small
 * @param alpha masks: above 0 it takes weight from places that are strong in both maps (Zhang et al. 2017)
 */
export const similarityMap = (
  { product, squares }: { product: Tensor; squares: Tensor },
  c: number,
  alpha = 0,
): Tensor =>
  tidy(() => {
    const numerator = product.mul(2 - alpha).add_(c);
    const denominator = alpha === 0 ? squares.add(c) : squares.sub(product, alpha).add_(c);
    return numerator.div(denominator);
  });

/** Below this a root counts as one of 0: far below any square that an image has, and within float32's range. */
const TINY = 1e-30;

/**
 * √x with the gradient 0 where x is 0 (the plain root's is infinite, and times 0 not a number).
 *
 * @param x at least 0
 */
export const guardedSqrt = (x: Tensor): Tensor => tidy(() => x.clamp({ min: TINY }).sqrt());

/** x^exponent for 0 < exponent ≤ 1 in the same way, exactly 0 where x is. */
export const guardedPow = (x: Tensor, exponent: number): Tensor =>
  tidy(() => x.mul(x.clamp({ min: TINY }).pow(exponent - 1)));

/** Differences along the two axes, `[N, 1, H, W]` each. */
export interface Gradient {
  horizontal: Tensor;
  vertical: Tensor;
}

/** The factor that `prewitt` leaves out of its responses, and that constants compared with their squares must take. */
export const PREWITT_SQUARED_SCALE = 9;

/**
 * Three times the response of the Prewitt operator (means of three differences), with zeros around the image.
 *
 * @param planes `[N, 1, H, W]`
 */
export const prewitt = (planes: Tensor): Gradient =>
  tidy(() => {
    const [, , height, width] = planes.shape as [number, number, number, number];
    const padded = aten.constant_pad_nd(planes, [1, 1, 1, 1], 0);
    const three = (dim: number, length: number): Tensor =>
      padded
        .narrow(dim, 0, length)
        .add(padded.narrow(dim, 1, length))
        .add_(padded.narrow(dim, 2, length));
    const columns = three(2, height); // [N, 1, H, W + 2]
    const rows = three(3, width); // [N, 1, H + 2, W]
    return {
      horizontal: columns.narrow(3, 0, width).sub(columns.narrow(3, 2, width)),
      vertical: rows.narrow(2, 0, height).sub(rows.narrow(2, 2, height)),
    };
  });

/** Squared length of a gradient, or of two values at each place: a² + b². */
export const sumOfSquares = (a: Tensor, b: Tensor): Tensor => tidy(() => aten.addcmul(a.mul(a), b, b));

/**
 * Standard deviation (n − 1 in the denominator) over everything but the first axis; a flat map's gradient is 0.
 *
 * @param maps `[N, …]`, at least two values each
 * @returns `[N]`
 */
export const deviation = (maps: Tensor): Tensor =>
  tidy(() => {
    const values = maps.reshape([maps.shape[0]!, -1]);
    const squares = values.sub(values.mean([1], true)).square();
    const count = values.shape[1]!;
    return guardedPow(squares.mean([1]).mul(count / (count - 1)), 0.5);
  });
