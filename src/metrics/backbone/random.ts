/**
 * The random backbone: EfficientNet-B0 with weights drawn from a seed, its batch norms calibrated on the real images.
 * Random features tell sets apart where ImageNet's are out of their domain: Naeem et al., "Reliable Fidelity and
 * Diversity Metrics for Generative Models", ICML 2020 (they used VGG16).
 *
 * Its last map does not do: untrained gates multiply over the depth until a few odd images hold nearly all of the
 * variance. So features are the means of two early maps, each of unit length (docs/metrics.md has what was measured).
 */

import { cat, type Tensor, tidy, withSeed } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { averageBatchStatistics } from 'graft-torch/nn';
import { EfficientNet, memoryFormatFor } from '../../models/index.js';
import type { Backbone, BackboneOptions } from './backbone.js';
import { EFFICIENTNET_INPUT, toNetworkInput } from './efficientnet-input.js';
import { batches, makeBackbone } from './extraction.js';
import { hashProtocol, hashTensors } from './identity.js';
import { describeResizer } from './input.js';

/** Blocks behind which it looks: 19 px of the image wide, and about all of 64. 24 + 40 channels. */
const BLOCKS: readonly number[] = [2, 4];

/**
 * @throws DataError without two real images
 * @throws ConfigError for a side that is out of range
 */
export function openRandomBackbone(options: BackboneOptions): Backbone {
  const { calibrate, seed = 0, device = 'cpu', sizePx } = options;
  const [n = 0, , height = 0, width = 0] = calibrate?.shape ?? [];
  if (!calibrate || n < 2) {
    throw new DataError(`the random backbone is calibrated on real images: give two or more, not ${n}`);
  }
  const side = sizePx ?? Math.min(256, Math.max(64, height, width));
  if (!Number.isInteger(side) || side < 32 || side > 512) {
    throw new ConfigError(`the random backbone's side must be a whole number 32…512, not ${side}`);
  }
  // Without stochastic depth and dropout, a forward pass draws nothing.
  const network = withSeed(seed, () => new EfficientNet('b0', { numClasses: 1, dropConnect: 0, dropout: 0 }));
  const embed = (input: Tensor): Tensor => cat(network.pooledBlocks(input, BLOCKS).map(toUnitLength), 1);
  const protocol = `${EFFICIENTNET_INPUT}; ${side} px; unit-length means behind blocks ${BLOCKS.join(' and ')}`;
  const hash = hashTensors(hashProtocol(protocol), network.stateDict());
  // The same on every device, as the hash has to be.
  const parts = batches(n, side);
  // The images stand for the statistics they give, whose last bits are the machine's.
  tidy(() => {
    for (const [start, count] of parts) hashTensors(hash, { calibrate: calibrate.narrow(0, start, count) });
  });
  network.to({ device, memoryFormat: memoryFormatFor(device) });
  averageBatchStatistics(network, parts.length, (pass) => {
    const [start, count] = parts[pass]!;
    embed(toNetworkInput(calibrate.narrow(0, start, count), { sidePx: side, device }));
  });
  return makeBackbone(
    {
      device,
      sizePx: side,
      name: 'random EfficientNet-B0',
      description: `EfficientNet-B0, random weights of seed ${seed}, batch norms calibrated on ${n} real images, means behind blocks ${BLOCKS.join(' and ')}, input ${side} px`,
      hash: hash.digest('hex'),
      resizer: describeResizer('clean'),
    },
    {
      embed: (images) => embed(toNetworkInput(images, { sidePx: side, device })),
      dispose: () => network.dispose(),
    },
  );
}

const toUnitLength = (vectors: Tensor): Tensor =>
  vectors.div(vectors.square().sum([1], true).sqrt().clamp({ min: 1e-12 }));
