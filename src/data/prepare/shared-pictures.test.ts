import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from 'graft-torch/base';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Dataset, type DatasetRow, imagePath } from '../dataset/dataset.js';
import { createPhantomDataset } from '../phantom/dataset.js';
import { nameShared, sharedPictures } from './shared-pictures.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-shared-'));
let own: Dataset;
let other: Dataset;
beforeAll(async () => {
  const phantoms = { count: 30, sizePx: 96, prevalence: 0.4 };
  own = (await createPhantomDataset(join(folder, 'own'), { ...phantoms, seed: 1 })).dataset;
  other = (await createPhantomDataset(join(folder, 'other'), { ...phantoms, seed: 2 })).dataset;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A picture of the other dataset in a file of its own among ours, changed. */
async function smuggled(row: DatasetRow, name: string, change: (image: Sharp) => Sharp) {
  const bytes = await change(sharp(await readFile(imagePath(other, row)))).toBuffer();
  await writeFile(join(own.dir, 'images', name), bytes);
  return { ...row, id: name, file: `images/${name}`, sha256: sha256(bytes) };
}

test('pictures of another dataset are found in whatever file, and no others', async () => {
  const [a, b, c] = other.rows as [DatasetRow, DatasetRow, DatasetRow];
  const copy = { ...a, id: 'copy', file: `../other/${a.file}` };
  const rows = [
    await smuggled(b, 'small.jpg', (image) => image.resize(64, 64).jpeg({ quality: 70 })),
    ...own.rows,
    copy,
    await smuggled(c, 'turned.jpg', (image) => image.rotate(90).jpeg()),
  ];
  const seen: [number, number][] = [];
  const onProgress = (done: number, total: number): void => void seen.push([done, total]);
  const shared = await sharedPictures({ dir: own.dir, rows }, other, { onProgress });
  expect(shared.map(({ image, twin, kind }) => [image.id, twin.id, kind])).toEqual([
    ['small.jpg', b.id, 'near'],
    ['copy', a.id, 'exact'],
    ['turned.jpg', c.id, 'near'],
  ]);
  expect(seen.at(-1)).toEqual([2 * 63, 2 * 63]);
  expect(nameShared(shared, 2)).toMatch(
    new RegExp(`^small\\.jpg = ${b.id} \\(alike to (1\\.00|0\\.\\d\\d)\\), copy = ${a.id}, …$`),
  );
});

test('two pictures of one set that are alike are none of the other', async () => {
  const twice = [...own.rows, { ...own.rows[0]!, id: 'again' }];
  expect(await sharedPictures({ dir: own.dir, rows: twice }, other)).toEqual([]);
  expect(await sharedPictures(other, { dir: own.dir, rows: twice })).toEqual([]);
});

test('of several copies each is named, beside the first twin', async () => {
  const rows = other.rows.slice(0, 2);
  const twice = [...rows, { ...rows[0]!, id: 'again' }];
  const shared = await sharedPictures({ dir: other.dir, rows: twice }, { dir: other.dir, rows });
  expect(shared.map(({ image, twin }) => [image.id, twin.id])).toEqual([
    [rows[0]!.id, rows[0]!.id],
    [rows[1]!.id, rows[1]!.id],
    ['again', rows[0]!.id],
  ]);
});
