/**
 * Progressive resizing: part of the steps on smaller images, which cost less and hold less to learn by heart. Sources: Howard,
 * "Training Imagenet in 3 hours for $25", fast.ai 2018; Tan & Le, "EfficientNetV2", ICML 2021. Every side is made from the pixel
 * cache's one, on the device, before anything else is done to a batch; validation sees the recipe's own side alone.
 */
import { aten, type Tensor, tidy } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { z } from 'zod';
import { networkEntry } from '../models/index.js';

export const progressiveSchema = z
  .array(
    z.strictObject({
      until: z.number().positive().lt(1).describe('share of the steps'),
      imageSize: z.int().min(16).max(1024).describe('side in pixels'),
    }),
  )
  .default([])
  .describe(
    'sides of the training images in the first part of the steps, smaller than imageSize; Howard 2018, Tan & Le 2021',
  );

type Progressive = z.output<typeof progressiveSchema>;

interface Recipe {
  progressive: Progressive;
  imageSize: number;
  steps: number;
}

/** Side in pixels that a step trains at. @param step steps made before */
export const sideAt = ({ progressive, imageSize, steps }: Recipe, step: number): number =>
  progressive.find(({ until }) => step < until * steps)?.imageSize ?? imageSize;

/**
 * Bilinear, each new pixel the weighted mean of all that it covers (antialiased).
 * @param images `[N, C, S, S]`: uint8, or float in [0, 1]
 * @returns float32 `[N, C, side, side]` in [0, 1]
 */
export const resizeBatch = (images: Tensor, side: number): Tensor =>
  tidy(() => aten.clamp_(aten._upsample_bilinear2d_aa(unitOf(images), [side, side], false), 0, 1));

/** Bytes as shares of 255; floats as they are. */
export const unitOf = (images: Tensor): Tensor =>
  images.dtype === 'uint8' ? images.to({ dtype: 'float32' }).div_(255) : images;

/** @throws ConfigError for sides that do not grow, and for networks that take one side alone */
export function requireResizable(
  recipe: Recipe & { architecture: string; own?: readonly string[] | undefined },
): void {
  const { progressive, imageSize, architecture } = recipe;
  if (progressive.length === 0) return;
  if (recipe.own?.includes('network'))
    throw new ConfigError(
      `progressive: a network of one’s own is made for images of ${imageSize} px; leave this key out`,
    );
  const { title, sideStep } = networkEntry(architecture);
  if (sideStep > 1)
    throw new ConfigError(
      `progressive: ${title} is made for one side, by its places’ embeddings; leave this key out`,
    );
  progressive.forEach(({ until, imageSize: side }, i) => {
    const before = progressive[i - 1];
    if (before && (before.until >= until || before.imageSize >= side))
      throw new ConfigError(
        `progressive: both \`until\` and \`imageSize\` must grow from entry to entry, and entry ${i + 1} has ${until} and ${side} after ${before.until} and ${before.imageSize}`,
      );
    if (side >= imageSize)
      throw new ConfigError(
        `progressive: its sides lie below imageSize (${imageSize}), at which the rest of the steps is trained; entry ${i + 1} has ${side}`,
      );
  });
}
