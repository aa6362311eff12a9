/** Drawing: latents of a seed become images, and the discriminator says what it holds of them. */

import { Generator, noGrad, type Tensor, tidy } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { chosenName } from '../data/table/index.js';
import { truncatedNormal } from './adversarial/latent.js';
import { classesOf } from './config.js';
import { toLabels, toPixels } from './data.js';
import type { TrainedGenerator } from './trained-generator.js';

/** Images a forward pass; fixed, so that image i of a seed is the same however many are asked for. */
export const DRAW_BATCH = 64;

/** Which images are drawn. */
export interface DrawOptions {
  seed: number;
  /** Of a conditional generator: what the images are to be. */
  class?: string;
  /** |z| stays below this many standard deviations; default: not truncated. Brock et al. 2019. */
  truncation?: number | null;
}

export interface Drawn {
  /** uint8 `[n, C, H, W]` on the CPU. */
  pixels: Tensor;
  /** Of the discriminator, `[n]` on the CPU: the higher, the more real; null unless asked for. */
  logits: Tensor | null;
}

/** Index of the class, null for an unconditional generator. @throws ConfigError naming the classes there are */
function labelOf({ config, network }: TrainedGenerator, wanted: string | undefined): number | null {
  const classes = classesOf(config);
  const chosen = wanted === undefined ? undefined : chosenName(wanted, classes);
  if (network.classCount === 0) {
    if (wanted === undefined || (classes.length === 1 && chosen !== undefined)) return null;
    throw new ConfigError(
      `--class ${wanted}: this generator is unconditional; it learned ${classes.join(', ')}`,
    );
  }
  if (chosen !== undefined) return classes.indexOf(chosen);
  const found = wanted === undefined ? 'say which' : `there is no ${wanted}`;
  throw new ConfigError(`--class: this generator is conditional, ${found}: ${classes.join(', ')}`);
}

/** Labels that the drawn images may bear: one, or all that an unconditional generator learned together. */
export const drawnClasses = ({ config, network }: TrainedGenerator, wanted: string | undefined): string[] =>
  network.classCount > 0 && wanted !== undefined
    ? [chosenName(wanted, classesOf(config)) ?? wanted]
    : classesOf(config);

/**
 * Opens a stream of images: each call draws the next ones, z ~ N(0, 1) from a generator of this seed. What it returns
 * belongs to the caller.
 *
 * @param options.judged whether the discriminator is asked, which must have been opened with the generator
 * @throws ConfigError for a class that does not fit, or a discriminator that is not there
 */
export function openDraw(
  generator: TrainedGenerator,
  options: DrawOptions & { judged?: boolean },
): (count: number) => Drawn {
  const { seed, truncation = null, judged = false } = options;
  const { network, discriminator, device, origin } = generator;
  const label = labelOf(generator, options.class);
  if (judged && !discriminator) {
    throw new ConfigError(
      `${origin.run}: choosing what the discriminator holds most real needs a run opened with its discriminator`,
    );
  }
  const noise = Generator.seeded(seed);
  return (count) =>
    tidy(() =>
      noGrad(() => {
        const z = truncatedNormal([count, network.latent], noise, truncation).to({ device });
        const labels = label === null ? null : toLabels(new Array<number>(count).fill(label), device);
        const images = network.forward(z, labels);
        const logits = judged ? discriminator!.judge(images, labels).logits.to({ device: 'cpu' }) : null;
        return { pixels: toPixels(images), logits };
      }),
    );
}
