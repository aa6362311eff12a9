/** Sets of images as bytes: what every measure of artefacts reads, a batch at a time. */

import { cat, type Device, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { toRgb } from '../../image/index.js';

export interface BatchOptions {
  /** Where it is computed, default cpu. */
  device?: Device;
  /** Pixels of the images that are on the device at once, default 2²⁰ (256 images at 64 px). */
  pixelsPerBatch?: number;
}

/**
 * @param what names the set in the error, such as 'real'
 * @throws DataError unless images are bytes `[N ≥ 2, 3, H, W]`, with sides of at least `minSidePx`
 */
export function requireImages(what: string, images: Tensor, minSidePx = 1): void {
  const [n = 0, channels, height = 0, width = 0] = images.shape;
  if (images.shape.length !== 4 || (channels !== 3 && channels !== 1) || images.dtype !== 'uint8') {
    throw new DataError(
      `artefacts: the ${what} images must be bytes [N, 3, H, W], not ${images.dtype} [${images.shape.join(', ')}]`,
    );
  }
  if (n < 2) throw new DataError(`artefacts: the ${what} set has ${n} images: give two or more`);
  if (Math.min(height, width) < minSidePx) {
    throw new DataError(
      `artefacts: the ${what} images are ${width}×${height} px: give images of ${minSidePx} px or more`,
    );
  }
}

/** @throws DataError if the sets' images differ in size */
export function requireSameSize(real: Tensor, synthetic: Tensor): void {
  const [, , height, width] = real.shape;
  const [, , otherHeight, otherWidth] = synthetic.shape;
  if (height !== otherHeight || width !== otherWidth) {
    throw new DataError(
      `artefacts: real images are ${width}×${height} px, synthetic ones ${otherWidth}×${otherHeight}: bring both to one size first`,
    );
  }
}

/**
 * One row of figures an image, from batches, so that a memory-mapped set is never in memory as a whole.
 *
 * @param images uint8 `[N, 3, H, W]`, or grey ones, whose channel is taken three times
 * @param rows bytes `[n, 3, H, W]` on the device → `[n, D]`
 * @returns float64 `[N, D]` on the CPU
 */
export function rowsOfImages(
  images: Tensor,
  rows: (batch: Tensor) => Tensor,
  options: BatchOptions = {},
): Tensor {
  const { device = 'cpu', pixelsPerBatch = 1 << 20 } = options;
  const [n, , height, width] = images.shape as [number, number, number, number];
  const size = Math.max(1, Math.floor(pixelsPerBatch / (height * width)));
  return tidy(() =>
    noGrad(() => {
      const parts: Tensor[] = [];
      for (let start = 0; start < n; start += size) {
        parts.push(
          tidy(() =>
            rows(toRgb(images.narrow(0, start, Math.min(size, n - start))).to({ device }))
              .to({ device: 'cpu' })
              .to({ dtype: 'float64' }),
          ),
        );
      }
      return cat(parts);
    }),
  );
}

/**
 * Luma after ITU-R BT.601, the grey of the image traits.
 *
 * @param images `[N, 3, H, W]`, bytes or floats
 * @returns `[N, H, W]` in the images' unit; float32 for bytes
 */
export function luma(images: Tensor): Tensor {
  return tidy(() => {
    const floats = images.dtype === 'uint8' ? images.float() : images;
    const weights = tensor([0.299, 0.587, 0.114], [1, 3, 1, 1], { dtype: 'float64' });
    return floats.mul(weights.to({ dtype: floats.dtype }).to({ device: floats.device })).sum([1]);
  });
}
