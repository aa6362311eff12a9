/** Sampling: images of a trained generator, with their lineage. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cat, dispose, keep, type Tensor, tidy } from 'graft-torch';
import { ConfigError, writeJson } from 'graft-torch/base';
import { makeFolder } from '../base/index.js';
import {
  type ChoiceLineage,
  type Fit,
  LINEAGE_FILE,
  type Lineage,
  steppedInto,
} from '../data/lineage/index.js';
import type { Channels } from '../image/index.js';
import { encodePng } from '../image/index.js';
import { traceTraining } from '../lineage/index.js';
import { rowsOf } from '../metrics/distribution/index.js';
import { mostReal } from './choice/best.js';
import { chooseImages } from './choice/choose.js';
import type { ChoiceHooks, ChoiceOptions } from './choice/options.js';
import { writeChoiceSheet } from './choice/sheet.js';
import { channelsOf } from './config.js';
import { DRAW_BATCH, type Drawn, type DrawOptions, openDraw } from './draw.js';
import type { TrainedGenerator } from './trained-generator.js';

/** How images are drawn. */
export interface StreamOptions extends DrawOptions {
  /**
   * Share of the images that is kept, those the discriminator holds most real, in (0, 1]; default 1: all. Of each 64 /
   * share images made, 64 are kept.
   */
  keptShare?: number;
}

/**
 * Batches of images, endless.
 *
 * @returns uint8 `[64, C, H, W]` on the CPU each; the caller disposes them
 * @throws ConfigError for a class or share that does not fit
 */
export function* imageBatches(generator: TrainedGenerator, options: StreamOptions): Iterable<Tensor> {
  const { keptShare = 1 } = options;
  if (!(keptShare > 0 && keptShare <= 1))
    throw new ConfigError(`--keep ${keptShare}: expected a share in (0, 1]`);
  const draw = openDraw(generator, { ...options, judged: keptShare < 1 });
  while (true) {
    yield keep(
      tidy(() => {
        if (keptShare === 1) return draw(DRAW_BATCH).pixels;
        const parts: Drawn[] = [];
        for (let left = Math.ceil(DRAW_BATCH / keptShare); left > 0; left -= DRAW_BATCH)
          parts.push(draw(Math.min(DRAW_BATCH, left)));
        const best = mostReal(cat(parts.map(({ logits }) => logits!)), DRAW_BATCH);
        return rowsOf(cat(parts.map(({ pixels }) => pixels)), best);
      }),
    );
  }
}

/** @returns uint8 `[count, C, H, W]` on the CPU */
export function generateImages(generator: TrainedGenerator, count: number, options: StreamOptions): Tensor {
  return tidy(() => {
    const batches: Tensor[] = [];
    for (const batch of imageBatches(generator, options)) {
      batches.push(batch);
      if (batches.length * DRAW_BATCH >= count) break;
    }
    const images = cat(batches).narrow(0, 0, count).contiguous();
    dispose(batches);
    return images;
  });
}

export interface SampleOptions extends StreamOptions, ChoiceHooks {
  count: number;
  out: string;
  /** How they are chosen from a pool; not together with `keptShare`. Default: kept as they are drawn. */
  choice?: ChoiceOptions;
  /** File for a contact sheet of the choice, PNG; outside `out`, whose pictures are all taken for synthetic ones. */
  sheet?: string;
  /** Images written. */
  onProgress?: (done: number) => void;
}

/**
 * Writes `00001.png` … and `lineage.json`. The folder appears whole or not at all.
 *
 * @throws as `makeFolder`, `chooseImages` and `imageBatches`
 */
export async function sampleToFolder(generator: TrainedGenerator, options: SampleOptions): Promise<Lineage> {
  return makeFolder(options.out, (building) => sampleInto(building, generator, options));
}

async function sampleInto(
  dir: string,
  generator: TrainedGenerator,
  options: SampleOptions,
): Promise<Lineage> {
  const { count, seed, choice, sheet, onProgress, truncation = null, keptShare = 1 } = options;
  if (choice && keptShare < 1)
    throw new ConfigError(`--keep ${keptShare}: choosing has a pool of its own; leave one of the two out`);
  const chosen = choice ? await chooseImages(generator, { ...options, ...choice }, options) : null;
  const lineage: Lineage = {
    ...generator.origin,
    class: options.class ?? generator.origin.class,
    seed,
    count,
    truncation,
    keptShare,
    choice: chosen?.lineage ?? null,
    fitted: [
      ...(generator.origin.fitted ?? []),
      ...lookedThrough(generator, options.choice, chosen?.lineage),
    ],
  };
  try {
    let done = 0;
    let writing: Promise<unknown> = Promise.resolve();
    for (const batch of chosen ? batchesOf(chosen.images) : imageBatches(generator, options)) {
      // The next batch is computed while this one is being encoded on other threads.
      await writing;
      const first = done;
      done = Math.min(count, done + DRAW_BATCH);
      writing = writeImages(batch.narrow(0, 0, done - first), dir, first).then(() => onProgress?.(done));
      batch.dispose();
      if (done >= count) break;
    }
    await writing;
    writeJson(join(dir, LINEAGE_FILE), lineage);
    if (chosen && sheet !== undefined)
      await writeChoiceSheet(sheet, chosen.examples, {
        sidePx: generator.config.imageSize,
        channels: channelsOf(generator.config),
      });
  } finally {
    chosen?.images.dispose();
  }
  return lineage;
}

/** What the backbone was fitted to that images were chosen by. */
function lookedThrough(
  { origin }: TrainedGenerator,
  choice: ChoiceOptions | undefined,
  chosen: ChoiceLineage | undefined,
): Fit[] {
  if (!chosen?.backbone || choice?.backbone === undefined) return [];
  return steppedInto(traceTraining(choice.backbone).steps, `choice among images of ${origin.run}`);
}

/** Images that are there already, in batches; the caller disposes them. */
function* batchesOf(images: Tensor): Iterable<Tensor> {
  const count = images.shape[0]!;
  for (let from = 0; from < count; from += DRAW_BATCH)
    yield images.narrow(0, from, Math.min(DRAW_BATCH, count - from));
}

/** A batch as PNG files, numbered on from `before`; it is disposed before this returns. */
async function writeImages(batch: Tensor, dir: string, before: number): Promise<void> {
  const [count, channels, height, width] = batch.shape as [number, Channels, number, number];
  const interleaved = tidy(() => batch.permute([0, 2, 3, 1]).contiguous().toArray() as Uint8Array);
  batch.dispose();
  const each = channels * height * width;
  await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const png = await encodePng(interleaved.subarray(i * each, (i + 1) * each), {
        width,
        height,
        channels,
      });
      await writeFile(join(dir, `${String(before + i + 1).padStart(5, '0')}.png`), png);
    }),
  );
}
