/**
 * A network of `models/networks.ts` with published weights, or anybody's, as backbone: features of one that has learned to
 * see, without a classifier run of the field. Whose key names the file has does not matter: the same weights have one hash.
 */
import { existsSync } from 'node:fs';
import { type Tensor, withSeed } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import {
  HUB_PREFIX,
  type ImageNetwork,
  loadNetworkWeights,
  memoryFormatFor,
  type NetworkEntry,
  networkEntry,
  openWeightsFile,
  weightsFilePath,
} from '../../models/index.js';
import type { Backbone, BackboneOptions } from './backbone.js';
import { toNetworkInput } from './efficientnet-input.js';
import { makeBackbone } from './extraction.js';
import { hashProtocol, hashTensors } from './identity.js';
import { describeResizer, type InputOptions, QUANTISATION } from './input.js';
import type { NetworkForm } from './network-form.js';
import { parseBackboneSpec } from './spec.js';

/** Below it a network's last map is a pixel or two; above it one image fills the memory of a small machine. */
const [LEAST_SIDE_PX, MOST_SIDE_PX] = [32, 1024];

/**
 * Brings the weights of a backbone to this machine where they are on the hub. Of any other backbone, nothing is done.
 * @throws as `openWeightsFile`
 */
export async function bringBackbone(spec: string): Promise<void> {
  const parsed = parseBackboneSpec(spec);
  if (parsed.kind === 'network') await openWeightsFile(parsed.path);
}

/**
 * Features are what the last layer sees: `ImageNetwork.embed`.
 *
 * @param options.input.sizePx side; default that which the weights know. Nothing else can be declared: how pixels are
 *   normalised is the weights' own
 * @throws ConfigError when there is no such file, or the declared input is none
 * @throws DataError when the file does not hold the whole network's weights
 */
export function openNetworkBackbone(form: NetworkForm, options: BackboneOptions = {}): Backbone {
  const { device = 'cpu', input = {} } = options;
  const entry = networkEntry(form.network);
  const declared = settleSide(entry, input);
  const path = weightsFilePath(form.path);
  if (form.path.startsWith(HUB_PREFIX) && !existsSync(path))
    throw new ConfigError(
      `backbone '${form.network}:${form.path}': its weights are not on this machine; put the file at ${path}`,
    );
  const { network, sidePx } = load(entry, path, declared);
  const { inputStatistics: statistics } = network;
  const conventions = Object.entries(network.conventions)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key} ${value}`);
  const protocol = `${entry.name}; ${QUANTISATION}, ${describeResizer('clean')}; / 255, ${conventions.join(', ')}; ${sidePx} px; input of the last layer`;
  const hash = hashTensors(hashProtocol(protocol), embeddingWeights(network, entry));
  network.to({ device, memoryFormat: memoryFormatFor(device) });
  return makeBackbone(
    {
      device,
      sizePx: sidePx,
      // Where the weights lie is not in it: figures of one network are comparable, whatever its file is called.
      name: network.title,
      description: `${network.title}, weights of ${form.path}, input of its last layer (${network.features} values), input ${sidePx} px`,
      hash: hash.digest('hex'),
      resizer: describeResizer('clean'),
    },
    {
      embed: (images: Tensor) => network.embed(toNetworkInput(images, { sidePx, device, statistics })),
      dispose: () => network.dispose(),
    },
  );
}

function settleSide(
  { title, sideStep }: NetworkEntry,
  { sizePx, ...others }: InputOptions,
): number | undefined {
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new ConfigError(
      `backbone input: ${other} cannot be declared for ${title}, whose weights say it; only sizePx can`,
    );
  if (sizePx === undefined) return undefined;
  if (
    !Number.isInteger(sizePx) ||
    sizePx < LEAST_SIDE_PX ||
    sizePx > MOST_SIDE_PX ||
    sizePx % sideStep !== 0
  ) {
    const step = sideStep > 1 ? ` and a multiple of ${sideStep}` : '';
    throw new ConfigError(
      `backbone input: sizePx must be a whole number ${LEAST_SIDE_PX}…${MOST_SIDE_PX}${step} for ${title}, not ${sizePx}`,
    );
  }
  return sizePx;
}

/** The network at the side that was declared, else at the one that the weights know. */
function load(
  entry: NetworkEntry,
  path: string,
  declared: number | undefined,
): { network: ImageNetwork; sidePx: number } {
  const first = declared ?? entry.sidesPx[0]!;
  const { network, knownPx } = loadAt(entry, path, first);
  if (declared !== undefined || knownPx === first) return { network, sidePx: first };
  // Weights of a run of this project say their side, and a network's parts may depend on it.
  network.dispose();
  return { network: loadAt(entry, path, knownPx).network, sidePx: knownPx };
}

function loadAt(
  entry: NetworkEntry,
  path: string,
  sidePx: number,
): { network: ImageNetwork; knownPx: number } {
  // Of no use here, and of as many classes as it likes.
  const network = withSeed(0, () => entry.make({ numClasses: 1, sidePx })).eval();
  try {
    const { sidesPx, skipped } = loadNetworkWeights(network, path, { remedy: 'save the wanted one alone' });
    const more = skipped.find((key) => !isLastLayer(key, skipped));
    if (more !== undefined)
      throw new DataError(
        `${path}: has ${more} before its last layer, which ${network.title} as it is published has not; give the run's folder as backbone`,
      );
    return { network, knownPx: sidesPx[0] ?? sidePx };
  } catch (error) {
    network.dispose();
    if (error instanceof DataError && error.message.includes('does not hold weights of'))
      throw new DataError(`${error.message}; write the network that the file is of before it`, {
        cause: error,
      });
    throw error;
  }
}

/** A classifier's weight and bias in whatever naming; another head's batch norm has running statistics. */
const isLastLayer = (key: string, all: readonly string[]): boolean =>
  /\.(weight|bias)$/.test(key) && !all.includes(key.replace(/\.\w+$/, '.running_mean'));

/** Without the last layer, which was not loaded, and counters of batches, which conversions leave out. */
function embeddingWeights(network: ImageNetwork, { classifierKey }: NetworkEntry): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(network.stateDict()).filter(
      ([key]) => !key.startsWith(`${classifierKey}.`) && !key.endsWith('num_batches_tracked'),
    ),
  );
}
