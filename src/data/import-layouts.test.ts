/** Layouts, formats and odd files as people have them: what they give, or the one line that says why not. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Random } from '../random.js';
import { openPixelCache } from './cache.js';
import { openDataset } from './dataset.js';
import { type ImportOptions, importDataset } from './import.js';
import { renderPhantom, samplePhantom } from './phantom/index.js';
import { prepareDataset } from './prepare.js';
import type { Problem } from './problems.js';

let root: string;
let images: string;
let out: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-layouts-'));
  images = join(root, 'photos');
  out = join(root, 'made');
  mkdirSync(images);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const random = new Random(11);
const phantom = (): Uint8Array => renderPhantom(samplePhantom(random, { prevalence: 0.5 }), 32);

const put = (file: string, content: string | Uint8Array): void => {
  mkdirSync(dirname(join(images, file)), { recursive: true });
  writeFileSync(join(images, file), content);
};

const raw = { raw: { width: 32, height: 32, channels: 3 } } as const;

/** A new picture, in the format of its extension, or as PNG. */
async function picture(file: string): Promise<void> {
  const image = sharp(phantom(), raw);
  put(file, await (extname(file) === '.jpg' ? image.jpeg({ quality: 95 }) : image.png()).toBuffer());
}

/** Pixels as a BMP file of 24 bits. */
function bmp(rgb: Uint8Array, side: number): Buffer {
  const file = Buffer.alloc(54 + rgb.length);
  file.write('BM');
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(side, 18);
  file.writeInt32LE(-side, 22);
  file.writeUInt16LE(24, 28);
  for (let i = 0; i < rgb.length; i++) file[54 + i] = rgb[i - (i % 3) + 2 - (i % 3)]!;
  return file;
}

const byFolder = (options: Partial<ImportOptions> = {}) =>
  importDataset(images, out, { positive: 'malignant', labelFromFolders: true, ...options });

const byTable = (rows: readonly string[], options: Partial<ImportOptions> = {}) => {
  writeFileSync(join(root, 'table.csv'), `${rows.join('\n')}\n`);
  return importDataset(images, out, { positive: 'mel', metadata: join(root, 'table.csv'), ...options });
};

const reasons = (problems: readonly Problem[], kind: Problem['kind']): string[] =>
  problems.filter((one) => one.kind === kind).map(({ file, id, detail }) => `${file || id}: ${detail}`);

describe('formats', () => {
  test('BMP is read, stored and cached like any other picture', async () => {
    const rows = ['id,dx'];
    for (let i = 0; i < 12; i++) {
      const rgb = phantom();
      put(`i${i}.bmp`, bmp(rgb, 32));
      rows.push(`i${i},${i % 2 ? 'mel' : 'nev'}`);
    }
    const { dataset, report } = await byTable(rows);
    expect(report.counts).toEqual({});
    expect(dataset.rows.map(({ file }) => extname(file))).toEqual(new Array(12).fill('.bmp'));
    const cache = await openPixelCache(dataset, 16);
    expect(cache.images.shape).toEqual([12, 3, 16, 16]);
    cache.images.dispose();
  });

  test('content decides: wrong extensions and none at all; the copy gets the right one', async () => {
    for (let i = 0; i < 4; i++) {
      const png = await sharp(phantom(), raw).png().toBuffer();
      put(`malignant/m${i}${['.jpg', '', '.txt', '.dcm'][i]}`, png);
      put(`benign/b${i}.PNG`, await sharp(phantom(), raw).jpeg({ quality: 95 }).toBuffer());
    }
    const { dataset } = await byFolder();
    expect(dataset.rows.map(({ file }) => extname(file))).toEqual([
      ...new Array(4).fill('.jpg'),
      ...new Array(4).fill('.png'),
    ]);
  });

  test('what is not read is named with its remedy, not lost as a row without an image', async () => {
    const rows = ['id,dx'];
    for (let i = 0; i < 8; i++) {
      await picture(`i${i}.png`);
      rows.push(`i${i},${i % 2 ? 'mel' : 'nev'}`);
    }
    put('i8.heic', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'));
    rows.push('i8,mel');
    await expect(byTable(rows)).rejects.toThrow(
      /1 of 9 images cannot be decoded: i8\.heic \(HEIC is not read; convert it to PNG or JPEG, .*heif-convert.*--skip-unreadable/,
    );
    const { report } = await byTable(rows, { skipUnreadable: true });
    expect(report.images).toBe(8);
    expect(reasons(report.problems, 'unreadable-image')).toEqual([
      expect.stringMatching(/^i8\.heic: HEIC is not read/),
    ]);
  });
});

describe('special files', () => {
  async function classes(): Promise<void> {
    for (let i = 0; i < 4; i++) {
      await picture(`malignant/m${i}.png`);
      await picture(`benign/b${i}.png`);
    }
  }

  test('pipes, devices and links in a circle among the images are left out by name', async () => {
    await classes();
    execFileSync('mkfifo', [join(images, 'malignant/f.png')]);
    symlinkSync('/dev/zero', join(images, 'malignant/z.png'));
    symlinkSync('loop', join(images, 'malignant/loop'));
    const { dataset, report } = await byFolder();
    expect(dataset.rows).toHaveLength(8);
    expect(reasons(report.problems, 'not-an-image')).toEqual([
      'malignant/f.png: is a named pipe',
      'malignant/loop: is a link that leads in a circle',
      'malignant/z.png: is a device',
    ]);
    expect(readFileSync(join(out, 'cleaning.csv'), 'utf8')).toContain('malignant/f.png');
  });

  test('in the place of a dataset’s image they are refused, not opened', async () => {
    await classes();
    const { dataset } = await byFolder();
    const [first] = dataset.rows;
    const path = join(out, first!.file);
    rmSync(path);
    execFileSync('mkfifo', [path]);
    expect(() => openDataset(out)).toThrow(/is missing, or no file/);
    await expect(openPixelCache(dataset, 16)).rejects.toThrow(`${path}: is a named pipe, not a file`);
    await expect(prepareDataset(dataset, join(root, 'small'), { sizesPx: [16] })).rejects.toThrow(
      /named pipe/,
    );
    rmSync(path);
    symlinkSync('/dev/zero', path);
    await expect(openPixelCache(openDataset(out), 16)).rejects.toThrow(/is a device, not a file/);
  });

  test('as a table they are refused', async () => {
    await classes();
    execFileSync('mkfifo', [join(root, 'p.csv')]);
    await expect(byFolder({ labelFromFolders: false, metadata: join(root, 'p.csv') })).rejects.toThrow(
      `${join(root, 'p.csv')}: is a named pipe, not a file`,
    );
  });
});
