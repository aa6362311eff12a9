/**
 * Batch norms whose running statistics are made anew, as plain averages over many batches of the network as it now
 * is: PyTorch's `momentum=None`, "standing statistics" in Brock et al. (BigGAN, ICLR 2019, appendix B).
 */
import { noGrad, tidy } from '../torch/index.js';
import { BatchNorm2d } from './layers.js';
import type { Module } from './module.js';

/**
 * Runs `passes` forward passes; pass n counts with momentum 1/n. Only the batch norms are in training mode meanwhile,
 * so that spectral norms and dropout stay as they are in evaluation, which the network is in afterwards. No gradient
 * is recorded.
 *
 * @param forward runs the network on the batch of this pass; batches should be about equally large
 */
export function averageBatchStatistics(
  network: Module,
  passes: number,
  forward: (pass: number) => void,
): void {
  const norms = [...network.modules()].filter((module) => module instanceof BatchNorm2d);
  const momenta = norms.map((norm) => norm.momentum);
  network.eval();
  try {
    for (const norm of norms) {
      norm.train();
      tidy(() => norm.numBatchesTracked.zero_());
    }
    for (let pass = 0; pass < passes; pass++) {
      for (const norm of norms) norm.momentum = 1 / (pass + 1);
      tidy(() => noGrad(() => forward(pass)));
    }
  } finally {
    norms.forEach((norm, i) => {
      norm.momentum = momenta[i]!;
    });
    network.eval();
  }
}
