import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError, DataError, Random, sha256 } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodePng } from '../../image/grid.js';
import { type Problem, problemKinds } from '../dataset/problems.js';
import { parseFractions } from '../dataset/split.js';
import { renderPhantom, samplePhantom } from '../phantom/index.js';
import { importDataset } from './import.js';
import type { ImportOptions } from './options.js';

let root: string;
let images: string;
let out: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-import-'));
  images = join(root, 'photos');
  out = join(root, 'made');
  mkdirSync(images);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const random = new Random(11);
async function picture(path: string): Promise<void> {
  const pixels = renderPhantom(samplePhantom(random, { prevalence: 0.5 }), 32);
  mkdirSync(dirname(join(images, path)), { recursive: true });
  writeFileSync(join(images, path), await encodePng(pixels, { width: 32, height: 32 }));
}

const table = (rows: readonly string[]): void =>
  writeFileSync(join(images, 'metadata.csv'), `${rows.join('\n')}\n`);

const run = (options: Partial<ImportOptions> = {}) =>
  importDataset(images, out, { positive: 'mel', metadata: 'metadata.csv', ...options });

/** `n` images in alternating classes, without any problem. */
async function soundImport(n: number): Promise<string[]> {
  const rows = ['id,dx,age,lesion_id,split'];
  for (let i = 0; i < n; i++) {
    await picture(`i${i}.png`);
    rows.push(`i${i},${i % 2 ? 'mel' : 'nev'},${20 + i},${i % 4 === 0 ? '' : `L${i >> 2}`},old`);
  }
  table(rows);
  return rows;
}

describe('a metadata table', () => {
  test('becomes a dataset: columns found, metadata kept, images copied, groups by lesion', async () => {
    await soundImport(24);
    const { dataset, report } = await run({ seed: 5, licence: 'CC0-1.0' });
    expect(dataset).toMatchObject({
      name: 'photos',
      label: 'dx',
      classes: ['mel', 'nev'],
      positive: 'mel',
      negative: 'nev',
      groupedBy: 'lesion',
      licence: 'CC0-1.0',
      seed: 5,
    });
    expect(dataset.provenance).toMatchObject({ idColumn: 'id', lesionColumn: 'lesion_id' });
    expect(report.counts).toEqual({});
    expect(report.found).toEqual({ files: 24, otherFiles: 0, rows: 24 });
    const row = dataset.rows.find(({ id }) => id === 'i5')!;
    expect(row).toMatchObject({ label: 'mel', group: 'lesion:L1', width: 32, height: 32 });
    expect(row.extra).toEqual({
      dx: 'mel',
      age: '25',
      lesion_id: 'L1',
      source_id: 'i5',
      source_split: 'old',
    });
    const copy = readFileSync(join(out, row.file));
    expect(sha256(copy)).toBe(row.sha256);
    expect(copy.equals(readFileSync(join(images, 'i5.png')))).toBe(true);
    expect(readdirSync(root).sort()).toEqual(['made', 'photos']); // nothing temporary is left
  });

  test('the same import gives the same manifest, whatever the order of the rows', async () => {
    const rows = await soundImport(16);
    const first = await run();
    const manifest = readFileSync(join(out, 'manifest.csv'), 'utf8');
    rmSync(out, { recursive: true });
    table([rows[0]!, ...rows.slice(1).reverse()]);
    expect((await run()).dataset.hash).toBe(first.dataset.hash);
    expect(readFileSync(join(out, 'manifest.csv'), 'utf8')).toBe(manifest);
  });

  test('ids may be file names or paths; folders are searched', async () => {
    for (const path of ['a/x.png', 'a/y.png', 'b/z.png', 'b/w.png']) await picture(path);
    table(['image;label', 'a/x.png;mel', 'y.png;nev', '.\\b\\z.png;mel', 'w;nev']);
    const { dataset } = await run();
    expect(dataset.rows.map(({ id, label }) => [id, label])).toEqual([
      ['a/x', 'mel'],
      ['b/z', 'mel'],
      ['w', 'nev'],
      ['y', 'nev'],
    ]);
    expect(dataset.rows[0]!.file).toBe('images/a_x.png');
  });

  test('labels are put together and left out as asked', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) await picture(`${id}.png`);
    table(['id,dx', 'a,mel', 'b,bcc', 'c,nev', 'd,sk', 'e,df']);
    const { dataset, report } = await run({
      positive: 'malignant',
      renameLabels: { mel: 'malignant', bcc: 'malignant' },
      classes: ['malignant', 'nev', 'sk'],
      negative: 'benign',
    });
    expect(dataset.rows.map((row) => row.label)).toEqual(['malignant', 'malignant', 'nev', 'sk']);
    expect(dataset.negative).toBe('benign');
    expect(report.counts).toMatchObject({ 'other-class': 1, 'file-of-unused-row': 1 });
  });

  test('files that differ in their extension alone are two images, whatever the order of the rows', async () => {
    await soundImport(4);
    for (const path of ['x.png', 'x.jpg']) await picture(path);
    const rows = ['id,dx', 'x.png,mel', 'x.jpg,nev', 'i0,nev', 'i1,mel'];
    table(rows);
    const { dataset } = await run();
    expect(dataset.rows.map(({ id, label }) => [id, label])).toEqual([
      ['i0', 'nev'],
      ['i1', 'mel'],
      ['x.jpg', 'nev'],
      ['x.png', 'mel'],
    ]);
  });

  test('a column that the manifest has too is stratified by under its new name', async () => {
    await soundImport(24);
    const rows = ['id,dx,group'];
    for (let i = 0; i < 24; i++) rows.push(`i${i},${i % 2 ? 'mel' : 'nev'},${i < 12 ? 'a' : 'b'}`);
    table(rows);
    const { dataset } = await run({ strata: ['group'], fractions: parseFractions('50/25/25') });
    expect(dataset.strata).toEqual(['source_group']);
    const inTrain = dataset.rows.filter(({ split }) => split === 'train');
    expect(inTrain.filter(({ extra }) => extra.source_group === 'a')).toHaveLength(6);
  });

  test('links to images, and links to nowhere', async () => {
    await soundImport(4);
    const links = join(root, 'links');
    mkdirSync(links);
    for (let i = 0; i < 4; i++) symlinkSync(`../photos/i${i}.png`, join(links, `i${i}.png`));
    symlinkSync('nowhere', join(links, 'dangling'));
    cpSync(join(images, 'metadata.csv'), join(links, 'metadata.csv'));
    const { dataset, report } = await importDataset(links, out, {
      positive: 'mel',
      metadata: 'metadata.csv',
      images: 'link',
    });
    for (const row of dataset.rows) expect(sha256(readFileSync(join(out, row.file)))).toBe(row.sha256);
    expect(report.counts['not-an-image']).toBe(1);
    expect(report.problems.find(({ kind }) => kind === 'not-an-image')!.file).toBe('dangling');
  });

  test('linked images are the originals', async () => {
    await soundImport(4);
    const { dataset } = await run({ images: 'link' });
    expect(statSync(join(out, dataset.rows[0]!.file)).ino).toBe(statSync(join(images, 'i0.png')).ino);
  });
});

/** Every file and every row is in the dataset or, by name, in the report. */
function account(problems: readonly Problem[], used: { files: string[]; lines: number[] }) {
  const leftOut = problems.filter(({ kind }) => problemKinds[kind].leaves !== 'nothing');
  return {
    files: [...new Set([...used.files, ...leftOut.map(({ file }) => file).filter(Boolean)])].sort(),
    lines: [...new Set([...used.lines, ...leftOut.map(({ line }) => line).filter(Boolean)])].sort(
      (a, b) => a - b,
    ),
  };
}

describe('what is wrong with the input', () => {
  test('is counted and named, and nothing is lost', async () => {
    await soundImport(24);
    const rows = readFileSync(join(images, 'metadata.csv'), 'utf8').trim().split('\n');
    for (const path of ['orphan.png', 'nolabel.png', 'vague.png', 'torn.png', 'x/twice.png', 'y/twice.png'])
      await picture(path);
    cpSync(join(images, 'i1.png'), join(images, 'copy/i1.png'), { recursive: true }); // same name, same bytes
    cpSync(join(images, 'i2.png'), join(images, 'other.png')); // same bytes, other name, other label
    cpSync(join(images, 'i4.png'), join(images, 'same.png')); // same bytes, other name, same label
    writeFileSync(join(images, 'broken.png'), 'not a picture');
    writeFileSync(join(images, 'notes.txt'), 'x');
    rows.push(
      'ghost,mel,1,,', // 26: no file
      ',mel,1,,', // 27: no id
      'nolabel,,1,,', // 28
      'vague,Unknown,1,,', // 29
      'torn,mel,1,,', // 30: disagrees
      'torn,nev,1,,', // 31
      'i3,mel,99,L77,', // 32: agrees with line 5
      'twice,mel,1,,', // 33: two files that differ
      'broken,nev,1,,', // 34
      'other,mel,1,,', // 35: copy of i2 (nev)
      'same,nev,1,,', // 36: copy of i4 (nev)
    );
    table(rows);
    const { dataset, report } = await run({ skipUnreadable: true });
    expect(report.counts).toEqual({
      'unreadable-image': 1,
      'row-without-file': 1,
      'file-without-row': 1,
      'missing-id': 1,
      'empty-label': 1,
      'unknown-label': 1,
      'duplicate-id': 1,
      'conflicting-id': 2,
      'duplicate-file': 1,
      'ambiguous-file': 1,
      'conflicting-duplicate': 2,
      'exact-duplicate': 1,
      'file-of-unused-row': 5,
      'not-an-image': 1,
    });
    expect(report.flow.map(({ stage, images: left }) => [stage, left])).toEqual([
      ['found', 35],
      ['missing-id', 34],
      ['empty-label', 33],
      ['unknown-label', 32],
      ['conflicting-id', 30],
      ['duplicate-id', 29],
      ['row-without-file', 28],
      ['ambiguous-file', 27],
      ['unreadable-image', 26],
      ['conflicting-duplicate', 24],
      ['exact-duplicate', 23],
    ]);
    expect(report.flow[0]!.byLabel).toEqual({ '': 1, Unknown: 1, mel: 18, nev: 15 });
    expect(report.flow.at(-1)!.images).toBe(dataset.rows.length);
    expect(report.problems.find(({ kind }) => kind === 'unreadable-image')).toMatchObject({
      id: 'broken',
      file: 'broken.png',
      line: 34,
    });
    expect(dataset.rows.map(({ id }) => id)).not.toContain('torn');
    for (const gone of ['i2', 'other', 'same']) {
      expect(dataset.rows.map(({ id }) => id)).not.toContain(gone);
      expect(existsSync(join(out, 'images', `${gone}.png`))).toBe(false);
    }
    expect(report.duplicates).toMatchObject([
      { a: 'i2', b: 'other', kind: 'exact' },
      { a: 'i4', b: 'same', kind: 'exact' },
    ]);

    const ids = dataset.rows.map(({ id }) => id);
    const usedLines = rows.flatMap((line, i) => (i > 0 && ids.includes(line.split(',')[0]!) ? [i + 1] : []));
    const accounted = account(report.problems, { files: ids.map((id) => `${id}.png`), lines: usedLines });
    const files = (readdirSync(images, { recursive: true, encoding: 'utf8' }) as string[]).filter((name) =>
      /\.(png|txt)$/.test(name),
    );
    expect(accounted.files).toEqual(files.sort());
    expect(accounted.lines).toEqual(rows.slice(1).map((_, i) => i + 2));
    const written = JSON.parse(readFileSync(join(out, 'import-report.json'), 'utf8'));
    expect(written).toEqual(JSON.parse(JSON.stringify(report)));
    expect(readFileSync(join(out, 'cleaning.csv'), 'utf8').trim().split('\n')).toHaveLength(
      report.problems.length + 1,
    );
  });

  test('a further row of an image adds its lesion to the group', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await picture(`${id}.png`);
    table(['id,dx,lesion_id', 'a,mel,L1', 'b,nev,L2', 'c,mel,L3', 'd,nev,', 'a,mel,L2']);
    const { dataset } = await run();
    expect(dataset.rows.map((row) => row.group)).toEqual(['lesion:L1', 'lesion:L1', 'lesion:L3', 'image:d']);
  });

  test('a removed copy still ties its lesion to the group of the one that stays', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await picture(`${id}.png`);
    cpSync(join(images, 'a.png'), join(images, 'e.png'));
    table(['id,dx,lesion_id', 'a,mel,L1', 'b,nev,L2', 'c,mel,L3', 'd,nev,L5', 'e,mel,L2']);
    const { dataset } = await run();
    const group = (id: string) => dataset.rows.find((row) => row.id === id)?.group;
    expect(group('e')).toBeUndefined();
    expect(group('a')).toBe(group('b'));
    expect(group('a')).not.toBe(group('c'));
  });

  test('exact copies are kept in one group where that is asked for, also when their labels differ', async () => {
    await soundImport(8);
    cpSync(join(images, 'i2.png'), join(images, 'copy.png'));
    const rows = readFileSync(join(images, 'metadata.csv'), 'utf8').trim().split('\n');
    table([...rows, 'copy,mel,1,,']);
    const { dataset, report } = await run({ duplicates: { exact: 'group' } });
    const group = (id: string) => dataset.rows.find((row) => row.id === id)!.group;
    expect(group('copy')).toBe(group('i2'));
    expect(report.counts).toMatchObject({ 'label-conflict': 1 });
    expect(report.counts).not.toHaveProperty('conflicting-duplicate');
  });

  test('pairs known by name are near-duplicates', async () => {
    await soundImport(8);
    writeFileSync(join(images, 'pairs.csv'), 'one,other\ni5.png,i2\ni7,elsewhere\n');
    const { dataset, report } = await run({ knownDuplicates: 'pairs.csv' });
    const group = (id: string) => dataset.rows.find((row) => row.id === id)!.group;
    expect(group('i5')).toBe(group('i2'));
    expect(report.counts['not-an-image']).toBeUndefined(); // the table of pairs is used, not left out
    expect(report.duplicates).toMatchObject([{ a: 'i2', b: 'i5', kind: 'near', correlation: 0 }]);
  });

  test('rows without a value that is required are left out', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) await picture(`${id}.png`);
    table(['id,dx,reading', 'a,mel,x', 'b,nev,Unknown', 'c,nev,', 'd,nev,y', 'e,mel,other']);
    const { dataset, report } = await run({ required: ['reading'] });
    expect(dataset.rows.map(({ id }) => id)).toEqual(['a', 'd']);
    expect(report.problems.filter(({ kind }) => kind === 'missing-value')).toMatchObject([
      { id: 'b', line: 3, label: 'nev', table: 'metadata.csv', detail: "reading is 'Unknown'" },
      { id: 'c', line: 4, detail: 'reading is empty' },
      { id: 'e', line: 6, detail: "reading is 'other'" },
    ]);
  });

  test('one class alone only where that is asked for', async () => {
    await picture('a.png');
    await picture('b.png');
    table(['id,dx', 'a,mel', 'b,mel']);
    await expect(run()).rejects.toThrow(/--one-class/);
    const { dataset } = await run({ oneClass: true });
    expect(dataset).toMatchObject({ classes: ['mel'], positive: 'mel', negative: 'not mel' });
  });

  test('unreadable images fail the import with names and remedy, and leave nothing', async () => {
    await soundImport(8);
    truncateSync(join(images, 'i3.png'), statSync(join(images, 'i3.png')).size - 200);
    writeFileSync(join(images, 'i6.png'), '');
    await expect(run()).rejects.toThrow(DataError);
    await expect(run()).rejects.toThrow(
      /^2 of 8 images cannot be decoded: i3\.png, i6\.png \(.+\); repair or remove them, leave them out with --skip-unreadable, or take what decodes .*--accept-warnings$/,
    );
    expect(readdirSync(root)).toEqual(['photos']);
    const { dataset } = await run({ skipUnreadable: true });
    expect(dataset.rows).toHaveLength(6);
  });

  test.each<[string, Partial<ImportOptions>, RegExp]>([
    [
      'an id column that is not there',
      { idColumn: 'isic' },
      /--id-column isic: .*has no such column; it has id, dx/,
    ],
    ['a label column that is not there', { labelColumn: 'y' }, /--label-column y/],
    ['a group column that is not there', { lesionColumn: 'y' }, /--group-column y/],
    ['a positive that is nowhere', { positive: 'melanoma' }, /no column holds 'melanoma'/],
    [
      'a positive that is not in the column',
      { positive: 'x', labelColumn: 'dx' },
      /labels found: .*mel \(4\)/,
    ],
    ['a table that is not there', { metadata: 'none.csv' }, /none\.csv: no such file/],
    ['no source of labels', { metadata: undefined }, /--metadata/],
    [
      'a table of duplicates that is not there',
      { knownDuplicates: 'none.csv' },
      /^--known-duplicates none\.csv: no such file/,
    ],
    [
      'a label to rename that nothing has',
      { renameLabels: { Nev: 'mel' } },
      /--rename Nev=mel: nothing has the label 'Nev'; labels found: mel, nev/,
    ],
    [
      'two given splits',
      { metadata: ['train=metadata.csv'], splitColumn: 'split' },
      /give the split already/,
    ],
    ['a negative that is the positive', { negative: 'mel' }, /that is the positive label/],
    ['a stratum that is not there', { strata: ['site'] }, /--stratify site: .* there are .*age/],
    ['an id column that matches nothing', { idColumn: 'age' }, /no row of .* matches an image/],
  ])('%s is refused', async (_, options, message) => {
    await soundImport(8);
    await expect(run(options)).rejects.toThrow(message);
    await expect(run(options)).rejects.toSatisfy(
      (error) => error instanceof ConfigError || error instanceof DataError,
    );
    expect(existsSync(out)).toBe(false);
  });

  test('a folder in use is not touched', async () => {
    await soundImport(4);
    mkdirSync(out);
    writeFileSync(join(out, 'mine.txt'), 'x');
    await expect(run()).rejects.toThrow(/not empty/);
    expect(readdirSync(out)).toEqual(['mine.txt']);
  });
});

describe('a given split', () => {
  /** Lesion L1 (i4 … i7, i4 without it) is in train and test, L2 in train and val. */
  async function splitTable(): Promise<void> {
    const rows = ['id,dx,lesion_id,part'];
    for (let i = 0; i < 40; i++) {
      await picture(`i${i}.png`);
      const part = i % 10 === 5 ? 'Testing' : i % 10 === 9 ? 'valid' : 'train';
      rows.push(`i${i},${i % 2 ? 'mel' : 'nev'},${i % 4 === 0 ? '' : `L${i >> 2}`},${part}`);
    }
    table(rows);
  }

  test('is refused where it tears groups apart, with their number and the remedy', async () => {
    await splitTable();
    await expect(run({ splitColumn: 'part' })).rejects.toThrow(
      /^the given split tears 8 groups \(24 images\) apart: lesion:L\d+, .* and 5 more; .*--leaks drop/,
    );
    expect(existsSync(out)).toBe(false);
  });

  test('is kept, and what leaks leaves the split that is trained on', async () => {
    await splitTable();
    const { dataset, report } = await run({ splitColumn: 'part', leaks: 'drop' });
    expect(dataset.splitBy).toBe('given');
    const left = report.problems.filter(({ kind }) => kind === 'leaking-image');
    expect(dataset.rows.length + left.length).toBe(40);
    const { rows } = dataset;
    // i5 is tested on; of its lesion nothing is trained on.
    expect(rows.find(({ id }) => id === 'i5')!.split).toBe('test');
    expect(rows.map(({ id }) => id)).not.toContain('i6');
    expect(left.find(({ id }) => id === 'i6')!.detail).toBe('in train, but lesion:L1 is in test as well');
    for (const row of rows) {
      const i = Number(row.id.slice(1));
      expect(row.split).toBe(i % 10 === 5 ? 'test' : i % 10 === 9 ? 'val' : 'train');
    }
  });

  test('may come from a table for each split; validation is then dealt from training, by group', async () => {
    const rows: string[] = [];
    for (let i = 0; i < 40; i++) {
      await picture(`i${i}.png`);
      rows.push(`i${i},${i % 2 ? 'mel' : 'nev'},L${i >> 1}`);
    }
    for (const [name, own] of Object.entries({ 'a.csv': rows.slice(0, 30), 'b.csv': rows.slice(30) }))
      writeFileSync(join(images, name), `id,dx,lesion_id\n${own.join('\n')}\n`);
    const { dataset } = await run({ metadata: ['train=a.csv', 'test=b.csv'], seed: 4 });
    const ids = (split: string) => dataset.rows.filter((row) => row.split === split).map(({ id }) => id);
    expect(ids('test').sort()).toEqual(Array.from({ length: 10 }, (_, i) => `i${30 + i}`));
    expect(ids('val').length).toBeGreaterThanOrEqual(4);
    expect(ids('val').length).toBeLessThanOrEqual(6);
    expect(dataset.provenance.metadata).toMatchObject([{ rows: 30 }, { rows: 10 }]);
    await expect(run({ metadata: ['train=a.csv', 'b.csv'] })).rejects.toThrow(/either every table/);
  });

  test('a value that is no split is named', async () => {
    await picture('a.png');
    await picture('b.png');
    table(['id,dx,part', 'a,mel,train', 'b,nev,dev']);
    await expect(run({ splitColumn: 'part' })).rejects.toThrow(
      /metadata\.csv, line 3: part: 'dev' is no split; expected train/,
    );
  });
});

describe('a folder for each class', () => {
  test.each<[Partial<ImportOptions>, RegExp]>([
    [{ required: ['age'] }, /--require age: needs a metadata table/],
    [{ splitColumn: 'part' }, /--split-column part: needs/],
    [{ strata: ['site'] }, /--stratify site: there is no such column; there are source_file/],
    [{ renameLabels: { Nev: 'mel' } }, /nothing has the label 'Nev'; labels found: mel, nev/],
  ])('%j is refused', async (options, message) => {
    await picture('mel/a.png');
    await picture('nev/b.png');
    await expect(run({ metadata: undefined, labelFromFolders: true, ...options })).rejects.toThrow(message);
  });

  test('is the label; equal names in two folders are two images', async () => {
    for (const path of ['mel/1.png', 'mel/2.png', 'nev/1.png', 'nev/deep/3.png', 'stray.png'])
      await picture(path);
    const { dataset, report } = await run({ metadata: undefined, labelFromFolders: true });
    expect(dataset.rows.map(({ id, label }) => [id, label])).toEqual([
      ['2', 'mel'],
      ['3', 'nev'],
      ['mel/1', 'mel'],
      ['nev/1', 'nev'],
    ]);
    expect(report.problems.filter(({ kind }) => kind === 'empty-label')).toMatchObject([
      { file: 'stray.png' },
    ]);
    expect(dataset.label).toBe('folder');
  });
});

describe('an import that is stopped', () => {
  test('by a signal leaves nothing', async () => {
    await soundImport(12);
    const stop = new AbortController();
    const onProgress = (_: string, done: number) => {
      if (done === 5) stop.abort(new Error('enough'));
    };
    await expect(run({ onProgress, signal: stop.signal })).rejects.toThrow('enough');
    expect(readdirSync(root)).toEqual(['photos']);
  });

  test('what a killed one left is cleared by the next', async () => {
    await soundImport(4);
    const left = join(root, '.made.making');
    mkdirSync(join(left, 'folder', 'images'), { recursive: true });
    writeFileSync(join(left, 'lock'), JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), started: '' }));
    await run();
    expect(readdirSync(root).sort()).toEqual(['made', 'photos']);
  });
});

const real = join(process.cwd(), '../shared/data/isic2017');
// Needs real images that are not part of the project.
test.skipIf(!existsSync(real))('ISIC 2017: a slice of it, by the documented command', async () => {
  const [header, ...rows] = readFileSync(join(real, 'metadata.csv'), 'utf8').trim().split('\n');
  const slice = rows.filter((_, i) => i % 20 === 0);
  table([header!, ...slice]);
  for (const row of slice) {
    const name = `${row.split(',')[0]}.jpg`;
    cpSync(join(real, 'images', name), join(images, name));
  }
  const { dataset, report } = await run({
    idColumn: 'isic_id',
    labelColumn: 'diagnosis',
    positive: 'melanoma',
    lesionColumn: 'lesion_id',
    fractions: parseFractions('70/15/15'),
  });
  expect(report.counts).toEqual({});
  expect(dataset.rows).toHaveLength(slice.length);
  expect(dataset.classes).toEqual(['melanoma', 'nevus', 'seborrheic keratosis']);
  expect(dataset.negative).toBe('not melanoma');
});
