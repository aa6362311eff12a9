/** A classifier run of this project as backbone: features that know the field, of a network that was trained on it. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Device, loadSafetensors, requireFinite, type Tensor, tidy, withSeed } from 'graft-torch';
import { ConfigError, DataError, GraftError } from 'graft-torch/base';
import { z } from 'zod';
import {
  type ImageNetwork,
  INPUT_STATISTICS,
  memoryFormatFor,
  networkEntry,
  OWN_CONVENTIONS,
  PADDINGS,
} from '../../models/index.js';
import {
  bestCheckpointPath,
  listCheckpoints,
  loadCheckpoint,
  readRunConfig,
  runFiles,
  underPrefix,
} from '../../run/index.js';
import type { Backbone } from './backbone.js';
import { describeConventions, toNetworkInput } from './efficientnet-input.js';
import { makeBackbone } from './extraction.js';
import { hashProtocol, hashTensors } from './identity.js';
import { describeResizer } from './input.js';

/** The keys of a classifier's configuration that decide its network. */
const networkKeys = z.object({
  architecture: z.string(),
  head: z.enum(['pooled', 'normalised']),
  imageSize: z.int().min(1),
  // Runs of before these keys were there, and those that left them open, have the authors' conventions.
  padding: z.enum(['auto', ...PADDINGS]).default('auto'),
  batchNormEps: z.number().nullable().default(null),
  inputStatistics: z.enum(['auto', ...INPUT_STATISTICS]).default('auto'),
  classes: z.array(z.string()).default([]),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .nullable()
    .default(3),
});

/**
 * Features are what the last layer sees.
 *
 * @throws DataError when the folder holds no classifier run, or none with a checkpoint
 * @throws ConfigError when its configuration lacks a key
 */
export function openClassifierBackbone(dir: string, device: Device): Backbone {
  const { kind, config } = readRunConfig(dir);
  if (kind !== 'classifier') {
    throw new DataError(`${dir}: is a ${kind} run; a backbone is a classifier run, or 'random'`);
  }
  if ((config.own as string[] | undefined)?.includes('network'))
    throw new ConfigError(
      `${dir}: was trained with a network of its own, whose features nobody knows; hand them in as module:FILE with a \`backbone\``,
    );
  if (config.method === 'probe')
    throw new ConfigError(
      `${dir}: is a probe, whose features are those of the network that it looks through; name that: ${config.architecture}:${config.weights}`,
    );
  const parsed = networkKeys.safeParse(config);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new ConfigError(`${join(dir, runFiles.config)}: ${path.join('.')}: ${message}`);
  }
  const channels = parsed.data.channels ?? 3;
  const { architecture, classes, head, imageSize, padding, batchNormEps, inputStatistics } = parsed.data;
  const options = { numClasses: Math.max(1, classes.length), inChannels: channels, head, sidePx: imageSize };
  const network = withSeed(0, () => networkEntry(architecture).make(options));
  network.setConventions({
    padding: padding === 'auto' ? OWN_CONVENTIONS.padding : padding,
    batchNormEps: batchNormEps ?? OWN_CONVENTIONS.batchNormEps,
    inputStatistics: inputStatistics === 'auto' ? OWN_CONVENTIONS.inputStatistics : inputStatistics,
  });
  const { inputStatistics: statistics } = network;
  const weights = tidy(() => {
    try {
      return loadClassifier(network, dir);
    } catch (error) {
      network.dispose();
      throw error;
    }
  });
  const protocol = `${describeConventions(network.conventions)}; ${imageSize} px; input of the last layer`;
  const hash = hashTensors(hashProtocol(protocol), network.stateDict());
  network.to({ device, memoryFormat: memoryFormatFor(device) });
  network.eval();
  return makeBackbone(
    {
      device,
      sizePx: imageSize,
      name: `${basename(dir)} (${network.title})`,
      description: `${network.title} of the classifier run ${dir}, ${weights}, input ${imageSize} px`,
      hash: hash.digest('hex'),
      resizer: describeResizer('clean'),
    },
    {
      embed: (images) =>
        network.embed(toNetworkInput(images, { sidePx: imageSize, device, statistics, channels })),
      dispose: () => network.dispose(),
    },
  );
}

/** A finished run has its weights alone; one that still trains its best checkpoint, else the last. Returns which. */
function loadClassifier(network: ImageNetwork, dir: string): string {
  const load = (path: string, tensors: Record<string, Tensor>): void => {
    try {
      network.loadStateDict(tensors);
    } catch (error) {
      throw error instanceof GraftError ? new DataError(`${path}: ${error.message}`) : error;
    }
  };
  const finished = join(dir, runFiles.weights);
  if (existsSync(finished)) {
    const { tensors } = loadSafetensors(finished);
    requireFinite(tensors, finished);
    load(finished, tensors);
    return 'finished';
  }
  const best = bestCheckpointPath(dir);
  const path = existsSync(best) ? best : listCheckpoints(dir).at(-1)?.path;
  if (path === undefined) {
    throw new DataError(`${dir}: has no checkpoint yet; train on, or use the backbone 'random'`);
  }
  const checkpoint = loadCheckpoint(path);
  load(path, underPrefix('network', checkpoint.tensors));
  return `step ${checkpoint.step}`;
}
