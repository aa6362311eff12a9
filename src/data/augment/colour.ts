/**
 * Changes of brightness, contrast, hue, saturation and value, for a whole batch at once.
 * HSV after Smith, "Color gamut transform pairs" (SIGGRAPH 1978); back to RGB by the closed form
 * f(n) = V − V·S·max(0, min(k, 4 − k, 1)), k = (n + 6·H) mod 6, n = 5, 3, 1 for R, G, B.
 */
import { onRows, perSample, rowsWhere } from '../../image/per-sample.js';
import { aten, type Tensor, tensor, tidy } from '../../torch/index.js';

/** x · gain + bias, one of each a sample, clipped to [0, 1]. @param images `[N, C, H, W]` in [0, 1]. */
export function gainAndBias(images: Tensor, gain: readonly number[], bias?: readonly number[]): Tensor {
  if (gain.every((g) => g === 1) && (bias ?? []).every((b) => b === 0)) return images;
  return tidy(() => {
    const scaled = aten.mul.Tensor(images, perSample(gain, images));
    if (bias) aten.add_.Tensor(scaled, perSample(bias, images));
    return aten.clamp_(scaled, 0, 1);
  });
}

/**
 * RGB to hue, saturation, value, each `[N, 1, H, W]`: hue in turns [0, 1), the others in [0, 1]. Grey has hue 0.
 * @param images `[N, 3, H, W]` in [0, 1].
 */
export function rgbToHsv(images: Tensor): { hue: Tensor; saturation: Tensor; value: Tensor } {
  return tidy(() => {
    const [red, green, blue] = aten.split.Tensor(images, 1, 1) as [Tensor, Tensor, Tensor];
    const value = aten.amax(images, [1], true);
    const chroma = aten.sub.Tensor(value, aten.amin(images, [1], true));
    // Grey: 0 / 1 instead of 0 / 0.
    const divisor = aten.masked_fill.Scalar(chroma, aten.eq.Scalar(chroma, 0), 1);
    // The largest channel decides the third of the circle; equal ones agree on the border between theirs.
    const redIsLargest = aten.eq.Tensor(red, value);
    const greenIsLargest = aten.eq.Tensor(green, value);
    const difference = aten.where.self(
      redIsLargest,
      aten.sub.Tensor(green, blue),
      aten.where.self(greenIsLargest, aten.sub.Tensor(blue, red), aten.sub.Tensor(red, green)),
    );
    const sixths = aten.div.Tensor(difference, divisor);
    const start = aten.where.ScalarSelf(greenIsLargest, 2, aten.full_like(value, 4));
    aten.add_.Tensor(sixths, aten.masked_fill_.Scalar(start, redIsLargest, 0));
    const hue = aten.remainder.Scalar(aten.div_.Scalar(sixths, 6), 1);
    const brightest = aten.masked_fill.Scalar(value, aten.eq.Scalar(value, 0), 1);
    return { hue, saturation: aten.div.Tensor(chroma, brightest), value };
  });
}

/** The inverse of `rgbToHsv`: `[N, 3, H, W]`. Hue may be any number of turns. */
export function hsvToRgb(hue: Tensor, saturation: Tensor, value: Tensor): Tensor {
  return tidy(() => {
    const offsets = tensor(Float32Array.of(5, 3, 1), [1, 3, 1, 1], { device: hue.device });
    const k = aten.remainder.Scalar(aten.add.Tensor(offsets, hue, { alpha: 6 }), 6); // [N, 3, H, W]
    const share = aten.clamp_(aten.minimum(k, aten.rsub.Scalar(k, 4)), 0, 1);
    const chroma = aten.mul.Tensor(value, saturation);
    return aten.sub.Tensor(value, aten.mul_.Tensor(share, chroma));
  });
}

/** Change of one sample: hue in turns, saturation and value as shares of 1. */
export interface HsvShift {
  hue: number;
  saturation: number;
  value: number;
}

/**
 * Shifts hue (round the circle), saturation and value (clipped to [0, 1]); samples without a change are copied.
 * @param images `[N, 3, H, W]` in [0, 1].
 */
export function shiftHsv(images: Tensor, shifts: readonly HsvShift[]): Tensor {
  const rows = rowsWhere(shifts, (s) => s.hue !== 0 || s.saturation !== 0 || s.value !== 0);
  return onRows(images, rows, (chosen) =>
    tidy(() => {
      const { hue, saturation, value } = rgbToHsv(chosen);
      const by = (key: keyof HsvShift): Tensor =>
        perSample(
          rows.map((row) => shifts[row]![key]),
          images,
        );
      return hsvToRgb(
        aten.add_.Tensor(hue, by('hue')),
        aten.clamp_(aten.add_.Tensor(saturation, by('saturation')), 0, 1),
        aten.clamp_(aten.add_.Tensor(value, by('value')), 0, 1),
      );
    }),
  );
}
