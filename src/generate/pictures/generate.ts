/** What the pictures of a generator are made with: a function from latents to pixels. */

import { cat, type Device, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import type { Channels, PlanarImages } from '../../image/index.js';
import { toPixels } from '../data.js';

/**
 * Latents `[N, latent]` (on the CPU) and class indices, int64 `[N]` or null for an unconditional generator → uint8
 * `[N, C, H, W]` on the CPU.
 */
export type Generate = (z: Tensor, labels: Tensor | null) => Tensor;

/** The part of a generator that pictures need; in evaluation mode, so that an image depends on its own z alone. */
interface ForwardingNetwork {
  forward(z: Tensor, labels?: Tensor | null): Tensor;
}

/** @param batch images a forward pass */
export function generateFrom(network: ForwardingNetwork, device: Device, batch = 64): Generate {
  return (z, labels) =>
    tidy(() =>
      noGrad(() => {
        const count = z.shape[0]!;
        const parts: Tensor[] = [];
        for (let from = 0; from < count; from += batch) {
          const length = Math.min(batch, count - from);
          const part = z.narrow(0, from, length).to({ device });
          const classes = labels?.narrow(0, from, length).to({ device }) ?? null;
          parts.push(toPixels(network.forward(part, classes)));
        }
        return cat(parts);
      }),
    );
}

/** One class for n images, as {@link Generate} takes it; null stays null. */
export const sameLabel = (label: number | null, n: number): Tensor | null =>
  label === null ? null : tensor(new Array<number>(n).fill(label), [n], { dtype: 'int64' });

/** uint8 `[N, C, H, W]` as a grid takes it. */
export function planar(images: Tensor): PlanarImages {
  const [n, channels, height, width] = images.shape as [number, Channels, number, number];
  return { data: images.toArray() as Uint8Array, n, height, width, channels };
}

/** Whole factor that brings small images to about the side at which one can judge them. */
export const enlargement = (sidePx: number, wantedPx = 96): number =>
  Math.max(1, Math.round(wantedPx / sidePx));
