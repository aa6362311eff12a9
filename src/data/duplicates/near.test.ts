import { existsSync } from 'node:fs';
import { Random } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { renderPhantom, samplePhantom } from '../phantom/index.js';
import { symmetries } from '../pixels/symmetry.js';
import { createContentMaps, setContent } from './content.js';
import { type DuplicatePair, findDuplicates } from './duplicates.js';

const side = 64;
const random = new Random(11);

function luma(): Float64Array {
  const rgb = renderPhantom(samplePhantom(random, { prevalence: 0.5 }), side);
  return Float64Array.from(
    { length: side * side },
    (_, i) => 0.299 * rgb[3 * i]! + 0.587 * rgb[3 * i + 1]! + 0.114 * rgb[3 * i + 2]!,
  );
}

/** Mirrored or turned, stretched, slightly turned, shifted, darkened, noisy. */
function changed(image: Float64Array, symmetry: number): Float64Array {
  const stretch = [random.uniform(0.94, 1.06), random.uniform(0.94, 1.06)] as const;
  const turn = random.uniform(-0.04, 0.04);
  const shift = [random.uniform(-1.5, 1.5), random.uniform(-1.5, 1.5)] as const;
  const gain = random.uniform(0.7, 1.1);
  const inside = (at: number): number => Math.min(side - 1.001, Math.max(0, at + 31.5));
  return Float64Array.from({ length: side * side }, (_, i) => {
    const column = (i % side) - 31.5;
    const row = Math.floor(i / side) - 31.5;
    const x = (symmetry & 4 ? row : column) * (symmetry & 1 ? -1 : 1);
    const y = (symmetry & 4 ? column : row) * (symmetry & 2 ? -1 : 1);
    const u = inside(stretch[0] * (x - turn * y) + shift[0]);
    const v = inside(stretch[1] * (y + turn * x) + shift[1]);
    const at = Math.floor(v) * side + Math.floor(u);
    const top = image[at]! + (u % 1) * (image[at + 1]! - image[at]!);
    const bottom = image[at + side]! + (u % 1) * (image[at + side + 1]! - image[at + side]!);
    return gain * (top + (v % 1) * (bottom - top)) + random.normal(0, 1.5);
  });
}

const originals = Array.from({ length: 40 }, luma);
const images = [
  ...originals,
  ...Array.from({ length: 16 }, (_, k) => changed(originals[2 * k]!, k % symmetries)),
];
const contents = createContentMaps(images.length);
images.forEach((image, i) => {
  const luma = Uint8Array.from(image, (value) => Math.min(255, Math.max(1, Math.round(value))));
  setContent(contents, i, { luma, aspect: 1, fill: 1 });
});
const hashes = images.map((_, i) => String(i));

function expectFound(pairs: readonly DuplicatePair[]): void {
  expect(pairs.map(({ a, b, symmetry }) => [a, b, symmetry])).toEqual(
    Array.from({ length: 16 }, (_, k) => [2 * k, 40 + k, k % symmetries]),
  );
  for (const { correlation } of pairs) expect(correlation).toBeGreaterThan(0.8);
}

test('copies are found with their symmetries, and nothing else', async () => {
  expectFound(await findDuplicates(hashes, contents));
});

test('copies of a file are left out', async () => {
  const copied = hashes.with(1, hashes[0]!);
  const pairs = await findDuplicates(copied, contents);
  expect(pairs[0]).toMatchObject({ a: 0, b: 1, kind: 'exact' });
  expectFound(pairs.slice(1));
});

const built = new URL('../../../dist/src/data/duplicates/duplicates.js', import.meta.url);
// Threads need compiled files, which `npm test` makes first.
test.skipIf(!existsSync(built))('the same pairs with one, two and three threads', async () => {
  const { findDuplicates: search } = (await import(built.href)) as typeof import('./duplicates.js');
  const alone = await search(hashes, contents, { threads: 1 });
  expectFound(alone);
  const progress: number[] = [];
  const onProgress = (done: number) => progress.push(done);
  expect(await search(hashes, contents, { threads: 2, onProgress })).toEqual(alone);
  expect(await search(hashes, contents, { threads: 3 })).toEqual(alone);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect([progress[0], progress.at(-1)]).toEqual([0, images.length]);
});

test.skipIf(!existsSync(built))('threads end when the search is stopped', async () => {
  const { findDuplicates: search } = (await import(built.href)) as typeof import('./duplicates.js');
  const stop = new AbortController();
  const onProgress = () => stop.abort(new Error('enough'));
  const searching = search(hashes, contents, { threads: 2, onProgress, signal: stop.signal });
  await expect(searching).rejects.toThrow('enough');
});
