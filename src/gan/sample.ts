/** Sampling: images of a trained generator, with their lineage. */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { LINEAGE_FILE, type Lineage } from '../data/lineage.js';
import { DataError, GraftError } from '../errors.js';
import { sha256File, writeJson } from '../files.js';
import { gridPng } from '../image/grid.js';
import type { Module } from '../nn/index.js';
import { latestCheckpoint, loadCheckpoint, underPrefix } from '../run/checkpoint.js';
import { checkpointPath } from '../run/checkpoint-file.js';
import { graftVersion } from '../run/package.js';
import { readRun } from '../run/run-folder.js';
import {
  bestDevice,
  cat,
  type Device,
  dispose,
  Generator,
  keep,
  noGrad,
  randn,
  requireDevice,
  setThreads,
  type Tensor,
  tidy,
} from '../torch/index.js';
import { type GanConfig, ganConfigSchema } from './config.js';
import { toPixels } from './data.js';
import { makeGenerator } from './networks.js';
import type { GanSummary } from './train.js';

/** Images a forward pass; fixed, so that image i of a seed is the same however many are asked for. */
const BATCH = 64;

/** A generator with the weights of a finished (or stopped) run. */
export interface TrainedGenerator {
  config: GanConfig;
  network: Module;
  device: Device;
  /** Lineage of the images to come, but for seed and count. */
  origin: Omit<Lineage, 'seed' | 'count'>;
}

export interface OpenGeneratorOptions {
  /** Default: the latest checkpoint. */
  step?: number;
  /** Default: the moving average, where the run has one. */
  weights?: 'ema' | 'raw';
  device?: Device;
  threads?: number;
}

/** @throws DataError when the folder holds no GAN run, or not that checkpoint */
export async function openGenerator(
  runDir: string,
  options: OpenGeneratorOptions = {},
): Promise<TrainedGenerator> {
  setThreads(options.threads || undefined);
  const run = readRun(runDir);
  if (run.kind !== 'gan') throw new DataError(`${runDir}: is a ${run.kind} run, expected a gan run`);
  const config = ganConfigSchema.parse(run.config);
  const summary = run.summary as unknown as GanSummary | undefined;
  if (!summary) {
    throw new DataError(
      `${runDir}: has not finished training (step ${run.step} of ${config.steps}); finish it with \`graft gan resume ${runDir}\``,
    );
  }
  const steps = run.checkpoints.map((checkpoint) => checkpoint.step).join(', ');
  if (options.step !== undefined && !run.checkpoints.some(({ step }) => step === options.step)) {
    throw new DataError(`${runDir}: no checkpoint of step ${options.step}; there are ${steps || 'none'}`);
  }
  const path =
    options.step === undefined
      ? latestCheckpoint(runDir, () => {})?.path
      : checkpointPath(runDir, options.step);
  if (!path) throw new DataError(`${runDir}: has no checkpoint`);

  const weights = options.weights ?? (config.emaDecay > 0 ? 'ema' : 'raw');
  if (weights === 'ema' && config.emaDecay === 0)
    throw new DataError(
      `${runDir}: was trained without a moving average (emaDecay 0); sample the raw weights`,
    );
  const device = options.device ? requireDevice(options.device) : bestDevice();
  const network = makeGenerator(config);
  const step = tidy(() => {
    const checkpoint = loadCheckpoint(path);
    network.loadStateDict(underPrefix(weights === 'ema' ? 'ema' : 'generator', checkpoint.tensors));
    return checkpoint.step;
  });
  network.to({ device }).eval();
  return {
    config,
    network,
    device,
    origin: {
      graft: graftVersion(),
      run: basename(resolve(runDir)),
      checkpoint: { file: basename(path), step, sha256: await sha256File(path) },
      weights,
      imageSize: config.imageSize,
      class: config.class,
      dataset: summary.dataset,
      trainingGroups: summary.trainingGroups,
    },
  };
}

/**
 * Batches of images, endless: z ~ N(0, 1) from a generator of this seed.
 *
 * @returns uint8 `[64, 3, H, W]` on the CPU each; the caller disposes them
 */
export function* imageBatches(generator: TrainedGenerator, seed: number): Iterable<Tensor> {
  const noise = Generator.seeded(seed);
  while (true) {
    yield keep(
      tidy(() =>
        noGrad(() => {
          const z = randn([BATCH, generator.config.latentSize], { generator: noise }).to({
            device: generator.device,
          });
          return toPixels(generator.network.forward(z));
        }),
      ),
    );
  }
}

/** @returns uint8 `[count, 3, H, W]` on the CPU */
export function generateImages(generator: TrainedGenerator, count: number, seed: number): Tensor {
  return tidy(() => {
    const batches: Tensor[] = [];
    for (const batch of imageBatches(generator, seed)) {
      batches.push(batch);
      if (batches.length * BATCH >= count) break;
    }
    const images = cat(batches).narrow(0, 0, count).contiguous();
    dispose(batches);
    return images;
  });
}

export interface SampleOptions {
  count: number;
  seed: number;
  out: string;
  onProgress?: (done: number) => void;
}

/**
 * Writes `00001.png` … and `lineage.json`. The folder appears whole or not at all.
 *
 * @throws GraftError when the folder exists and holds files
 */
export async function sampleToFolder(generator: TrainedGenerator, options: SampleOptions): Promise<Lineage> {
  const { count, seed, out, onProgress } = options;
  refuseFilled(out);
  const temporary = `${resolve(out)}.${process.pid}.tmp`;
  mkdirSync(temporary, { recursive: true });
  const lineage: Lineage = { ...generator.origin, seed, count };
  try {
    let done = 0;
    for (const batch of imageBatches(generator, seed)) {
      const [, , height, width] = batch.shape as [number, number, number, number];
      const pixels = batch.toArray() as Uint8Array;
      batch.dispose();
      const each = 3 * height * width;
      const writeImage = async (data: Uint8Array, path: string): Promise<void> =>
        writeFile(path, await gridPng({ data, n: 1, height, width }, { gapPx: 0 }));
      const inBatch = Math.min(BATCH, count - done);
      await Promise.all(
        Array.from({ length: inBatch }, (_, i) =>
          writeImage(
            pixels.subarray(i * each, (i + 1) * each),
            join(temporary, `${String(done + i + 1).padStart(5, '0')}.png`),
          ),
        ),
      );
      done += inBatch;
      onProgress?.(done);
      if (done >= count) break;
    }
    writeJson(join(temporary, LINEAGE_FILE), lineage);
    rmSync(out, { recursive: true, force: true });
    renameSync(temporary, out);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
  return lineage;
}

function refuseFilled(out: string): void {
  let files: string[] = [];
  try {
    files = readdirSync(out);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new GraftError(`${out}: ${(error as Error).message}`);
  }
  if (files.length > 0)
    throw new GraftError(`${out}: holds ${files.length} files already; choose a new folder`);
}
