/**
 * Views of a batch for test-time augmentation: a lesion looks the same from every side, so a score may be averaged over
 * the symmetries of the square. Pixels are moved, never interpolated.
 */

import type { Tensor } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { turn } from './geometry.js';

/**
 * One view of a batch.
 * @param images `[N, C, H, W]` of any type
 * @param view 0: as it is; +1: flipped left to right, +2: upside down, +4: transposed before
 * @returns the same shape; for view 0 the images themselves
 * @throws DataError when images are not square but must be transposed
 */
export function symmetry(images: Tensor, view: number): Tensor {
  if (!Number.isInteger(view) || view < 0 || view > 7)
    throw new RangeError(`symmetry: view ${view}; there are 0 to 7`);
  const [, , height, width] = images.shape as [number, number, number, number];
  if (view >= 4 && height !== width) {
    throw new DataError(
      `transposed views need square images; got ${width} × ${height} px. Use tta 'flips', or square the images first`,
    );
  }
  if (view === 0) return images;
  return turn(images, {
    horizontal: (view & 1) > 0,
    vertical: (view & 2) > 0,
    transpose: (view & 4) > 0,
  });
}
