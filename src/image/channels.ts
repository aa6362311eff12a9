/** Grey and colour: images of one channel and of three. */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';

/** Of a dataset's images: 1 where all of them are grey. */
export type Channels = 1 | 3;

/** Images for what knows colours alone: grey ones with their channel three times (a view), others as they are. */
export const toRgb = (images: Tensor): Tensor =>
  images.shape[1] === 1 ? images.expand([-1, 3, -1, -1]) : images;

/** ITU-R 601-2 luma, `[N, 1, H, W]`. @param images `[N, 3, H, W]`, or grey ones, which are given back themselves */
export function toGrey(images: Tensor): Tensor {
  if (images.shape[1] === 1) return images;
  return tidy(() => {
    const weights = tensor([0.299, 0.587, 0.114], [1, 3, 1, 1], {
      dtype: images.dtype,
      device: images.device,
    });
    return aten.sum.dim_IntList(aten.mul.Tensor(images, weights), [1], true);
  });
}

/** Colours that differ by no more are grey: what JPEG's rounding leaves of equal ones. */
const GREY_TOLERANCE = 3;

/** @param pixels RGB, interleaved */
export function isGrey(pixels: Uint8Array): boolean {
  for (let i = 0; i < pixels.length; i += 3) {
    const [red, green, blue] = [pixels[i]!, pixels[i + 1]!, pixels[i + 2]!];
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > GREY_TOLERANCE) return false;
  }
  return true;
}

/** ITU-R 601-2 luma in whole numbers; of equal colours it is their value. */
export const lumaOf = (red: number, green: number, blue: number): number =>
  Math.floor((299 * red + 587 * green + 114 * blue + 500) / 1000);
