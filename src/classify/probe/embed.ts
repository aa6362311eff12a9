/** A recipe's frozen network: what its features hang on, and the features of images under a view. */
import { setImmediate } from 'node:timers/promises';
import { cat, type Device, dispose, gatherRows, keep, noGrad, type Tensor, tidy } from 'graft-torch';
import { sha256, sha256File } from 'graft-torch/base';
import { type ImageNetwork, weightsFilePath } from '../../models/index.js';
import { statisticsOf, toNetworkInput } from '../batch.js';
import type { ClassifierRecipe } from '../config.js';
import { batchSizeFor } from '../evaluate.js';
import { makeNetwork } from '../network.js';
import { type FeatureStoreOptions, storedFeatures } from './feature-store.js';
import type { SingleView, View } from './views.js';

/** Images of one source, at the recipe's side. */
export interface EmbeddedImages {
  /** uint8 `[N, C, H, W]`. */
  images: Tensor;
  /** SHA-256 of each image. */
  names: readonly string[];
  /** What pixels hang on beside the image (`PixelCache.conditions`). */
  conditions: string;
}

export interface EmbedderOptions extends Pick<FeatureStoreOptions, 'cacheDir'> {
  device: Device;
  warn?: ((message: string) => void) | undefined;
  /** Told after each batch of images that had to be looked at. */
  onBatch?: ((done: number) => void) | undefined;
  /** Whether to stop; asked between batches. */
  poll?: (() => Promise<void>) | undefined;
}

/** The frozen network; it is made only where features are missing. */
export interface Embedder {
  /** @returns float32 `[rows, D]` on the CPU, which the caller disposes */
  features(images: EmbeddedImages, rows: readonly number[], view: View): Promise<Tensor>;
  dispose(): void;
}

/** Images that go through the network at once. */
const BATCH = 64;

/** Everything in a recipe that shapes its frozen network, with the hash of its weights. */
const backboneOf = (recipe: ClassifierRecipe): unknown[] => {
  const { architecture, weightsHash, weightsPart, padding, batchNormEps, inputStatistics, channels, head } =
    recipe;
  return [
    architecture,
    weightsHash,
    weightsPart ?? null,
    padding,
    batchNormEps,
    inputStatistics,
    channels,
    head,
  ];
};

/** SHA-256 of the file that a probe looks through, which must be on this machine. */
export const hashWeights = (weights: string): Promise<string> => sha256File(weightsFilePath(weights));

/** @param recipe with `weightsHash` */
export function makeEmbedder(recipe: ClassifierRecipe, options: EmbedderOptions): Embedder {
  const { device, warn, onBatch, poll, cacheDir } = options;
  let network: ImageNetwork | null = null;
  let done = 0;
  const embed = async (
    { images, names }: EmbeddedImages,
    rows: readonly number[],
    view: SingleView,
  ): Promise<Tensor> => {
    network ??= makeNetwork(recipe, device).network.eval();
    const own = network;
    const [, , height, width] = images.shape as [number, number, number, number];
    const size = batchSizeFor({ height, width }, BATCH);
    const parts: Tensor[] = [];
    try {
      for (let start = 0; start < rows.length; start += size) {
        await poll?.();
        const batch = rows.slice(start, start + size);
        const pixels = await gatherRows(images, batch);
        const augmenting = view.augmenting(batch.map((row) => names[row]!));
        const input = { statistics: statisticsOf(own), ...(augmenting ?? {}) };
        const look = (): Tensor => own.embed(toNetworkInput(view.turn(pixels), device, input));
        try {
          parts.push(keep(tidy(() => noGrad(() => look().to({ device: 'cpu', dtype: 'float32' })))));
        } finally {
          pixels.dispose();
        }
        done += batch.length;
        onBatch?.(done);
        await setImmediate(); // timers and signals have their turn
      }
      return keep(tidy(() => cat(parts)));
    } finally {
      dispose(parts);
    }
  };
  const features = (images: EmbeddedImages, rows: readonly number[], view: View): Promise<Tensor> =>
    storedFeatures(
      sha256(JSON.stringify([backboneOf(recipe), device.split(':')[0], images.conditions, view.name])),
      rows.map((row) => images.names[row]!),
      {
        ...(cacheDir === undefined ? {} : { cacheDir }),
        onNotice: warn,
        make: (places) => {
          const missing = places.map((place) => rows[place]!);
          return 'parts' in view ? mean(images, missing, view.parts) : embed(images, missing, view);
        },
      },
    );
  const mean = async (
    images: EmbeddedImages,
    rows: readonly number[],
    parts: readonly SingleView[],
  ): Promise<Tensor> => {
    const [first, ...others] = parts;
    const sum = await features(images, rows, first!);
    try {
      for (const part of others) {
        const own = await features(images, rows, part);
        tidy(() => void sum.add_(own));
        own.dispose();
      }
      tidy(() => void sum.div_(parts.length));
      return sum;
    } catch (error) {
      sum.dispose(); // stopped between two views
      throw error;
    }
  };
  return {
    features,
    dispose: () => network?.dispose(),
  };
}
