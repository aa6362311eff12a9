import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { wholeProgram } from './in-process.test-data.js';

let root: string;
let phantoms: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-cli-augment-'));
  phantoms = join(root, 'phantoms');
  await createPhantomDataset(phantoms, { count: 10, sizePx: 32, prevalence: 0.4, seed: 2 });
});
afterAll(() => rmSync(root, { recursive: true }));

const data = wholeProgram('data');
const run = (args: readonly string[]) => data(['augment-sheet', ...args]);

test('a sheet: a row a transform and one of all, columns as many as draws and the image itself', async () => {
  const out = join(root, 'siim.png');
  const { code, stdout, stderr } = await run([
    phantoms,
    '--out',
    out,
    '--size',
    '32',
    '--draws',
    '3',
    '--json',
  ]);
  expect(code, stderr).toBe(0);
  const json = JSON.parse(stdout);
  expect(json).toMatchObject({ augmentation: 'siim', seed: 0, sheet: out });
  expect(json.rows.length).toBe(17);
  expect(json.rows.at(-1)).toBe('all together');
  const { width, height } = await sharp(out).metadata();
  expect(height).toBeGreaterThan(17 * 32);
  expect(height).toBeLessThan(17 * 40 + 60);
  expect(width).toBeGreaterThan(4 * 32);

  const again = join(root, 'again.png');
  await run([phantoms, '--out', again, '--size', '32', '--draws', '3']);
  expect(readFileSync(again).equals(readFileSync(out))).toBe(true);
  await run([phantoms, '--out', again, '--size', '32', '--draws', '3', '--seed', '1']);
  expect(readFileSync(again).equals(readFileSync(out))).toBe(false);
});

test('each augmentation has its own rows', async () => {
  const out = join(root, 'sheet.png');
  const rows = async (...args: string[]): Promise<string[]> =>
    JSON.parse(
      (await run([phantoms, '--out', out, '--size', '32', '--draws', '1', '--json', ...args])).stdout,
    ).rows;
  expect(await rows('--augmentation', 'flips')).toEqual([
    'transpose',
    'verticalFlip',
    'horizontalFlip',
    'all together',
  ]);
  expect((await rows('--augmentation', 'standard')).length).toBe(9);
  expect((await rows('--augmentation', 'randaugment', '--operations', '3')).slice(-2)).toEqual([
    'TranslateY',
    '3 of them',
  ]);
});

test('refuses an image that is not there, an empty folder and an augmentation that shows nothing', async () => {
  const out = join(root, 'no.png');
  const missing = await run([phantoms, '--out', out, '--image', '10']);
  expect(missing).toMatchObject({ code: 2 });
  expect(missing.stderr).toContain('10 images; give 0 to 9');
  const empty = mkdtempSync(join(root, 'empty-'));
  expect((await run([empty, '--out', out])).stderr).toContain('no images');
  expect((await run([phantoms, '--out', out, '--augmentation', 'none'])).code).toBe(2);
});

test('the image is framed as training frames it: its centre, not the frame squashed', async () => {
  const folder = join(root, 'wide');
  mkdirSync(folder);
  const [width, height] = [128, 64];
  const pixels = Buffer.alloc(width * height * 3);
  // Red at both ends, green in the middle square.
  for (let i = 0; i < width * height; i++) pixels[3 * i + (i % width < 32 || i % width >= 96 ? 0 : 1)] = 220;
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(join(folder, 'wide.png'));
  const out = join(root, 'wide-sheet.png');
  const { code, stderr } = await run([folder, '--out', out, '--augmentation', 'flips', '--size', '32']);
  expect(code, stderr).toBe(0);
  const { data } = await sharp(out).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  let red = 0;
  for (let i = 0; i < data.length; i += 3) if (data[i]! > data[i + 1]! + 100) red++;
  expect(red).toBe(0);
});
