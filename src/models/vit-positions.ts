/** Where a token's patch lies in the image: embeddings that are added to the tokens, and how they are brought to another side. */
import { arange, cat, type Tensor, tidy, zeros } from 'graft-torch';
import { F } from 'graft-torch/nn';

/**
 * Brings embeddings learned on one grid of patches to another, by bicubic interpolation with a filter where it gets smaller.
 * Source: timm, `resample_abs_pos_embed` (layers/pos_embed.py), which also does it in single precision.
 *
 * @param positions `[1, prefix + s², D]`
 * @param options.side of the new grid, in patches
 * @param options.prefix embeddings in front that belong to no patch and stay
 * @returns `[1, prefix + side², D]`; null where the old grid is no square
 */
export function resamplePositions(
  positions: Tensor,
  { side, prefix }: { side: number; prefix: number },
): Tensor | null {
  const [, count = 0, width = 0] = positions.shape;
  const old = Math.round(Math.sqrt(count - prefix));
  if (positions.shape.length !== 3 || old < 1 || old ** 2 !== count - prefix) return null;
  if (old === side) return positions;
  return tidy(() => {
    const { dtype } = positions;
    const grid = positions
      .narrow(1, prefix, old ** 2)
      .to({ dtype: 'float32' })
      .reshape([1, old, old, width])
      .permute([0, 3, 1, 2]);
    const resampled = F.interpolate(grid, side, { mode: 'bicubic', antialias: true })
      .permute([0, 2, 3, 1])
      .reshape([1, side ** 2, width])
      .to({ dtype });
    return prefix === 0 ? resampled : cat([positions.narrow(1, 0, prefix), resampled], 1);
  });
}

/** Base of the wavelengths, as Vaswani et al. 2017 have it. */
const TEMPERATURE = 10_000;

/**
 * Sines and cosines of a patch's row and column in wavelengths from 2π to 2π · 10,000, and zeros for the class token: what
 * PanDerm's encoder has instead of learned embeddings. Source: `build_2d_sincos_position_embedding` of its code, where the row
 * comes first.
 *
 * @param side of the grid, in patches
 * @param width length of a token, a multiple of 4
 * @returns `[1, 1 + side², width]`
 */
export function sinCosPositions(side: number, width: number): Tensor {
  return tidy(() => {
    const quarter = width / 4;
    const rates = arange(0, quarter, { dtype: 'float64' })
      .mul(-Math.log(TEMPERATURE) / quarter)
      .exp(); // [quarter]
    const angles = arange(0, side, { dtype: 'float64' }).reshape([side, 1]).mul(rates); // [side, quarter]
    const rows = angles.reshape([side, 1, quarter]).expand([side, side, quarter]);
    const columns = angles.reshape([1, side, quarter]).expand([side, side, quarter]);
    const waves = cat([rows.sin(), rows.cos(), columns.sin(), columns.cos()], 2).reshape([
      1,
      side ** 2,
      width,
    ]);
    return cat([zeros([1, 1, width]), waves.to({ dtype: 'float32' })], 1);
  });
}
