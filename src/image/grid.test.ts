import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from 'graft-torch/base';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { listImages, loadFolder } from './folder.js';
import { besidePng, encodePng, gridPng, writeGridPng } from './grid.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-grid-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Three flat images, red, green and blue, 2×4 pixels, planes one after the other. */
const flat = { data: new Uint8Array(3 * 3 * 8), n: 3, height: 2, width: 4 };
for (let k = 0; k < 3; k++) flat.data.fill(200 + k, k * 24 + k * 8, k * 24 + k * 8 + 8);

async function pixels(png: Buffer | string) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return {
    info,
    at: (x: number, y: number) => [
      ...data.subarray((y * info.width + x) * info.channels).subarray(0, info.channels),
    ],
  };
}

describe('grids', () => {
  it('put every image in its place, white between and in empty cells', async () => {
    const { info, at } = await pixels(await gridPng(flat, { columns: 2, gapPx: 1 }));
    expect([info.width, info.height, info.channels]).toEqual([11, 7, 3]);
    expect(at(1, 1)).toEqual([200, 0, 0]);
    expect(at(4, 2)).toEqual([200, 0, 0]);
    expect(at(5, 1)).toEqual([255, 255, 255]);
    expect(at(6, 1)).toEqual([0, 201, 0]);
    expect(at(1, 4)).toEqual([0, 0, 202]);
    expect(at(7, 4)).toEqual([255, 255, 255]);
  });

  it('repeat pixels when scaled, and write files', async () => {
    const path = join(dir, 'grid.png');
    await writeGridPng(flat, path, { columns: 3, scale: 3, gapPx: 0 });
    const { info, at } = await pixels(path);
    expect([info.width, info.height]).toEqual([36, 6]);
    expect([at(11, 5), at(12, 0)]).toEqual([
      [200, 0, 0],
      [0, 201, 0],
    ]);
  });

  it('leave room for captions and escape them', async () => {
    const wide = { data: new Uint8Array(3 * 64 * 64), n: 1, height: 64, width: 64 };
    const plain = await pixels(await gridPng(wide));
    const labelled = await pixels(await gridPng(wide, { captions: ['<b> & "c"'] }));
    expect(labelled.info.height).toBe(plain.info.height + 16);
    expect(labelled.at(10, 10).slice(0, 3)).toEqual([0, 0, 0]);
    let ink = 0;
    for (let y = 67; y < labelled.info.height; y++) {
      for (let x = 0; x < labelled.info.width; x++) if (labelled.at(x, y)[0]! < 160) ink++;
    }
    expect(ink).toBeGreaterThan(10);
  });

  it('leave room for a title, column titles and row labels, with ink in each and none on the images', async () => {
    const four = { data: new Uint8Array(4 * 3 * 40 * 40).fill(128), n: 4, height: 40, width: 40 };
    const { info, at } = await pixels(
      await gridPng(four, {
        columns: 2,
        title: 'Title',
        columnTitles: ['left', 'right'],
        rowLabels: ['benign', 'malignant'],
        breakAfter: [0],
      }),
    );
    const margin = info.width - (2 + 2 * 42 + 10);
    expect(margin).toBeGreaterThan(55);
    expect(info.height).toBe(24 + 16 + 2 + 2 * 42);
    const inkIn = (x0: number, y0: number, x1: number, y1: number): number => {
      let ink = 0;
      for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) if (at(x, y)[0]! < 120) ink++;
      return ink;
    };
    expect(inkIn(margin, 0, info.width, 24)).toBeGreaterThan(10);
    expect(inkIn(margin, 26, margin + 44, 40)).toBeGreaterThan(5);
    expect(inkIn(margin + 54, 26, info.width, 40)).toBeGreaterThan(5);
    expect(inkIn(0, 42, margin, 82)).toBeGreaterThan(10);
    expect(inkIn(0, 84, margin, 124)).toBeGreaterThan(inkIn(0, 42, margin, 82));
    for (const [x, y] of [
      [margin + 2, 42],
      [margin + 41, 81],
      [margin + 2 + 42 + 10, 84],
      [info.width - 3, 123],
    ] as const)
      expect(at(x, y)).toEqual([128, 128, 128]);
    expect(at(margin + 48, 60)).toEqual([255, 255, 255]);
  });

  it('stand beside each other, the lower one on white', async () => {
    const tall = { ...flat, height: 4, width: 2 };
    const { info, at } = await pixels(
      await besidePng(
        [await gridPng(flat, { gapPx: 0, columns: 1 }), await gridPng(tall, { gapPx: 0, columns: 1 })],
        3,
      ),
    );
    expect([info.width, info.height, info.channels]).toEqual([4 + 3 + 2, 12, 3]);
    expect([at(0, 0), at(5, 5), at(7, 0)]).toEqual([
      [200, 0, 0],
      [255, 255, 255],
      [200, 0, 0],
    ]);
    await expect(besidePng([])).rejects.toThrow(DataError);
  });

  it('refuse what does not fit', async () => {
    await expect(gridPng({ ...flat, n: 4 })).rejects.toThrow(DataError);
    await expect(gridPng({ ...flat, n: 0 })).rejects.toThrow(DataError);
    await expect(encodePng(new Uint8Array(5), { width: 2, height: 2 })).rejects.toThrow(DataError);
  });
});

describe('folders of images', () => {
  it('are read in the order of their names, nested ones too, as planes', async () => {
    const rgb = new Uint8Array([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]);
    const folder = mkdtempSync(join(dir, 'set-'));
    writeFileSync(join(folder, 'b.png'), await encodePng(rgb, { width: 2, height: 2 }));
    writeFileSync(join(folder, 'a.png'), await encodePng(rgb.toReversed(), { width: 2, height: 2 }));
    writeFileSync(join(folder, 'notes.txt'), 'no image');
    writeFileSync(join(folder, '.hidden.png'), 'no image');
    expect((await listImages(folder)).map((f) => f.slice(-5))).toEqual(['a.png', 'b.png']);
    const set = await loadFolder(folder, { sizePx: 2 });
    expect([...set.data.subarray(12)]).toEqual([10, 40, 70, 100, 20, 50, 80, 110, 30, 60, 90, 120]);
    writeFileSync(join(folder, 'c.png'), readFileSync(join(folder, 'a.png')).subarray(0, 40));
    await expect(loadFolder(folder, { sizePx: 2 })).rejects.toThrow(/c\.png/);
  });

  it('say so when they are missing or hold no image', async () => {
    await expect(loadFolder(join(dir, 'nowhere'), { sizePx: 8 })).rejects.toThrow(/nowhere/);
    await expect(loadFolder(mkdtempSync(join(dir, 'empty-')), { sizePx: 8 })).rejects.toThrow(/no images/);
  });
});
