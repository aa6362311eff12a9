/**
 * Operations on the levels of an image as Pillow's `ImageOps` has them: autocontrast, equalise, posterise, solarise.
 * Equalise and posterise are about 256 levels: pixels are rounded to those first.
 */

import { aten, type Tensor, tidy } from 'graft-torch';
import { perSample } from '../../image/index.js';

const LEVELS = 256;
const TOP = LEVELS - 1;

/** Whole levels from 0 to 255. */
const toLevels = (images: Tensor): Tensor => aten.round_(aten.mul.Scalar(images, TOP));

/**
 * Stretches each channel to the full range; one of a single level stays.
 * @param images float `[N, C, H, W]` in [0, 1]
 */
export const autoContrast = (images: Tensor): Tensor =>
  tidy(() => {
    const low = aten.amin(images, [2, 3], true);
    const range = aten.sub.Tensor(aten.amax(images, [2, 3], true), low);
    const isFlat = aten.eq.Scalar(range, 0);
    const base = aten.masked_fill_.Scalar(low, isFlat, 0);
    return aten.div_.Tensor(aten.sub.Tensor(images, base), aten.masked_fill_.Scalar(range, isFlat, 1));
  });

/**
 * Makes all levels of each channel about equally frequent.
 * @param images float `[N, C, H, W]` in [0, 1]
 * @returns the same in 256 levels
 */
export const equalize = (images: Tensor): Tensor =>
  tidy(() => {
    const [n, channels, height, width] = images.shape as [number, number, number, number];
    const planes = n * channels;
    const levels = aten.reshape(toLevels(images), [planes, height * width]).to({ dtype: 'int64' });
    const start = aten.mul_.Scalar(aten.arange(planes, { dtype: 'int64', device: images.device }), LEVELS);
    const bins = aten.add.Tensor(levels, aten.view(start, [planes, 1]));
    const counts = aten.bincount(aten.reshape(bins, [-1]), null, planes * LEVELS);
    const histogram = aten.view(counts, [planes, LEVELS]);
    // The brightest level takes no part: it becomes white in any case.
    const brightest = aten.gather(histogram, 1, aten.amax(levels, [1], true));
    const whole = (x: Tensor, divisor: Tensor | number): Tensor =>
      typeof divisor === 'number'
        ? aten.div.Scalar_mode(x, divisor, { rounding_mode: 'floor' })
        : aten.div.Tensor_mode(x, divisor, { rounding_mode: 'floor' });
    const step = whole(aten.rsub.Scalar(brightest, height * width), TOP); // [planes, 1]
    const isFlat = aten.eq.Scalar(step, 0);
    const divisor = aten.masked_fill.Scalar(step, isFlat, 1);
    const below = aten.sub.Tensor(aten.cumsum(histogram, 1), histogram);
    const curve = aten.clamp_(whole(aten.add.Tensor(below, whole(divisor, 2)), divisor), 0, TOP);
    // Too few pixels outside the brightest level: as they are.
    const own = aten.arange(LEVELS, { dtype: 'int64', device: images.device });
    const chosen = aten.where.self(isFlat, own, curve).to({ dtype: images.dtype });
    const equal = aten.index_select(aten.reshape(chosen, [-1]), 0, aten.reshape(bins, [-1]));
    return aten.view(aten.div_.Scalar(equal, TOP), images.shape);
  });

/**
 * Keeps the upper bits of each value.
 * @param images float `[N, C, H, W]` in [0, 1]
 * @param bits 1 to 8, one a sample
 */
export const posterize = (images: Tensor, bits: readonly number[]): Tensor =>
  tidy(() => {
    const step = perSample(
      bits.map((count) => 2 ** (8 - count)),
      images,
    );
    const steps = aten.floor_(aten.div.Tensor(toLevels(images), step));
    return aten.div_.Scalar(aten.mul_.Tensor(steps, step), TOP);
  });

/**
 * Turns values from the threshold upwards into their negative.
 * @param images float `[N, C, H, W]` in [0, 1]
 * @param thresholds in [0, 1], one a sample; above 1 leaves all
 */
export const solarize = (images: Tensor, thresholds: readonly number[]): Tensor =>
  tidy(() => {
    const turns = aten.ge.Tensor(images, perSample(thresholds, images));
    return aten.where.self(turns, aten.rsub.Scalar(images, 1), images);
  });
