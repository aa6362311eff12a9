/**
 * Images that are mixed with each other, and their labels with them.
 *
 *   mixup:   x ← λ · x + (1 − λ) · x′, t ← λ · t + (1 − λ) · t′                            λ ~ Beta(α, α)
 *   CutMix:  x with a rectangle of x′ in it, of (1 − λ) of the area; λ is then what is left of x
 *
 * x′ is the next image of the batch (the last takes the first), whose order is random already. Each image draws its own λ,
 * as the papers write it; their code draws one a batch.
 * Sources: Zhang, Cissé, Dauphin & Lopez-Paz, "mixup", ICLR 2018; Yun et al., "CutMix", ICCV 2019.
 */

import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { drawBeta } from './beta.js';

export interface MixingSettings {
  /** α of mixup; 0: none. */
  mixup: number;
  /** α of CutMix; 0: none. With both, each image draws which. */
  cutmix: number;
}

/** What is drawn for one image. */
export interface Mix {
  /** Share of its own pixels' values outside the rectangle. */
  weight: number;
  /** Rows and columns of the other image, from (inclusive) to (exclusive); null: none. */
  box: { rows: readonly [number, number]; columns: readonly [number, number] } | null;
  /** Share of its own label. */
  share: number;
}

export const isMixing = ({ mixup, cutmix }: MixingSettings): boolean => mixup > 0 || cutmix > 0;

/** @param size height and width in pixels */
export function drawMix(
  random: Random,
  { mixup, cutmix }: MixingSettings,
  [height, width]: readonly [number, number],
): Mix {
  const cuts = mixup > 0 && cutmix > 0 ? random.chance(0.5) : cutmix > 0;
  const lambda = drawBeta(cuts ? cutmix : mixup, random);
  if (!cuts) return { weight: lambda, box: null, share: lambda };
  const side = Math.sqrt(1 - lambda);
  const rows = cut(random, Math.floor(height * side), height);
  const columns = cut(random, Math.floor(width * side), width);
  // A rectangle beyond the border is cut off by it, so its area is counted.
  const area = (rows[1] - rows[0]) * (columns[1] - columns[0]);
  return { weight: 1, box: { rows, columns }, share: 1 - area / (height * width) };
}

/** A stretch of a side around a uniform centre. */
function cut(random: Random, length: number, whole: number): [from: number, to: number] {
  const from = random.int(whole) - (length >> 1);
  return [Math.max(0, from), Math.max(0, Math.min(whole, from + length))];
}

const nextOf = (batch: Tensor): Tensor => aten.roll(batch, -1, 0);

/**
 * @param images `[N, C, H, W]`
 * @param mixes one an image
 * @returns the same shape; what it was given is not changed
 */
export function mixImages(images: Tensor, mixes: readonly Mix[]): Tensor {
  const [n, , height, width] = images.shape as [number, number, number, number];
  const rows = new Float32Array(n * height);
  const columns = new Float32Array(n * width);
  mixes.forEach(({ box }, i) => {
    if (!box) return;
    rows.fill(1, i * height + box.rows[0], i * height + box.rows[1]);
    columns.fill(1, i * width + box.columns[0], i * width + box.columns[1]);
  });
  const weights = mixes.map(({ weight }) => weight);
  return tidy(() => {
    const { device, dtype } = images;
    const covered = tensor(rows, [n, 1, height, 1], { device, dtype }).mul(
      tensor(columns, [n, 1, 1, width], { device, dtype }),
    ); // [N, 1, H, W]
    const own = covered.rsub(1).mul(tensor(weights, [n, 1, 1, 1], { device, dtype }));
    return aten.lerp.Tensor(nextOf(images), images, own);
  });
}

/** @param targets `[N, K]`, of the images that `mixImages` mixes */
export function mixTargets(targets: Tensor, mixes: readonly Mix[]): Tensor {
  const shares = mixes.map(({ share }) => share);
  return tidy(() => {
    const { device, dtype } = targets;
    return aten.lerp.Tensor(nextOf(targets), targets, tensor(shares, [shares.length, 1], { device, dtype }));
  });
}
