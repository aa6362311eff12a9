import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Random } from '../random.js';
import { type DuplicatePair, findDuplicates } from './duplicates.js';
import { renderPhantom, samplePhantom } from './phantom/index.js';
import { symmetries } from './phash.js';

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
const thumbnails = Uint8Array.from(
  images.flatMap((image) => [...image]),
  (value) => Math.min(255, Math.max(0, Math.round(value))),
);
const hashes = images.map((_, i) => String(i));

// As found by the search before it had bounds, tables and threads.
const found = [
  [0, 40, 8, 0, 0.9865992121474644],
  [2, 41, 2, 1, 0.9694352641787874],
  [4, 42, 8, 2, 0.9514122268352756],
  [6, 43, 8, 3, 0.9660276949648233],
  [8, 44, 6, 4, 0.9616742392162526],
  [10, 45, 8, 5, 0.954431237631917],
  [12, 46, 4, 6, 0.9694403704665511],
  [14, 47, 14, 7, 0.9730085301247516],
  [16, 48, 6, 0, 0.9646784117334308],
  [18, 49, 6, 1, 0.9697519740399689],
  [20, 50, 4, 2, 0.9912641400064391],
  [22, 51, 8, 3, 0.9836452210257224],
  [24, 52, 4, 4, 0.945822431246818],
  [26, 53, 12, 5, 0.9739989337965191],
  [28, 54, 4, 6, 0.9697681542147768],
  [30, 55, 16, 7, 0.9906132753461359],
] as const;

function expectFound(pairs: readonly DuplicatePair[]): void {
  expect(pairs.map(({ a, b, hamming, symmetry }) => [a, b, hamming, symmetry])).toEqual(
    found.map(([a, b, hamming, symmetry]) => [a, b, hamming, symmetry]),
  );
  pairs.forEach(({ correlation }, i) => {
    expect(correlation).toBeCloseTo(found[i]![4], 9);
  });
}

test('the pairs, symmetries and correlations of the search that compared all in full', async () => {
  expectFound(await findDuplicates(hashes, thumbnails));
});

test('thumbnails in shared memory are searched where they are, and copies of a file are left out', async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(thumbnails.length));
  shared.set(thumbnails);
  expectFound(await findDuplicates(hashes, shared));
  expect(shared).toEqual(thumbnails);
  const copied = hashes.with(1, hashes[0]!);
  const pairs = await findDuplicates(copied, shared);
  expect(pairs[0]).toMatchObject({ a: 0, b: 1, kind: 'exact' });
  expectFound(pairs.slice(1));
});

const built = new URL('../../dist/src/data/duplicates.js', import.meta.url);
// Threads need compiled files, which `npm test` makes first.
test.skipIf(!existsSync(built))('the same pairs with one, two and three threads', async () => {
  const { findDuplicates: search } = (await import(built.href)) as typeof import('./duplicates.js');
  const alone = await search(hashes, thumbnails, { threads: 1 });
  expectFound(alone);
  const progress: number[] = [];
  const onProgress = (done: number) => progress.push(done);
  expect(await search(hashes, thumbnails, { threads: 2, onProgress })).toEqual(alone);
  expect(await search(hashes, thumbnails, { threads: 3 })).toEqual(alone);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect([progress[0], progress.at(-1)]).toEqual([0, images.length]);
});

test.skipIf(!existsSync(built))('threads end when the search is stopped', async () => {
  const { findDuplicates: search } = (await import(built.href)) as typeof import('./duplicates.js');
  const stop = new AbortController();
  const onProgress = () => stop.abort(new Error('enough'));
  const searching = search(hashes, thumbnails, { threads: 2, onProgress, signal: stop.signal });
  await expect(searching).rejects.toThrow('enough');
});
