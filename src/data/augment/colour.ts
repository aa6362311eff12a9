/**
 * Changes of brightness, contrast, hue, saturation and value, for a whole batch at once.
 * HSV after Smith, "Color gamut transform pairs" (SIGGRAPH 1978); back to RGB by the closed form
 * f(n) = V − V·S·max(0, min(k, 4 − k, 1)), k = (n + 6·H) mod 6, n = 5, 3, 1 for R, G, B.
 */

import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import { onRows, perSample, rowsWhere } from '../../image/index.js';

/** The least that is divided by. */
const TINY = 1e-12;

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
    // The largest channel decides the third of the circle; equal ones agree on the border between theirs. Chosen by
    // factors of 0 and 1, which is several times faster than `where`.
    const isNot = (channel: Tensor): Tensor => aten.ne.Tensor(channel, value).to({ dtype: images.dtype });
    const [notRed, notGreen] = [isNot(red), isNot(green)];
    const ofRed = aten.sub.Tensor(green, blue);
    const ofGreen = aten.add_.Tensor(aten.sub.Tensor(blue, red), chroma, { alpha: 2 });
    const ofBlue = aten.add_.Tensor(aten.sub.Tensor(red, green), chroma, { alpha: 4 });
    const choose = (not: Tensor, yes: Tensor, no: Tensor): Tensor =>
      aten.addcmul_(aten.mul_.Tensor(aten.rsub.Scalar(not, 1), yes), not, no);
    const sixths = choose(notRed, ofRed, choose(notGreen, ofGreen, ofBlue));
    // Grey, and black: 0 / tiny instead of 0 / 0.
    const turns = aten.div_.Scalar(aten.div_.Tensor(sixths, aten.clamp(chroma, TINY)), 6);
    const hue = aten.sub_.Tensor(turns, aten.floor(turns));
    return { hue, saturation: aten.div.Tensor(chroma, aten.clamp(value, TINY)), value };
  });
}

/** The inverse of `rgbToHsv`: `[N, 3, H, W]`. Hue may be any number of turns. */
export function hsvToRgb(hue: Tensor, saturation: Tensor, value: Tensor): Tensor {
  return tidy(() => {
    const { dtype, device } = hue;
    const offsets = tensor([5 / 6, 3 / 6, 1 / 6], [1, 3, 1, 1], { dtype, device });
    const turns = aten.add.Tensor(offsets, hue); // [N, 3, H, W]
    const k = aten.mul_.Scalar(aten.sub_.Tensor(turns, aten.floor(turns)), 6);
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
 * Shifts hue (round the circle), saturation and value (clipped to [0, 1]); samples without a change are copied. Grey has
 * neither hue nor saturation: its value alone is shifted.
 * @param images `[N, 3, H, W]` or `[N, 1, H, W]` in [0, 1].
 */
export function shiftHsv(images: Tensor, shifts: readonly HsvShift[]): Tensor {
  if (images.shape[1] === 1)
    return gainAndBias(
      images,
      shifts.map(() => 1),
      shifts.map(({ value }) => value),
    );
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
