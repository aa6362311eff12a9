/** What the backbones that are EfficientNets take: the input that this project's classifiers are trained with. */
import { toEfficientNetInput } from '../../models/index.js';
import type { Device, Tensor } from '../../torch/index.js';
import { describeResizer, QUANTISATION, resize } from './input.js';

/** In words that go into the hash. */
export const EFFICIENTNET_INPUT = `${QUANTISATION}, ${describeResizer('clean')}; / 255, ImageNet mean and deviation`;

/** uint8 `[N, 3, H, W]` → `[N, 3, side, side]` on the device. */
export function toNetworkInput(images: Tensor, sidePx: number, device: Device): Tensor {
  return toEfficientNetInput(resize(images, sidePx).div_(255).to({ device }));
}
