import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from 'graft-torch/base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeImage } from '../../image/encode.js';
import { createDataset } from '../build/create.js';
import type { DatasetItem } from '../build/item.js';
import { type Dataset, manifestFile, openDataset } from '../dataset/dataset.js';
import { reportFile } from '../dataset/report.js';
import { readTable, writeTable } from '../table/table.js';
import { auditDataset, auditManifest, auditTables } from './index.js';

const images = 120;
const sizePx = 24;
const random = new Random(9);

let root: string;
let dataset: Dataset;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-audit-'));
  dataset = (
    await createDataset(
      join(root, 'planted'),
      { header, items: Array.from({ length: images }, (_, i) => item(i)) },
      {
        nearDuplicates: false,
      },
    )
  ).dataset;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const header = {
  name: 'planted',
  kind: 'images',
  label: 'diagnosis',
  positive: 'melanoma',
  licence: '',
  provenance: { lesionColumn: 'lesion', idColumn: 'isic_id' },
} as const;

/** Noise; melanomas are darker, and mostly saved at another quality. Two images a lesion. */
function item(i: number): DatasetItem {
  const malignant = i % 4 < 2;
  const level = malignant ? 60 : 90;
  const data = Uint8Array.from({ length: sizePx * sizePx * 3 }, () => level + random.int(100));
  const quality = malignant !== (i % 10 === 0) ? 70 : 90;
  const label = malignant ? 'melanoma' : 'nevus';
  return {
    id: `i${String(i).padStart(3, '0')}`,
    label,
    patients: [],
    lesions: [`L${i >> 1}`],
    extra: {
      isic_id: `i${i}`,
      diagnosis: label,
      lesion: `L${i >> 1}`,
      sex: random.chance(0.5) ? 'male' : 'female',
      source_split: i % 2 ? 'old test' : 'old train',
    },
    source: {
      make: () => encodeImage({ data, width: sizePx, height: sizePx }, 'jpeg', { quality }),
    },
    name: `i${i}.jpg`,
    table: '',
    line: 0,
  };
}

describe('a dataset', () => {
  test('no leak; what was planted in files and pixels is flagged, and nothing else', async () => {
    const progress: number[] = [];
    const result = await auditDataset(dataset, { onProgress: (done) => progress.push(done) });
    expect(result).toMatchObject({
      format: 'graft-audit-1',
      name: 'planted',
      hash: dataset.hash,
      images,
      positive: 'melanoma',
      splits: ['train', 'val', 'test'],
      leaks: [],
    });
    expect(Object.values(result.splitImages).reduce((sum, n) => sum + n, 0)).toBe(images);
    const flagged = result.confounds.filter((one) => one.flagged).map(({ feature }) => feature);
    expect(flagged).toEqual(expect.arrayContaining(['brightness', 'JPEG quality', 'file size']));
    expect(flagged).not.toContain('sex');
    expect(result.confounds.find(({ feature }) => feature === 'JPEG quality')!.levels).toMatchObject([
      { level: '70' },
      { level: '90' },
    ]);
    expect(result.notes).toContainEqual(
      expect.stringMatching(
        /^The same for all images but a few at most: width, height, aspect ratio, format/,
      ),
    );
    expect(progress[0]).toBe(0);
    expect(progress.at(-1)).toBe(images);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  test('without pixels; one seed gives one result', async () => {
    const [one, same, other] = await Promise.all(
      [1, 1, 2].map((seed) => auditDataset(dataset, { seed, pixels: false })),
    );
    expect(one!.confounds.map(({ source }) => source)).not.toContain('pixels');
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
  });

  test('another split of the same images tears every lesion apart', async () => {
    const { leaks, splits, notes } = await auditDataset(dataset, {
      pixels: false,
      splitColumn: 'source_split',
    });
    expect(splits).toEqual(['old train', 'old test']);
    const lesion = leaks.find(({ kind }) => kind === 'lesion')!;
    expect(lesion).toMatchObject({ groups: images / 2, images: [images / 2, images / 2] });
    expect(notes[0]).toBe(
      '60 of the 60 images of old test (100.0 %) show a lesion that is also in old train.',
    );
    await expect(auditDataset(dataset, { splitColumn: 'nope' })).rejects.toThrow(
      /--split-column nope: no such metadata column .* sex/,
    );
  });

  test('pairs of the import report that lie in two splits; --recompute finds them without a report', async () => {
    // Images without lesion ids, of which one is a recompressed copy of another: the import would group them.
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => {
      const [x, y] = [(Math.floor(at / 3) % 64) - 20, Math.floor(at / 192) - 34];
      return (x * x + 2 * y * y < 300 ? 60 : 190) + ((x * y) % 23) + (at % 3) * 9;
    });
    const copies = [95, 60].map((quality, i): DatasetItem => {
      const split = i === 0 ? 'train' : 'test';
      return {
        ...item(i),
        id: `copy${i}`,
        lesions: [],
        extra: {},
        group: `image:copy${i}`,
        split,
        source: {
          make: () => encodeImage({ data, width: 64, height: 64 }, 'jpeg', { quality }),
        },
      };
    });
    const others = Array.from({ length: 4 }, (_, i) => ({
      ...item(100 + i),
      extra: {},
      group: `image:${i}`,
      split: 'train' as const,
    }));
    const { dataset: torn, report } = await createDataset(
      join(root, 'torn'),
      { header, items: [...copies, ...others] },
      {
        fractions: { train: 0.8, val: 0, test: 0.2 },
      },
    );
    const audited = () => auditDataset(torn, { pixels: false });
    expect((await audited()).leaks).toEqual([]);
    const found = [
      {
        kind: 'near-duplicate',
        splits: ['train', 'test'],
        groups: 1,
        images: [1, 1],
        known: [1, 1],
        examples: [{ key: 'copy0', ids: ['copy0', 'copy1'] }],
      },
    ];
    expect((await auditDataset(torn, { pixels: false, recompute: true })).leaks).toEqual(found);
    const path = join(torn.dir, reportFile);
    writeFileSync(path, JSON.stringify({ ...report, duplicates: [{ a: 'copy0', b: 'copy1' }] }));
    expect((await audited()).leaks).toEqual(found);
    rmSync(path);
    expect((await audited()).notes[0]).toMatch(/Near-duplicates are not known: .*--recompute/);
  });

  test('too few images of a class: no confounds, and a note that says so', async () => {
    const few = await auditDataset({ ...dataset, rows: dataset.rows.slice(0, 12) }, { pixels: false });
    expect(few.confounds).toEqual([]);
    expect(few.notes.join('\n')).toMatch(/not looked for: 6 images of melanoma and 6 others; .* needs 10/);
  });

  test('an image that has gone is named', async () => {
    const path = join(root, 'gone');
    cpSync(dataset.dir, path, { recursive: true });
    const opened = openDataset(path);
    rmSync(join(path, opened.rows[3]!.file));
    await expect(auditDataset(opened)).rejects.toThrow(/i003\.jpg: no such file; put it back/);
  });

  test('is stopped by its signal', async () => {
    const stopped = new AbortController();
    stopped.abort(new Error('stopped by the user'));
    await expect(auditDataset(dataset, { signal: stopped.signal })).rejects.toThrow('stopped by the user');
  });
});

test('a manifest that was edited by hand: openDataset refuses it, the audit counts the damage', () => {
  const dir = join(root, 'edited');
  cpSync(dataset.dir, dir, { recursive: true });
  const path = join(dir, manifestFile);
  const table = readTable(path);
  const moved = table.rows.findIndex(({ cells }) => cells.split === 'train');
  const { cells } = table.rows[moved]!;
  cells.split = 'test';
  // A copy of another training image in test, under a name of its own.
  const copied = table.rows.find(({ cells: other }, i) => i !== moved && other.split === 'train')!.cells;
  const copy = { ...copied, id: 'copy', lesion: 'L9999', group: 'lesion:L9999', split: 'test' };
  writeTable(path, table.columns, [...table.rows.map((row) => row.cells), copy]);
  expect(() => openDataset(dir)).toThrow();
  const result = auditManifest(dir);
  expect(result).toMatchObject({ name: 'planted', hash: null, images: images + 1, positive: 'melanoma' });
  expect(result.leaks.map(({ kind, splits, groups }) => [kind, splits.join(), groups])).toEqual([
    ['file', 'train,test', 1],
    ['lesion', 'train,test', 1],
    ['group', 'train,test', 1],
  ]);
  expect(result.leaks[1]!.examples[0]).toMatchObject({ key: cells.lesion });
  expect(result.confounds.map(({ feature }) => feature)).toEqual(['sex']);
  // A description that is no YAML does not stop it either.
  writeFileSync(join(dir, 'dataset.yaml'), '{');
  expect(auditManifest(dir)).toMatchObject({ name: 'edited', positive: 'melanoma' });
});

describe('tables', () => {
  const write = (name: string, lines: readonly string[]): string => {
    const path = join(root, name);
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  };
  const rows = (from: number, to: number): string[] =>
    Array.from(
      { length: to - from },
      (_, i) => `im${from + i},P${(from + i) % 40},${(from + i) % 3 ? 'nev' : 'mel'},f`,
    );

  test('of their own: columns of usual names, the label’s by the positive', async () => {
    const train = write('train.csv', ['name,patient_id,dx,site', ...rows(0, 60)]);
    const test = write('test.csv', ['name,patient_id,dx,site', ...rows(60, 90), 'im3,,nev,f']);
    const result = await auditTables(
      [
        { split: 'train', paths: [train] },
        { split: 'test', paths: [test] },
      ],
      { mapping: 'plain', positive: 'mel' },
    );
    expect(result).toMatchObject({
      name: 'train.csv, test.csv',
      images: 91,
      splitImages: { train: 60, test: 31 },
      positive: 'mel',
    });
    expect(result.leaks.map(({ kind, groups, images: n }) => [kind, groups, n])).toEqual([
      ['id', 1, [1, 1]],
      ['patient', 30, [40, 30]],
    ]);
    expect(result.notes).toContain(
      'Read as plain: no column is known to name the lesion, so that such leaks cannot be seen.',
    );
  });

  test('one table with a split column, and pairs that are known', async () => {
    const table = write('all.csv', [
      'name,grade,set',
      ...Array.from({ length: 40 }, (_, i) => `n${i},${i % 2},${i < 20 ? 'a' : 'b'}`),
    ]);
    const result = await auditTables([{ paths: [table] }], {
      mapping: 'plain',
      positive: '1',
      columns: { split: 'set', label: 'grade' },
      pairs: [
        ['n1', 'n30'],
        ['n1', 'elsewhere'],
      ],
    });
    expect(result.splits).toEqual(['a', 'b']);
    expect(result.leaks).toMatchObject([{ kind: 'near-duplicate', groups: 1, images: [1, 1] }]);
  });

  test.each([
    [{ columns: { id: 'nope' } }, /--id-column nope: no such column; there are name, grade, set/],
    [
      { columns: { label: 'grade' }, positive: '7' },
      /--positive 7: no row has this label; .*: 0, 1;.*--label-column/,
    ],
  ])('%j is refused', async (options, message) => {
    const table = write('few.csv', ['name,grade,set', 'a,0,x', 'b,1,y']);
    await expect(auditTables([{ paths: [table] }], { mapping: 'plain', ...options })).rejects.toThrow(
      message,
    );
  });

  test('a row without a split is named; a table without the id too; no positive is no error', async () => {
    const table = write('gap.csv', ['name,grade,set', 'a,0,x', 'b,1,']);
    const columns = { split: 'set' };
    await expect(auditTables([{ paths: [table] }], { mapping: 'plain', columns })).rejects.toThrow(
      /gap\.csv, line 3: set is empty/,
    );
    const other = write('other.csv', ['picture,grade', 'a,0']);
    const tables = [table, other].map((path, i) => ({ split: String(i), paths: [path] }));
    await expect(auditTables(tables, { mapping: 'plain' })).rejects.toThrow(
      /other\.csv: no column name, which names the images in .*gap\.csv/,
    );
    const result = await auditTables([{ paths: [table] }], { mapping: 'plain' });
    expect(result).toMatchObject({ positive: '', confounds: [], splits: ['all'] });
    expect(result.notes.join()).toMatch(/name it with --positive/);
  });
});

const shared = join(process.cwd(), '../shared/data');
describe.skipIf(!existsSync(shared))('on the shared data (skipped where it is not there)', () => {
  test('aidl21: 790 of the 839 test rows that carry a patient id share it with train', async () => {
    const result = await auditTables(
      ['train', 'test'].map((split) => ({ split, paths: [join(shared, `metadata/aidl21-${split}.csv`)] })),
      { mapping: 'aidl21' },
    );
    expect(result).toMatchObject({ images: 22_922, splitImages: { train: 16_045, test: 6877 } });
    const patient = result.leaks.find(({ kind }) => kind === 'patient')!;
    expect(patient.images[1]).toBe(790);
    expect(patient.known[1]).toBe(839);
    expect(result.notes[result.leaks.indexOf(patient)]).toBe(
      '790 of the 839 images of test whose patient is known (94.2 %), 11.5 % of all 6,877, show a patient who is also in train.',
    );
    // The same by hand.
    const ids = (split: string) =>
      readFileSync(join(shared, `metadata/aidl21-${split}.csv`), 'utf8')
        .split('\n')
        .map((line) => line.split(',')[0]!)
        .filter((id) => id.startsWith('IP_'));
    const trained = new Set(ids('train'));
    const touched = ids('test').filter((id) => trained.has(id));
    expect(patient.images[1]).toBe(touched.length);
    expect(patient.groups).toBe(new Set(touched).size);
  });

  test('ISIC 2017: lesions span the official splits; a missing site tells that it is no melanoma', async () => {
    const result = await auditTables([{ paths: [join(shared, 'isic2017/metadata.csv')] }], {
      positive: 'melanoma',
      columns: { split: 'split' },
    });
    expect(result.leaks).toMatchObject([
      { kind: 'lesion', splits: ['train', 'val'], groups: 2, images: [3, 2] },
    ]);
    const site = result.confounds.find(({ feature }) => feature === 'anatom_site_general')!;
    expect(site.flagged).toBe(true);
    expect(site.levels.find(({ level }) => level === '(missing)')).toEqual({
      level: '(missing)',
      images: 486,
      positiveShare: 0,
    });
  });
});
