/**
 * Does a map show what the classifier goes by? Deletion: pixels are taken away, the hottest first; insertion: they are put
 * on a blurred image. If the map is right, the probability falls (rises) at once. The figure is the area under the
 * probability over the share of pixels: small is good for deletion, large for insertion. Petsiuk, Das & Saenko, "RISE",
 * BMVC 2018.
 *
 * Both figures hang on the classifier and on how pixels are taken away; only differences to the same figure of a map that
 * knows nothing (./maps.ts) say something.
 */

import { noGrad, type Tensor, tensor, tidy, where } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { F } from 'graft-torch/nn';
import { gaussianWindow } from '../../metrics/full-reference/index.js';

export interface PerturbationOptions {
  /** Steps from the first image to the last; default 32. */
  steps?: number;
}

/** σ of the blur that insertion starts from, as a share of the side: what remains is colours, no structure. */
const BLUR_SHARE = 0.1;

/**
 * Images in which each pixel step by step takes the value of another image.
 *
 * @param probability `[N, 3, H, W]` in [0, 1] → `[N]`
 * @param from, to `[N, 3, H, W]`
 * @param ranks int64 `[N, H·W]`, which pixel goes first (`heatRanks`)
 * @returns `[steps + 1][N]`: probabilities from `from` to `to`
 * @throws ConfigError for fewer than one step
 */
export function perturbationCurve(
  probability: (images: Tensor) => Tensor,
  { from, to, ranks }: { from: Tensor; to: Tensor; ranks: Tensor },
  options: PerturbationOptions = {},
): number[][] {
  const { steps = 32 } = options;
  if (!Number.isInteger(steps) || steps < 1)
    throw new ConfigError(`deletion and insertion need 1 step or more, not ${steps}`);
  const [n, , height, width] = from.shape as [number, number, number, number];
  return Array.from({ length: steps + 1 }, (_, step) =>
    tidy(() =>
      noGrad(() => {
        const changed = ranks.lt(Math.round((step * height * width) / steps)).reshape([n, 1, height, width]);
        return Array.from(
          probability(where(changed, to, from))
            .to({ device: 'cpu' })
            .toArray() as Float32Array,
        );
      }),
    ),
  );
}

/** Area under each image's curve by the trapezoid rule over the share of pixels, 0 to 1. @param curve `[steps + 1][N]` */
export function areaUnder(curve: readonly (readonly number[])[]): number[] {
  const steps = curve.length - 1;
  return curve[0]!.map((_, n) =>
    curve.reduce(
      (sum, values, step) => sum + (values[n]! * (step === 0 || step === steps ? 0.5 : 1)) / steps,
      0,
    ),
  );
}

/** Deletion takes away to each image's mean colour; insertion starts from the blurred image. */
export function deletionInsertion(
  probability: (images: Tensor) => Tensor,
  { images, ranks }: { images: Tensor; ranks: Tensor },
  options: PerturbationOptions = {},
): { deletion: number[]; insertion: number[] } {
  return tidy(() =>
    noGrad(() => {
      const blank = images.mean([2, 3], true).expand(images.shape);
      const blurred = gaussianBlur(images, BLUR_SHARE * Math.min(...images.shape.slice(2)));
      return {
        deletion: areaUnder(perturbationCurve(probability, { from: images, to: blank, ranks }, options)),
        insertion: areaUnder(perturbationCurve(probability, { from: blurred, to: images, ranks }, options)),
      };
    }),
  );
}

/** Each channel with a Gaussian of 3 σ to both sides; borders are repeated. */
export function gaussianBlur(images: Tensor, sigma: number): Tensor {
  return tidy(() => {
    const [n, channels, height, width] = images.shape as [number, number, number, number];
    const radius = Math.max(1, Math.ceil(3 * sigma));
    const size = 2 * radius + 1;
    const window = tensor(gaussianWindow(size, sigma), [size], {
      dtype: images.dtype,
      device: images.device,
    });
    const planes = images.reshape([n * channels, 1, height, width]);
    const padded = F.pad(planes, [radius, radius, radius, radius], 'replicate');
    const along = F.conv2d(padded, window.reshape([1, 1, 1, size]));
    return F.conv2d(along, window.reshape([1, 1, size, 1])).reshape([n, channels, height, width]);
  });
}
