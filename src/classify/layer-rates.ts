/**
 * Discriminative learning rates: the lower a layer, the less it moves, since what it knows is the most general. The head
 * learns at the full rate, each stage at a share of the one above it, the stem least. Source: Howard & Ruder, "Universal
 * Language Model Fine-tuning for Text Classification", ACL 2018 (their share: 1 / 2.6).
 */

import type { Tensor } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { ImageNetwork } from '../models/index.js';
import type { ClassifierModule } from './own.js';

/**
 * Factor of the learning rate for each of a network's parameters, in the order given.
 * @param decay share of a stage's rate that the stage below it has, in (0, 1]; 1: the same everywhere
 * @throws ConfigError where a network of one's own names no stages
 */
export function layerRateFactors(
  network: ClassifierModule,
  parameters: readonly Tensor[],
  decay: number,
): number[] {
  if (decay === 1) return parameters.map(() => 1);
  const stages = stagesOf(network);
  const below = new Map<Tensor, number>(); // stages between a parameter and the head
  stages.forEach((own, i) => {
    for (const parameter of own) below.set(parameter, stages.length - i);
  });
  return parameters.map((parameter) => decay ** (below.get(parameter) ?? 0));
}

/** What learns at one rate, from the input upwards. */
function stagesOf(network: ClassifierModule): Tensor[][] {
  if (!(network instanceof ImageNetwork)) {
    if (network.stages) return network.stages.map((stage) => stage.parameters());
    throw new ConfigError(
      'layerDecay: the network of one’s own names no `stages`; give it some, or set layerDecay=1',
    );
  }
  const stages: Tensor[][] = [network.stemParameters()];
  network.blocks.forEach((block, i) => {
    const stage = network.blockStages[i]! + 1;
    stages[stage] = [...(stages[stage] ?? []), ...block.parameters()];
  });
  return stages;
}
