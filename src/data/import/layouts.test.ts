/** Layouts, formats and odd files as people have them: what they give, or the one line that says why not. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { Random } from 'graft-torch/base';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDataset } from '../dataset/dataset.js';
import type { Problem } from '../dataset/problems.js';
import { renderPhantom, samplePhantom } from '../phantom/index.js';
import { openPixelCache } from '../pixels/cache.js';
import { prepareDataset } from '../prepare/prepare.js';
import { importDataset } from './import.js';
import type { ImportOptions } from './options.js';

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

/** A mask as files have it: white where the lesion is, perhaps off the middle. */
async function mask(file: string, left = 8): Promise<void> {
  const pixels = new Uint8Array(32 * 32).map((_, i) => {
    const [x, y] = [i % 32, Math.floor(i / 32)];
    return x >= left && x < left + 12 && y >= 10 && y < 22 ? 255 : 0;
  });
  put(
    file,
    await sharp(pixels, { raw: { width: 32, height: 32, channels: 1 } })
      .png()
      .toBuffer(),
  );
}

describe('split folders', () => {
  async function splitFolders(place: (split: string, label: string, file: string) => string): Promise<void> {
    let k = 0;
    for (const [split, count] of [
      ['Training', 6],
      ['valid', 3],
      ['TEST', 4],
    ] as const)
      for (const label of ['malignant', 'benign'])
        for (let i = 0; i < count; i++) await picture(place(split, label, `${k++ % 7}.png`));
  }

  test.each([
    ['above the classes', (split: string, label: string, file: string) => `${split}/${label}/a/${file}`],
    ['below the classes', (split: string, label: string, file: string) => `${label}/${split}/${file}`],
    [
      'all in one more folder',
      (split: string, label: string, file: string) => `set/${split}/${label}/${file}`,
    ],
  ])('%s: classes and split are kept', async (_, place) => {
    await splitFolders(place);
    const { dataset } = await byFolder();
    expect(dataset).toMatchObject({ classes: ['benign', 'malignant'], splitBy: 'given', label: 'folder' });
    expect(dataset.counts).toMatchObject({
      train: { benign: 6, malignant: 6 },
      val: { benign: 3, malignant: 3 },
      test: { benign: 4, malignant: 4 },
    });
    for (const { split, extra } of dataset.rows)
      expect(extra.source_file!.toLowerCase()).toContain(
        { train: 'training', val: 'valid', test: 'test' }[split],
      );
  });

  test('a copy in training of what is tested on is refused, or dropped', async () => {
    await splitFolders((split, label, file) => `${split}/${label}/${file}`);
    put('Training/benign/copy.png', readFileSync(join(images, 'TEST/benign/2.png')));
    await expect(byFolder({ duplicates: { exact: 'group' } })).rejects.toThrow(
      /the given split tears 1 groups \(2 images\) apart/,
    );
    const { dataset, report } = await byFolder({ duplicates: { exact: 'group' }, leaks: 'drop' });
    expect(reasons(report.problems, 'leaking-image')).toEqual([
      expect.stringMatching(/^Training\/benign\/copy\.png/),
    ]);
    expect(dataset.rows.some(({ extra }) => extra.source_file === 'Training/benign/copy.png')).toBe(false);
  });

  test('without validation images these are dealt from training; with `none` all is dealt anew', async () => {
    for (let i = 0; i < 20; i++)
      for (const label of ['malignant', 'benign'])
        await picture(`${i < 16 ? 'train' : 'test'}/${label}/${label}${i}.png`);
    const given = (await byFolder()).dataset;
    expect(given.counts.test).toEqual({ benign: 4, malignant: 4 });
    expect(given.counts.val.malignant).toBeGreaterThan(1);
    rmSync(out, { recursive: true });
    const dealt = (await byFolder({ splitColumn: 'none' })).dataset;
    expect(dealt.splitBy).toBe('dealt');
    expect(dealt.counts.test).toEqual({ benign: 3, malignant: 3 });
  });

  test('folders within a class, which may be its patients, are pointed at where they hold several images', async () => {
    for (let i = 0; i < 8; i++)
      for (const label of ['malignant', 'benign']) await picture(`${label}/P${i >> 1}/${label}${i}.png`);
    const { report } = await byFolder();
    expect(reasons(report.problems, 'group-doubt')).toEqual([
      expect.stringMatching(
        /^: folders within the classes \(P0, P1, P2 and 1 more\) are not used; if they are patients/,
      ),
    ]);
  });

  test('a layout that is not read is named with the option', async () => {
    await picture('train/1.png');
    await picture('test/2.png');
    await expect(byFolder()).rejects.toThrow(
      /^--label-from-folders: test, train are splits without class folders in them; expected DIR\/<class>/,
    );
  });
});

describe('masks beside the images', () => {
  /** A few names of every set that is known. */
  async function withMaskNames(): Promise<string[]> {
    const masks = [
      'benign/benign (1)_mask.png',
      'benign/benign (1)_mask_1.png',
      'benign/b2_segmentation.png',
      'benign/b3-GT.png',
      'malignant/m1_expert.png',
      'malignant/m2_lesion.png',
      'masks/m3.png',
      'masks/b4_mask.png',
      'masks/of-no-image.png',
    ];
    for (const file of ['benign/benign (1)', 'benign/b2', 'benign/b3', 'benign/b4'])
      await picture(`${file}.png`);
    for (const k of [1, 2, 3, 4]) await picture(`malignant/m${k}.png`);
    for (const [i, file] of masks.entries()) await mask(file, i);
    return masks;
  }

  test('are left out by name, with how to use them', async () => {
    const masks = await withMaskNames();
    const { dataset, report } = await byFolder();
    expect(dataset.rows.map(({ id }) => id)).toEqual([
      'b2',
      'b3',
      'b4',
      'benign (1)',
      'm1',
      'm2',
      'm3',
      'm4',
    ]);
    expect(report.found).toEqual({ files: 17, otherFiles: 0, masks: 9 });
    expect(reasons(report.problems, 'mask').map((reason) => reason.split(': ')[0])).toEqual(
      [...masks].sort(),
    );
    expect(reasons(report.problems, 'mask')).toContain(
      'benign/benign (1)_mask.png: mask of benign/benign (1).png; --masks keep stores it with the image, --masks pictures takes it for one',
    );
    expect(readFileSync(join(out, 'cleaning.csv'), 'utf8')).toContain('mask,yes,,masks/of-no-image.png');
  });

  test('are stored where that is asked for, and cut the images', async () => {
    await withMaskNames();
    const { dataset, report } = await byFolder({ masks: 'keep' });
    expect(reasons(report.problems, 'mask')).toEqual([
      'masks/of-no-image.png: lies among masks; its image is not here',
    ]);
    const [{ dataset: cut } = { dataset }] = await prepareDataset(dataset, join(root, 'cut'), {
      masks: join(out, 'masks'),
      marginShare: 0,
    });
    // Two masks of one image are parts of one.
    const sizes = Object.fromEntries(cut!.rows.map(({ id, width, height }) => [id, [width, height]]));
    expect(sizes).toEqual({
      'benign (1)': [13, 12],
      b2: [12, 12],
      b3: [12, 12],
      b4: [12, 12],
      m1: [12, 12],
      m2: [12, 12],
      m3: [12, 12],
    });
  });

  test('are pictures like the others where that is asked for', async () => {
    await withMaskNames();
    const { report } = await byFolder({ masks: 'pictures', duplicates: { exact: 'group' }, oneClass: true });
    expect(report.found.files).toBe(17);
    expect(report.images).toBe(17);
  });

  test('pictures that are only called like masks stay: no picture beside them, or a picture’s content', async () => {
    await picture('malignant/foo_mask.png');
    for (const k of [1, 2, 3]) {
      await picture(`malignant/p${k}.png`);
      await picture(`malignant/p${k}_lesion.png`); // the overview, and the lesion from near
      await picture(`benign/with_mask/${k}.png`);
    }
    const { report } = await byFolder();
    expect(report.counts.mask).toBeUndefined();
    expect(report.images).toBe(10);
  });

  test('a class may be called mask', async () => {
    for (const k of [1, 2, 3, 4]) {
      await mask(`mask/a${k}.png`, 4 * k);
      await picture(`malignant/b${k}.png`);
    }
    expect((await byFolder()).dataset.classes).toEqual(['malignant', 'mask']);
  });

  test('do not make ids of a table ambiguous', async () => {
    const rows = ['image,dx'];
    for (let i = 0; i < 8; i++) {
      await picture(`jpg/x${i}.jpg`);
      await mask(`masks/x${i}.png`, i);
      rows.push(`x${i},${i % 2 ? 'mel' : 'nev'}`);
    }
    const { report } = await byTable(rows);
    expect(report.counts).toEqual({ mask: 8 });
    expect(report.images).toBe(8);
  });
});

describe('names', () => {
  test('ISIC 2019’s _downsampled is found with and without, whichever side has it', async () => {
    const rows = ['image,dx'];
    for (let i = 0; i < 12; i++) {
      await picture(`ISIC_${i}${i % 3 === 0 ? '_downsampled' : ''}.png`);
      rows.push(`ISIC_${i}${i % 3 === 1 ? '_downsampled' : ''},${i % 2 ? 'mel' : 'nev'}`);
    }
    // The exact name goes first.
    await picture('ISIC_1_downsampled.png');
    const { dataset, report } = await byTable(rows);
    expect(report.images).toBe(12);
    expect(dataset.rows.find(({ id }) => id === 'ISIC_0')).toBeDefined();
    expect(reasons(report.problems, 'file-without-row')).toEqual([expect.stringMatching(/^ISIC_1\.png/)]);
  });

  test('two columns that name different images are asked about; two that name the same are not', async () => {
    const rows = ['clinical,dermoscopic,derm_name,age,dx'];
    for (let i = 0; i < 8; i++) {
      await picture(`c/im${i}.png`);
      await picture(`d/im${i + 8}.png`);
      rows.push(`c/im${i}.png,d/im${i + 8}.png,im${i + 8},${i},${i % 2 ? 'mel' : 'nev'}`);
    }
    await expect(byTable(rows)).rejects.toThrow(/clinical and dermoscopic both name images.*--id-column/);
    const { dataset } = await byTable(rows, { idColumn: 'dermoscopic' });
    expect(dataset.rows).toHaveLength(8);
    rmSync(out, { recursive: true });
    const same = await byTable(rows.map((row) => row.split(',').slice(1).join(',')));
    expect(same.dataset.provenance).toMatchObject({ idColumn: 'dermoscopic' });
  });

  test('folders called other, none and unknown are classes, and said so', async () => {
    for (const label of ['malignant', 'other', 'none'])
      for (let i = 0; i < 4; i++) await picture(`${label}/${label}${i}.png`);
    const { dataset, report } = await byFolder();
    expect(dataset.classes).toEqual(['malignant', 'none', 'other']);
    expect(report.counts['label-doubt']).toBe(2);
  });

  test('names with line breaks, and alike but for case, lose nothing', async () => {
    for (const file of [
      'malignant/a\nb.png',
      'malignant/A.png',
      'malignant/a.png',
      'benign/x.png',
      'benign/X.PNG',
    ])
      await picture(file);
    const { dataset } = await byFolder();
    expect(dataset.rows).toHaveLength(5);
    expect(openDataset(out).rows.map(({ extra }) => extra.source_file)).toContain('malignant/a\nb.png');
  });
});

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

  test.each(['webp', 'gif'] as const)(
    'of an animated %s the first frame is used, which is said',
    async (format) => {
      const random = new Random(3);
      for (let i = 0; i < 8; i++) {
        const frames = Uint8Array.from({ length: 2 * 3 * 32 * 32 }, () => random.int(256));
        const raw = { width: 32, height: 64, channels: 3 as const, pageHeight: 32 };
        const image = sharp(frames.subarray(0, i === 0 ? undefined : 3 * 32 * 32), {
          raw: i === 0 ? raw : { width: 32, height: 32, channels: 3 },
        });
        put(
          `${i % 2 ? 'benign' : 'malignant'}/${i}.${format}`,
          await (format === 'gif' ? image.gif() : image.webp({ lossless: true })).toBuffer(),
        );
      }
      const { report } = await byFolder();
      expect(reasons(report.problems, 'warning')).toEqual([
        `malignant/0.${format}: has 2 frames: only the first is used`,
      ]);
    },
  );

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

  test('JPEGs that break the standard where no decoder minds are read with a warning; damaged ones where that is accepted', async () => {
    const rows = ['id,dx'];
    for (let i = 0; i < 12; i++) {
      const jpeg = await sharp(phantom(), raw).jpeg({ quality: 95 }).toBuffer();
      const scan = jpeg.indexOf(Buffer.of(0xff, 0xda));
      if (i % 2) jpeg.fill(0, scan + 11, scan + 14); // Ss, Se, Ah and Al of a scan with three components
      put(`i${i}.jpg`, i === 5 ? jpeg.subarray(0, jpeg.length - 2) : jpeg);
      rows.push(`i${i},${i % 2 ? 'mel' : 'nev'}`);
    }
    await expect(byTable(rows)).rejects.toThrow(
      /1 of 12 images cannot be decoded: i5\.jpg .*--accept-warnings/,
    );
    const { dataset, report } = await byTable(rows, { acceptWarnings: true });
    expect(report.images).toBe(12);
    expect(reasons(report.problems, 'warning')).toEqual(
      [1, 3, 5, 7, 9, 11].map((i) =>
        expect.stringMatching(
          i === 5
            ? /^i5\.jpg: read in spite of a fault, stored as PNG: scan parameters.*, no end of image/
            : new RegExp(`^i${i}\\.jpg: breaks the JPEG standard, as some cameras do: scan parameters`),
        ),
      ),
    );
    expect(dataset.rows.filter(({ file }) => file.endsWith('.png')).map(({ id }) => id)).toEqual(['i5']);
    const cache = await openPixelCache(dataset, 16);
    cache.images.dispose();
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
