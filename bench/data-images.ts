/**
 * Photographs for `bench/data.ts`: phantoms drawn at 64 px, a part of each enlarged, with grain laid on, as JPEGs of
 * quality 90 in a folder a class. Drawing them at full size would take hours. The parts are of all sizes, since whole
 * phantoms, whose lesions are all in the middle, look alike more often than real pictures do. The grain makes files of
 * about 1.5 bits a pixel; 120 images of the ISIC archive, of about that quality, have 1.06 to 2.13 (10th to 90th
 * percentile), median 1.35.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from 'graft-torch/base';
import sharp from 'sharp';
import { forEachParallel } from '../src/base/parallel.js';
import { openThreads } from '../src/base/threads.js';
import { type PhantomFactors, samplePhantom } from '../src/data/phantom/index.js';
import { startRenderer } from '../src/data/phantom/render.js';

export const photographQuality = 90;
const drawnSidePx = 64;
const grainSidePx = 2304;
const grainSigma = 4;

/** Gaussian grain, one value a pixel for all channels, as luminance noise and hairs have it. */
function makeGrain(random: Random): Int8Array {
  return Int8Array.from({ length: grainSidePx * grainSidePx }, () => random.normal(0, grainSigma));
}

async function photograph(
  drawn: Uint8Array,
  grain: Int8Array,
  options: { width: number; height: number; random: Random },
): Promise<Buffer> {
  const { width, height, random } = options;
  const share = random.uniform(0.45, 1);
  const partWidth = Math.round(drawnSidePx * share);
  const partHeight = Math.round((partWidth * height) / width);
  const pixels = await sharp(drawn, { raw: { width: drawnSidePx, height: drawnSidePx, channels: 3 } })
    .extract({
      left: random.int(drawnSidePx - partWidth + 1),
      top: random.int(drawnSidePx - partHeight + 1),
      width: partWidth,
      height: partHeight,
    })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .raw()
    .toBuffer();
  const left = random.int(grainSidePx - width + 1);
  const top = random.int(grainSidePx - height + 1);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0, at = (y + top) * grainSidePx + left; x < width; x++, at++)
      for (let c = 0; c < 3; c++, i++) pixels[i] = Math.min(255, Math.max(0, pixels[i]! + grain[at]!));
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: photographQuality })
    .toBuffer();
}

/**
 * Makes the photographs 0 … count − 1 that are not there yet, at most 2,048 px wide and high; each has its own seed,
 * so that no two are of one lesion and the first n are the same whatever the count.
 * @returns their paths within the folder, `benign/000000.jpg`, in order
 */
export async function makePhotographs(
  dir: string,
  count: number,
  options: { width: number; height: number; onProgress: (done: number, total: number) => void },
): Promise<string[]> {
  const { width, height, onProgress } = options;
  const random = new Random(0).fork('photographs');
  const items = Array.from({ length: count }, (_, i) => {
    const factors = samplePhantom(random, { prevalence: 0.3 });
    const name = `${String(i).padStart(6, '0')}.jpg`;
    return { i, factors, path: join(factors.malignant ? 'malignant' : 'benign', name) };
  });
  for (const label of ['benign', 'malignant']) mkdirSync(join(dir, label), { recursive: true });
  const missing = items.filter(({ path }) => !existsSync(join(dir, path)));
  const grain = missing.length > 0 ? makeGrain(new Random(1)) : new Int8Array();
  const renderer = openThreads<number, PhantomFactors, Uint8Array>(
    new URL('../src/data/phantom/worker.js', import.meta.url),
    startRenderer,
    { data: drawnSidePx, threads: missing.length > 100 ? undefined : 1 },
  );
  try {
    let done = items.length - missing.length;
    await forEachParallel(missing.length, async (k) => {
      const { i, factors, path } = missing[k]!;
      const bytes = await photograph(await renderer.run(factors), grain, {
        width,
        height,
        random: new Random(i),
      });
      await writeFile(join(dir, `${path}.part`), bytes);
      await rename(join(dir, `${path}.part`), join(dir, path));
      onProgress(++done, items.length);
    });
  } finally {
    await renderer.close();
  }
  return items.map(({ path }) => path);
}

/** Mean size of some files, in bytes. */
export const meanSizeBytes = (dir: string, paths: readonly string[]): number =>
  paths.reduce((sum, path) => sum + statSync(join(dir, path)).size, 0) / paths.length;
