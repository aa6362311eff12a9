/**
 * A GAN run's configuration. Every default stands here with its source: "original" is the system that Graft sets
 * out to surpass (AIDL21, 2021).
 */
import { z } from 'zod';

const rate = z.number().positive();

export const ganRecipeSchema = z.strictObject({
  architecture: z
    .enum(['dcgan', 'sngan'])
    .default('sngan')
    .describe('sngan: dcgan with spectral normalisation on every discriminator convolution'),
  imageSize: z
    .union([z.literal(64), z.literal(128), z.literal(256)])
    .default(64)
    .describe('side in pixels'),
  latentSize: z.int().min(1).default(128).describe('length of z; the original: 100 to 600'),
  generatorWidth: z.int().min(1).default(64).describe('"ngf"; Radford et al. 2016'),
  discriminatorWidth: z.int().min(1).default(64).describe('"ndf"; Radford et al. 2016'),

  steps: z.int().min(1).default(2000).describe('generator updates'),
  batchSize: z.int().min(2).default(16).describe('the original: 16 was best of 128, 64, 16'),
  criticSteps: z.int().min(1).default(1).describe('discriminator updates a step'),
  learningRate: z
    .strictObject({ generator: rate.default(2e-4), discriminator: rate.default(2e-4) })
    .prefault({})
    .describe('Adam; Radford et al. 2016'),
  betas: z
    .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
    .default([0.5, 0.999])
    .describe('Adam; Radford et al. 2016'),
  realLabel: z
    .number()
    .positive()
    .max(1)
    .default(0.9)
    .describe('one-sided label smoothing; Salimans et al. 2016'),
  emaDecay: z
    .number()
    .min(0)
    .lt(1)
    .default(0.999)
    .describe('moving average of the generator, which is what is sampled; 0: none; Yazıcı et al. 2019'),
  flips: z
    .boolean()
    .default(false)
    .describe('mirrors real images both ways at random: a lesion has no orientation'),

  seed: z.int().min(0).default(0).describe('decides weights, order and noise'),
  device: z.string().default('auto').describe('cpu, cuda, cuda:1, mps; auto: the best there is'),
  threads: z.int().min(0).default(0).describe('of the CPU; 0: every core'),

  logEvery: z.int().min(1).default(10).describe('steps between lines of the event log'),
  sampleEvery: z.int().min(1).default(200).describe('steps between sample grids'),
  checkpointEvery: z.int().min(1).default(200).describe('steps between checkpoints'),
  sampleCount: z.int().min(1).default(64).describe('pictures in a sample grid'),
});

/** A whole run: recipe and data. */
export const ganConfigSchema = z.strictObject({
  data: z.string().describe('dataset folder'),
  class: z.string().describe('label of the images to learn; always of the training split'),
  ...ganRecipeSchema.shape,
});

export type GanRecipe = z.output<typeof ganRecipeSchema>;
export type GanConfig = z.output<typeof ganConfigSchema>;
