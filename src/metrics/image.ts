/**
 * Full-reference metrics between two sets of images: mean, spread, N and interval of each, beside the same for
 * real against other real images, and the protocol that was followed. Without that null the figures are not
 * readable: any two real lesions score about what the original system published for its GANs.
 */
import { DataError } from '../errors.js';
import { Random } from '../random.js';
import { type Device, noGrad, type Tensor, tensor, tidy } from '../torch/index.js';
import { psnr } from './full-reference/psnr.js';
import { ssim } from './full-reference/ssim.js';
import { type Pairs, pairByIndex, pairRealWithReal } from './pairing.js';

/** Images of one size as bytes, [n, 3, height, width]. */
export interface ImageSet {
  data: Uint8Array;
  n: number;
  height: number;
  width: number;
}

/** `image` stretches each image's darkest value to 0 and brightest to 1, as the original system did. */
export type Stretch = 'none' | 'image';

export interface ImageMetricOptions {
  /** Decides pairs and bootstrap, default 0. */
  seed?: number;
  /** At most so many pairs; default all. */
  limit?: number;
  stretch?: Stretch;
  /** Images on the device at once, default 64. */
  batchSize?: number;
  device?: Device;
  /** Called after each batch with how many pairs are done, of how many. */
  onProgress?: (done: number, total: number) => void;
}

/** One metric over one set of pairs. */
export interface Summary {
  mean: number;
  /** Standard deviation over pairs (n − 1); NaN, null in JSON, for a single pair. */
  sd: number;
  /** Number of pairs. */
  n: number;
  /** 95 % percentile bootstrap interval of the mean, over pairs. */
  interval: readonly [number, number];
}

export interface MetricResult {
  higherIsBetter: boolean;
  unit: string;
  /** Real against synthetic. */
  synthetic: Summary;
  /** Real against other real images: what "no difference" looks like. Null if there are fewer than two. */
  realNull: Summary | null;
}

export interface ImageMetricReport {
  psnr: MetricResult;
  ssim: MetricResult;
  counts: { real: number; synthetic: number };
  protocol: {
    pairing: string;
    nullPairing: string;
    seed: number;
    heightPx: number;
    widthPx: number;
    values: string;
    stretch: Stretch;
    semantics: string;
    interval: string;
  };
}

const REPLICATES = 2000;

/**
 * Mean, SD, N and percentile bootstrap interval of independent values.
 * @throws DataError if there are none
 */
export function summarise(values: ArrayLike<number>, seed: number): Summary {
  const n = values.length;
  if (n === 0) throw new DataError('cannot summarise a metric over no pairs');
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i]!;
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  const random = new Random(seed).fork('bootstrap');
  const means = Float64Array.from({ length: REPLICATES }, () => {
    let total = 0;
    for (let i = 0; i < n; i++) total += values[random.int(n)]!;
    return total / n;
  }).sort();
  const quantile = (p: number): number => {
    const at = p * (REPLICATES - 1);
    const low = Math.floor(at);
    return means[low]! + (at - low) * (means[Math.min(low + 1, REPLICATES - 1)]! - means[low]!);
  };
  return { mean, sd: Math.sqrt(squares / (n - 1)), n, interval: [quantile(0.025), quantile(0.975)] };
}

/** Images by index as floats 0…1 on the device: [indices.length, 3, height, width]. */
function toFloats(set: ImageSet, indices: Int32Array, stretch: Stretch, device: Device): Tensor {
  const size = 3 * set.height * set.width;
  const bytes = new Uint8Array(indices.length * size);
  indices.forEach((index, k) => {
    bytes.set(set.data.subarray(index * size, (index + 1) * size), k * size);
  });
  return tidy(() => {
    const images = tensor(bytes, [indices.length, 3, set.height, set.width])
      .to({ device })
      .to({ dtype: 'float32' })
      .div(255);
    if (stretch === 'none') return images;
    const low = images.amin([1, 2, 3], true);
    const high = images.amax([1, 2, 3], true);
    // An image of one value has nothing to stretch: it becomes black.
    return images.sub(low).div(high.sub(low).clamp({ min: 1e-8 }));
  });
}

/** PSNR and SSIM of every pair. */
function scorePairs(
  left: ImageSet,
  right: ImageSet,
  pairs: Pairs,
  options: Required<Pick<ImageMetricOptions, 'batchSize' | 'device' | 'stretch'>>,
  onBatch: (pairs: number) => void,
): { psnr: Float64Array; ssim: Float64Array } {
  const n = pairs.left.length;
  const scores = { psnr: new Float64Array(n), ssim: new Float64Array(n) };
  for (let from = 0; from < n; from += options.batchSize) {
    const to = Math.min(n, from + options.batchSize);
    tidy(() =>
      noGrad(() => {
        const x = toFloats(left, pairs.left.subarray(from, to), options.stretch, options.device);
        const y = toFloats(right, pairs.right.subarray(from, to), options.stretch, options.device);
        scores.psnr.set(psnr(x, y).toArray() as Float32Array, from);
        scores.ssim.set(ssim(x, y).toArray() as Float32Array, from);
      }),
    );
    onBatch(to - from);
  }
  return scores;
}

/**
 * Compares a synthetic with a real set.
 * @throws DataError if a set is empty or the sizes differ; TorchError if images are smaller than 11 pixels
 */
export function imageMetrics(
  real: ImageSet,
  synthetic: ImageSet,
  options: ImageMetricOptions = {},
): ImageMetricReport {
  const { seed = 0, limit, stretch = 'none', batchSize = 64, device = 'cpu', onProgress } = options;
  if (real.height !== synthetic.height || real.width !== synthetic.width) {
    throw new DataError(
      `real images are ${real.width}×${real.height} pixels, synthetic ones ${synthetic.width}×${synthetic.height}: ` +
        'bring both to one size first',
    );
  }
  const pairs = pairByIndex(real.n, synthetic.n, seed, limit);
  const nullPairs = real.n > 1 ? pairRealWithReal(real.n, seed, limit) : null;
  const total = pairs.left.length + (nullPairs?.left.length ?? 0);
  let done = 0;
  const onBatch = (count: number): void => {
    done += count;
    onProgress?.(done, total);
  };
  const run = { batchSize, device, stretch };
  const scores = scorePairs(real, synthetic, pairs, run, onBatch);
  const nullScores = nullPairs ? scorePairs(real, real, nullPairs, run, onBatch) : null;
  const result = (metric: 'psnr' | 'ssim', unit: string): MetricResult => ({
    higherIsBetter: true,
    unit,
    synthetic: summarise(scores[metric], seed),
    realNull: nullScores ? summarise(nullScores[metric], seed) : null,
  });
  return {
    psnr: result('psnr', 'dB'),
    ssim: result('ssim', ''),
    counts: { real: real.n, synthetic: synthetic.n },
    protocol: {
      pairing: 'both sets shuffled by the seed, then by index; no image in two pairs',
      nullPairing: 'two random halves of the real images, by index',
      seed,
      heightPx: real.height,
      widthPx: real.width,
      values: 'RGB bytes / 255, float32',
      stretch,
      semantics: 'PIQA 1.1.3: SSIM window 11, sigma 1.5, no padding; PSNR epsilon 1e-8; value range 1',
      interval: `95 %, percentile bootstrap of the mean over pairs, ${REPLICATES} replicates`,
    },
  };
}
