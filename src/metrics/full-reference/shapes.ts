/** What every full-reference metric asks of a pair of batches. */

import type { Tensor } from 'graft-torch';
import { TorchError } from 'graft-torch/base';
import type { FullReferenceMetric } from './metric.js';

const shown = (x: Tensor): string => `${x.dtype} [${x.shape.join(', ')}]`;

/**
 * Pairs of images are compared only if they have one shape and one floating type: broadcasting would hide a mistake,
 * and differences of bytes wrap around.
 *
 * @throws TorchError naming both shapes
 */
export function requireSameShape(metric: string, x: Tensor, y: Tensor): void {
  if (x.shape.length < 2 || x.shape.length !== y.shape.length || x.shape.some((n, i) => n !== y.shape[i])) {
    throw new TorchError(
      `${metric}: images to compare must have one shape, not [${x.shape.join(', ')}] and [${y.shape.join(', ')}]`,
    );
  }
  if (!x.dtype.includes('float') || x.dtype !== y.dtype) {
    throw new TorchError(
      `${metric}: images to compare must have one floating type, not ${x.dtype} and ${y.dtype}; give bytes as .to({ dtype: 'float32' }).div(255)`,
    );
  }
}

/**
 * The same for metrics of colour images, `[N, 3, H, W]` with both sides at least `minSidePx`.
 *
 * @throws TorchError naming what came and what is needed
 */
export function requireColourPairs(
  { id, minSidePx }: Pick<FullReferenceMetric, 'id' | 'minSidePx'>,
  x: Tensor,
  y: Tensor,
): void {
  requireSameShape(id, x, y);
  const [, channels, height = 0, width = 0] = x.shape;
  if (x.shape.length !== 4 || channels !== 3 || Math.min(height, width) < minSidePx) {
    throw new TorchError(
      `${id}: needs [N, 3, H, W] of at least ${minSidePx}×${minSidePx} pixels, not ${shown(x)}`,
    );
  }
}
