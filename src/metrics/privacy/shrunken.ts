/**
 * Shrunken pictures as features: 16×16 RGB, around each channel's mean, at unit length; so that the distance is
 * √(2 − 2r), r the correlation. A generator that has memorised a picture often gives it back softer or noisier: at this
 * size both are gone, while brightness and contrast do not count. (The search for near-duplicates compares details, and
 * misses such copies.) Unlike a network's features they can be mirrored and turned: a training image stands for its
 * eight symmetries.
 */

import { cat, noGrad, type Tensor, tidy } from 'graft-torch';
import { F } from 'graft-torch/nn';
import { symmetries } from '../../data/pixels/index.js';

const SIDE_PX = 16;
const IMAGES_PER_BATCH = 256;

/**
 * @param images uint8 [N, 3, H, W]
 * @returns float32 [N, 768] on the CPU; a picture of one colour is all zeros
 */
export const shrunken = (images: Tensor): Tensor => tidy(() => noGrad(() => toFeatures(shrink(images))));

/**
 * All symmetries of each picture: rows k·N to (k + 1)·N − 1 are the set under symmetry k (data/symmetry.ts).
 *
 * @returns float32 [8 N, 768]
 */
export const shrunkenSymmetries = (images: Tensor): Tensor =>
  tidy(() =>
    noGrad(() => {
      const small = shrink(images);
      return cat(Array.from({ length: symmetries }, (_, k) => toFeatures(turn(small, k))));
    }),
  );

/** Bit 0 mirrors columns, bit 1 rows, bit 2 then transposes. */
function turn(images: Tensor, symmetry: number): Tensor {
  const mirrored = [...(symmetry & 1 ? [3] : []), ...(symmetry & 2 ? [2] : [])];
  const flipped = mirrored.length > 0 ? images.flip(mirrored) : images;
  return symmetry & 4 ? flipped.transpose(2, 3) : flipped;
}

function shrink(images: Tensor): Tensor {
  const count = images.shape[0]!;
  const starts = Array.from({ length: Math.ceil(count / IMAGES_PER_BATCH) }, (_, i) => i * IMAGES_PER_BATCH);
  return cat(
    starts.map((start) =>
      tidy(() => {
        const part = images.narrow(0, start, Math.min(IMAGES_PER_BATCH, count - start));
        return F.interpolate(part.to({ device: 'cpu', dtype: 'float32' }), SIDE_PX, {
          mode: 'bilinear',
          antialias: true,
        });
      }),
    ),
  ); // [N, 3, 16, 16]
}

function toFeatures(small: Tensor): Tensor {
  const vectors = small.sub(small.mean([2, 3], true)).flatten(1);
  const length = vectors.square().sum([1], true).sqrt();
  // Below this a picture differs from its mean by a thousandth of a grey level: rounding, not a picture.
  const flat = length.lt(1e-3 * Math.sqrt(vectors.shape[1]!));
  return vectors.div(length.clamp({ min: 1e-6 })).mul(flat.eq(0));
}
