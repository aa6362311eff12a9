/** Options of the commands that look at images through a backbone, and the features it gives. */
import { type Command, Option } from 'commander';
import type { Device, Tensor } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import type { FeatureExtractor, InputOptions, ResizerName } from '../metrics/backbone/index.js';
import { cachedFeatures, openExtractor } from '../metrics/backbone/index.js';
import { firstNonFiniteRow } from '../metrics/distribution/index.js';
import type { ImageSet } from '../metrics/sets/index.js';
import { imageName, toTensor } from '../metrics/sets/index.js';
import { withProgress } from '../run/index.js';
import { addTrustOption, collect, globalOptions, notice } from './common.js';

export interface BackboneFlags {
  backbone: string;
  resizer: ResizerName;
  input: string[];
  cache: boolean;
}

export const addBackboneOptions = (command: Command): Command =>
  addTrustOption(command)
    .option(
      '--backbone <which>',
      'where features come from: random, a classifier run, inception:FILE, FILE.pt (TorchScript), FILE.onnx or module:FILE.js',
      'random',
    )
    .addOption(
      new Option(
        '--resizer <name>',
        'how images come to the backbone’s side; tensorflow and pytorch as in published FIDs',
      )
        .choices(['clean', 'tensorflow', 'pytorch'])
        .default('clean'),
    )
    .option(
      '--input <key=value>',
      'what a TorchScript or ONNX backbone takes: sizePx=224, range=1 or 255, mean=R,G,B, std=R,G,B; repeatable',
      collect,
      [],
    )
    .option('--no-cache', 'compute features anew, and keep none ($GRAFT_CACHE, else ~/.cache/graft)');

/** Opens the backbone; the caller disposes it. @param calibrate real images, for the random backbone */
export async function openCommandBackbone(
  flags: BackboneFlags,
  device: Device,
  calibrate: ImageSet,
): Promise<FeatureExtractor> {
  const images = toTensor(calibrate);
  try {
    return await openExtractor(flags.backbone, {
      device,
      calibrate: images,
      resizer: flags.resizer,
      ...(flags.input.length > 0 && { input: await parseInput(flags.input) }),
    });
  } finally {
    images.dispose();
  }
}

/**
 * Features of a set, from the cache where they are there; the caller disposes them.
 * @throws DataError naming the image whose features are not finite
 */
export async function featuresOf(
  command: Command,
  backbone: FeatureExtractor,
  set: ImageSet,
  { label, cache }: { label: string; cache: boolean },
): Promise<Tensor> {
  const { quiet } = globalOptions(command);
  const images = toTensor(set);
  try {
    return await withProgress({ label, total: set.n, unit: 'images', quiet }, async (progress) => {
      const features = await cachedFeatures(backbone, images, {
        ...(!cache && { cacheDir: null }),
        onProgress: (done) => progress.update(done),
        onNotice: (message) => notice(command, message),
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

/** @throws ConfigError for a key that is none; values are checked where they are used */
async function parseInput(given: readonly string[]): Promise<InputOptions> {
  return Object.fromEntries(
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
}
