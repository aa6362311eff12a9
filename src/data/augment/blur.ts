/**
 * Blurs by small kernels, each sample with its own: Gaussian and motion blur, as albumentations asks OpenCV for them.
 * The border is mirrored without repeating a pixel (BORDER_REFLECT_101).
 */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';

/** A square kernel, row by row; its side is odd. */
export type Kernel = readonly number[];

/** OpenCV's Gaussians where no deviation is given, for sides of 3 and 5: binomial. */
const BINOMIAL: Readonly<Record<number, readonly number[]>> = {
  3: [1 / 4, 1 / 2, 1 / 4],
  5: [1 / 16, 1 / 4, 3 / 8, 1 / 4, 1 / 16],
};

/**
 * The kernel of `cv2.GaussianBlur(image, (side, side), 0)`.
 * @param side 3 or 5
 */
export function gaussianKernel(side: number): Kernel {
  const row = BINOMIAL[side];
  if (!row) throw new RangeError(`gaussianKernel: there are sides of 3 and 5, not ${side}`);
  return row.flatMap((a) => row.map((b) => a * b));
}

/**
 * A line from one point to another, its pixels equally heavy: Bresenham's, as `cv2.line` draws it.
 * @param from, to x and y in [0, side)
 */
export function motionKernel(
  side: number,
  from: readonly [number, number],
  to: readonly [number, number],
): Kernel {
  // OpenCV walks from left to right whichever end comes first.
  const [[x0, y0], [x1, y1]] = to[0] < from[0] ? [to, from] : [from, to];
  const dx = x1 - x0;
  const dy = Math.abs(y1 - y0);
  const down = y1 < y0 ? -1 : 1;
  const isSteep = dy > dx;
  const [long, short] = isSteep ? [dy, dx] : [dx, dy];
  const kernel = new Array<number>(side * side).fill(0);
  let [x, y, error] = [x0, y0, long - 2 * short];
  for (let i = 0; i <= long; i++) {
    kernel[y * side + x] = 1 / (long + 1);
    const isAcross = error < 0;
    error += (isAcross ? 2 * long : 0) - 2 * short;
    if (isSteep || isAcross) y += down;
    if (!isSteep || isAcross) x += 1;
  }
  return kernel;
}

/**
 * Correlates each sample with its kernel (`cv2.filter2D`).
 * @param images float `[N, C, H, W]`, sides of more than half a kernel; gradients flow to them
 * @param kernels one a sample; smaller ones are taken as the middle of the largest
 */
export function filterEach(images: Tensor, kernels: readonly Kernel[]): Tensor {
  const [n, channels, height, width] = images.shape as [number, number, number, number];
  const side = Math.sqrt(Math.max(...kernels.map(({ length }) => length)));
  const margin = side >> 1;
  const weights = new Float32Array(n * channels * side * side);
  kernels.forEach((kernel, sample) => {
    const own = Math.sqrt(kernel.length);
    const inset = (side - own) >> 1;
    for (let channel = 0; channel < channels; channel++) {
      const start = (sample * channels + channel) * side * side;
      kernel.forEach((value, i) => {
        weights[start + (inset + Math.floor(i / own)) * side + inset + (i % own)] = value;
      });
    }
  });
  return tidy(() => {
    const padded = aten.reflection_pad2d(images, [margin, margin, margin, margin]);
    // One group a channel of a sample: all kernels in one convolution.
    const planes = aten.view(padded, [1, n * channels, height + 2 * margin, width + 2 * margin]);
    const kernel = tensor(weights, [n * channels, 1, side, side], {
      dtype: images.dtype,
      device: images.device,
    });
    return aten.view(aten.conv2d(planes, kernel, { groups: n * channels }), [n, channels, height, width]);
  });
}
