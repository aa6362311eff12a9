/**
 * The sanity check of Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018: an explanation that hardly changes
 * when the weights are random explains the image (edges, the middle), not the classifier.
 */

import { type Tensor, withSeed } from 'graft-torch';
import { averageBatchStatistics } from 'graft-torch/nn';
import { spearman } from '../../stats/index.js';
import type { ClassifierConfig } from '../config.js';
import { networkFor } from '../network.js';
import type { ClassifierModule, OwnParts } from '../own.js';

/**
 * The same architecture with fresh weights, its batch norms fitted to the images (else signals would die out on the way).
 * In evaluation mode; the caller disposes it.
 * @param input as the network takes it
 */
export function randomisedNetwork(
  config: ClassifierConfig,
  input: Tensor,
  { seed, parts = {} }: { seed: number; parts?: OwnParts },
): ClassifierModule {
  const { network } = withSeed(seed, () => networkFor(config, input.device, { readWeights: false, parts }));
  averageBatchStatistics(network, 1, () => {
    network.forward(input);
  });
  return network;
}

/**
 * How alike two sets of maps are: Spearman's correlation over places, one an image.
 * @param first, second `[N, h, w]` of the same shape
 * @returns NaN for an image where a map is the same everywhere
 */
export function mapCorrelations(first: Tensor, second: Tensor): number[] {
  const places = first.numel / first.shape[0]!;
  const [a, b] = [first.toArray(), second.toArray()] as [Float32Array, Float32Array];
  return Array.from({ length: first.shape[0]! }, (_, n) =>
    spearman(a.subarray(n * places, (n + 1) * places), b.subarray(n * places, (n + 1) * places)),
  );
}
