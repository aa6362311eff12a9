/**
 * Walks through the latent space: does the generator know something between two images, or did it learn a few by
 * heart? Smooth changes without detours speak for the former.
 *
 * Spherical interpolation: White, "Sampling Generative Networks", 2016 (arXiv:1609.04468). The straight line between
 * two Gaussian latents passes far inside the sphere on which they all lie (‖z‖ ≈ √d), where a generator was never
 * trained; slerp goes along that sphere.
 */

import { aten, cat, type Generator, noGrad, randn, type Tensor, tidy, where } from 'graft-torch';
import { gridPng } from '../../image/index.js';
import { enlargement, type Generate, planar, sameLabel } from './generate.js';

/** Below this sine of the angle the great circle is not defined well enough, and the straight line is taken. */
const PARALLEL = 1e-6;

/**
 * slerp(a, b; t) = sin((1 − t)θ)/sin θ · a + sin(tθ)/sin θ · b, with θ the angle between a and b. Row by row; of
 * vectors of equal length every point has that length. Parallel and opposite rows are joined by a straight line.
 *
 * @param a from, `[N, D]`; b: to, `[N, D]`
 * @param t place on the way, 0: a … 1: b
 * @returns `[N, D]`
 */
export function slerp(a: Tensor, b: Tensor, t: number): Tensor {
  return tidy(() => {
    const unit = (x: Tensor): Tensor => x.div(x.square().sum(1, true).sqrt().clamp({ min: 1e-12 }));
    // atan2 of half the difference and half the sum: exact near 0 and π, where acos loses half its digits (Kahan).
    const [p, q] = [unit(a), unit(b)];
    const length = (x: Tensor): Tensor => x.square().sum(1, true).sqrt();
    const theta = aten.atan2(length(p.sub(q)), length(p.add(q))).mul(2); // [N, 1]
    const sine = theta.sin();
    const isLine = sine.lt(PARALLEL);
    const safe = where(isLine, sine.mul(0).add(1), sine);
    const weight = (share: number): Tensor =>
      where(isLine, sine.mul(0).add(share), theta.mul(share).sin().div(safe));
    return a.mul(weight(1 - t)).add(b.mul(weight(t)));
  });
}

export interface InterpolationOptions {
  /** Length of z. */
  latent: number;
  /** Draws the ends; a CPU generator of its own. */
  random: Generator;
  /** Rows; default 4. */
  pairs?: number;
  /** Images a row, both ends included; default 8. */
  steps?: number;
  /** Class of every image; null (the default) for an unconditional generator. */
  label?: number | null;
  scale?: number;
}

/**
 * A strip of images for each pair of latents, from one to the other.
 * @returns the PNG's bytes
 */
export async function interpolationPng(generate: Generate, options: InterpolationOptions): Promise<Buffer> {
  const { latent, random, pairs = 4, steps = 8, label = null } = options;
  const images = tidy(() =>
    noGrad(() => {
      const from = randn([pairs, latent], { generator: random });
      const to = randn([pairs, latent], { generator: random });
      const places = Array.from({ length: steps }, (_, i) => (steps > 1 ? i / (steps - 1) : 0));
      // [pairs, steps, latent] → one row of the grid a pair
      const z = cat(
        places.map((t) => slerp(from, to, t).unsqueeze(1)),
        1,
      ).reshape([pairs * steps, latent]);
      return planar(generate(z, sameLabel(label, pairs * steps)));
    }),
  );
  return gridPng(images, { columns: steps, scale: options.scale ?? enlargement(images.width) });
}
