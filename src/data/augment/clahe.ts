/**
 * CLAHE: contrast limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994) of an image's lightness,
 * as OpenCV computes it: each tile's histogram is clipped, what was clipped spread over all levels, and each pixel's new
 * level interpolated between the curves of the four tiles about it.
 *
 * Lightness is CIE L* (sRGB, D65) in 256 levels. a* and b* stay as they are: in f(X), f(Y), f(Z) that is the same step
 * for all three, ΔL / 116.
 */

import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import { toRgb } from '../../image/index.js';

const LEVELS = 256;

/** Linear sRGB to XYZ, each divided by the white point's, so that white is (1, 1, 1). */
const WHITE = [0.950456, 1, 1.088754] as const;
const TO_XYZ = [
  [0.412453, 0.35758, 0.180423],
  [0.212671, 0.71516, 0.072169],
  [0.019334, 0.119193, 0.950227],
].map((row, i) => row.map((value) => value / WHITE[i]!));
const TO_RGB = [
  [3.240479, -1.53715, -0.498535],
  [-0.969256, 1.875991, 0.041556],
  [0.055648, -0.204043, 1.057311],
].map((row) => row.map((value, j) => value * WHITE[j]!));

/** A matrix over channels, as a convolution of 1 × 1. */
const mixChannels = (images: Tensor, matrix: readonly (readonly number[])[]): Tensor =>
  aten.conv2d(images, tensor(matrix.flat(), [3, 3, 1, 1], { dtype: images.dtype, device: images.device }));

/**
 * A power above a limit, joined by a straight line below it, as all curves of colour are. Both parts are computed, each of
 * what is clipped to its side, which is several times faster than choosing between them; so is exp(e · log x) for x^e.
 * @param power in place, of values from the limit upwards
 */
function joined(
  x: Tensor,
  { limit, slope }: { limit: number; slope: number },
  power: (upper: Tensor) => Tensor,
): Tensor {
  return tidy(() => {
    const line = aten.mul_.Scalar(aten.sub_.Scalar(aten.clamp(x, null, limit), limit), slope); // 0 at the limit
    return aten.add_.Tensor(line, power(aten.clamp(x, limit)));
  });
}

const raise = (x: Tensor, exponent: number): Tensor => aten.exp_(aten.mul_.Scalar(aten.log_(x), exponent));

/** f(X), f(Y), f(Z) of CIE 1976 L*a*b*. @param images sRGB `[N, 3, H, W]` in [0, 1] */
function toLab(images: Tensor): Tensor {
  const toLinear = (): Tensor =>
    joined(images, { limit: 0.04045, slope: 1 / 12.92 }, (x) =>
      raise(aten.div_.Scalar(aten.add_.Scalar(x, 0.055), 1.055), 2.4),
    );
  // What is done with is freed at once: the next step's memory is then still in the cache.
  const xyz = tidy(() => mixChannels(toLinear(), TO_XYZ));
  return joined(xyz, { limit: (6 / 29) ** 3, slope: (29 / 6) ** 2 / 3 }, (x) => raise(x, 1 / 3));
}

/** The inverse of `toLab`, clipped to [0, 1]. */
function fromLab(f: Tensor): Tensor {
  const linear = tidy(() => {
    const xyz = joined(f, { limit: 6 / 29, slope: 3 * (6 / 29) ** 2 }, (x) =>
      aten.mul_.Tensor(aten.square(x), x),
    );
    return aten.clamp_(mixChannels(xyz, TO_RGB), 0, 1);
  });
  const encoded = joined(linear, { limit: 0.0031308, slope: 12.92 }, (x) =>
    aten.sub_.Scalar(aten.mul_.Scalar(raise(x, 1 / 2.4), 1.055), 0.055),
  );
  return aten.clamp_(encoded, 0, 1);
}

/**
 * Each tile's curve.
 * @param tiled int64 `[N, T · T tiles, pixels of a tile]`
 * @returns uint8 `[N · T · T · 256]`, new levels: as bytes the curves of an image fit a processor's first cache
 */
function curves(tiled: Tensor, clipLimits: readonly number[]): Tensor {
  const [n, tiles, area] = tiled.shape as [number, number, number];
  const { device } = tiled;
  const start = aten.mul_.Scalar(aten.arange(n * tiles, { dtype: 'int64', device }), LEVELS);
  const bins = aten.add.Tensor(tiled, aten.view(start, [n, tiles, 1]));
  const counted = aten.bincount(aten.reshape(bins, [-1]), null, n * tiles * LEVELS);
  const histogram = aten.view(counted, [n, tiles, LEVELS]).to({ dtype: 'float32' });
  const limits = clipLimits.map((limit) => Math.max(1, Math.floor((limit * area) / LEVELS)));
  const clipped = aten.minimum(histogram, tensor(limits, [n, 1, 1], { device }));
  const excess = aten.rsub.Scalar(aten.sum.dim_IntList(clipped, [2], true), area); // [N, tiles, 1]
  const each = aten.floor(aten.div.Scalar(excess, LEVELS));
  // What does not divide goes to every so many levels, from 0 on, one each.
  const rest = aten.sub.Tensor(excess, each, { alpha: LEVELS });
  const stride = aten.clamp_(aten.floor_(aten.div.Tensor(aten.full_like(rest, LEVELS), rest)), 1);
  const levels = aten.arange(LEVELS, { dtype: 'float32', device });
  const turn = aten.div.Tensor(levels, stride);
  const gets = aten.logical_and(aten.eq.Tensor(turn, aten.floor(turn)), aten.lt.Tensor(turn, rest));
  const spread = aten.add_.Tensor(aten.add_.Tensor(clipped, each), gets);
  const curve = aten.mul_.Scalar(aten.cumsum(spread, 2), Math.fround((LEVELS - 1) / area));
  return aten.reshape(aten.clamp_(aten.round_(curve), 0, LEVELS - 1), [-1]).to({ dtype: 'uint8' });
}

/** Between which two tiles the pixels of an axis lie, and how near to the second. */
function neighbours(
  length: number,
  tile: number,
  tiles: number,
): { first: number[]; second: number[]; share: number[] } {
  const place = Array.from({ length }, (_, i) => i / tile - 0.5);
  return {
    first: place.map((p) => Math.max(0, Math.floor(p))),
    second: place.map((p) => Math.min(tiles - 1, Math.floor(p) + 1)),
    share: place.map((p) => p - Math.floor(p)),
  };
}

/**
 * `cv2.createCLAHE(clipLimit, (tiles, tiles)).apply` on planes of whole levels.
 * @param levels float32 `[N, H, W]`, whole numbers from 0 to 255
 * @param clipLimits one a sample: how many times its even share a level may hold
 * @returns float32 `[N, H, W]`, not rounded
 */
export function equalizeTiles(levels: Tensor, clipLimits: readonly number[], tiles = 8): Tensor {
  return tidy(() => {
    const [n, height, width] = levels.shape as [number, number, number];
    const { device } = levels;
    // OpenCV pads both sides where one does not divide, by a whole `tiles` where the other does.
    const divides = height % tiles === 0 && width % tiles === 0;
    const [below, right] = divides ? [0, 0] : [tiles - (height % tiles), tiles - (width % tiles)];
    const [tileHeight, tileWidth] = [(height + below) / tiles, (width + right) / tiles];
    const padded = divides ? levels : aten.reflection_pad2d(levels, [0, right, 0, below]);
    const tiled = aten.permute(aten.view(padded, [n, tiles, tileHeight, tiles, tileWidth]), [0, 1, 3, 2, 4]);
    const whole = aten.reshape(tiled, [n, tiles * tiles, tileHeight * tileWidth]).to({ dtype: 'int64' });
    const curve = curves(whole, clipLimits);

    const rows = neighbours(height, tileHeight, tiles);
    const columns = neighbours(width, tileWidth, tiles);
    const start = aten.arange(n, { dtype: 'int64', device });
    const place = aten.add.Tensor(
      levels.to({ dtype: 'int64' }),
      aten.view(aten.mul_.Scalar(start, tiles * tiles * LEVELS), [n, 1, 1]),
    );
    const at = (row: readonly number[], column: readonly number[]): Tensor => {
      const down = tensor(
        row.map((i) => i * tiles * LEVELS),
        [height, 1],
        { dtype: 'int64', device },
      );
      const along = tensor(
        column.map((i) => i * LEVELS),
        [1, width],
        { dtype: 'int64', device },
      );
      const index = aten.add.Tensor(place, aten.add.Tensor(down, along));
      const found = aten.index_select(curve, 0, aten.view(index, [-1]));
      return aten.view(found, [n, height, width]).to({ dtype: 'float32' });
    };
    const across = tensor(columns.share, [1, width], { device });
    const line = (row: readonly number[]): Tensor =>
      aten.lerp.Tensor(
        at(row, columns.first),
        at(row, columns.second),
        aten.expand(across, [n, height, width]),
      );
    const downwards = tensor(rows.share, [height, 1], { device });
    return aten.lerp.Tensor(line(rows.first), line(rows.second), aten.expand(downwards, [n, height, width]));
  });
}

/**
 * CLAHE of each sample's lightness.
 * @param images float32 `[N, 3, H, W]` or `[N, 1, H, W]` in [0, 1], sides of at least `tiles` pixels
 * @param clipLimits one a sample; 1 gives the least contrast
 */
export function clahe(images: Tensor, clipLimits: readonly number[], tiles = 8): Tensor {
  return tidy(() => {
    // Lightness is defined for colours: grey is three equal ones.
    if (images.shape[1] === 1)
      return aten.narrow(clahe(toRgb(images).contiguous(), clipLimits, tiles), 1, 1, 1).contiguous();
    const f = toLab(images);
    // L* = 116 f(Y) − 16 in [0, 100], as 8 bits.
    const lightness = aten.sub_.Scalar(aten.mul.Scalar(aten.select.int(f, 1, 1), 116 * 2.55), 16 * 2.55);
    const levels = aten.clamp_(aten.round(lightness), 0, LEVELS - 1);
    const change = aten.sub_.Tensor(equalizeTiles(levels, clipLimits, tiles), levels); // [N, H, W]
    aten.add_.Tensor(f, aten.unsqueeze(change, 1), { alpha: 1 / (116 * 2.55) });
    return fromLab(f);
  });
}
