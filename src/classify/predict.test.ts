import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { liveTensors, type Tensor } from 'graft-torch';
import { Module } from 'graft-torch/nn';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { trainingFraming } from '../image/framing.js';
import type { PictureFile } from './pictures.js';
import { type PredictedFiles, predictFiles, readSquares } from './predict.js';

const asTrained = { sizePx: 32, ...trainingFraming };

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-predict-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Twice as wide as high: red, green in the middle square, blue. */
async function flag(format: 'png' | 'jpeg'): Promise<string> {
  const [width, height] = [128, 64];
  const pixels = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const x = i % width;
    pixels[3 * i + (x < 32 ? 0 : x < 96 ? 1 : 2)] = 200;
  }
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  const path = join(dir, `flag.${format}`);
  writeFileSync(
    path,
    await (format === 'png'
      ? image.png()
      : image.jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    ).toBuffer(),
  );
  return path;
}

test('files become pixels as the cache makes them: the centre of the frame, not the frame squashed', async () => {
  const live = liveTensors();
  const images = await readSquares([await flag('png'), await flag('jpeg')], asTrained);
  expect(images.shape).toEqual([2, 3, 32, 32]);
  const bytes = images.toArray() as Uint8Array;
  images.dispose();
  for (const image of [0, 1]) {
    // All but the outermost columns, where the filter mixes in the neighbour.
    for (let x = 2; x < 30; x++) {
      const [red, green, blue] = [0, 1, 2].map((c) => bytes[((image * 3 + c) * 32 + 16) * 32 + x]!);
      expect(green).toBeGreaterThan(190);
      expect(Math.max(red!, blue!)).toBeLessThan(12);
    }
  }
  expect(liveTensors()).toBe(live);
});

test('a network that learned from squashed frames is shown squashed frames', async () => {
  const images = await readSquares([await flag('png')], { ...asTrained, fit: 'fill', exact: true });
  const bytes = images.toArray() as Uint8Array;
  images.dispose();
  const at = (c: number, x: number): number => bytes[(c * 32 + 16) * 32 + x]!;
  expect([at(0, 3), at(1, 16), at(2, 28)].every((value) => value > 190)).toBe(true);
});

test('a file that is missing, or is no image, is named', async () => {
  await expect(readSquares([join(dir, 'none.png')], asTrained)).rejects.toThrow(/none\.png: no such file/);
  const path = join(dir, 'words.png');
  writeFileSync(path, 'words');
  await expect(readSquares([path], asTrained)).rejects.toThrow(/words\.png/);
});

/** Its logit is the image's mean red, as the network sees it. */
class MeanRed extends Module {
  readonly batches: number[] = [];
  forward(images: Tensor): Tensor {
    this.batches.push(images.shape[0]!);
    return images.narrow(1, 0, 1).mean([1, 2, 3]).unsqueeze(1);
  }
}

/** Squares of one red each, named in order. */
async function reds(folder: string, levels: readonly number[]): Promise<string[]> {
  mkdirSync(join(dir, folder));
  const paths: string[] = [];
  for (const [i, r] of levels.entries()) {
    const path = join(dir, folder, `${String(i).padStart(3, '0')}.png`);
    const image = sharp({ create: { width: 40, height: 40, channels: 3, background: { r, g: 0, b: 0 } } });
    writeFileSync(path, await image.png().toBuffer());
    paths.push(path);
  }
  return paths;
}

const named = (files: readonly string[]): PictureFile[] =>
  files.map((path) => ({ path, name: basename(path) }));

async function all(parts: AsyncIterable<PredictedFiles>): Promise<PredictedFiles[]> {
  const found: PredictedFiles[] = [];
  for await (const part of parts) found.push(part);
  return found;
}

const small = { classes: 0, sizePx: 32, framing: trainingFraming, device: 'cpu', batchSize: 4 } as const;

test('a batch at a time, in order; what cannot be read is told and takes no part', async () => {
  const levels = [0, 20, 40, 60, 80, 100, 120, 140, 160, 180];
  const files = await reds('mixed', levels);
  for (const i of [1, 4, 5, 6, 7]) writeFileSync(files[i]!, 'words');
  rmSync(files[8]!);
  const live = liveTensors();
  const network = new MeanRed();
  const parts = await all(predictFiles(network, named(files), small));
  expect(liveTensors()).toBe(live);
  expect(parts.map(({ done }) => done)).toEqual([4, 8, 10]);
  expect(parts.map(({ unreadable }) => unreadable.map(({ file }) => file))).toEqual([
    ['001.png'],
    ['004.png', '005.png', '006.png', '007.png'],
    ['008.png'],
  ]);
  expect(parts[0]!.unreadable[0]!.reason).toContain(files[1]!);
  expect(network.batches).toEqual([3, 1]);
  const predictions = parts.flatMap((part) => part.predictions);
  expect(predictions.map(({ file }) => file)).toEqual(['000.png', '002.png', '003.png', '009.png']);
  for (const { file, score } of predictions) {
    const logit = (levels[Number(file.slice(0, 3))]! / 255 - 0.485) / 0.229;
    expect(score).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5);
  }
});

test('whoever stops early leaves no tensor and no file being read; nothing to do is nothing', async () => {
  const files = await reds('early', [10, 20, 30, 40, 50, 60, 70, 80, 90]);
  const live = liveTensors();
  for await (const { done } of predictFiles(new MeanRed(), named(files), small)) {
    expect(done).toBe(4);
    break;
  }
  expect(liveTensors()).toBe(live);
  expect(await all(predictFiles(new MeanRed(), [], small))).toEqual([]);
});

test('large images go in smaller batches', async () => {
  const files = await reds('large', [10, 20, 30]);
  const network = new MeanRed();
  const parts = await all(predictFiles(network, named(files), { ...small, sizePx: 1024, batchSize: 128 }));
  expect(parts.map(({ done }) => done)).toEqual([2, 3]);
  expect(network.batches).toEqual([2, 1]);
});

test('memory does not grow with the number of files', async () => {
  mkdirSync(join(dir, 'many'));
  const first = await flag('jpeg');
  // Of 128 px each: 3,000 of them are 147 MB.
  const files = Array.from({ length: 3000 }, (_, i) => join(dir, 'many', `${i}.jpeg`));
  for (const file of files) linkSync(first, file);
  const sizes: number[] = [];
  let scored = 0;
  for await (const { predictions } of predictFiles(new MeanRed(), named(files), {
    ...small,
    sizePx: 128,
    batchSize: 64,
  })) {
    scored += predictions.length;
    sizes.push(process.memoryUsage.rss() / 1e6);
  }
  expect(scored).toBe(3000);
  const [early, late] = [sizes.slice(5, 15), sizes.slice(-10)].map((some) => Math.max(...some));
  expect(late! - early!).toBeLessThan(80);
}, 30_000);
