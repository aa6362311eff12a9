/** The classifier as configured: architecture, starting weights, frozen blocks, device, memory layout. */

import type { Device } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { BatchNorm2d } from 'graft-torch/nn';
import {
  type Conventions,
  encodeConventions,
  freezeBlocks,
  ImageNetwork,
  inspectNetworkWeights,
  loadNetworkWeights,
  memoryFormatFor,
  networkEntry,
  OWN_CONVENTIONS,
  openWeightsFile,
  weightsFilePath,
} from '../models/index.js';
import type { ClassifierRecipe } from './config.js';
import { type ClassifierModule, type OwnParts, requireLogits } from './own.js';

export interface ClassifierNetwork<Network extends ClassifierModule = ClassifierModule> {
  network: Network;
  /** What a weights file gave, for the log; null when training starts from scratch. */
  loaded: string | null;
  /** One line where the weights know images of another size than the run's; null where they do not. */
  caution: string | null;
}

/** The conventions that a recipe names, without those it leaves to its weights. */
function namedConventions(recipe: ClassifierRecipe): Partial<Conventions> {
  const { padding, batchNormEps, inputStatistics } = recipe;
  return {
    ...(padding === 'auto' ? {} : { padding }),
    ...(batchNormEps === null ? {} : { batchNormEps }),
    ...(inputStatistics === 'auto' ? {} : { inputStatistics }),
  };
}

/** What a recipe is to name in the end: of EfficientNets all, of others the statistics of the input; padding and ε are theirs. */
const conventionsToName = ({ architecture, own }: ClassifierRecipe): Partial<Conventions> => {
  if (architecture.startsWith('efficientnet-') || own?.includes('network')) return OWN_CONVENTIONS;
  return { inputStatistics: OWN_CONVENTIONS.inputStatistics };
};

/** A recipe with the conventions of the run that it goes on with, as far as it leaves them open. */
export const adoptConventions = (
  recipe: ClassifierRecipe,
  run: Partial<ClassifierRecipe>,
): ClassifierRecipe => {
  const { padding, batchNormEps, inputStatistics } = { ...OWN_CONVENTIONS, ...run };
  return { ...recipe, padding, batchNormEps, inputStatistics, ...namedConventions(recipe) };
};

/**
 * A recipe with the classes that it tells apart, those of the dataset unless it names them.
 * @throws ConfigError when it names others; DataError when there is nothing to tell apart
 */
export function settleClasses(
  recipe: ClassifierRecipe,
  { classes, positive, dir }: { classes: readonly string[]; positive: string; dir: string },
): ClassifierRecipe {
  if (recipe.target === 'binary') return recipe;
  const own = [positive, ...classes.filter((name) => name !== positive)];
  if (own.length < 2) throw new DataError(`${dir}: has one class only; target classes needs two or more`);
  if (recipe.classes.length > 0 && recipe.classes.join('\n') !== own.join('\n')) {
    throw new ConfigError(
      `classes: those of ${dir} are ${own.join(', ')}, the positive one first; leave this key out`,
    );
  }
  return { ...recipe, classes: own };
}

/**
 * A recipe with the channels of the pixels that it is trained on.
 * @throws DataError when it asks for others
 */
export function settleChannels(recipe: ClassifierRecipe, cache: { channels: 1 | 3 }): ClassifierRecipe {
  const { channels } = cache;
  if (recipe.channels !== null && recipe.channels !== channels)
    throw new DataError(
      `channels: ${recipe.channels} are asked for, and the pixel cache holds ${channels}; open it with as many`,
    );
  return { ...recipe, channels };
}

/**
 * Brings the weights file to this machine where it is on the hub, and writes the conventions it asks for into the
 * recipe, which then describes the network without it. Nothing is fetched or read where the recipe is settled already.
 *
 * @throws DataError, ConfigError when the file cannot be had, or holds no EfficientNet
 */
export async function settleWeights(recipe: ClassifierRecipe): Promise<ClassifierRecipe> {
  const named = namedConventions(recipe);
  const usual = conventionsToName(recipe);
  if (Object.keys(usual).every((key) => key in named)) return recipe;
  if (recipe.weights === null) return { ...recipe, ...usual, ...named };
  const path = await openWeightsFile(recipe.weights);
  const { conventions } = inspectNetworkWeights(path, recipe.architecture, { part: recipe.weightsPart });
  return { ...recipe, ...conventions, ...named };
}

/** Length of the network's output: one logit a class, or one for the positive class against the rest. */
export const logitCount = ({ target, classes }: Pick<ClassifierRecipe, 'target' | 'classes'>): number =>
  target === 'classes' ? classes.length : 1;

/** What else a network's weights need to be used elsewhere. */
export const networkMetadata = (network: ClassifierModule): Record<string, string> =>
  network instanceof ImageNetwork ? encodeConventions(network.conventions) : {};

interface MakeOptions {
  /** Default true; false where the run's own weights will replace them. */
  readWeights?: boolean;
}

/**
 * The network of a recipe, in training mode: one of one's own where there is one, else Graft's.
 * @throws ConfigError or DataError when the weights file, or the network of one's own, does not fit
 */
export function networkFor(
  recipe: ClassifierRecipe,
  device: Device,
  { parts, ...options }: MakeOptions & { parts: OwnParts },
): ClassifierNetwork {
  if (!parts.network) return makeNetwork(recipe, device, options);
  const { classes, channels, imageSize } = recipe;
  const context = { logits: logitCount(recipe), classes, channels: channels ?? 3, imageSize };
  const network = parts.network(context);
  requireLogits(network, context);
  network.to({ device, memoryFormat: memoryFormatFor(device) });
  return { network: network.train(), loaded: null, caution: null };
}

/**
 * The recipe's architecture with one logit, or one a class, in training mode. Its fresh weights come from the default
 * generator: seed that before. Weights on the hub must have been brought (`settleWeights`).
 *
 * @throws ConfigError or DataError when the weights file does not fit
 */
export function makeNetwork(
  recipe: ClassifierRecipe,
  device: Device,
  options: MakeOptions = {},
): ClassifierNetwork<ImageNetwork> {
  const network = networkEntry(recipe.architecture).make({
    numClasses: logitCount(recipe),
    inChannels: recipe.channels ?? 3, // runs of before this key was there have three
    sidePx: recipe.imageSize,
    head: recipe.head,
    dropConnect: recipe.dropConnect,
    ...(recipe.dropout === null ? {} : { dropout: recipe.dropout }),
  });
  network.renewClassifier();
  const conventions = namedConventions(recipe);
  let loaded: string | null = null;
  let caution: string | null = null;
  if (recipe.weights !== null && (options.readWeights ?? true)) {
    const taken = loadNetworkWeights(network, weightsFilePath(recipe.weights), {
      conventions,
      part: recipe.weightsPart,
    });
    caution = sizeCaution(recipe, taken.sidesPx);
    loaded = `${taken.loaded} tensors from ${recipe.weights} (${taken.naming} names)${taken.headReplaced ? ', last layer fresh' : ''}${taken.folded ? `, first convolution brought to ${recipe.channels} ${recipe.channels === 1 ? 'channel' : 'channels'}` : ''}; ${conventionWords(network)}`;
  } else network.setConventions(conventions);
  for (const module of network.modules()) {
    if (module instanceof BatchNorm2d) Object.assign(module, { momentum: recipe.batchNormMomentum });
  }
  freezeBlocks(network, recipe.frozenBlocks);
  network.to({ device, memoryFormat: memoryFormatFor(device) });
  return { network: network.train(), loaded, caution };
}

const conventionWords = ({ conventions }: ImageNetwork): string => {
  const { padding, batchNormEps, inputStatistics } = conventions;
  const convolutions = padding === undefined ? '' : `${padding} padding, batch-norm eps ${batchNormEps}, `;
  return `${convolutions}${inputStatistics} input`;
};

/**
 * Weights carry the size of things in them: what was learned at one side fits another one less well (Touvron et al.,
 * "Fixing the train-test resolution discrepancy", NeurIPS 2019). Fine-tuning gets over much of it, so it is no error.
 */
function sizeCaution({ imageSize, weights }: ClassifierRecipe, sidesPx: readonly number[]): string | null {
  if (sidesPx.includes(imageSize)) return null;
  return `${weights}: these weights know images of ${sidesPx.join(' or ')} px, and imageSize is ${imageSize}; they are used as they are, and may be worth less than at imageSize=${sidesPx[0]}`;
}
