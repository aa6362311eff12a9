/**
 * From bytes to what a network takes. The resizer decides figures as much as the network does (Parmar et al., "On Aliased
 * Resizing and Surprising Subtleties in GAN Evaluation", CVPR 2022):
 *
 * - `clean`: antialiased bicubic in float32, clamped to 0…255, as clean-fid has it (Pillow's filter, channel by channel).
 * - `tensorflow`: bilinear as TensorFlow 1 did it in the first FID and as torch-fidelity does it still: corners not
 *   aligned and pixels without centres, so that place i reads at i · H / side; nothing is filtered.
 * - `pytorch`: bilinear with pixel centres and without a filter, as pytorch-fid does it.
 *
 * The last two skip pixels of large images and are there to compare with published figures.
 */

import { arange, type Device, type Tensor, tensor, tidy } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { F } from 'graft-torch/nn';
import { toRgb } from '../../image/index.js';

/** Three bytes a pixel. */
export const QUANTISATION = 'RGB bytes';

export type ResizerName = 'clean' | 'tensorflow' | 'pytorch';

interface Resizer {
  readonly description: string;
  /** float32 `[N, 3, H, W]` of another size → `[N, 3, side, side]`. */
  readonly apply: (images: Tensor, sidePx: number) => Tensor;
}

const resizers: Record<ResizerName, Resizer> = {
  clean: {
    description: 'bicubic (Keys, a = −0.5), antialiased, float32, clamped to 0…255',
    apply: (images, sidePx) =>
      F.interpolate(images, sidePx, { mode: 'bicubic', antialias: true }).clamp_({ min: 0, max: 255 }),
  },
  tensorflow: {
    description: 'bilinear of TensorFlow 1, corners not aligned, no pixel centres, not antialiased, float32',
    apply: (images, sidePx) => sampleLines(sampleLines(images, 3, sidePx), 2, sidePx),
  },
  pytorch: {
    description: 'bilinear of PyTorch, pixel centres, not antialiased, float32',
    apply: (images, sidePx) => F.interpolate(images, sidePx, { mode: 'bilinear' }),
  },
};

/** @throws ConfigError for a name that is none */
export function describeResizer(name: ResizerName): string {
  const resizer = resizers[name];
  if (!resizer) throw new ConfigError(`resizer '${name}': give one of ${Object.keys(resizers).join(', ')}`);
  return resizer.description;
}

/** Linear between the two lines that lie around i · length / side, of which the second may be the last one again. */
function sampleLines(images: Tensor, dim: 2 | 3, sidePx: number): Tensor {
  return tidy(() => {
    const length = images.shape[dim]!;
    // In float32 as the original computes it: the last bits of the places decide which lines they lie between.
    const places = arange(0, sidePx, { dtype: 'float32' }).mul(Math.fround(length / sidePx));
    const first = places.to({ dtype: 'int64' });
    const second = first.add(1).clamp({ max: length - 1 });
    const share = places.sub(first.float()).reshape(dim === 3 ? [sidePx] : [sidePx, 1]);
    const before = images.indexSelect(dim, first);
    return images.indexSelect(dim, second).sub_(before).mul_(share).add_(before);
  });
}

/**
 * Resized on the CPU, whatever the device: MPS has no antialiasing filter, and figures should not depend on it.
 *
 * @param images uint8 `[N, 3, H, W]`, or `[N, 1, H, W]`, whose channel is taken three times
 * @returns float32 `[N, 3, side, side]` in 0…255 on the CPU, as they are where they have that size
 * @throws DataError when they are no such images
 */
export function resize(images: Tensor, sidePx: number, resizer: ResizerName = 'clean'): Tensor {
  return tidy(() => {
    const [, channels, height, width] = images.shape;
    if (images.shape.length !== 4 || (channels !== 3 && channels !== 1) || images.dtype !== 'uint8') {
      throw new DataError(
        `backbone: needs images as bytes [N, 3, H, W], not ${images.dtype} [${images.shape.join(', ')}]`,
      );
    }
    const floats = toRgb(images).to({ device: 'cpu', dtype: 'float32' }).contiguous();
    return height === sidePx && width === sidePx ? floats : resizers[resizer].apply(floats, sidePx);
  });
}

/** What a network from a file takes. Nothing in a file says it, so it is declared; the default is ImageNet's. */
export interface InputOptions {
  /** Default 224, or what an ONNX file states. */
  sizePx?: number;
  /** Of values 0…1 or 0…255 that means and deviations are stated in, default 1. */
  range?: 1 | 255;
  /** Of red, green, blue; default ImageNet's. */
  mean?: readonly number[];
  /** Default ImageNet's. */
  std?: readonly number[];
}

/** Options with every value settled, and how images are resized. */
export interface InputProtocol extends Required<InputOptions> {
  resizer: ResizerName;
}

const IMAGENET_MEAN = [0.485, 0.456, 0.406];
const IMAGENET_STD = [0.229, 0.224, 0.225];

/** @throws ConfigError naming the option */
export function settleInput(options: InputOptions, resizer: ResizerName = 'clean'): InputProtocol {
  const { sizePx = 224, range = 1 } = options;
  const scale = range === 255 ? 255 : 1;
  const { mean = IMAGENET_MEAN.map((v) => v * scale), std = IMAGENET_STD.map((v) => v * scale) } = options;
  const refuse = (key: string, wanted: string, value: unknown): never => {
    throw new ConfigError(`backbone input: ${key} must be ${wanted}, not ${JSON.stringify(value)}`);
  };
  const areThree = (values: readonly number[]): boolean =>
    values.length === 3 && values.every(Number.isFinite);
  if (!Number.isInteger(sizePx) || sizePx < 8 || sizePx > 2048)
    refuse('sizePx', 'a whole number 8…2048', sizePx);
  if (range !== 1 && range !== 255) refuse('range', '1 or 255', range);
  if (!areThree(mean)) refuse('mean', 'three numbers', mean);
  if (!areThree(std) || std.some((v) => v <= 0)) refuse('std', 'three numbers above 0', std);
  describeResizer(resizer);
  return { sizePx, range, mean, std, resizer };
}

/** The protocol in words that go into the hash. */
export function describeInput({ sizePx, range, mean, std, resizer }: InputProtocol): string {
  return `${QUANTISATION}, ${describeResizer(resizer)}; ${sizePx} px; 0…${range}, mean ${mean.join(' ')}, deviation ${std.join(' ')}`;
}

/** uint8 `[N, 3, H, W]` → float32 `[N, 3, side, side]` on the device, normalised. */
export function toInput(images: Tensor, protocol: InputProtocol, device: Device): Tensor {
  const { sizePx, range, mean, std, resizer } = protocol;
  return tidy(() => {
    const perChannel = (values: readonly number[]): Tensor => tensor(values, [1, 3, 1, 1]);
    return resize(images, sizePx, resizer)
      .div(255 / range)
      .sub_(perChannel(mean))
      .div_(perChannel(std))
      .to({ device });
  });
}
