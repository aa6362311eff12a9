/** A trained generator for other programs: weights alone, or the graph with them. */
import { rmSync } from 'node:fs';
import {
  dispose,
  type Generator,
  randn,
  Generator as Seeded,
  savePth,
  saveSafetensors,
  type Tensor,
  tidy,
} from 'graft-torch';
import {
  checkOnnx,
  type ExportSummary,
  exportOnnx,
  exportTorchScript,
  type OnnxCheck,
} from 'graft-torch/export';
import { fittedMetadata } from '../lineage/index.js';
import { toLabels } from './data.js';
import type { TrainedGenerator } from './trained-generator.js';

export const EXPORT_FORMATS = ['safetensors', 'pth', 'onnx', 'torchscript'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface GeneratorExport extends Partial<ExportSummary> {
  path: string;
  format: ExportFormat;
  /** Of ONNX: the file run against the network. */
  check: OnnxCheck | null;
}

/**
 * Writes the generator. A graph takes `z` `[N, latent]` and, of a conditional generator, `labels` (int64 `[N]`), and
 * gives `images` `[N, C, H, W]` in (−1, 1).
 *
 * @throws GraftError when an operator has no translation, or ONNX Runtime's result differs
 */
export async function exportGenerator(
  generator: TrainedGenerator,
  path: string,
  format: ExportFormat,
): Promise<GeneratorExport> {
  const { network, origin, config } = generator;
  const { trainingGroups: _, fitted = null, ...lineage } = origin;
  const metadata = { graft: JSON.stringify({ ...lineage, config }), ...fittedMetadata(fitted) };
  const parameters = network.stateDict();
  if (format === 'safetensors') {
    saveSafetensors(path, parameters, metadata);
    return { path, format, check: null };
  }
  if (format === 'pth') {
    savePth(path, parameters);
    return { path, format, check: null };
  }
  const forward = (z: Tensor, labels?: Tensor): Tensor => network.forward(z, labels);
  const inputs = (random: Generator, count: number): Record<string, Tensor> => ({
    z: randn([count, network.latent], { generator: random }),
    ...(network.classCount > 0
      ? {
          labels: toLabels(
            Array.from({ length: count }, (_, i) => i % network.classCount),
            'cpu',
          ),
        }
      : {}),
  });
  const random = Seeded.seeded(0);
  network.to({ device: 'cpu' });
  const options = { parameters, outputs: ['images'], metadata, name: 'generator' };
  if (format === 'torchscript') {
    return {
      ...tidy(() => exportTorchScript(forward, inputs(random, 2), { path, ...options })),
      format,
      check: null,
    };
  }
  const summary = tidy(() => exportOnnx(forward, inputs(random, 2), { path, ...options }));
  const test = inputs(random, 3);
  try {
    return { ...summary, format, check: await checkOnnx(path, forward, test) };
  } catch (error) {
    rmSync(path, { force: true }); // a file that is not the network is no export
    throw error;
  } finally {
    dispose(test);
  }
}
