/**
 * Loads an EfficientNet's weights from a file in lukemelas', timm's or torchvision's key names, and sets the network to
 * the conventions that they were trained with. A file made for another number of classes gives everything but the last
 * layer; any other difference is an error that lists it, never a silently half-loaded network.
 */
import { existsSync } from 'node:fs';
import { loadWeights, type Tensor, tidy } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { type Conventions, conventionsOf, decodeConventions } from './conventions.js';
import { type EfficientNet, HEAD_NORM } from './efficientnet.js';
import { detectNaming, keyTranslation, layerNames, type Naming } from './efficientnet-keys.js';
import { type EfficientNetVariant, VARIANTS } from './variants.js';

/** What a file says of itself. */
export interface WeightsFile {
  /** Whose key names it has. */
  naming: Naming;
  /** What its weights were trained with; null for timm's where the path does not say which of its networks it is. */
  conventions: Conventions | null;
}

/** What was taken from the file. */
export interface LoadedWeights {
  /** Tensors copied into the network. */
  loaded: number;
  /** The last layer kept its fresh weights, because the file's is made for other classes (or has none). */
  headReplaced: boolean;
  /** The first convolution saw other channels in the file than in the network, and was brought to them. */
  folded: boolean;
  /** Keys of the file that were left out because they belong to its head. */
  skipped: string[];
  naming: Naming;
  /**
   * Sides in pixels that the weights know: what their file says where a run of this project wrote it, else those that
   * published weights of the variant were trained and tested at.
   */
  sidesPx: number[];
}

export interface WeightsContent {
  path: string;
  tensors: Readonly<Record<string, Tensor>>;
  /** Of a safetensors file. */
  metadata?: Readonly<Record<string, string>>;
}

/** Counts of batches, which only a momentum-free batch norm uses; files of older versions lack them. */
const isCounter = (key: string): boolean => key.endsWith('num_batches_tracked');

/**
 * Reads whose names a file has and which conventions come with it: from its metadata where a run of this project wrote
 * it, else from names and path (`conventions.ts`).
 *
 * @throws ConfigError when there is no such file
 * @throws DataError when it is of a kind that is not read, or holds no EfficientNet
 */
export function inspectEfficientNetWeights(
  path: string,
  variant: EfficientNetVariant,
  options: { part?: string | undefined } = {},
): WeightsFile {
  return tidy(() => inspect(path, variant, readWeights(path, variant, options.part)));
}

/**
 * @param path a safetensors or PyTorch (`.pth`) file
 * @param options.part which of the file's several state dicts
 * @throws ConfigError, DataError as `applyEfficientNetWeights`; ConfigError also when there is no such file, DataError
 *   when it is of a kind that is not read
 */
export function loadEfficientNetWeights(
  model: EfficientNet,
  path: string,
  options: { conventions?: Partial<Conventions>; part?: string | undefined } = {},
): LoadedWeights {
  return tidy(() =>
    applyEfficientNetWeights(model, { path, ...readWeights(path, model.variant, options.part) }, options),
  );
}

/**
 * @param content tensors by key, and the path they came from: for messages, and to tell timm's networks apart
 * @param options.conventions instead of what the file says of itself
 * @throws ConfigError when nothing says how the weights' network pads
 * @throws DataError when the body's keys or shapes differ: names the missing, unexpected and mis-shaped ones, as the
 *   file calls them; the network is as it was then
 */
export function applyEfficientNetWeights(
  model: EfficientNet,
  content: WeightsContent,
  options: { conventions?: Partial<Conventions> } = {},
): LoadedWeights {
  return tidy(() => {
    const { path } = content;
    const { naming, conventions } = inspect(path, model.variant, content);
    const settled = settle(path, conventions, options.conventions ?? {});

    const { spec, naming: ownNaming } = VARIANTS[model.variant];
    const theirs = keyTranslation(spec, { from: ownNaming, to: naming });
    const stem = `${layerNames(spec, naming)!.stem[0]}.weight`;
    const { tensors, folded } = fitStem(content.tensors, stem, model.convStem.weight.shape[1]!);
    // The network's state under the file's names.
    const own = Object.fromEntries(
      Object.entries(model.stateDict()).map(([key, value]) => [theirs(key), value]),
    );
    const shapeOf = (key: string): string => `[${own[key]?.shape}]`;
    const fits = (key: string): boolean => `[${tensors[key]?.shape}]` === shapeOf(key);

    const classifier = `${layerNames(spec, naming)!.head[2]}.`;
    const isHead = (key: string): boolean => key.startsWith(classifier) || key.startsWith(`${HEAD_NORM}.`);
    const headKeys = Object.keys(own).filter((key) => isHead(key) && !isCounter(key));
    const headReplaced = !headKeys.every(fits);
    const wanted = (key: string): boolean => !(headReplaced && isHead(key));
    const missing = Object.keys(own).filter((key) => wanted(key) && !(key in tensors) && !isCounter(key));
    const unexpected = Object.keys(tensors).filter((key) => wanted(key) && !(key in own));
    const misshaped = Object.keys(own).filter((key) => wanted(key) && key in tensors && !fits(key));
    if (missing.length + unexpected.length + misshaped.length > 0) {
      const parts = [
        missing.length ? `missing ${listed(missing)}` : '',
        unexpected.length ? `unexpected ${listed(unexpected)}` : '',
        misshaped.length
          ? `mis-shaped ${listed(misshaped.map((k) => `${k} [${tensors[k]!.shape}] for ${shapeOf(k)}`))}`
          : '',
      ].filter(Boolean);
      throw new DataError(`${path} does not hold weights of ${model.title}: ${parts.join('; ')}`);
    }
    const ours = keyTranslation(spec, { from: naming, to: ownNaming });
    const taken = Object.entries(tensors).filter(([key]) => wanted(key));
    model.setConventions(settled);
    model.loadStateDict(Object.fromEntries(taken.map(([key, value]) => [ours(key), value])), {
      strict: false,
    });
    return {
      loaded: taken.length,
      headReplaced,
      folded,
      skipped: Object.keys(tensors).filter((key) => !wanted(key)),
      naming,
      sidesPx: sidesOf(content, model.variant),
    };
  });
}

/**
 * The first convolution for images of other channels: what saw colours sees grey as it would have seen three equal ones,
 * by the sum of its weights over them; the other way round by thirds.
 * Source: timm, `adapt_input_conv` (models/_manipulate.py).
 */
export function fitStem(
  tensors: Readonly<Record<string, Tensor>>,
  key: string,
  channels: number,
): { tensors: Readonly<Record<string, Tensor>>; folded: boolean } {
  const weight = tensors[key];
  const [outputs = 0, has, height = 0, width = 0] = weight?.shape ?? [];
  if (!weight || has === channels || !((has === 3 && channels === 1) || (has === 1 && channels === 3)))
    return { tensors, folded: false };
  const fitted =
    channels === 1 ? weight.sum([1], true) : weight.expand([outputs, channels, height, width]).div(channels);
  return { tensors: { ...tensors, [key]: fitted }, folded: true };
}

/** Key of the metadata under which a run says at which side it trained its network. */
export const SIDE_KEY = 'imageSize';

function sidesOf({ metadata }: WeightsContent, variant: EfficientNetVariant): number[] {
  const own = Number(metadata?.[SIDE_KEY]);
  const { train, test } = VARIANTS[variant].resolution;
  return own > 0 ? [own] : [...new Set([train, test])];
}

function readWeights(
  path: string,
  variant: EfficientNetVariant,
  part: string | undefined,
): Omit<WeightsContent, 'path'> {
  if (!existsSync(path)) throw new ConfigError(`weights file ${path} does not exist`);
  const { spec } = VARIANTS[variant];
  return loadWeights(path, {
    part,
    remedy: 'choose one with --part (key weightsPart)',
    knows: (names) => detectNaming(spec, names) !== null,
  });
}

function inspect(
  path: string,
  variant: EfficientNetVariant,
  { tensors, metadata = {} }: Omit<WeightsContent, 'path'>,
): WeightsFile {
  const { spec, title } = VARIANTS[variant];
  const keys = Object.keys(tensors);
  const naming = detectNaming(spec, keys);
  if (naming === null) {
    throw new DataError(
      `${path} does not hold weights of ${title}: no key is lukemelas', timm's or torchvision's; it has ${listed(keys) || 'none'}`,
    );
  }
  return { naming, conventions: decodeConventions(metadata) ?? conventionsOf(naming, variant, path) };
}

/** @throws ConfigError when one convention is neither known nor given */
function settle(path: string, known: Conventions | null, given: Partial<Conventions>): Conventions {
  const { padding, batchNormEps } = { ...known, ...given };
  if (padding === undefined || batchNormEps === undefined) {
    throw new ConfigError(
      `${path}: these are timm's weights, and its networks pad in two ways; give the file timm's name (tf_efficientnet…, efficientnet…), or set padding=same batchNormEps=0.001 for a network named tf_…, padding=symmetric batchNormEps=0.00001 for any other`,
    );
  }
  return {
    padding,
    batchNormEps,
    inputStatistics: given.inputStatistics ?? known?.inputStatistics ?? 'imagenet',
  };
}

/** All of a short list; the first ten of a long one, and how many more. */
export function listed(keys: readonly string[]): string {
  const shown = keys.slice(0, 10).join(', ');
  return keys.length > 10 ? `${shown} and ${keys.length - 10} more` : shown;
}
