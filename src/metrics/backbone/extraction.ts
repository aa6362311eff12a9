/** Features batch by batch: memory stays bounded whatever the number of images, and progress can be told. */
import { setImmediate } from 'node:timers/promises';
import { cat, type Device, dispose, keep, noGrad, type Tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import type { Backbone, ExtractionOptions, FeatureExtractor } from './backbone.js';
import { QUANTISATION } from './input.js';

/** Pixels that go through the network at once: 128 images at 64 px, 32 at 128, 5 at 299. Bounds memory at about 0.5 GiB. */
const PIXELS_PER_BATCH = 128 * 64 * 64;
/** An accelerator waits for small batches, and has the memory for larger ones. */
const ACCELERATOR_FACTOR = 8;

/** [start, count] of a batch. */
export type Batch = readonly [start: number, count: number];

/** Batches that differ by one image at most: a last one of one image would have no variance. */
export function batches(n: number, sizePx: number, device: Device = 'cpu'): Batch[] {
  const pixels = PIXELS_PER_BATCH * (device === 'cpu' ? 1 : ACCELERATOR_FACTOR);
  const most = Math.max(2, Math.floor(pixels / sizePx ** 2));
  const parts = Math.ceil(n / most);
  const startOf = (part: number): number => Math.floor((part * n) / parts);
  return Array.from({ length: parts }, (_, part) => [startOf(part), startOf(part + 1) - startOf(part)]);
}

/** Batches of one size, the last one excepted. */
export function equalBatches(n: number, size: number): Batch[] {
  return Array.from({ length: Math.ceil(n / size) }, (_, part) => [
    part * size,
    Math.min(size, n - part * size),
  ]);
}

const countOf = (images: Tensor): number => {
  const n = images.shape[0] ?? 0;
  if (n === 0) throw new DataError('backbone: there are no images to take features of');
  return n;
};

/**
 * @param by.plan batches for a number of images
 * @param by.embed uint8 `[n, 3, H, W]` → float32 `[n, D]` on the CPU
 * @returns float32 `[N, D]`; no scope owns it
 */
export async function extractInBatches(
  images: Tensor,
  by: { plan: (n: number) => Batch[]; embed: (part: Tensor) => Tensor | Promise<Tensor> },
  { onProgress }: ExtractionOptions = {},
): Promise<Tensor> {
  const { plan, embed } = by;
  const n = countOf(images);
  const parts: Tensor[] = [];
  try {
    for (const [start, count] of plan(n)) {
      const part = keep(images.narrow(0, start, count));
      try {
        // A scope of the caller's may end while this waits: what is there already is taken out of it at once.
        const made = embed(part);
        parts.push(keep(made instanceof Promise ? await made : made));
      } finally {
        part.dispose();
      }
      onProgress?.(start + count, n);
      await setImmediate(); // timers, signals and other work have their turn
    }
    return keep(cat(parts));
  } finally {
    dispose(parts);
  }
}

type Identity = Omit<FeatureExtractor, 'extract' | 'dispose' | 'quantisation'>;

interface Network extends Pick<Backbone, 'logits' | 'dispose'> {
  /** uint8 `[n, 3, H, W]` → `[n, D]` on any device. */
  embed: (part: Tensor) => Tensor;
}

/** A backbone from what is known of it and a network in this process. */
export function makeBackbone(identity: Identity, { embed, ...network }: Network): Backbone {
  const { sizePx, device } = identity;
  const plan = (n: number): Batch[] => batches(n, sizePx, device);
  const run = (part: Tensor): Tensor => tidy(() => noGrad(() => embed(part).to({ device: 'cpu' })));
  return {
    ...identity,
    quantisation: QUANTISATION,
    ...network,
    features: (images, { onProgress } = {}) =>
      tidy(() => {
        const n = countOf(images);
        const parts = plan(n).map(([start, count]) => {
          const part = run(images.narrow(0, start, count));
          onProgress?.(start + count, n);
          return part;
        });
        return cat(parts);
      }),
    extract: (images, options) => extractInBatches(images, { plan, embed: run }, options),
  };
}
