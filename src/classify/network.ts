/** The classifier as configured: architecture, starting weights, frozen blocks, device, memory layout. */
import {
  EfficientNet,
  freezeBlocks,
  loadEfficientNetWeights,
  memoryFormatFor,
  parseVariant,
} from '../models/index.js';
import { BatchNorm2d, init } from '../nn/index.js';
import type { Device } from '../torch/index.js';
import type { ClassifierRecipe } from './config.js';

export interface ClassifierNetwork {
  network: EfficientNet;
  /** What a weights file gave, for the log; null when training starts from scratch. */
  loaded: string | null;
}

/**
 * A network with one logit, in training mode. Its fresh weights come from the default generator: seed that before.
 * @throws ConfigError or DataError when the weights file does not fit
 */
export function makeNetwork(
  recipe: ClassifierRecipe,
  device: Device,
  options: { readWeights?: boolean } = {},
): ClassifierNetwork {
  const network = new EfficientNet(parseVariant(recipe.architecture), {
    numClasses: 1,
    head: recipe.head,
    dropConnect: recipe.dropConnect,
    ...(recipe.dropout === null ? {} : { dropout: recipe.dropout }),
  });
  // The authors' range of the last layer, ±1/√classes, is made for 1000 classes; with one logit it would start at
  // losses near 10. PyTorch's range for a linear layer instead.
  init.uniform_(network.fc.weight, 1 / Math.sqrt(network.features));
  let loaded: string | null = null;
  if (recipe.weights !== null && (options.readWeights ?? true)) {
    const taken = loadEfficientNetWeights(network, recipe.weights);
    loaded = `${taken.loaded} tensors from ${recipe.weights}${taken.headReplaced ? ', last layer fresh' : ''}`;
  }
  for (const module of network.modules()) {
    if (module instanceof BatchNorm2d) Object.assign(module, { momentum: recipe.batchNormMomentum });
  }
  freezeBlocks(network, recipe.frozenBlocks);
  network.to({ device, memoryFormat: memoryFormatFor(device) });
  return { network: network.train(), loaded };
}
