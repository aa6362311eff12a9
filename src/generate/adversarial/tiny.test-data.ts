/** A GAN that trains in a second: phantoms of 64 px, four at a time, four features wide. */
import { createPhantomDataset } from '../../data/phantom/dataset.js';
import { type GanConfig, ganConfigSchema } from './config.js';

/** Sixty phantoms, about two fifths of them malignant. */
export const createTinyDataset = (dir: string): Promise<unknown> =>
  createPhantomDataset(dir, { count: 60, sizePx: 64, prevalence: 0.4, seed: 1 });

export const tinyConfig = (data: string, settings: object): GanConfig =>
  ganConfigSchema.parse({
    data,
    class: 'malignant',
    latentSize: 8,
    generatorWidth: 4,
    discriminatorWidth: 4,
    batchSize: 4,
    sampleCount: 4,
    device: 'cpu', // whatever else this machine has: test/engine/cuda.test.ts is for that
    threads: 1,
    ...settings,
  });
