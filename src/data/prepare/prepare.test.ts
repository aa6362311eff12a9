import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError, Random, sha256 } from 'graft-torch/base';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mountSmallDisk, noSmallDisk } from '../../../test/small-disk.js';
import { decodeImage } from '../../image/decode.js';
import { type Dataset, framingOf, imagePath, openDataset } from '../dataset/dataset.js';
import { importDataset } from '../import/import.js';
import { createPhantomDataset } from '../phantom/dataset.js';
import type { PrepareOptions } from './options.js';
import { prepareDataset } from './prepare.js';

let root: string;
let source: Dataset;
let work: string;
let out: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-prepare-'));
  const made = await createPhantomDataset(join(root, 'source'), {
    count: 60,
    sizePx: 48,
    prevalence: 0.3,
    seed: 2,
  });
  source = made.dataset;
});
beforeEach(() => {
  work = mkdtempSync(join(root, 'case-'));
  out = join(work, 'made');
});
afterEach(() => rmSync(work, { recursive: true, force: true }));
afterAll(() => rmSync(root, { recursive: true }));

const run = (options: PrepareOptions = {}) => prepareDataset(source, out, options);

describe('framing', () => {
  test('what made frames squares is written down, kept, and read of older datasets', async () => {
    const random = new Random(1);
    for (const label of ['a', 'b']) {
      mkdirSync(join(work, 'frames', label), { recursive: true });
      for (let i = 0; i < 4; i++) {
        const noise = Uint8Array.from({ length: 40 * 20 * 3 }, () => random.int(256));
        await sharp(noise, { raw: { width: 40, height: 20, channels: 3 } })
          .png()
          .toFile(join(work, 'frames', label, `${label}${i}.png`));
      }
    }
    const { dataset: frames } = await importDataset(join(work, 'frames'), join(work, 'imported'), {
      labelFromFolders: true,
      positive: 'a',
    });
    expect(framingOf(frames)).toEqual({ fit: 'cover', kernel: 'lanczos3', exact: false });
    const [first] = await prepareDataset(frames, join(work, 'padded'), { sizesPx: [32], fit: 'contain' });
    const { dataset: padded } = first!;
    const asPadded = { fit: 'contain', kernel: 'lanczos3', exact: true };
    expect(framingOf(padded)).toEqual(asPadded);
    // Squares of squares, and fewer of them, still show what was seen first.
    for (const options of [{ sizesPx: [16], fit: 'fill' as const }, { reduceTo: 6 }]) {
      const [made] = await prepareDataset(padded, join(work, JSON.stringify(Object.keys(options))), options);
      expect(framingOf(made!.dataset)).toEqual(asPadded);
    }
    const { framing: _, ...older } = padded;
    expect(framingOf(older)).toEqual(asPadded);
    // What was a square from the start was framed by nobody.
    expect((await run({ sizesPx: [16], fit: 'fill' }))[0]!.dataset.framing).toBeUndefined();
  });
});

describe('sizes', () => {
  test('make a dataset each, with groups, splits and metadata kept', async () => {
    const made = await run({ sizesPx: [16, 32], fit: 'fill', name: 'phantoms' });
    expect(made.map(({ dataset }) => [dataset.dir, dataset.name])).toEqual([
      [join(out, '16px'), 'phantoms-16px'],
      [join(out, '32px'), 'phantoms-32px'],
    ]);
    expect(readdirSync(work)).toEqual(['made']); // the scratch folder is gone
    for (const [k, sizePx] of [16, 32].entries()) {
      const { dataset } = made[k]!;
      expect(dataset).toMatchObject({
        classes: source.classes,
        positive: 'malignant',
        kind: 'phantom',
        bayesAuc: source.bayesAuc,
        splitBy: source.splitBy,
      });
      expect(dataset.provenance).toMatchObject({ sizePx, fit: 'fill', source: { hash: source.hash } });
      expect(dataset.rows.map(({ id, label, group, split }) => [id, label, group, split])).toEqual(
        source.rows.map(({ id, label, group, split }) => [id, label, group, split]),
      );
      const row = dataset.rows[7]!;
      expect(row).toMatchObject({ width: sizePx, height: sizePx });
      expect(row.extra).toEqual({ ...source.rows[7]!.extra, original_width: '48', original_height: '48' });
      const expected = await decodeImage(imagePath(source, source.rows[7]!), { sizePx, fit: 'fill' });
      expect((await decodeImage(imagePath(dataset, row))).data).toEqual(expected.data);
    }
  });

  test('one size is the folder itself; JPEG where asked', async () => {
    const [only] = await run({ sizesPx: [24], format: 'jpeg' });
    expect(only!.dataset.dir).toBe(out);
    const bytes = readFileSync(imagePath(only!.dataset, only!.dataset.rows[0]!));
    expect([bytes[0], bytes[1]]).toEqual([0xff, 0xd8]);
  });

  test('without any, the files are those of the source', async () => {
    const [only] = await run({ reduceTo: 20 });
    for (const row of only!.dataset.rows) {
      const before = source.rows.find(({ id }) => id === row.id)!;
      expect(row).toEqual(before);
      expect(sha256(readFileSync(imagePath(only!.dataset, row)))).toBe(before.sha256);
    }
  });
});

test('hair removal changes hairy images and records the share of hair', async () => {
  const [only] = await run({ hair: true });
  const { dataset } = only!;
  const shares = dataset.rows.map(({ extra }) => Number(extra.hair_share));
  expect(shares.every((share) => share >= 0 && share < 0.5)).toBe(true);
  const hairiest = dataset.rows[shares.indexOf(Math.max(...shares))]!;
  const before = await decodeImage(imagePath(source, source.rows.find(({ id }) => id === hairiest.id)!));
  const after = await decodeImage(imagePath(dataset, hairiest));
  const changed = after.data.filter((value, i) => value !== before.data[i]).length;
  expect(changed).toBeGreaterThan(0);
  expect(changed / after.data.length).toBeLessThanOrEqual(Number(hairiest.extra.hair_share) + 1e-9);
});

describe('lesion masks', () => {
  /** A white rectangle on black. */
  async function mask(id: string, box: { left: number; top: number; width: number; height: number }) {
    const dir = join(work, 'masks');
    mkdirSync(dir, { recursive: true });
    await sharp({ create: { width: 48, height: 48, channels: 3, background: '#000' } })
      .composite(
        box.width === 0
          ? []
          : [
              {
                input: { create: { width: box.width, height: box.height, channels: 3, background: '#fff' } },
                left: box.left,
                top: box.top,
              },
            ],
      )
      .png()
      .toFile(join(dir, `${id}_segmentation.png`));
    return dir;
  }

  test('cut the images; those without one are left out by name', async () => {
    let dir = '';
    for (const { id } of source.rows.slice(0, 50))
      dir = await mask(id, { left: 8, top: 4, width: 20, height: 30 });
    await mask(source.rows[49]!.id, { left: 0, top: 0, width: 0, height: 0 });
    const [only] = await run({ masks: dir, marginShare: 0 });
    const { dataset, report } = only!;
    expect(dataset.rows).toHaveLength(49);
    expect(dataset.rows[0]).toMatchObject({ width: 20, height: 30 });
    expect(report.counts).toMatchObject({ 'empty-mask': 11 });
    expect(new Set(report.problems.map(({ detail }) => detail))).toEqual(
      new Set(['the mask is empty', 'no mask of this name']),
    );
    const whole = await decodeImage(imagePath(source, source.rows[0]!));
    const cut = await decodeImage(imagePath(dataset, dataset.rows[0]!));
    expect(cut.data.subarray(0, 60)).toEqual(whole.data.subarray(3 * (4 * 48 + 8), 3 * (4 * 48 + 8) + 60));
  });

  test('that changed are not taken for the same', async () => {
    const id = source.rows[0]!.id;
    const dir = await mask(id, { left: 8, top: 4, width: 20, height: 30 });
    await mask(source.rows.find(({ label }) => label !== source.rows[0]!.label)!.id, {
      left: 1,
      top: 1,
      width: 9,
      height: 9,
    });
    await run({ masks: dir });
    await mask(id, { left: 8, top: 4, width: 10, height: 10 });
    await expect(run({ masks: dir })).rejects.toThrow(/is a dataset already/);
  });

  test('of other images are refused', async () => {
    const dir = await mask('somebody_else', { left: 1, top: 1, width: 5, height: 5 });
    await expect(run({ masks: dir })).rejects.toThrow(/masks: no mask of 1 bears the name of an image/);
  });
});

test('the majority is cut, the rest reduced, every image accounted for', async () => {
  const [only] = await run({ majorityRatio: 1.5, reduceTo: 30, seed: 3 });
  const { dataset, report } = only!;
  expect(dataset.rows).toHaveLength(30);
  expect(report.flow[0]).toMatchObject({ stage: 'found', images: 60 });
  expect(report.flow.at(-1)).toMatchObject({ images: 30 });
  expect(readFileSync(join(out, 'cleaning.csv'), 'utf8').trim().split('\n')).toHaveLength(31);
  const again = await prepareDataset(source, join(work, 'again'), {
    majorityRatio: 1.5,
    reduceTo: 30,
    seed: 3,
  });
  expect(again[0]!.dataset.hash).toBe(dataset.hash);
});

test('the split stays, also where no validation image is left', async () => {
  const kept = source.rows.filter(({ split }) => split !== 'val');
  const without = { ...source, rows: kept };
  const [only] = await prepareDataset(without, out, {});
  expect(only!.dataset.rows.map(({ id, split }) => [id, split])).toEqual(
    kept.map(({ id, split }) => [id, split]),
  );
});

test('files of one name in two folders are two images', async () => {
  const dir = join(work, 'nested');
  await prepareDataset(source, dir, {});
  const dataset = openDataset(dir);
  for (const [k, row] of dataset.rows.entries()) {
    const before = imagePath(dataset, row);
    row.file = `images/${k}/same.png`;
    mkdirSync(join(dir, 'images', String(k)));
    renameSync(before, imagePath(dataset, row));
  }
  const [nested] = await prepareDataset(dataset, out, { sizesPx: [16] });
  const [flat] = await prepareDataset(source, join(work, 'flat'), { sizesPx: [16] });
  expect(nested!.dataset.hash).toBe(flat!.dataset.hash);
});

describe('a new split', () => {
  test('keeps groups whole', async () => {
    const [only] = await run({ fractions: { train: 0.5, val: 0.25, test: 0.25 }, seed: 9 });
    expect(only!.dataset).toMatchObject({ splitBy: 'dealt', fractions: { train: 0.5 } });
    expect(only!.dataset.rows.filter(({ split }) => split === 'train')).toHaveLength(30);
  });

  test('folds: every image is tested on once, and lies on the disk once', async () => {
    const made = await run({ folds: 3, strata: ['site'], sizesPx: [16] });
    expect(made.map(({ dataset }) => dataset.name)).toEqual([1, 2, 3].map((k) => `phantoms-16px-fold${k}`));
    expect(made.map(({ dataset }) => dataset.dir)).toEqual([1, 2, 3].map((k) => join(out, `fold-${k}`)));
    const tested = made.flatMap(({ dataset }) =>
      dataset.rows.filter(({ split }) => split === 'test').map(({ id }) => id),
    );
    expect(tested.sort()).toEqual(source.rows.map(({ id }) => id));
    for (const { dataset } of made) {
      expect(dataset).toMatchObject({ splitBy: 'dealt', strata: ['site'] });
      expect(dataset.rows.some(({ split }) => split === 'val')).toBe(true);
    }
    const inodes = made.map(({ dataset }) => statSync(imagePath(dataset, dataset.rows[0]!)).ino);
    expect(new Set(inodes).size).toBe(1);
  });
});

describe('an interrupted preparation', () => {
  /** Stops after some images; returns what lies in the scratch folder. */
  async function interrupted(options: PrepareOptions): Promise<string> {
    const stop = new AbortController();
    const onProgress = (phase: string, done: number): void => {
      if (phase === 'prepare' && done === 20) stop.abort(new Error('enough'));
    };
    await expect(run({ ...options, onProgress, signal: stop.signal })).rejects.toThrow('enough');
    expect(existsSync(out)).toBe(false);
    return join(work, '.made.preparing');
  }

  test('is taken up where it was', async () => {
    const scratch = await interrupted({ sizesPx: [16] });
    const journal = readFileSync(join(scratch, 'done.jsonl'), 'utf8').trim().split('\n');
    expect(journal.length).toBeGreaterThanOrEqual(20);
    expect(journal.length).toBeLessThan(60);
    const first = source.rows.find(({ id }) => id === JSON.parse(journal[0]!).id)!;
    const inScratch = (id: string): string => join(scratch, '16', `${sha256(id).slice(0, 32)}.png`);
    const file = inScratch(first.id);
    const { ino } = statSync(file);
    // What the journal does not name counts as not done, whole or not.
    const undone = source.rows.find(({ id }) => !journal.some((line) => JSON.parse(line).id === id))!;
    writeFileSync(inScratch(undone.id), 'half');
    writeFileSync(join(scratch, 'done.jsonl'), `${journal.join('\n')}\n{"id":"${undone.id.slice(0, 5)}`);
    const [only] = await run({ sizesPx: [16] });
    expect(
      statSync(imagePath(only!.dataset, only!.dataset.rows.find(({ id }) => id === first.id)!)).ino,
    ).toBe(ino);
    const straight = await prepareDataset(source, join(work, 'straight'), { sizesPx: [16] });
    expect(only!.dataset.hash).toBe(straight[0]!.dataset.hash);
  });

  test('is begun anew by other options', async () => {
    await interrupted({ sizesPx: [16] });
    const [only] = await run({ sizesPx: [24] });
    expect(only!.dataset.rows[0]!.width).toBe(24);
    expect(readdirSync(work)).toEqual(['made']);
  });

  test('a finished one is recognised; another call to its place is refused', async () => {
    const [first] = await run({ sizesPx: [16] });
    const { mtimeMs } = statSync(join(out, 'manifest.csv'));
    const [second] = await run({ sizesPx: [16] });
    expect(second!.dataset.hash).toBe(first!.dataset.hash);
    expect(statSync(join(out, 'manifest.csv')).mtimeMs).toBe(mtimeMs);
    for (const options of [{ sizesPx: [24] }, { sizesPx: [16], name: 'another' }])
      await expect(run(options)).rejects.toThrow(/is a dataset already/);
    await expect(run({ folds: 2 })).rejects.toThrow(/is a dataset, not a folder for several/);
  });

  test('is refused while another process works there, and taken over from a killed one', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    try {
      await once(other, 'spawn');
      mkdirSync(join(work, '.made.preparing'));
      const owner = { pid: other.pid, host: hostname(), started: '', since: '' };
      writeFileSync(join(work, '.made.preparing', 'lock'), JSON.stringify(owner));
      await expect(run({ sizesPx: [16] })).rejects.toThrow(
        `another process is making this folder (process ${other.pid} on`,
      );
    } finally {
      other.kill('SIGKILL');
      await once(other, 'exit');
    }
    await run({ sizesPx: [16] });
    expect(readdirSync(work)).toEqual(['made']);
  });
});

test('a full disk is told, and nothing of the preparation is left there', async ({ skip }) => {
  const disk = mountSmallDisk(join(work, 'disk'), 60);
  if (!disk) return skip(noSmallDisk);
  try {
    const target = join(disk.dir, 'made');
    await expect(prepareDataset(source, target, { sizesPx: [64] })).rejects.toThrow(
      /^[^\n]*disk\/made: not written: the disk is full \(.* free\); make room there/,
    );
    expect(readdirSync(disk.dir)).toEqual([]);
    await expect(createPhantomDataset(target, { count: 40, sizePx: 64, prevalence: 0.5 })).rejects.toThrow(
      /disk\/made: not written: the disk is full/,
    );
    expect(readdirSync(disk.dir)).toEqual([]);
  } finally {
    disk.unmount();
  }
});

test('an image that has changed since the import is refused by name', async () => {
  const copy = join(work, 'changed');
  await prepareDataset(source, copy, {});
  const dataset = openDataset(copy);
  const path = imagePath(dataset, dataset.rows[5]!);
  const bytes = readFileSync(path);
  rmSync(path); // a hard link: the source keeps its own
  writeFileSync(path, Buffer.concat([bytes, Buffer.from('x')]));
  for (const options of [{ sizesPx: [16] }, { reduceTo: 59 }, {}])
    await expect(prepareDataset(dataset, out, options)).rejects.toThrow(
      /phantom-000005\.png: has changed since the import/,
    );
});

test.each<[PrepareOptions, RegExp]>([
  [{ sizesPx: [4] }, /sizesPx\.0: expected whole numbers from 8 to 4096/],
  [{ sizesPx: [16, 16] }, /twice/],
  [{ majorityRatio: 0.5 }, /from 1/],
  [{ reduceTo: 1 }, /from 2/],
  [{ cutEverywhere: true }, /give the ratio/],
  [{ folds: 1 }, /from 2/],
  [{ strata: ['site'] }, /give a split or folds/],
  [{ strata: ['nowhere'], folds: 3 }, /no such column; it has asymmetry/],
])('%j is refused', async (options, message) => {
  await expect(run(options)).rejects.toThrow(message);
});

describe('without another dataset', () => {
  test('its pictures are left out, with a receipt each', async () => {
    // The source's own pictures in other files, half as many, beside none that is new.
    const [other] = await prepareDataset(source, join(work, 'small'), { sizesPx: [40], reduceTo: 20 });
    const [made] = await run({ without: [other!.dataset.dir] });
    const theirs = new Set(other!.dataset.rows.map(({ id }) => id));
    expect(theirs.size).toBe(20);
    expect(made!.dataset.rows.map(({ id }) => id)).toEqual(
      source.rows.map(({ id }) => id).filter((id) => !theirs.has(id)),
    );
    const receipts = made!.report.problems.filter(({ kind }) => kind === 'in-another-set');
    expect(new Set(receipts.map(({ id }) => id))).toEqual(theirs);
    expect(receipts[0]!.detail).toMatch(/^alike to (0\.9\d\d|1\.000): \S+ of /);
    // The same call again is the same dataset; another one is not taken for it.
    expect((await run({ without: [other!.dataset.dir] }))[0]!.dataset.hash).toBe(made!.dataset.hash);
    await expect(run()).rejects.toThrow(DataError);
  });

  test('where nothing is left, it says so', async () => {
    await expect(run({ without: [source.dir] })).rejects.toThrow(/has all of its pictures; nothing is left/);
    expect(readdirSync(work)).toEqual([]);
  });
});
