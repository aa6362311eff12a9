/**
 * InceptionV3 as backbone, with weights from the user's file: what FID, KID and the Inception Score were defined with,
 * and what published figures of natural images are made of. Medical images are out of its domain (docs/metrics.md).
 *
 * Three protocols by resizer, all at 299 px: `clean` (clean-fid's) and `tensorflow` (the first FID's, torch-fidelity's)
 * then take (x − 128) / 128, as TensorFlow's graph does, and `pytorch` (pytorch-fid's) x / 127.5 − 1.
 */

import { type Device, noGrad, type Tensor, tidy, withSeed } from 'graft-torch';
import { InceptionV3, loadInceptionWeights, memoryFormatFor } from '../../models/index.js';
import type { Backbone } from './backbone.js';
import { makeBackbone } from './extraction.js';
import { hashProtocol, hashTensors } from './identity.js';
import { describeResizer, QUANTISATION, type ResizerName, resize } from './input.js';

const SIDE_PX = 299;

/** Zero and unit of the values that the network sees. */
const SCALES: Record<ResizerName, { zero: number; unit: number }> = {
  clean: { zero: 128, unit: 128 },
  tensorflow: { zero: 128, unit: 128 },
  pytorch: { zero: 127.5, unit: 127.5 },
};

/**
 * @param path safetensors or `.pth`; `loadInceptionWeights` says of which
 * @throws ConfigError, DataError as `loadInceptionWeights`
 */
export function openInceptionBackbone(
  path: string,
  options: { device?: Device; resizer?: ResizerName } = {},
): Backbone {
  const { device = 'cpu', resizer = 'clean' } = options;
  const resizing = describeResizer(resizer);
  const { zero, unit } = SCALES[resizer];
  const network = withSeed(0, () => new InceptionV3()).eval();
  try {
    loadInceptionWeights(network, path);
  } catch (error) {
    network.dispose();
    throw error;
  }
  const protocol = `${QUANTISATION}, ${resizing}; ${SIDE_PX} px; (x − ${zero}) / ${unit}; InceptionV3 of 2015-12-05, pool3`;
  // Counters of batches differ between conversions of the same weights.
  const weights = Object.entries(network.stateDict()).filter(([key]) => !key.endsWith('num_batches_tracked'));
  const hash = hashTensors(hashProtocol(protocol), Object.fromEntries(weights));
  network.to({ device, memoryFormat: memoryFormatFor(device) });
  const toInput = (images: Tensor): Tensor =>
    resize(images, SIDE_PX, resizer).sub(zero).div_(unit).to({ device }).contiguous(memoryFormatFor(device));
  return makeBackbone(
    {
      device,
      sizePx: SIDE_PX,
      name: 'InceptionV3 (2015-12-05)',
      description: `InceptionV3 in FID's variant, weights of ${path}, pool3, input ${SIDE_PX} px, ${resizing}`,
      hash: hash.digest('hex'),
      resizer: resizing,
    },
    {
      embed: (images) => network.embed(toInput(images)),
      logits: (features) =>
        tidy(() =>
          noGrad(() => network.classify(features.to({ device }), { bias: false }).to({ device: 'cpu' })),
        ),
      dispose: () => network.dispose(),
    },
  );
}
