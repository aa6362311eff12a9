/** A trained generator out of its run folder, with what its images' lineage will say. */
import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import {
  bestDevice,
  type Device,
  Generator,
  loadWeights,
  randn,
  requireDevice,
  requireFinite,
  setThreads,
  tidy,
} from 'graft-torch';
import { ConfigError, DataError, sha256File, TorchError } from 'graft-torch/base';
import { commandLine, graftVersion } from '../base/index.js';
import { framingOfFolder } from '../data/dataset/index.js';
import { type Lineage, UNKNOWN_DATASET } from '../data/lineage/index.js';
import { generatorSteps, traceTraining } from '../lineage/index.js';
import type { DiscriminatorNetwork, GeneratorNetwork } from '../models/index.js';
import {
  bestCheckpointPath,
  checkpointHash,
  checkpointPath,
  loadCheckpoint,
  type RunRecord,
  readRun,
  requireLastCheckpoint,
  underPrefix,
} from '../run/index.js';
import { classesOf, classTitle, type GanConfig, ganConfigSchema } from './adversarial/config.js';
import { toLabels } from './data.js';
import { standingStatistics } from './adversarial/latent.js';
import { makeDiscriminator, makeGenerator } from './adversarial/networks.js';
import type { GanSummary } from './adversarial/summary.js';
import { configOfWeights, isGeneratorsNames, withBatchCounts } from './adversarial/weights-file.js';

/** A generator with the weights of a finished run, in evaluation mode. */
export interface TrainedGenerator {
  config: GanConfig;
  network: GeneratorNetwork;
  /** Of the same checkpoint, in evaluation mode; null unless asked for. */
  discriminator: DiscriminatorNetwork | null;
  device: Device;
  /** Lineage of the images to come, but for how they will be drawn. */
  origin: Omit<Lineage, 'seed' | 'count' | 'truncation' | 'keptShare' | 'choice'>;
}

export interface OpenGeneratorOptions {
  /** A step, `last`, or `best`; default: the best where the run declares one, else the last. */
  checkpoint?: number | 'best' | 'last';
  /** Default: the moving average, where the run has one. */
  weights?: 'ema' | 'raw';
  /** Forward passes over which batch statistics are computed anew (standing statistics); 0, the default: none. */
  standing?: number;
  withDiscriminator?: boolean;
  /** Of a weights file that holds several state dicts: which. */
  part?: string | undefined;
  device?: Device;
  threads?: number;
}

/**
 * @param source run folder, or a file with a generator's weights
 * @throws DataError when it holds no finished GAN run, or not that checkpoint, or no generator
 */
export async function openGenerator(
  source: string,
  options: OpenGeneratorOptions = {},
): Promise<TrainedGenerator> {
  setThreads(options.threads || undefined);
  const isFile = existsSync(source) && statSync(source).isFile();
  if (options.part !== undefined && !isFile)
    throw new ConfigError(
      `${source}: is no file of weights: a run has no parts to choose from; leave --part out`,
    );
  const device = options.device ? requireDevice(options.device) : bestDevice();
  const opened = isFile ? await openFile(source, options) : await openRun(source, options);
  const { network, discriminator, config } = opened;
  network.to({ device }).eval();
  discriminator?.to({ device }).eval();
  const standing = options.standing ?? 0;
  if (standing > 0) recomputeStatistics(network, config, device, standing);
  return { ...opened, device, origin: { ...opened.origin, standing } };
}

/** Weights of unknown upbringing. */
async function openFile(
  path: string,
  options: OpenGeneratorOptions,
): Promise<Omit<TrainedGenerator, 'device'>> {
  if (options.checkpoint !== undefined || options.weights !== undefined || options.withDiscriminator)
    throw new ConfigError(
      `${path}: is a file of a generator's weights: it has no checkpoints, no moving average and no discriminator; give a run folder`,
    );
  const sha256 = await sha256File(path);
  const steps = generatorSteps(path);
  const unknown = steps.some((step) => step.kind === 'generator' && step.unknown !== null);
  const { config, network } = tidy(() => {
    const { tensors } = loadWeights(path, { part: options.part, knows: isGeneratorsNames });
    const config = configOfWeights(tensors, path);
    const network = makeGenerator(config);
    try {
      network.loadStateDict(withBatchCounts(tensors, network.stateDict()));
    } catch (error) {
      network.dispose();
      throw error instanceof TorchError ? new DataError(`${path}: ${error.message}`) : error;
    }
    return { config, network };
  });
  return {
    config,
    network,
    discriminator: null,
    origin: {
      graft: graftVersion(),
      run: basename(path),
      checkpoint: { file: basename(path), step: 0, sha256 },
      weights: 'raw',
      standing: 0,
      imageSize: config.imageSize,
      class: classTitle(config),
      framing: null,
      dataset: { name: UNKNOWN_DATASET, hash: UNKNOWN_DATASET },
      trainingGroups: [...new Set(steps.flatMap(({ train }) => train.groups ?? []))].sort(),
      unknownTraining: unknown ? basename(path) : null,
      fitted: steps,
    },
  };
}

async function openRun(
  runDir: string,
  options: OpenGeneratorOptions,
): Promise<Omit<TrainedGenerator, 'device'>> {
  const run = readRun(runDir);
  if (run.kind !== 'gan') throw new DataError(`${runDir}: is a ${run.kind} run, expected a gan run`);
  const config = ganConfigSchema.parse(run.config);
  const summary = run.summary as unknown as GanSummary | undefined;
  if (!summary) {
    throw new DataError(
      `${runDir}: has not finished training (step ${run.step} of ${config.steps}); finish it with \`${commandLine`graft gan resume ${runDir}`}\``,
    );
  }
  const path = checkpointOf(run, config, options.checkpoint);
  const weights = options.weights ?? (config.emaDecay > 0 ? 'ema' : 'raw');
  if (weights === 'ema' && config.emaDecay === 0)
    throw new DataError(
      `${runDir}: was trained without a moving average (emaDecay 0); sample the raw weights`,
    );
  const network = makeGenerator(config);
  const discriminator = options.withDiscriminator ? makeDiscriminator(config) : null;
  const step = tidy(() => {
    const checkpoint = loadCheckpoint(path);
    const tensors = underPrefix(weights === 'ema' ? 'ema' : 'generator', checkpoint.tensors);
    requireFinite(tensors, path);
    network.loadStateDict(tensors);
    discriminator?.loadStateDict(underPrefix('discriminator', checkpoint.tensors));
    return checkpoint.step;
  });
  const { ancestor } = summary;
  return {
    config,
    network,
    discriminator,
    origin: {
      graft: graftVersion(),
      run: basename(resolve(runDir)),
      checkpoint: { file: basename(path), step, sha256: checkpointHash(path) },
      weights,
      standing: 0,
      imageSize: config.imageSize,
      framing: summary.framing ?? framingOfFolder(config.data),
      class: classTitle(config),
      dataset: summary.dataset,
      trainingGroups: summary.trainingGroups,
      unknownTraining: ancestor && ancestor.trainingGroups === null ? ancestor.name : null,
      fitted: traceTraining(runDir).steps,
    },
  };
}

function checkpointOf(run: RunRecord, config: GanConfig, wanted: OpenGeneratorOptions['checkpoint']): string {
  const steps = run.checkpoints.map(({ step }) => step);
  if (typeof wanted === 'number') {
    if (steps.includes(wanted)) return checkpointPath(run.dir, wanted);
    throw new DataError(
      `${run.dir}: no checkpoint of step ${wanted}; there are ${steps.join(', ') || 'none'}`,
    );
  }
  if (wanted === 'best' && config.bestBy === null)
    throw new ConfigError(`${run.dir}: has no best checkpoint: it was trained without bestBy`);
  if (wanted !== 'last' && config.bestBy !== null) return bestCheckpointPath(run.dir);
  return requireLastCheckpoint(run.dir, {
    step: (run.summary as unknown as GanSummary).steps,
    remedy: (step) => `--checkpoint ${step}`,
  }).path;
}

/** Over batches of 64, all classes alike. */
function recomputeStatistics(
  network: GeneratorNetwork,
  config: GanConfig,
  device: Device,
  draws: number,
): void {
  const noise = Generator.seeded(config.seed);
  const classCount = classesOf(config).length;
  const labels = Array.from({ length: 64 }, (_, i) => i % classCount);
  standingStatistics(network, {
    draws,
    draw: () => ({
      z: randn([64, network.latent], { generator: noise }).to({ device }),
      labels: network.classCount > 0 ? toLabels(labels, device) : null,
    }),
  });
}
