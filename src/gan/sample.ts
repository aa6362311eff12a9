/** Sampling: images of a trained generator, with their lineage. */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LINEAGE_FILE, type Lineage } from '../data/lineage.js';
import { ConfigError, GraftError } from '../errors.js';
import { writeJson } from '../files.js';
import { encodePng } from '../image/grid.js';
import { aten, cat, dispose, Generator, keep, noGrad, type Tensor, tidy } from '../torch/index.js';
import { classesOf } from './config.js';
import { toLabels, toPixels } from './data.js';
import { truncatedNormal } from './latent.js';
import type { TrainedGenerator } from './open-generator.js';

export { type OpenGeneratorOptions, openGenerator, type TrainedGenerator } from './open-generator.js';

/** Images a forward pass; fixed, so that image i of a seed is the same however many are asked for. */
const BATCH = 64;

/** How images are drawn. */
export interface DrawOptions {
  seed: number;
  /** Of a conditional generator: what the images are to be. */
  class?: string;
  /** |z| stays below this many standard deviations; default: not truncated. Brock et al. 2019. */
  truncation?: number | null;
  /**
   * Share of the images that is kept, those the discriminator holds most real, in (0, 1]; default 1: all. Of each 64 /
   * share images made, 64 are kept.
   */
  keptShare?: number;
}

/** Index of the class, null for an unconditional generator. @throws ConfigError naming the classes there are */
function labelOf({ config, network }: TrainedGenerator, wanted: string | undefined): number | null {
  const classes = classesOf(config);
  if (network.classCount === 0) {
    if (wanted === undefined || (classes.length === 1 && classes[0] === wanted)) return null;
    throw new ConfigError(
      `--class ${wanted}: this generator is unconditional; it learned ${classes.join(', ')}`,
    );
  }
  const label = wanted === undefined ? -1 : classes.indexOf(wanted);
  if (label >= 0) return label;
  const found = wanted === undefined ? 'say which' : `there is no ${wanted}`;
  throw new ConfigError(`--class: this generator is conditional, ${found}: ${classes.join(', ')}`);
}

/**
 * Batches of images, endless: z ~ N(0, 1) from a generator of this seed.
 *
 * @returns uint8 `[64, 3, H, W]` on the CPU each; the caller disposes them
 * @throws ConfigError for a class or share that does not fit
 */
export function* imageBatches(generator: TrainedGenerator, options: DrawOptions): Iterable<Tensor> {
  const { seed, truncation = null, keptShare = 1 } = options;
  const { network, discriminator, device } = generator;
  const label = labelOf(generator, options.class);
  if (!(keptShare > 0 && keptShare <= 1))
    throw new ConfigError(`--keep ${keptShare}: expected a share in (0, 1]`);
  if (keptShare < 1 && !discriminator) throw new Error('keeping a share needs the discriminator');
  const noise = Generator.seeded(seed);
  const draw = (count: number): { images: Tensor; logits: Tensor | null } => {
    const z = truncatedNormal([count, network.latent], noise, truncation).to({ device });
    const labels = label === null ? null : toLabels(new Array<number>(count).fill(label), device);
    const images = network.forward(z, labels);
    return { images, logits: keptShare < 1 ? discriminator!.judge(images, labels).logits : null };
  };
  while (true) {
    yield keep(
      tidy(() =>
        noGrad(() => {
          if (keptShare === 1) return toPixels(draw(BATCH).images);
          const parts: Tensor[] = [];
          const scores: Tensor[] = [];
          for (let left = Math.ceil(BATCH / keptShare); left > 0; left -= BATCH) {
            const { images, logits } = draw(Math.min(BATCH, left));
            parts.push(images);
            scores.push(logits!);
          }
          const best = aten.argsort(cat(scores), 0, true).narrow(0, 0, BATCH);
          return toPixels(cat(parts).indexSelect(0, best));
        }),
      ),
    );
  }
}

/** @returns uint8 `[count, 3, H, W]` on the CPU */
export function generateImages(generator: TrainedGenerator, count: number, options: DrawOptions): Tensor {
  return tidy(() => {
    const batches: Tensor[] = [];
    for (const batch of imageBatches(generator, options)) {
      batches.push(batch);
      if (batches.length * BATCH >= count) break;
    }
    const images = cat(batches).narrow(0, 0, count).contiguous();
    dispose(batches);
    return images;
  });
}

export interface SampleOptions extends DrawOptions {
  count: number;
  out: string;
  onProgress?: (done: number) => void;
}

/**
 * Writes `00001.png` … and `lineage.json`. The folder appears whole or not at all.
 *
 * @throws GraftError when the folder exists and holds files
 */
export async function sampleToFolder(generator: TrainedGenerator, options: SampleOptions): Promise<Lineage> {
  const { count, seed, out, onProgress, truncation = null, keptShare = 1 } = options;
  refuseFilled(out);
  const lineage: Lineage = {
    ...generator.origin,
    class: options.class ?? generator.origin.class,
    seed,
    count,
    truncation,
    keptShare,
  };
  const temporary = `${resolve(out)}.${process.pid}.tmp`;
  mkdirSync(temporary, { recursive: true });
  try {
    let done = 0;
    let writing: Promise<unknown> = Promise.resolve();
    for (const batch of imageBatches(generator, options)) {
      // The next batch is computed while this one is being encoded on other threads.
      await writing;
      const first = done;
      done = Math.min(count, done + BATCH);
      writing = writeImages(batch, done - first, temporary, first).then(() => onProgress?.(done));
      batch.dispose();
      if (done >= count) break;
    }
    await writing;
    writeJson(join(temporary, LINEAGE_FILE), lineage);
    rmSync(out, { recursive: true, force: true });
    renameSync(temporary, out);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
  return lineage;
}

/** The first images of a batch as PNG files, numbered on from `before`. The tensor may go when this returns. */
async function writeImages(batch: Tensor, count: number, dir: string, before: number): Promise<void> {
  const [, , height, width] = batch.shape as [number, number, number, number];
  const interleaved = tidy(
    () => batch.narrow(0, 0, count).permute([0, 2, 3, 1]).contiguous().toArray() as Uint8Array,
  );
  const each = 3 * height * width;
  await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const png = await encodePng(interleaved.subarray(i * each, (i + 1) * each), { width, height });
      await writeFile(join(dir, `${String(before + i + 1).padStart(5, '0')}.png`), png);
    }),
  );
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
