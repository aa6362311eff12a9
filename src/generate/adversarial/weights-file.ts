/**
 * A generator's weights without a run: a `.pth` or safetensors file of the original's networks, or of ours. What the
 * network is, is read off the shapes.
 */

import type { Tensor } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { type GanConfig, ganConfigSchema } from './config.js';

/**
 * The configuration that makes a generator of these shapes: DCGAN (and SNGAN, WGAN-GP: the same generator) or AC-GAN.
 * Classes are called by their indices, since a state dict has no names for them.
 *
 * @param path for the message
 * @throws DataError when the tensors are of no generator that is known
 */
export function configOfWeights(tensors: Record<string, Tensor>, path: string): GanConfig {
  const shape = (key: string): number[] | undefined => tensors[key]?.shape;
  const parse = (settings: object): GanConfig =>
    ganConfigSchema.parse({ data: path, class: 'unknown', emaDecay: 0, monitorEvery: 0, ...settings });
  const unknown = (): never => {
    throw new DataError(
      `${path}: not a generator's weights: neither DCGAN's (main.0.weight …) nor AC-GAN's (l1.0.weight, conv_blocks.0.weight …)`,
    );
  };

  const first = shape('main.0.weight');
  if (first?.length === 4) {
    const layers = Object.keys(tensors).filter((key) => shape(key)!.length === 4);
    const imageSize = 2 ** (layers.length + 1); // 4 px after the first, doubled by each further one
    if (![64, 128, 256].includes(imageSize)) return unknown();
    const [latentSize, widest] = first as [number, number];
    const last = layers.reduce((a, b) => (indexOf(b) > indexOf(a) ? b : a));
    const channels = shape(last)![1]!;
    if (channels !== 1 && channels !== 3) return unknown();
    return parse({
      architecture: 'dcgan',
      imageSize,
      channels,
      latentSize,
      generatorWidth: (8 * widest) / imageSize,
    });
  }
  const linear = shape('l1.0.weight');
  if (linear?.length === 2 && shape('conv_blocks.0.weight')) {
    const [features, latentSize] = linear as [number, number];
    const imageSize = 4 * Math.sqrt(features / shape('conv_blocks.0.weight')![0]!);
    const classes = shape('label_emb.weight')?.[0];
    const channels = shape('conv_blocks.9.weight')?.[0];
    if (classes === undefined || ![64, 128].includes(imageSize) || (channels !== 1 && channels !== 3))
      return unknown();
    return parse({
      architecture: 'acgan',
      conditioning: 'auxiliary',
      imageSize,
      channels,
      latentSize,
      class: Array.from({ length: classes }, (_, i) => String(i)),
    });
  }
  return unknown();
}

/** Whether names are those of a generator that `configOfWeights` may know. */
export const isGeneratorsNames = (names: readonly string[]): boolean =>
  names.includes('main.0.weight') || names.includes('l1.0.weight');

/** Place of a layer in the sequence: `main.12.weight` → 12. */
const indexOf = (key: string): number => Number(key.split('.')[1]);

/** Batch counts were not saved by early PyTorch, and nothing here reads them: absent ones are filled in. */
export function withBatchCounts(
  tensors: Record<string, Tensor>,
  own: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const counts = Object.entries(own).filter(
    ([key]) => key.endsWith('.num_batches_tracked') && !(key in tensors),
  );
  return { ...Object.fromEntries(counts), ...tensors };
}
