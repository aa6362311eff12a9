/** Heat laid over images. */
import { type Tensor, tensor, tidy } from 'graft-torch';

/** Viridis at nine places (van der Walt & Smith 2015): from dark to light for every eye, and unlike skin throughout. */
const VIRIDIS = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
] as const;

const LEVELS = 256;

/** `[LEVELS, 3]` in [0, 1] */
function ramp(): Tensor {
  const values = Array.from({ length: LEVELS }, (_, level) => {
    const place = (level / (LEVELS - 1)) * (VIRIDIS.length - 1);
    const low = Math.min(VIRIDIS.length - 2, Math.floor(place));
    return [0, 1, 2].map(
      (c) => (VIRIDIS[low]![c]! * (1 - place + low) + VIRIDIS[low + 1]![c]! * (place - low)) / 255,
    );
  });
  return tensor(values.flat(), [LEVELS, 3]);
}

/** How much of the image the hottest place hides. */
const OPACITY = 0.7;

/**
 * Colours where there is heat, the image itself where there is none.
 * @param images `[N, 3, H, W]` or `[N, 1, H, W]` in [0, 1], on the CPU
 * @param heat `[N, H, W]` in [0, 1]
 * @returns `[N, 3, H, W]` in [0, 1]
 */
export function overlay(images: Tensor, heat: Tensor): Tensor {
  return tidy(() => {
    const [n, , height, width] = images.shape as [number, number, number, number];
    const level = heat
      .mul(LEVELS - 1)
      .round()
      .to({ dtype: 'int64' })
      .reshape([-1]);
    const colours = ramp().indexSelect(0, level).reshape([n, height, width, 3]).permute([0, 3, 1, 2]);
    const cover = heat.unsqueeze(1).mul(OPACITY);
    return images.add(colours.sub(images).mul(cover)); // grey images take on colours where there is heat
  });
}
