/**
 * A GAN run's configuration. Every default stands here with its source: "original" is the system that Graft sets
 * out to surpass (AIDL21, 2021).
 */

import { ConfigError } from 'graft-torch/base';
import { z } from 'zod';
import { classesOf } from '../config.js';

const rate = z.number().positive();
const share = z.number().min(0).max(1);

export const ganRecipeSchema = z.strictObject({
  architecture: z
    .enum(['dcgan', 'sngan', 'acgan', 'resnet'])
    .default('sngan')
    .describe(
      'sngan: dcgan with spectral norm on every discriminator convolution; acgan: the original’s; resnet: SNGAN-ResNet',
    ),
  imageSize: z
    .union([z.literal(64), z.literal(128), z.literal(256)])
    .default(64)
    .describe('side in pixels'),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .nullable()
    .default(null)
    .describe('of the images; null: those of the dataset, 1 where all its images are grey'),
  latentSize: z.int().min(1).default(128).describe('length of z; the original: 100 to 600'),
  generatorWidth: z.int().min(1).default(64).describe('"ngf"; Radford et al. 2016'),
  discriminatorWidth: z.int().min(1).default(64).describe('"ndf"; Radford et al. 2016'),
  discriminatorNorm: z
    .enum(['batch', 'none'])
    .default('batch')
    .describe('of dcgan and sngan; none: as a gradient penalty needs it'),
  attentionSize: z
    .int()
    .nullable()
    .default(null)
    .describe('resnet: self-attention on the maps of this side, such as 32; Zhang et al. 2019'),
  generatorSpectralNorm: z
    .boolean()
    .default(false)
    .describe('resnet: spectral norm on the generator too; Zhang et al. 2019'),

  conditioning: z
    .enum(['none', 'auxiliary', 'projection'])
    .default('none')
    .describe(
      'how classes are learned; auxiliary: acgan, Odena et al. 2017; projection: resnet, Miyato & Koyama 2018',
    ),
  labelInput: z
    .enum(['multiply', 'one-hot'])
    .default('multiply')
    .describe(
      'acgan: label embedding times z, or the one-hot label in the first entries of z (the original’s older variant)',
    ),
  classBalance: share
    .default(0)
    .describe('0: classes as frequent as in the data; 1: equally frequent; between: frequency^(1 − it)'),
  conditioningTransition: z
    .strictObject({ from: z.int().min(0), to: z.int().min(1) })
    .nullable()
    .default(null)
    .describe('steps over which conditioning fades in; null: from the start; Shahbazi et al. 2022'),

  objective: z
    .enum(['non-saturating', 'hinge', 'wasserstein'])
    .default('non-saturating')
    .describe('Goodfellow et al. 2014; Lim & Ye 2017; Arjovsky et al. 2017'),
  realLabel: share
    .default(0.9)
    .describe('non-saturating: label of real images for D; 0.9 is one-sided smoothing; Salimans et al. 2016'),
  fakeLabel: share
    .default(0)
    .describe('non-saturating: label of generated images for D; the original’s AC-GAN: 0.1'),
  generatorLabel: share
    .default(1)
    .describe('non-saturating: label that G aims at; the original’s AC-GAN: 0.9'),
  gradientPenalty: z
    .strictObject({
      kind: z.enum(['wgan-gp', 'r1']).describe('Gulrajani et al. 2017; Mescheder et al. 2018'),
      weight: rate.describe('λ = 10 of the WGAN-GP paper; γ of R1'),
      every: z
        .int()
        .min(1)
        .default(1)
        .describe('r1: discriminator steps from one to the next; StyleGAN2: 16'),
    })
    .nullable()
    .default(null)
    .describe('term of the discriminator’s loss'),
  weightClip: rate
    .nullable()
    .default(null)
    .describe('wasserstein: critic weights stay within ± this; Arjovsky et al. 2017: 0.01'),
  updateFirst: z
    .enum(['discriminator', 'generator'])
    .default('discriminator')
    .describe('which network is trained first in a step; the original’s AC-GAN: generator'),

  steps: z.int().min(1).default(2000).describe('generator updates'),
  batchSize: z.int().min(2).default(16).describe('the original: 16 was best of 128, 64, 16'),
  criticSteps: z.int().min(1).default(1).describe('discriminator updates a step'),
  optimizer: z.enum(['adam', 'rmsprop']).default('adam').describe('rmsprop: WGAN with clipped weights'),
  learningRate: z
    .strictObject({ generator: rate.default(2e-4), discriminator: rate.default(2e-4) })
    .prefault({})
    .describe('Radford et al. 2016'),
  betas: z
    .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
    .default([0.5, 0.999])
    .describe('Adam; Radford et al. 2016'),
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
  diffAugment: z
    .array(z.enum(['colour', 'translation', 'cutout']))
    .default([])
    .describe('of real and generated images, before D sees them; Zhao et al. 2020'),
  ada: z
    .strictObject({
      target: z
        .number()
        .min(-1)
        .max(1)
        .default(0.6)
        .describe('mean sign of D’s logits on real images that is held'),
      speedKimg: rate
        .default(100)
        .describe('thousands of images in which p can go from 0 to 1; the paper: 500'),
      every: z.int().min(1).default(4).describe('steps between adjustments of p'),
      initial: share.default(0).describe('p at the start'),
    })
    .nullable()
    .default(null)
    .describe('adaptive augmentation, geometry and colour; Karras et al. 2020'),

  initFrom: z
    .string()
    .nullable()
    .default(null)
    .describe('fine-tuning: a GAN run, of another class or dataset, or a generator’s weights file'),
  initFromPart: z
    .string()
    .min(1)
    .optional()
    .describe('which state dict of an initFrom file that holds several (netG), or what its names begin with'),
  freezeDiscriminator: z
    .int()
    .min(0)
    .default(0)
    .describe('lowest stages of D that are not trained; FreezeD: Mo et al. 2020'),

  module: z
    .string()
    .min(1)
    .optional()
    .describe(
      'JavaScript file with networks, an objective or a regulariser of your own, which are then taken',
    ),
  moduleSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe('of that file when the run was begun: Graft writes it'),

  seed: z.int().min(0).default(0).describe('decides weights, order and noise'),
  device: z.string().default('auto').describe('cpu, cuda, cuda:1, mps; auto: the best there is'),
  threads: z.int().min(0).default(0).describe('of the CPU; 0: every core'),
  precision: z
    .enum(['float32', 'tf32', 'bfloat16', 'float16'])
    .default('float32')
    .describe('of the networks; tf32 and float16 (with a gradient scaler) on CUDA'),
  channelsLast: z.boolean().default(false).describe('memory layout; pays with bfloat16 and float16 on CUDA'),

  logEvery: z.int().min(1).default(10).describe('steps between lines of the event log'),
  sampleEvery: z.int().min(1).default(200).describe('steps between sample grids'),
  checkpointEvery: z.int().min(1).default(200).describe('steps between checkpoints'),
  sampleCount: z.int().min(1).default(64).describe('pictures in a sample grid'),
  monitorEvery: z.int().min(0).default(500).describe('steps between measurements for the doctor; 0: none'),
  monitorSamples: z.int().min(16).default(256).describe('images that are generated for a measurement'),
  backbone: z
    .string()
    .nullable()
    .default('random')
    .describe(
      'features of FD and KID: random (Naeem et al. 2020), a classifier run, NETWORK:FILE (a classifier of Graft and its weights), inception:FILE, or FILE.pt (TorchScript, with --trust-code); auto: NETWORK:FILE where weights are at hand; null: no FD, no KID',
    ),
  bestBy: z
    .enum(['fd', 'kid'])
    .nullable()
    .default(null)
    .describe('the measurement whose best checkpoint is kept and sampled; null: the last'),
  rollBacks: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'how often a run that collapsed may go back to its last healthy checkpoint, with half the learning rates',
    ),
});

/** A whole run: recipe and data. */
export const ganConfigSchema = z.strictObject({
  data: z.string().describe('dataset folder'),
  class: z
    .union([z.string(), z.array(z.string()).min(1)])
    .describe('label of the images to learn, or several labels; always of the training split'),
  ...ganRecipeSchema.shape,
});

export type GanRecipe = z.output<typeof ganRecipeSchema>;
export type GanConfig = z.output<typeof ganConfigSchema>;

/** Which parts are not made by the configuration. */
interface Brought {
  networks?: { generator?: unknown; discriminator?: unknown };
  objective?: unknown;
  regulariser?: unknown;
}

/**
 * What single keys cannot say: which settings go together.
 *
 * @param brought parts that come from outside, about which the configuration says nothing; null while a module of them
 *   has not been loaded
 * @throws ConfigError naming the keys and a value that works
 */
export function checkGanConfig(
  config: GanConfig,
  brought: Brought | null = config.module === undefined ? {} : null,
): void {
  checkShared(config);
  if (!brought) return;
  const { networks, objective, regulariser } = brought;
  if (!(networks?.generator && networks.discriminator)) checkNetworks(config);
  if (!networks?.discriminator && regulariser === undefined) checkPenalty(config);
  if (!objective) checkObjective(config);
}

function refuse(what: string): never {
  throw new ConfigError(what);
}

/** What holds whatever the networks and the objective are. */
function checkShared(config: GanConfig): void {
  const classes = classesOf(config);
  const repeated = classes.find((label, i) => classes.indexOf(label) !== i);
  if (repeated !== undefined) refuse(`class: ${repeated} stands twice`);
  const { conditioning, conditioningTransition } = config;
  if (conditioning !== 'none' && classes.length < 2)
    refuse(`class: conditioning ${conditioning} needs two classes or more, not ${classes[0]} alone`);
  if (conditioningTransition && conditioning === 'none')
    refuse('conditioningTransition: there is no conditioning to fade in; set conditioning');
  if (conditioningTransition && conditioningTransition.to <= conditioningTransition.from)
    refuse('conditioningTransition: `to` must come after `from`');
  if (config.fakeLabel >= config.realLabel)
    refuse(`fakeLabel: ${config.fakeLabel} must be below realLabel, ${config.realLabel}`);
  if (config.ada && config.diffAugment.length > 0) refuse('ada: and diffAugment do the same; choose one');
  if (config.bestBy !== null && (config.monitorEvery === 0 || config.backbone === null))
    refuse(`bestBy: ${config.bestBy} is not measured; set monitorEvery and backbone`);
  if (config.rollBacks > 0 && config.monitorEvery === 0)
    refuse('rollBacks: nothing is measured to decide by; set monitorEvery');
}

function checkNetworks({ architecture, conditioning, imageSize, ...config }: GanConfig): void {
  if (architecture === 'acgan' && imageSize === 256)
    refuse('imageSize: acgan has no networks for 256 px; use 64 or 128, or another architecture');
  if (architecture === 'acgan' && conditioning !== 'auxiliary')
    refuse(
      `conditioning: acgan has an auxiliary classifier and nothing else, not ${conditioning}; use auxiliary`,
    );
  if (conditioning === 'auxiliary' && architecture !== 'acgan')
    refuse(
      `conditioning: auxiliary is of acgan; ${architecture} has ${architecture === 'resnet' ? 'none and projection' : 'none'}`,
    );
  if (conditioning === 'projection' && architecture !== 'resnet')
    refuse(
      `conditioning: projection is of resnet; ${architecture} has ${architecture === 'acgan' ? 'auxiliary' : 'none'}`,
    );
  if (config.attentionSize !== null && architecture !== 'resnet')
    refuse(`attentionSize: is of resnet, not of ${architecture}`);
  if (config.generatorSpectralNorm && architecture !== 'resnet')
    refuse(`generatorSpectralNorm: is of resnet, not of ${architecture}`);
}

function checkPenalty({ architecture, gradientPenalty, discriminatorNorm }: GanConfig): void {
  const convolutional = architecture === 'dcgan' || architecture === 'sngan';
  if (gradientPenalty && convolutional && discriminatorNorm === 'batch')
    refuse(
      'gradientPenalty: is defined an image, which batch norm in D forbids; set discriminatorNorm: none',
    );
  if (gradientPenalty && architecture === 'acgan')
    refuse('gradientPenalty: is defined an image, and acgan’s discriminator has batch norm; use resnet');
  if (gradientPenalty?.kind === 'wgan-gp' && gradientPenalty.every !== 1)
    refuse('gradientPenalty.every: wgan-gp holds in every step: 1');
}

function checkObjective({ objective, weightClip, ada }: GanConfig): void {
  if (weightClip !== null && objective !== 'wasserstein')
    refuse(`weightClip: is of the wasserstein objective, not of ${objective}`);
  if (ada && objective === 'wasserstein')
    refuse(
      `ada: its controller reads the sign of D, which a critic’s score has no use for; with ${objective} use diffAugment`,
    );
}
