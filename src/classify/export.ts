/** A trained classifier for other programs: weights alone, or the graph with them. */
import { rmSync } from 'node:fs';
import { noGrad, rand, Generator as Seeded, savePth, saveSafetensors, type Tensor, tidy } from 'graft-torch';
import { GraftError } from 'graft-torch/base';
import {
  checkOnnx,
  checkTorchScript,
  type ExportSummary,
  exportOnnx,
  exportTorchScript,
  ONNX_TOLERANCE,
  type OnnxCheck,
} from 'graft-torch/export';
import { F } from 'graft-torch/nn';
import { framingWords } from '../image/index.js';
import { fittedMetadata, readRecord } from '../lineage/index.js';
import { normaliseInput } from '../models/index.js';
import { readRun } from '../run/index.js';
import { statisticsOf } from './batch.js';
import type { ClassifierConfig } from './config.js';
import { networkMetadata } from './network.js';
import { type ClassifierModule, networkTitle } from './own.js';
import { type ClassifierSummary, framingOfRun, openClassifier } from './result.js';

export const CLASSIFIER_EXPORT_FORMATS = ['safetensors', 'pth', 'onnx', 'torchscript'] as const;
export type ClassifierExportFormat = (typeof CLASSIFIER_EXPORT_FORMATS)[number];

export interface ClassifierExport extends Partial<ExportSummary> {
  path: string;
  format: ClassifierExportFormat;
  /** Of a graph: the file run against the network, by its logits. */
  check: OnnxCheck | null;
}

/**
 * Writes the best network of a run. A graph takes `images`, float32 `[N, 3, S, S]`, RGB in [0, 1], S the side it was
 * trained at, and gives `logits` `[N, 1]`; the normalisation of pixels is inside. All but `.pth`, which has no place
 * for it, carry metadata: how pixels are to be made, and what the logit means.
 *
 * @throws DataError when the run has no network yet; GraftError when an operator has no translation, or the file's
 *   logits differ from the network's by more than `ONNX_TOLERANCE`, relative to the largest where that is
 *   above 1
 */
export async function exportClassifier(
  dir: string,
  path: string,
  format: ClassifierExportFormat,
): Promise<ClassifierExport> {
  const { network, config } = await openClassifier(dir, 'cpu');
  try {
    const metadata = metadataOf(dir, network, config);
    const parameters = network.stateDict();
    if (format === 'safetensors') {
      saveSafetensors(path, parameters, metadata);
      return { path, format, check: null };
    }
    if (format === 'pth') {
      savePth(path, parameters);
      return { path, format, check: null };
    }
    const graph = format === 'onnx' ? writeOnnx : writeTorchScript;
    const shape = { sizePx: config.imageSize, channels: config.channels ?? 3 };
    const { summary, check } = await graph(network, path, { shape, metadata });
    return { ...summary, format, check };
  } finally {
    network.dispose();
  }
}

interface GraphOptions {
  shape: { sizePx: number; channels: number };
  metadata: Record<string, string>;
}

interface WrittenGraph {
  summary: ExportSummary;
  check: OnnxCheck;
}

const forwardOf =
  (network: ClassifierModule) =>
  (images: Tensor): Tensor =>
    network.forward(normaliseInput(images, statisticsOf(network)));

/**
 * Images for a trace, and others to check what was traced: soft blotches of all colours. Noise is nothing that a network
 * has seen, and deep in it maps may grow until their rounding drowns what is compared.
 */
function examples(
  { sizePx, channels }: { sizePx: number; channels: number },
  seed: number,
  count: number,
): { images: Tensor } {
  const blotches = rand([count, channels, 6, 6], { generator: Seeded.seeded(seed) });
  return { images: tidy(() => F.interpolate(blotches, [sizePx, sizePx], { mode: 'bilinear' })) };
}

async function writeOnnx(
  network: ClassifierModule,
  path: string,
  { shape, metadata }: GraphOptions,
): Promise<WrittenGraph> {
  const forward = forwardOf(network);
  const options = { parameters: network.stateDict(), outputs: ['logits'], metadata, name: 'classifier' };
  const summary = tidy(() => exportOnnx(forward, examples(shape, 0, 2), { path, ...options }));
  const test = examples(shape, 1, 3);
  try {
    return { summary, check: await checkOnnx(path, forward, test) };
  } catch (error) {
    rmSync(path, { force: true }); // a file that is not the network is no export
    throw error;
  } finally {
    test.images.dispose();
  }
}

async function writeTorchScript(
  network: ClassifierModule,
  path: string,
  { shape, metadata }: GraphOptions,
): Promise<WrittenGraph> {
  const forward = forwardOf(network);
  return tidy(() => {
    const options = { parameters: network.stateDict(), metadata };
    const summary = exportTorchScript(forward, examples(shape, 0, 2), { path, ...options });
    const test = examples(shape, 1, 3);
    const maxDifference = checkTorchScript(path, forward, test);
    const largest = noGrad(() => forward(test.images).abs().amax().item());
    if (!(maxDifference <= ONNX_TOLERANCE * Math.max(1, largest))) {
      rmSync(path, { force: true });
      throw new GraftError(`${path}: libtorch's logits differ by ${maxDifference} from the network's`);
    }
    return { summary, check: { checked: true, maxDifference } };
  });
}

/** What whoever uses the file must know. The first keys are those that `weights` of another run reads. */
function metadataOf(
  dir: string,
  network: ClassifierModule,
  config: ClassifierConfig,
): Record<string, string> {
  const { graft, summary } = readRun(dir);
  const { dataset, test } = (summary ?? {}) as Partial<ClassifierSummary>;
  const { imageSize } = config;
  const about = {
    run: dir,
    version: graft,
    dataset: dataset ?? null,
    input: {
      shape: ['N', config.channels ?? 3, imageSize, imageSize],
      colours: config.channels === 1 ? 'grey, sRGB, in [0, 1]' : 'RGB, sRGB, in [0, 1]',
      frame: `${framingWords(framingOfRun(dir))}, resized to ${imageSize} px`,
      normalisation: `${statisticsOf(network)}; a graph has it inside, weights alone do not`,
    },
    output: {
      ...(config.target === 'classes'
        ? { classes: config.classes, logits: 'probabilities of the classes = softmax(logits)' }
        : { logit: 'probability of the positive class = 1 / (1 + exp(-logit))' }),
      positive: dataset?.positive ?? null,
      // Chosen on the validation split; null while the run has not finished.
      threshold: test?.threshold ?? null,
    },
    config,
  };
  return {
    architecture: networkTitle(config),
    ...networkMetadata(network),
    ...fittedMetadata(readRecord({ dir, summary })),
    graft: JSON.stringify(about),
  };
}
