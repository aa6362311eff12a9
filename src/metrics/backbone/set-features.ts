/** Features of a set of images in memory. */
import type { Device, Tensor } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { withProgress } from '../../run/index.js';
import { firstNonFiniteRow } from '../distribution/features.js';
import { type ImageSet, imageName, toTensor } from '../sets/image-set.js';
import type { Backbone, BackboneOptions, FeatureExtractor } from './backbone.js';
import { cachedFeatures } from './feature-cache.js';
import type { InputOptions } from './input.js';
import { openExtractor } from './open.js';

/** Opens a backbone that a set of real images calibrates, where it is the random one; the caller disposes it. */
export async function openCalibrated(
  spec: string,
  calibrate: ImageSet,
  options: Omit<BackboneOptions, 'calibrate'> & { device: Device },
): Promise<FeatureExtractor & Pick<Backbone, 'logits'>> {
  const images = toTensor(calibrate);
  try {
    return await openExtractor(spec, { ...options, calibrate: images });
  } finally {
    images.dispose();
  }
}

export interface SetFeaturesOptions {
  /** What progress calls them: 'features of real images'. */
  label: string;
  /** No progress on stderr, the default. */
  quiet?: boolean;
  /** Read from the cache where they are there, and kept; the default. */
  cache?: boolean;
  /** Told in one line what is wrong with the cache. */
  onNotice?: (message: string) => void;
}

/**
 * Features of a set, from the cache where they are there; the caller disposes them.
 * @returns float32 `[N, D]` on the CPU
 * @throws DataError naming the image whose features are not finite
 */
export async function setFeatures(
  backbone: FeatureExtractor,
  set: ImageSet,
  options: SetFeaturesOptions,
): Promise<Tensor> {
  const { label, quiet = true, cache = true, onNotice } = options;
  const images = toTensor(set);
  try {
    return await withProgress({ label, total: set.n, unit: 'images', quiet }, async (progress) => {
      const features = await cachedFeatures(backbone, images, {
        ...(!cache && { cacheDir: null }),
        onProgress: (done) => progress.update(done),
        ...(onNotice && { onNotice }),
      });
      progress.update(set.n);
      const row = firstNonFiniteRow(features);
      if (row < 0) return features;
      features.dispose();
      throw new DataError(
        `${imageName(set, row)}: ${backbone.name} gives features that are not finite: look at the image, and whether the network was trained to the end`,
      );
    });
  } finally {
    images.dispose();
  }
}

/**
 * What a network from a file takes, from words such as `sizePx=224` and `mean=0.5,0.5,0.5`.
 * @throws ConfigError for a key that is none; values are checked where they are used
 */
export const parseInput = (given: readonly string[]): InputOptions =>
  Object.fromEntries(
    given.map((text) => {
      const [, key, value = ''] = /^(sizePx|range|mean|std)=(.+)$/.exec(text) ?? [];
      if (key === undefined) {
        throw new ConfigError(
          `--input ${text}: expected sizePx=224, range=1 or 255, mean=R,G,B or std=R,G,B`,
        );
      }
      const numbers = value.split(',').map(Number);
      return [key, key === 'mean' || key === 'std' ? numbers : numbers[0]];
    }),
  );
