/** GANs that are opened: out of a run folder or a file of weights, with what their images' lineage will say. */
import { basename, resolve } from 'node:path';
import { loadWeights, requireFinite, tidy } from 'graft-torch';
import { ConfigError, DataError, sha256File, TorchError } from 'graft-torch/base';
import { commandLine, graftVersion } from '../../base/index.js';
import { framingOfFolder } from '../../data/dataset/index.js';
import { UNKNOWN_DATASET } from '../../data/lineage/index.js';
import { generatorSteps, traceTraining } from '../../lineage/index.js';
import {
  bestCheckpointPath,
  checkpointHash,
  checkpointPath,
  loadCheckpoint,
  type RunRecord,
  readRun,
  requireLastCheckpoint,
  underPrefix,
} from '../../run/index.js';
import { classTitle } from '../config.js';
import type { OpenGeneratorOptions, TrainedGenerator } from '../trained-generator.js';
import { type GanConfig, ganConfigSchema } from './config.js';
import { makeDiscriminator, makeGenerator } from './networks.js';
import { type GanNetworks, moduleOrigin, openModule } from './own.js';
import type { GanSummary } from './summary.js';
import { configOfWeights, isGeneratorsNames, withBatchCounts } from './weights-file.js';

type Opened = Omit<TrainedGenerator, 'device'>;

/**
 * Weights of unknown upbringing.
 * @throws DataError when they are of no generator that is known
 */
export async function openGanFile(path: string, options: OpenGeneratorOptions): Promise<Opened> {
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

/** @throws DataError when the folder holds no finished GAN, or not that checkpoint */
export async function openGanRun(runDir: string, options: OpenGeneratorOptions): Promise<Opened> {
  const run = readRun(runDir);
  if (run.kind !== 'gan') throw new DataError(`${runDir}: is a ${run.kind} run, expected a gan run`);
  const config = ganConfigSchema.parse(run.config);
  const summary = run.summary as unknown as GanSummary | undefined;
  if (!summary) {
    throw new DataError(
      `${runDir}: has not finished training (step ${run.step} of ${config.steps}); finish it with \`${commandLine`graft generator resume ${runDir}`}\``,
    );
  }
  const path = checkpointOf(run, config, options.checkpoint);
  const weights = options.weights ?? (config.emaDecay > 0 ? 'ema' : 'raw');
  if (weights === 'ema' && config.emaDecay === 0)
    throw new DataError(
      `${runDir}: was trained without a moving average (emaDecay 0); sample the raw weights`,
    );
  const networks = await networksOf(runDir, config, { own: summary.own, given: options.networks });
  const network = makeGenerator(config, networks);
  const discriminator = options.withDiscriminator ? makeDiscriminator(config, networks) : null;
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
      ...(config.module !== undefined && { module: moduleOrigin(config) }),
      dataset: summary.dataset,
      trainingGroups: summary.trainingGroups,
      unknownTraining: ancestor && ancestor.trainingGroups === null ? ancestor.name : null,
      fitted: traceTraining(runDir).steps,
    },
  };
}

/**
 * Networks of a run that were not made by its configuration: given by the caller, or out of the run's module, which need
 * not be loaded for a loss alone.
 *
 * @throws ConfigError where a program that trained with networks of its own must bring them along again
 */
async function networksOf(
  runDir: string,
  config: GanConfig,
  { own, given }: { own: readonly string[] | undefined; given: GanNetworks | undefined },
): Promise<GanNetworks> {
  const wanted = (['generator', 'discriminator'] as const).filter((name) => own?.includes(name));
  const networks = given ?? (wanted.length > 0 ? (await openModule(config)).networks : undefined) ?? {};
  const missing = wanted.find((name) => !networks[name]);
  if (missing !== undefined)
    throw new ConfigError(
      `${runDir}: was trained with a ${missing} of the program's own: open it there, with the same networks`,
    );
  return networks;
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
