/** From pixels to what an EfficientNet takes. */
import { type Device, type MemoryFormat, makeOperator, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import type { InputStatistics } from './conventions.js';

/** Mean and deviation of the channels R, G and B, by name; ImageNet's are harmless from scratch. */
const STATISTICS: Readonly<Record<InputStatistics, { mean: number[]; deviation: number[] }>> = {
  imagenet: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
  clip: { mean: [0.48145466, 0.4578275, 0.40821073], deviation: [0.26862954, 0.26130258, 0.27577711] },
  half: { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
};

/** Of images of these channels: grey has the mean of the colours' means, and of their deviations. */
function statisticsFor(name: InputStatistics, channels: number): { mean: number[]; deviation: number[] } {
  const { mean, deviation } = STATISTICS[name];
  const middle = (values: readonly number[]): number[] => [values.reduce((a, b) => a + b) / values.length];
  return channels === 1 ? { mean: middle(mean), deviation: middle(deviation) } : { mean, deviation };
}

/**
 * Channels last: convolutions, batch norms and their gradients work on it without re-ordering, which is 40 % more
 * images a second on a CPU and what tensor cores want on a GPU.
 */
export const memoryFormatFor = (device: Device): MemoryFormat =>
  device.startsWith('mps') ? 'contiguous' : 'channelsLast';

/**
 * @param images float32 `[N, 3, H, W]` in [0, 1], or `[N, 1, H, W]`
 * @param statistics the network's `conventions.inputStatistics`
 * @returns the same, normalised, in the network's memory layout
 */
export const normaliseInput = (images: Tensor, statistics: InputStatistics = 'imagenet'): Tensor =>
  tidy(() => {
    const { device, shape } = images;
    const channels = shape[1]!;
    const perChannel = (values: number[]): Tensor => tensor(values, [1, channels, 1, 1], { device });
    const { mean, deviation } = statisticsFor(statistics, channels);
    return images.sub(perChannel(mean)).div_(perChannel(deviation)).contiguous(memoryFormatFor(device));
  });

const normalize = makeOperator('graft::normalize', '') as (
  images: Tensor,
  mean: readonly number[],
  deviation: readonly number[],
) => Tensor;

/**
 * The same to the bit, also from stored pixels, without gradients: on the CPU in one pass over the images
 * (`native/normalize.cc`), where tensor operations take five. Not for what is traced.
 * @param images uint8, or float32 in [0, 1], `[N, 3, H, W]` or `[N, 1, H, W]`
 */
export const packNetworkInput = (images: Tensor, statistics: InputStatistics = 'imagenet'): Tensor =>
  noGrad(() => {
    const isByte = images.dtype === 'uint8';
    if (images.device === 'cpu' && (isByte || images.dtype === 'float32')) {
      const { mean, deviation } = statisticsFor(statistics, images.shape[1]!);
      return normalize(images, mean, deviation);
    }
    return tidy(() =>
      normaliseInput(isByte ? images.to({ dtype: 'float32' }).div_(255) : images, statistics),
    );
  });
