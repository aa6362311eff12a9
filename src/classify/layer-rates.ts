/**
 * Discriminative learning rates: the lower a layer, the less it moves, since what it knows is the most general. The head
 * learns at the full rate, each stage at a share of the one above it, the stem least. Source: Howard & Ruder, "Universal
 * Language Model Fine-tuning for Text Classification", ACL 2018 (their share: 1 / 2.6).
 */

import type { Tensor } from 'graft-torch';
import { type EfficientNet, VARIANTS } from '../models/index.js';

/**
 * Factor of the learning rate for each of a network's parameters, in the order given.
 * @param decay share of a stage's rate that the stage below it has, in (0, 1]; 1: the same everywhere
 */
export function layerRateFactors(
  network: EfficientNet,
  parameters: readonly Tensor[],
  decay: number,
): number[] {
  const { blocks } = VARIANTS[network.variant].spec;
  const stages = blocks.at(-1)!.stage + 1;
  const below = new Map<Tensor, number>(); // stages between a parameter and the head
  for (const stem of [network.convStem, network.bn0]) {
    for (const parameter of stem.parameters()) below.set(parameter, stages + 1);
  }
  network.blocks.forEach((block, i) => {
    for (const parameter of block.parameters()) below.set(parameter, stages - blocks[i]!.stage);
  });
  return parameters.map((parameter) => decay ** (below.get(parameter) ?? 0));
}
