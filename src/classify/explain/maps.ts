/** Maps of evidence at the size of the images, and those that know nothing: what an explanation is held against. */

import { aten, type Generator, rand, type Tensor, tensor, tidy } from 'graft-torch';
import { F } from 'graft-torch/nn';

/**
 * Enlarges maps to the images' size and brings each to [0, 1]: what is below 0 to 0, its largest value to 1. A map without
 * evidence stays 0 everywhere.
 * @param maps `[N, h, w]`
 * @returns `[N, height, width]`
 */
export function toHeat(maps: Tensor, [height, width]: readonly [number, number]): Tensor {
  return tidy(() => {
    const [, h, w] = maps.shape as [number, number, number];
    const positive = maps.relu();
    const large =
      h === height && w === width
        ? positive
        : F.interpolate(positive.unsqueeze(1), [height, width], { mode: 'bilinear' }).squeeze(1);
    return large.div(large.amax([1, 2], true).clamp({ min: 1e-30 }));
  });
}

/** Random maps of a coarseness: uniform noise on a grid of `side` places, enlarged as a network's map is. */
export function randomHeat(
  count: number,
  size: readonly [number, number],
  { side, random }: { side: number; random: Generator },
): Tensor {
  return tidy(() => toHeat(rand([count, side, side], { generator: random }), size));
}

/**
 * A Gaussian in the middle, σ a quarter of the shorter side: whoever knows nothing but that lesions are photographed in the
 * middle explains like this.
 */
export function centredHeat(count: number, [height, width]: readonly [number, number]): Tensor {
  return tidy(() => {
    const sigma = Math.min(height, width) / 4;
    const along = (side: number): Tensor =>
      tensor(
        Array.from({ length: side }, (_, i) => Math.exp(-0.5 * ((i + 0.5 - side / 2) / sigma) ** 2)),
        [side],
      );
    const heat = along(height)
      .reshape([height, 1])
      .mul(along(width).reshape([1, width]));
    return heat.div(heat.amax()).expand([count, height, width]).clone();
  });
}

/**
 * Places of each image from the hottest on: 0 is removed first. Places of equal heat come in an order drawn by lot (else the
 * upper left would always be first).
 * @param heat `[N, H, W]` in [0, 1]
 * @returns int64 `[N, H·W]`
 */
export function heatRanks(heat: Tensor, random: Generator): Tensor {
  return tidy(() => {
    const flat = heat.to({ device: 'cpu' }).reshape([heat.shape[0]!, -1]);
    const byLot = aten.argsort(rand(flat.shape, { generator: random }), 1);
    // A stable sort keeps the drawn order within equal heat.
    const shuffled = aten.gather(flat, 1, byLot);
    const sorted = aten.argsort.stable(shuffled, { stable: true, dim: 1, descending: true });
    return aten.argsort(aten.gather(byLot, 1, sorted), 1).to({ device: heat.device });
  });
}
