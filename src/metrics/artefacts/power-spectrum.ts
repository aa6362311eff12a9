/**
 * Power spectrum of luma, averaged over rings of equal frequency. Generators that enlarge by transposed convolutions or
 * interpolation leave too much or too little power at high frequencies: Durall, Keuper, Keuper, "Watch your
 * up-convolution", CVPR 2020; Dzanic, Shah, Witherden, "Fourier spectrum discrepancies in deep network generated
 * images", NeurIPS 2020; Schwarz, Liao, Geiger, "On the frequency bias of generative models", NeurIPS 2021.
 *
 *   P(k) = |Σ w(x) (v(x) − v̄) e^(−2πi k·x)|² / Σ w(x)²,  v̄ = Σ w v / Σ w
 *
 * In squared grey levels: white noise of SD 1 has P = 1, which is 0 dB, at every frequency and under every window.
 *
 * The window is Hann's. Photographs are not periodic: without a window the jump between opposite edges leaks over both
 * axes with 1/k², as strong as what an image of skin has at high frequencies.
 *
 * The transform is two matrix products. At these sizes they are fast, exact, differentiable, and there on every device;
 * an FFT needs complex tensors, which MPS lacks.
 *
 * Power is averaged over a ring before the logarithm is taken: the mean of logarithms would lie 2.5 dB lower and hang on
 * the smallest values.
 */

import { cat, type Tensor, tensor, tidy } from 'graft-torch';
import { TorchError } from 'graft-torch/base';
import { type CompareOptions, compareMeans, meanAndSd, type RowSets, type Score } from './compare.js';
import { type BatchOptions, luma, requireImages, rowsOfImages } from './images.js';

export type Window = 'hann' | 'none';

/**
 * Added to every power, in squared grey levels (−60 dB), so that flat images have a logarithm. A thousandth of what the
 * smallest change in an image of 64 px brings.
 */
export const powerFloor = 1e-6;

/** The smallest side at which there is a high band to speak of. */
const MIN_SIDE_PX = 16;

/** Periodic Hann window, or ones. */
function windowWeights(size: number, window: Window): Float64Array {
  return Float64Array.from({ length: size }, (_, i) =>
    window === 'none' ? 1 : 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size),
  );
}

/** cos and −sin of 2π i k / size, `[size, frequencies]` each. */
function fourierMatrix(size: number, frequencies: number, like: Tensor): [cosine: Tensor, sine: Tensor] {
  const fill = (wave: (angle: number) => number): Tensor =>
    tensor(
      Float64Array.from({ length: size * frequencies }, (_, at) => {
        const [i, k] = [Math.floor(at / frequencies), at % frequencies];
        // The remainder keeps the angle small and its cosine exact.
        return wave((2 * Math.PI * ((i * k) % size)) / size);
      }),
      [size, frequencies],
      { dtype: like.dtype === 'float64' ? 'float64' : 'float32', device: like.device },
    );
  return [fill(Math.cos), fill((angle) => -Math.sin(angle))];
}

/**
 * Power over the half plane of frequencies that a real image has.
 *
 * @param grey float32 or float64 `[N, H, W]`, on any device; differentiable
 * @returns `[N, H, ⌊W / 2⌋ + 1]` in squared units of `grey`; row k belongs to k / H cycles a pixel (k − H above the
 *   middle), column l to l / W
 * @throws TorchError if `grey` is not three-dimensional
 */
export function powerSpectrum(grey: Tensor, window: Window = 'hann'): Tensor {
  if (grey.shape.length !== 3) {
    throw new TorchError(`powerSpectrum: needs grey images [N, H, W], not [${grey.shape.join(', ')}]`);
  }
  const [, height, width] = grey.shape as [number, number, number];
  return tidy(() => {
    const [rows, columns] = [windowWeights(height, window), windowWeights(width, window)];
    const flat = Float64Array.from(
      { length: height * width },
      (_, i) => rows[Math.floor(i / width)]! * columns[i % width]!,
    );
    const total = flat.reduce((a, b) => a + b, 0);
    const squares = flat.reduce((a, b) => a + b * b, 0);
    const weights = tensor(flat, [height, width], {
      dtype: grey.dtype === 'float64' ? 'float64' : 'float32',
      device: grey.device,
    });
    const mean = grey.mul(weights).sum([1, 2], true).div(total);
    const windowed = grey.sub(mean).mul(weights);
    const [cosX, sinX] = fourierMatrix(width, Math.floor(width / 2) + 1, grey);
    const [cosY, sinY] = fourierMatrix(height, height, grey);
    const [even, odd] = [windowed.matmul(cosX), windowed.matmul(sinX)]; // [N, H, W / 2 + 1]
    // The matrices over the height are symmetric: from the left they transform columns.
    const real = cosY.matmul(even).sub(sinY.matmul(odd));
    const imaginary = cosY.matmul(odd).add(sinY.matmul(even));
    return real.square().add(imaginary.square()).div(squares);
  });
}

/**
 * Frequencies of the rings, cycles a pixel: j / n for j = 1 … ⌊n / 2⌋, n the shorter side. Beyond 0.5 rings are not
 * whole, and the corners say more about direction than about scale.
 */
export function ringFrequencies(height: number, width: number): number[] {
  const n = Math.min(height, width);
  return Array.from({ length: Math.floor(n / 2) }, (_, j) => (j + 1) / n);
}

/**
 * Means over rings; ring j holds the frequencies within half a step of j / n.
 *
 * @param power `[N, H, ⌊W / 2⌋ + 1]` of `powerSpectrum`
 * @param width of the images, which the half plane does not tell
 * @returns `[N, ⌊min(H, W) / 2⌋]`
 */
export function ringMeans(power: Tensor, width: number): Tensor {
  const [n, height, columns] = power.shape as [number, number, number];
  const side = Math.min(height, width);
  const rings = Math.floor(side / 2);
  const weights = new Float64Array(height * columns * rings);
  const totals = new Float64Array(rings);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < columns; x++) {
      const frequency = Math.hypot(Math.min(y, height - y) / height, x / width);
      const ring = Math.floor(frequency * side + 0.5) - 1;
      if (ring < 0 || ring >= rings) continue;
      // The other half of the plane is its mirror image, but for the columns that are their own.
      const times = x === 0 || 2 * x === width ? 1 : 2;
      weights[(y * columns + x) * rings + ring] = times;
      totals[ring]! += times;
    }
  }
  for (let i = 0; i < weights.length; i++) weights[i]! /= totals[i % rings]!;
  return tidy(() =>
    power.reshape([n, height * columns]).matmul(
      tensor(weights, [height * columns, rings])
        .to({ dtype: power.dtype })
        .to({ device: power.device }),
    ),
  );
}

/** Power → dB. */
export const toDecibels = (power: Tensor): Tensor =>
  tidy(() =>
    power
      .add(powerFloor)
      .log()
      .mul(10 / Math.LN10),
  );

/**
 * Radial log power spectrum of every image.
 *
 * @param images uint8 `[N, 3, H, W]`
 * @returns float64 `[N, ⌊min(H, W) / 2⌋]`, dB, on the CPU
 * @throws DataError unless there are two or more images of bytes, of 16 px or more
 */
export function spectrumRows(images: Tensor, options: BatchOptions & { window?: Window } = {}): Tensor {
  requireImages('given', images, MIN_SIDE_PX);
  const width = images.shape[3]!;
  return rowsOfImages(
    images,
    (batch) => toDecibels(ringMeans(powerSpectrum(luma(batch), options.window), width)),
    options,
  );
}

/** A set's spectrum over the ring frequencies, dB. */
export interface SpectrumBand {
  /** Mean over images. */
  mean: number[];
  /** Standard deviation over images (n − 1). */
  sd: number[];
  /** Exponent of the power law P ∝ f^slope, fitted to the mean over the high band. */
  slope: number;
}

export interface PowerSpectrumResult {
  /** Of the rings, cycles a pixel. */
  frequencies: number[];
  /** The high band: frequencies from here to 0.5. */
  highFrom: number;
  real: SpectrumBand;
  synthetic: SpectrumBand;
  /** Mean absolute difference of the mean spectra over the high band, dB; from 0 up. */
  distance: Score;
  /** Mean difference over the high band, dB: above 0 where synthetic images have too much power, below where too little. */
  level: Score;
  /** Difference of the slopes. */
  slope: Score;
}

/** The upper half of the band. */
const HIGH_FROM = 0.25;

/** Weights that make a slope of a spectrum in dB: least squares over 10 lg f, in the high band. */
function slopeWeights(frequencies: readonly number[], high: readonly boolean[]): Float64Array {
  const logs = frequencies.map((f) => 10 * Math.log10(f));
  const own = logs.filter((_, i) => high[i]);
  const mean = own.reduce((a, b) => a + b, 0) / own.length;
  const squares = own.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Float64Array.from(logs, (value, i) => (high[i] ? (value - mean) / squares : 0));
}

/**
 * @param sets rows of `spectrumRows`, of images of one size
 * @param size of the images
 */
export function comparePowerSpectra(
  sets: RowSets,
  size: { height: number; width: number },
  options: CompareOptions,
): PowerSpectrumResult {
  const frequencies = ringFrequencies(size.height, size.width);
  const high = frequencies.map((f) => f >= HIGH_FROM);
  const count = high.filter(Boolean).length;
  const slopes = slopeWeights(frequencies, high);
  return tidy(() => {
    const column = (values: ArrayLike<number>) => tensor(values, [values.length, 1], { dtype: 'float64' });
    const average = column(high.map((own) => (own ? 1 / count : 0)));
    const fit = column(slopes);
    const [distance, level, slope] = compareMeans(
      sets,
      (real, synthetic) =>
        tidy(() => {
          const difference = synthetic.sub(real);
          const scores = [
            difference.abs().matmul(average),
            difference.matmul(average),
            difference.matmul(fit),
          ];
          return cat(scores, 1);
        }),
      { ...options, kinds: ['distance', 'difference', 'difference'] },
    );
    const band = (rows: Tensor): SpectrumBand => {
      const { mean, sd } = meanAndSd(rows);
      return { mean, sd, slope: mean.reduce((sum, value, i) => sum + value * slopes[i]!, 0) };
    };
    return {
      frequencies,
      highFrom: HIGH_FROM,
      real: band(sets.real.rows),
      synthetic: band(sets.synthetic.rows),
      distance: distance!,
      level: level!,
      slope: slope!,
    };
  });
}
