/**
 * Peak signal-to-noise ratio: 10·log10(range² / (MSE + ε)). Higher is more alike; a picture against itself scores
 * 10·log10(range²/ε), 80 dB.
 * Semantics of PIQA 1.1.3 (`piqa.psnr.psnr`), ε included.
 */
import { type Tensor, tidy } from 'graft-torch';
import type { FullReferenceMetric, ValueRange } from './metric.js';
import { requireSameShape } from './shapes.js';

export interface PsnrOptions extends ValueRange {
  /** Keeps identical images finite, default 1e-8. */
  epsilon?: number;
}

/**
 * @param x floating point [N, …], 0…valueRange
 * @param y the same shape
 * @returns decibels, [N]
 * @throws TorchError if the shapes differ, or values are not floating point
 */
export function psnr(x: Tensor, y: Tensor, options: PsnrOptions = {}): Tensor {
  const { valueRange = 1, epsilon = 1e-8 } = options;
  requireSameShape('psnr', x, y);
  return tidy(() => {
    const error = x.sub(y).square().reshape([x.shape[0]!, -1]).mean([1]); // [N]
    return error
      .add(epsilon)
      .log()
      .mul(-10 / Math.LN10)
      .add(10 * Math.log10(valueRange * valueRange));
  });
}

export const psnrMetric: FullReferenceMetric = {
  id: 'psnr',
  name: 'PSNR',
  unit: 'dB',
  range: [0, 80],
  higherIsBetter: true,
  minSidePx: 1,
  settings: () => 'value range 1, ε 1e-8',
  score: (x, y) => psnr(x, y),
};
