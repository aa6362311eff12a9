/**
 * Checkerboards: power at the frequencies 1/2, 1/4 and 1/8 cycles a pixel, along x, along y and along both, beyond that
 * of the frequencies around. A transposed convolution with stride 2 whose kernel it does not divide lays a pattern of
 * period 2; two or three in a row, of 4 and 8. Odena, Dumoulin, Olah, "Deconvolution and checkerboard artifacts", Distill
 * 2016; the peaks in the spectrum: Zhang, Karaman, Chang, "Detecting and simulating artifacts in GAN fake images",
 * WIFS 2019.
 *
 *   excess = 10 lg S(k) − mean of 10 lg S over the 16 frequencies two steps away
 *   S(k + d) = mean over images of P(k + d) / (mean of that image's P around k)
 *
 * S counts every image alike, however much texture it has. The frequencies around lie symmetrically, so a power law
 * cancels to first order; under Hann's window a peak at k does not reach them. White noise of SD σ under a wave of
 * amplitude a along one axis has 10 lg (1 + a² H W · 4/9 / σ²) at period 2, and a quarter of the ratio at the others.
 *
 * JPEG codes squares of 8 px, whose edges may show in real images: read the excess of synthetic images beside it.
 */
import { cat, type Tensor, tensor, tidy } from 'graft-torch';
import { type CompareOptions, compareMeans, type RowSets, type Score } from './compare.js';
import { type BatchOptions, luma, requireImages, rowsOfImages } from './images.js';
import { powerFloor, powerSpectrum, toDecibels } from './power-spectrum.js';

/** Pixels between two crests. */
export type Period = 2 | 4 | 8;
/** Along which the pattern changes; `both`: a checkerboard proper. */
export type Direction = 'x' | 'y' | 'both';

export interface CheckerboardComponent {
  period: Period;
  direction: Direction;
}

/** In the order of the scores. */
export const checkerboardComponents: readonly CheckerboardComponent[] = ([2, 4, 8] as const).flatMap(
  (period) => (['x', 'y', 'both'] as const).map((direction) => ({ period, direction })),
);

/** Below, the frequencies around 1/8 reach to 0. */
const MIN_SIDE_PX = 32;

type Frequency = readonly [ky: number, kx: number];

/** Where a component has its peak, in steps of 1 / H and 1 / W. */
function peakOf({ period, direction }: CheckerboardComponent, height: number, width: number): Frequency {
  return [direction === 'x' ? 0 : height / period, direction === 'y' ? 0 : width / period];
}

/** The peak, then the 16 frequencies at two steps: the rim of a square of five. */
const offsets: readonly Frequency[] = [
  [0, 0],
  ...Array.from({ length: 25 }, (_, i): Frequency => [Math.floor(i / 5) - 2, (i % 5) - 2]).filter(
    ([y, x]) => Math.max(Math.abs(y), Math.abs(x)) === 2,
  ),
];
const patchSize = offsets.length;

/** Index into the flattened half plane `[H, W / 2 + 1]`; frequencies of the other half by their mirror image. */
function halfPlaneIndex([ky, kx]: Frequency, height: number, width: number): number {
  const modulo = (k: number, size: number) => ((k % size) + size) % size;
  const x = modulo(kx, width);
  const mirrored = x > width / 2;
  const columns = width / 2 + 1;
  return modulo(mirrored ? -ky : ky, height) * columns + (mirrored ? width - x : x);
}

/**
 * Power around each component's peaks, as a share of the mean around them.
 *
 * @param power `[N, H, W / 2 + 1]`, H and W multiples of 8
 * @returns `[N, 9 · 17]`: of each component the peak, then its 16 neighbours
 */
function patches(power: Tensor): Tensor {
  const [n, height, columns] = power.shape as [number, number, number];
  const width = 2 * (columns - 1);
  return tidy(() => {
    const flat = power.reshape([n, height * columns]).add(powerFloor);
    const patchAt = ([ky, kx]: Frequency, sign: 1 | -1): Tensor => {
      const indices = offsets.map(([y, x]) => halfPlaneIndex([sign * (ky + y), kx + x], height, width));
      const patch = flat.indexSelect(
        1,
        tensor(indices, [patchSize], { dtype: 'int64', device: power.device }),
      );
      return patch.div(patch.narrow(1, 1, patchSize - 1).mean([1], true));
    };
    const components = checkerboardComponents.map((component) => {
      const peak = peakOf(component, height, width);
      if (component.direction !== 'both') return patchAt(peak, 1);
      // Both diagonals; at 1/2 they have the peak in common, but not what is around it.
      return patchAt(peak, 1).add(patchAt(peak, -1)).div(2);
    });
    return cat(components, 1);
  });
}

/** Power along the three directions as a share of its mean at all frequencies but the lowest, `[N, 3 · W′]`. */
function profiles(power: Tensor, steps: number): Tensor {
  const [n, height, columns] = power.shape as [number, number, number];
  const width = 2 * (columns - 1);
  return tidy(() => {
    const level = power.mean([1, 2], true).add(powerFloor);
    const flat = power
      .add(powerFloor)
      .div(level)
      .reshape([n, height * columns]);
    const take = (frequencyAt: (step: number) => Frequency): Tensor => {
      const indices = Array.from({ length: steps }, (_, i) =>
        halfPlaneIndex(frequencyAt(i + 1), height, width),
      );
      return flat.indexSelect(1, tensor(indices, [steps], { dtype: 'int64', device: power.device }));
    };
    const [stepY, stepX] = [height / (2 * steps), width / (2 * steps)];
    return cat(
      [
        take((i) => [0, i * stepX]),
        take((i) => [i * stepY, 0]),
        take((i) => [i * stepY, i * stepX])
          .add(take((i) => [-i * stepY, i * stepX]))
          .div(2),
      ],
      1,
    );
  });
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

/** Frequencies of the profiles: as many as both sides share. */
const profileSteps = (height: number, width: number): number => greatestDivisor(height, width) / 2;

/** The sides, cut to what holds whole periods. */
const wholePeriods = (size: { height: number; width: number }): { height: number; width: number } => ({
  height: 8 * Math.floor(size.height / 8),
  width: 8 * Math.floor(size.width / 8),
});

/**
 * What the excess is made of, for every image. Of sides that are no multiples of 8 the rest stays out.
 *
 * @param images uint8 `[N, 3, H, W]`
 * @returns float64 `[N, D]` on the CPU, for `compareCheckerboards`
 * @throws DataError unless there are two or more images of bytes, of 32 px or more
 */
export function checkerboardRows(images: Tensor, options: BatchOptions = {}): Tensor {
  requireImages('given', images, MIN_SIDE_PX);
  const [, , fullHeight, fullWidth] = images.shape as [number, number, number, number];
  const { height, width } = wholePeriods({ height: fullHeight, width: fullWidth });
  const cut = (batch: Tensor): Tensor => batch.narrow(2, 0, height).narrow(3, 0, width);
  return rowsOfImages(
    images,
    (batch) => {
      const power = powerSpectrum(luma(cut(batch)));
      return cat([patches(power), profiles(power, profileSteps(height, width))], 1);
    },
    options,
  );
}

/** Mean rows `[B, D]` → excess of the components, `[B, 9]`, dB. */
function excessOf(means: Tensor): Tensor {
  const count = checkerboardComponents.length;
  return tidy(() => {
    const patch = toDecibels(means.narrow(1, 0, count * patchSize)).reshape([-1, count, patchSize]);
    return patch.select(2, 0).sub(patch.narrow(2, 1, patchSize - 1).mean([2]));
  });
}

/** Mean power along a direction, dB over the mean of all frequencies. */
export interface SpectrumProfiles {
  x: number[];
  y: number[];
  /** Along both diagonals, where a frequency stands for that in x and in y. */
  both: number[];
}

export interface CheckerboardResult {
  components: (CheckerboardComponent & {
    /** Excess, dB. */
    real: number;
    synthetic: number;
    /** Excess of the synthetic less that of the real images, dB. */
    difference: Score;
  })[];
  /**
   * The largest difference of the components, or 0 if none is above: the headline, dB. Its floor tells how large the
   * largest of nine becomes by chance.
   */
  score: Score;
  /** Frequencies of the profiles, cycles a pixel. */
  frequencies: number[];
  real: SpectrumProfiles;
  synthetic: SpectrumProfiles;
}

/**
 * @param sets rows of `checkerboardRows`, of images of one size
 * @param size of the images
 */
export function compareCheckerboards(
  sets: RowSets,
  size: { height: number; width: number },
  options: CompareOptions,
): CheckerboardResult {
  const { height, width } = wholePeriods(size);
  const steps = profileSteps(height, width);
  const components = checkerboardComponents;
  return tidy(() => {
    const [score, ...differences] = compareMeans(
      sets,
      (real, synthetic) =>
        tidy(() => {
          const difference = excessOf(synthetic).sub(excessOf(real));
          return cat([difference.amax([1], true).clamp({ min: 0 }), difference], 1);
        }),
      { ...options, kinds: ['distance', ...components.map(() => 'difference' as const)] },
    );
    const valuesOf = (rows: Tensor): Float64Array => excessOf(rows.mean([0], true)).toArray() as Float64Array;
    const profilesOf = (rows: Tensor): SpectrumProfiles => {
      const means = toDecibels(rows.narrow(1, components.length * patchSize, 3 * steps).mean([0]));
      const part = (i: number) => Array.from(means.narrow(0, i * steps, steps).toArray() as Float64Array);
      return { x: part(0), y: part(1), both: part(2) };
    };
    const [real, synthetic] = [valuesOf(sets.real.rows), valuesOf(sets.synthetic.rows)];
    return {
      components: components.map((component, i) => ({
        ...component,
        real: real[i]!,
        synthetic: synthetic[i]!,
        difference: differences[i]!,
      })),
      score: score!,
      frequencies: Array.from({ length: steps }, (_, i) => (i + 1) / (2 * steps)),
      real: profilesOf(sets.real.rows),
      synthetic: profilesOf(sets.synthetic.rows),
    };
  });
}
