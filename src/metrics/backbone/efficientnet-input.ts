/** What the backbones that are EfficientNets take: the input that this project's classifiers are trained with. */

import { type Device, type Tensor, tidy } from 'graft-torch';
import { type Channels, toGrey } from '../../image/index.js';
import {
  type Conventions,
  type InputStatistics,
  normaliseInput,
  OWN_CONVENTIONS,
} from '../../models/index.js';
import { describeResizer, QUANTISATION, resize } from './input.js';

/** In words that go into the hash. */
export const EFFICIENTNET_INPUT = `${QUANTISATION}, ${describeResizer('clean')}; / 255, ImageNet mean and deviation`;

/** The same for a network with conventions of its own, which are not in its weights; those that it knows not are left out. */
export function describeConventions(conventions: Readonly<Partial<Conventions>>): string {
  const keys = Object.keys(OWN_CONVENTIONS) as (keyof Conventions)[];
  const differing = keys.filter((key) => key in conventions && conventions[key] !== OWN_CONVENTIONS[key]);
  return [EFFICIENTNET_INPUT, ...differing.map((key) => `${key} ${conventions[key]}`)].join('; ');
}

/** uint8 `[N, C, H, W]` → `[N, channels, side, side]` on the device. */
export function toNetworkInput(
  images: Tensor,
  options: { sidePx: number; device: Device; statistics?: InputStatistics; channels?: Channels },
): Tensor {
  const { sidePx, device, statistics, channels = 3 } = options;
  return tidy(() => {
    const pixels = resize(images, sidePx).div_(255);
    const input = channels === 1 ? toGrey(pixels) : pixels;
    return normaliseInput(input.to({ device }), statistics);
  });
}
