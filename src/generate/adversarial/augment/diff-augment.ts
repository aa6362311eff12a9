/**
 * DiffAugment: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020. Both real and
 * generated images go through it before the discriminator sees them, at every step and always at full strength.
 */

import { type Tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { cutHoles } from '../../../data/augment/index.js';
import { perSample, translation, warp } from '../../../image/index.js';

export const diffAugmentPolicies = ['colour', 'translation', 'cutout'] as const;
export type DiffAugmentPolicy = (typeof diffAugmentPolicies)[number];

/** Side of the hole, and the largest shift, as shares of the image's side. */
const HOLE = 0.5;
const SHIFT = 0.125;

/** What happens to one image. */
export interface DiffAugmentDraw {
  /** Added, of a range of 2: −0.5 to 0.5. */
  brightness: number;
  /** Factor of a pixel's distance from its own grey: 0 to 2. */
  saturation: number;
  /** Factor of its distance from the image's mean: 0.5 to 1.5. */
  contrast: number;
  /** Whole pixels right and down. */
  shift: readonly [number, number];
  /** The hole's middle, y and x, as shares of the sides. */
  hole: readonly [number, number];
}

/**
 * Draws what happens to one image, whichever policies are used.
 * @param size height and width in pixels
 */
export function drawDiffAugment(random: Random, size: readonly [number, number]): DiffAugmentDraw {
  const [height, width] = size;
  const shift = (side: number): number => {
    const most = Math.round(SHIFT * side);
    return random.int(2 * most + 1) - most;
  };
  // An even hole may begin at one place more than an odd one, so that its parts beyond both borders are alike.
  const middle = (side: number): number =>
    (random.int(side + 1 - (Math.round(HOLE * side) % 2)) + 0.5) / side;
  return {
    brightness: random.uniform(-0.5, 0.5),
    saturation: random.uniform(0, 2),
    contrast: random.uniform(0.5, 1.5),
    shift: [shift(width), shift(height)],
    hole: [middle(height), middle(width)],
  };
}

/**
 * Changes each image as its draw says: colour, then translation, then cutout.
 * @param images float `[N, C, H, W]` in [−1, 1]; gradients flow to them
 * @param draws one a sample
 * @returns the same shape, not clipped; what is moved in or cut out is 0, mid-grey. The images themselves without a
 * policy
 */
export function applyDiffAugment(
  images: Tensor,
  draws: readonly DiffAugmentDraw[],
  policies: readonly DiffAugmentPolicy[],
): Tensor {
  return tidy(() => {
    let changed = images;
    if (policies.includes('colour')) changed = recolour(changed, draws);
    if (policies.includes('translation')) changed = translate(changed, draws);
    if (policies.includes('cutout'))
      changed = cutHoles(
        changed,
        draws.map(({ hole }) => [hole]),
        { side: HOLE },
      );
    return changed;
  });
}

function recolour(images: Tensor, draws: readonly DiffAugmentDraw[]): Tensor {
  const of = (key: 'brightness' | 'saturation' | 'contrast'): Tensor =>
    perSample(
      draws.map((draw) => draw[key]),
      images,
    );
  const bright = images.add(of('brightness'));
  const grey = bright.mean(1, true); // [N, 1, H, W]
  const saturated = bright.sub(grey).mul(of('saturation')).add(grey);
  const mean = saturated.mean([1, 2, 3], true); // [N, 1, 1, 1]
  return saturated.sub(mean).mul(of('contrast')).add(mean);
}

function translate(images: Tensor, draws: readonly DiffAugmentDraw[]): Tensor {
  const [height, width] = images.shape.slice(2) as [number, number];
  const maps = draws.map(({ shift: [right, down] }) =>
    translation((-2 * right) / (width - 1), (-2 * down) / (height - 1)),
  );
  return warp(images, maps, { interpolation: 'nearest', padding: 'zeros' });
}
