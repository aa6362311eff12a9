/**
 * Measurements of a GAN in training, for the doctor: gradient norms, the discriminator's spectral norms, how much
 * samples differ. None of them changes what it looks at: no graph is recorded, no power iteration advanced, no global
 * random number drawn. Each waits for the device once or twice.
 */

import { aten, cat, noGrad, stack, type Tensor, tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { DataError } from 'graft-torch/base';
import { type Module, WeightLayer } from 'graft-torch/nn';
import { msSsim, scalesFor } from '../../metrics/full-reference/index.js';
import type { RunEvent } from '../../run/index.js';

/** What is measured at one step; the fields of an event of type `monitor`. Null: not measured. */
export interface MonitoringRecord {
  step: number;
  discriminatorLoss: number;
  generatorLoss: number;
  /**
   * Mean of D over training images and generated ones: a probability, or a critic's score. Of the same discriminator as
   * the next, and over more images than a batch where that is measured: the doctor compares the three.
   */
  realScore: number;
  fakeScore: number;
  /** The same over real images that D never saw. */
  heldOutScore: number | null;
  generatorGradientNorm: number;
  discriminatorGradientNorm: number;
  /** Of D's convolutions, as `spectralNorms` gives them. */
  spectralNormMax: number;
  spectralNormMean: number;
  /** Mean MS-SSIM between samples, and between real images: the higher, the more alike. */
  diversity: number;
  realDiversity: number;
  /** Standard deviation over samples, mean over pixels, which lie in [0, 1]. */
  fakeStd: number;
  /** Fréchet and kernel distance of samples from real images. */
  fd: number | null;
  kid: number | null;
  /** Share of the generated images that lie among real ones, and of real ones that lie among generated ones. */
  precision?: number | null;
  recall?: number | null;
  /** p of adaptive augmentation. */
  augmentProbability: number | null;
}

/**
 * Euclidean norm of all gradients of a module together; 0 where none has been computed. After `backward`, before the
 * next `zeroGrad`; gradients of a scaled loss (float16) must have been unscaled.
 */
export function gradientNorm(module: Module): number {
  return tidy(() =>
    noGrad(() => {
      const norms = module.parameters().flatMap((parameter) => {
        const { grad } = parameter;
        return grad ? [grad.to({ dtype: 'float32' }).norm()] : [];
      });
      return norms.length === 0 ? 0 : stack(norms).norm().item();
    }),
  );
}

/**
 * Largest singular value of each convolution's weight as the forward pass uses it, so about 1 under spectral norm.
 * From the smaller Gram matrix: exact, and on two cores 0.1 s for the discriminator of DCGAN at 64 px.
 *
 * @returns the largest of them, and their mean; 0 without convolutions, NaN where a weight is not finite
 */
export function spectralNorms(discriminator: Module): { max: number; mean: number } {
  const modes = [...discriminator.modules()].map((module) => [module, module.training] as const);
  try {
    discriminator.eval(); // in training mode, asking for a weight is a step of its power iteration
    return tidy(() =>
      noGrad(() => {
        const norms = [...discriminator.modules()].flatMap((module) => {
          if (!(module instanceof WeightLayer)) return [];
          const { weight } = module;
          return weight.shape.length === 4 ? [largestSingularValue(weight)] : [];
        });
        if (norms.length === 0) return { max: 0, mean: 0 };
        const values = Array.from(stack(norms).toArray() as Float64Array);
        return {
          max: values.some(Number.isNaN) ? Number.NaN : Math.max(...values),
          mean: values.reduce((a, b) => a + b) / values.length,
        };
      }),
    );
  } finally {
    // Parents come first, and set their children's too.
    for (const [module, training] of modes) module.train(training);
  }
}

/** Of a weight `[O, …]` as the matrix `[O, rest]`; a float64 scalar on the CPU. */
function largestSingularValue(weight: Tensor): Tensor {
  const matrix = weight.reshape([weight.shape[0]!, -1]);
  const [rows, columns] = matrix.shape as [number, number];
  const gram = rows <= columns ? matrix.matmul(matrix.t()) : matrix.t().matmul(matrix);
  // Where a value is not finite the decomposition would throw; the doctor wants to know.
  const trace = aten.trace(gram).to({ device: 'cpu', dtype: 'float64' });
  if (!trace.isfinite().item()) return trace.mul(Number.NaN);
  return aten
    .linalg_eigvalsh(gram.to({ device: 'cpu', dtype: 'float64' }))
    .amax()
    .clamp({ min: 0 })
    .sqrt();
}

export interface SampleDiversity {
  /** Mean MS-SSIM of random pairs, 0…1: the higher, the more alike (Odena et al. 2017). */
  diversity: number;
  /** Standard deviation over samples, mean over pixels and channels; pixels in [0, 1]. */
  std: number;
}

/** Pairs compared at once. */
const PAIRS_PER_BATCH = 32;

/**
 * How much samples differ: ⌊M / 2⌋ random pairs, no image in two. MS-SSIM has as many scales as the images have room
 * for; only figures of one size compare.
 *
 * @param images `[M ≥ 2, C, H, W]`, uint8, or float in [−1, 1] as the networks have it
 * @param random decides the pairs
 * @throws DataError with fewer than two images, or images below 11 px
 */
export function sampleDiversity(images: Tensor, random: Random): SampleDiversity {
  const [n = 0, , height = 0, width = 0] = images.shape;
  const scales = scalesFor(height, width);
  if (n < 2 || scales === 0) {
    throw new DataError(
      `diversity: needs two or more images [M, C, H, W] of 11 px or more, not [${images.shape.join(', ')}]`,
    );
  }
  const order = random.shuffle(Int32Array.from({ length: n }, (_, i) => i));
  const pairs = Math.floor(n / 2);
  return tidy(() =>
    noGrad(() => {
      const unit = toUnit(images);
      const pick = (from: number, count: number): Tensor =>
        unit.indexSelect(
          0,
          tensor(order.subarray(from, from + count), [count], { dtype: 'int64', device: unit.device }),
        );
      const scores: Tensor[] = [];
      for (let start = 0; start < pairs; start += PAIRS_PER_BATCH) {
        const count = Math.min(PAIRS_PER_BATCH, pairs - start);
        scores.push(tidy(() => msSsim(pick(start, count), pick(pairs + start, count), { scales })));
      }
      const std = unit.var([0]).sqrt().mean();
      const [diversity, deviation] = stack([cat(scores).mean(), std]).toArray() as Float32Array;
      return { diversity: diversity!, std: deviation! };
    }),
  );
}

/** Pixels in [0, 1], float32. */
const toUnit = (images: Tensor): Tensor =>
  images.dtype === 'uint8'
    ? images.to({ dtype: 'float32' }).div_(255)
    : images.to({ dtype: 'float32' }).add(1).div_(2).clamp_({ min: 0, max: 1 });

/** Measurements of the path that led to the present state: what was rolled back is not on it. */
export function recordsOf(events: readonly RunEvent[]): MonitoringRecord[] {
  let records: MonitoringRecord[] = [];
  for (const { type, wall: _, ...fields } of events) {
    if (type === 'monitor') records.push(fields as unknown as MonitoringRecord);
    if (type === 'rolled-back') records = records.filter(({ step }) => step <= (fields.to as number));
  }
  return records;
}
