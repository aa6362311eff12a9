/** What stands in the cells of real tables: spellings, odd characters, words for nothing, numbers that were ids. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Random } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodePng } from '../../image/grid.js';
import { openDataset } from '../dataset/dataset.js';
import type { ProblemKind } from '../dataset/problems.js';
import { plainText } from '../table/cell.js';
import { importDataset } from './import.js';
import type { ImportOptions } from './options.js';

let root: string;
let images: string;
let out: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-words-'));
  images = join(root, 'photos');
  out = join(root, 'made');
  mkdirSync(images);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const random = new Random(5);
async function pictures(...paths: string[]): Promise<void> {
  for (const path of paths) {
    const pixels = Uint8Array.from({ length: 3 * 16 * 16 }, () => random.int(256));
    mkdirSync(dirname(join(images, path)), { recursive: true });
    writeFileSync(join(images, path), await encodePng(pixels, { width: 16, height: 16 }));
  }
}

const put = (name: string, content: string | Uint8Array): void => writeFileSync(join(root, name), content);
const csv = (rows: readonly (readonly string[])[]): void =>
  put(
    'm.csv',
    rows.map((row) => `${row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\n`).join(''),
  );

const run = (options: Partial<ImportOptions> = {}) =>
  importDataset(images, out, {
    positive: 'melanoma',
    metadata: join(root, 'm.csv'),
    duplicates: { near: 'keep' },
    ...options,
  });

const names = Array.from({ length: 12 }, (_, i) => `img${String(i).padStart(2, '0')}`);
const files = names.map((name) => `${name}.png`);
type Made = Awaited<ReturnType<typeof run>>;
const labels = ({ dataset }: Made): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { label } of dataset.rows) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
};
const details = ({ report }: Made, kind: ProblemKind): string[] =>
  report.problems
    .filter((one) => one.kind === kind)
    .map(({ detail }) => detail)
    .sort();

describe('labels', () => {
  test('of one class in several spellings are one class, and the import says which', async () => {
    await pictures(...files);
    const spellings = [
      'melanoma',
      'Melanoma',
      'MELANOMA',
      ' melanoma\u00a0',
      'mela\u00adnoma',
      'melanoma\u200b',
    ];
    csv([['image', 'dx'], ...names.map((name, i) => [name, i % 2 ? 'nevus' : spellings[i / 2]!])]);
    const made = await run();
    expect(labels(made)).toEqual({ melanoma: 6, nevus: 6 });
    expect(details(made, 'label-spelling')).toEqual([
      "label 'MELANOMA' (1 rows) is read as 'melanoma'",
      "label 'Melanoma' (1 rows) is read as 'melanoma'",
    ]);
    expect(details(made, 'odd-cells')).toEqual([expect.stringMatching(/^dx: 3 cells lost .*, line 8$/)]);
    expect(readFileSync(join(out, 'cleaning.csv'), 'utf8')).toContain("label 'MELANOMA' (1 rows) is read as");
  });

  test('of other classes go by the commonest spelling', async () => {
    await pictures(...files);
    const others = ['Naevus', 'naevus', 'Naevus', 'NAEVUS', 'Naevus', 'naevus'];
    csv([['image', 'dx'], ...names.map((name, i) => [name, i % 2 ? others[(i - 1) / 2]! : 'melanoma'])]);
    expect(labels(await run())).toEqual({ melanoma: 6, Naevus: 6 });
  });

  test.each([
    ['1', ['1', '1.0', '01'], ['0', '0.0', '0']],
    ['1', ['True', 'TRUE', '1'], ['False', '0', 'false']],
    ['true', ['1', 'True', '1.0'], ['0', 'False', '0']],
    ['bösartig', ['BÖSARTIG', 'bo\u0308sartig', 'Bösartig'], ['gutartig', 'GUTARTIG', 'gutartig']],
    ['basal cell', ['basal_cell', 'Basal-Cell', 'basal  cell'], ['nevus', 'nevus', 'nevus']],
  ])('%s is found in other spellings', async (positive, positives, negatives) => {
    await pictures(...files);
    csv([
      ['image', 'target'],
      ...names.map((name, i) => [name, (i % 2 ? negatives : positives)[Math.floor(i / 2) % 3]!]),
    ]);
    const made = await run({ positive });
    expect(made.dataset.classes).toHaveLength(2);
    expect(labels(made)[positive]).toBe(6);
  });

  test('renaming, classes and the negative’s name know the spellings, too', async () => {
    await pictures(...files);
    const some = ['MEL', 'mel', 'Bcc', 'bcc ', 'nv', 'NV'];
    csv([['image', 'dx'], ...names.map((name, i) => [name, some[i % 6]!])]);
    const made = await run({
      renameLabels: { mel: 'melanoma', bcc: 'carcinoma' },
      classes: ['Melanoma', 'CARCINOMA'],
    });
    expect(labels(made)).toEqual({ CARCINOMA: 4, melanoma: 4 });
    rmSync(out, { recursive: true });
    // To keep two spellings apart, both are named.
    const apart = await run({ renameLabels: { mel: 'melanoma', MEL: 'metastasis' } });
    expect(labels(apart)).toMatchObject({ melanoma: 2, metastasis: 2 });
    rmSync(out, { recursive: true });
    await expect(run({ renameLabels: { mel: 'melanoma' }, negative: 'Melanoma ' })).rejects.toThrow(
      /--negative-name Melanoma : that is the positive label/,
    );
  });

  test('a positive that is not there: the columns and their values are named', async () => {
    await pictures(...files);
    csv([
      ['image', 'Diagnose', 'age'],
      ...names.map((name, i) => [name, i % 2 ? 'bösartig' : 'gutartig', String(i)]),
    ]);
    await expect(run({ positive: 'boesartig' })).rejects.toThrow(
      /no column holds 'boesartig'; .*the columns and their values: .*Diagnose \(bösartig, gutartig\)/,
    );
  });

  test('without a positive, the labels to choose from are named', async () => {
    await pictures(...files);
    csv([['image', 'dx'], ...names.map((name, i) => [name, i % 2 ? 'nevus' : 'melanoma'])]);
    await expect(run({ positive: '' })).rejects.toThrow(
      /^--positive: say which label .*; the columns and their values: .*dx \(melanoma, nevus\)/,
    );
    await expect(run({ positive: ' ', labelColumn: 'dx' })).rejects.toThrow(
      /^--positive: say which label .*; labels found: melanoma, nevus$/,
    );
    await pictures('a/x.png', 'b/y.png');
    rmSync(join(images, 'img00.png'));
    await expect(run({ positive: '', metadata: undefined, labelFromFolders: true })).rejects.toThrow(
      /labels found: a, b/,
    );
  });

  test('none and other are classes when they are named, else it is said how', async () => {
    await pictures(...files);
    csv([['image', 'dx'], ...names.map((name, i) => [name, i % 2 ? 'other' : 'melanoma'])]);
    await expect(run()).rejects.toThrow(
      "all images have the label 'melanoma', for 'other' was taken for not known; keep that as a class with --classes 'melanoma,other' (for a GAN alone: --one-class)",
    );
    expect(labels(await run({ classes: ['melanoma', 'other'] }))).toEqual({ melanoma: 6, other: 6 });
    rmSync(out, { recursive: true });
    csv([['image', 'dx'], ...names.map((name, i) => [name, ['melanoma', 'none', 'nevus'][i % 3]!])]);
    expect(details(await run(), 'label-doubt')).toEqual([
      "label 'none' (4 rows) is taken for not known; name it with --classes if it is a class",
    ]);
  });

  test.each(['other', 'none', 'na', 'unknown', 'null', '-'])(
    'a folder called %s is a class',
    async (folder) => {
      await pictures(
        ...files.slice(0, 6).map((file) => `melanoma/${file}`),
        ...files.slice(6).map((file) => `${folder}/${file}`),
      );
      const made = await run({ metadata: undefined, labelFromFolders: true });
      expect(labels(made)).toEqual({ melanoma: 6, [folder]: 6 });
      expect(details(made, 'label-doubt')).toHaveLength(1);
    },
  );

  test('folders in several spellings are one class', async () => {
    await pictures('Melanoma/a.png', 'melanoma/b.png', 'nevus/c.png', 'Nevus\u00a0/d.png', 'nevus/e.png');
    const made = await run({ metadata: undefined, labelFromFolders: true });
    expect(labels(made)).toEqual({ melanoma: 2, nevus: 3 });
    expect(details(made, 'label-spelling')).toEqual([
      "label 'Melanoma' (1 images) is read as 'melanoma'",
      "label 'Nevus' (1 images) is read as 'nevus'",
    ]);
  });
});

test('truth values among other words stay apart, which is said', async () => {
  await pictures(...files);
  const answers = ['true', '1', 'no', 'unclear'];
  csv([['image', 'dx'], ...names.map((name, i) => [name, answers[i % 4]!])]);
  expect(details(await run({ positive: 'true' }), 'label-doubt')).toEqual([
    "labels 'true' and '1' stay apart, for not every label is a truth value; if they mean the same: --rename 1=true",
  ]);
});

test('a class that is missing: what was left out is said with it', async () => {
  await pictures('a/x.png', 'b/x.png', 'y.png');
  csv([
    ['image', 'dx'],
    ['x', 'melanoma'],
    ['y', 'nevus'],
  ]);
  await expect(run()).rejects.toThrow(
    /no image has the label 'melanoma'; labels found: nevus \(1\); before that: 1 rows with several different images \(2 files .*a\/x.png, b\/x.png/,
  );
  csv([
    ['image', 'dx'],
    ['y', 'melanoma'],
    ['a/x', 'nevus'],
  ]);
  await expect(run({ classes: ['melanoma', 'nevis'] })).rejects.toThrow(/second class.*--classes nevis/);
});

test('a class that is lost as identical images: that is said', async () => {
  await pictures('x.png', 'y.png', 'z.png');
  writeFileSync(join(images, 'y.png'), readFileSync(join(images, 'x.png')));
  csv([
    ['image', 'dx'],
    ['x', 'melanoma'],
    ['y', 'nevus'],
    ['z', 'nevus'],
  ]);
  await expect(run()).rejects.toThrow(/labels found: nevus \(1\); before that: 2 identical images/);
});

describe('ids', () => {
  const rowsOf = (ids: readonly string[]): string[][] => [
    ['id', 'dx'],
    ...ids.map((id, i) => [id, i % 2 ? 'nevus' : 'melanoma']),
  ];
  const padded = Array.from({ length: 12 }, (_, i) => `${String(i + 1).padStart(4, '0')}.png`);

  test.each<[string, (i: number) => string]>([
    ['without their zeros', (i) => String(i)],
    ['as a spreadsheet’s numbers', (i) => `${i}.0`],
    ['with odd spaces', (i) => `\u00a0${String(i).padStart(4, '0')}\u200b`],
  ])('%s name their files', async (_, idOf) => {
    await pictures(...padded);
    csv(rowsOf(padded.map((_file, i) => idOf(i + 1))));
    const made = await run();
    expect(made.dataset.rows.map(({ id }) => id)).toEqual(padded.map((file) => file.slice(0, -4)));
    expect(made.dataset.rows.map(({ label }) => label)).toEqual(
      padded.map((_file, i) => (i % 2 ? 'nevus' : 'melanoma')),
    );
  });

  test('in another case or composition name their files', async () => {
    await pictures('Ä1.png', 'u\u03082.png', 'ISIC_3.PNG', 'x4.png');
    csv(rowsOf(['A\u03081', 'Ü2', 'isic_3', 'x4']));
    const made = await run();
    expect(made.dataset.rows).toHaveLength(4);
    expect(details(made, 'id-spelling')).toEqual([
      "no file is called 'isic_3'; taken for ISIC_3.PNG",
      "no file is called 'Ü2'; taken for u\u03082.png",
    ]);
  });

  test('a file that one row names exactly is no other row’s', async () => {
    await pictures('01.png', '2.png', '3.png');
    csv(rowsOf(['1', '01', '2', '3']));
    const made = await run();
    expect(made.dataset.rows.map(({ id, label }) => [id, label])).toEqual([
      ['01', 'nevus'],
      ['2', 'melanoma'],
      ['3', 'nevus'],
    ]);
    expect(made.report.counts['row-without-file']).toBe(1);
  });

  test('numbers that are merely alike are not taken for names: an age is no image', async () => {
    await pictures('0045.png', '0046.png', '0047.png', '0048.png');
    csv([
      ['key', 'age', 'dx'],
      ['a', '45', 'nevus'],
      ['b', '46', 'melanoma'],
      ['c', '46', 'nevus'],
    ]);
    await expect(run()).rejects.toThrow(
      /no column holds the names of the images, for instance 0045.png, 0046.png, 0047.png; if age does, though it is written otherwise, say so with --id-column age \(the first row: key 'a', age '45', dx 'nevus'\)/,
    );
  });

  test('few matches are as loud as none', async () => {
    await pictures(...files);
    csv(rowsOf([...names.slice(0, 3), ...names.slice(3).map((name) => `case-${name}`)]));
    const told =
      /9 of 12 rows meet no image and 9 of 12 images no row: id is for instance 'case-img03', .*, a file img03.png, /;
    await expect(run()).rejects.toThrow(told);
    await expect(run()).rejects.toThrow(/--partial/);
    expect(details(await run({ partial: true }), 'few-matches')).toEqual([expect.stringMatching(told)]);
    rmSync(out, { recursive: true });
    csv(rowsOf([...names.slice(0, 10), 'other1', 'other2']));
    expect(details(await run(), 'few-matches')).toHaveLength(1);
    rmSync(out, { recursive: true });
    // A table of a whole archive for a part of its images is as it should be.
    csv(rowsOf([...names, ...Array.from({ length: 50 }, (_, i) => `elsewhere${i}`)]));
    expect((await run()).report.counts['few-matches']).toBeUndefined();
  });

  test('a table without a header is refused, its first image is not lost', async () => {
    await pictures(...files);
    csv(rowsOf(names).slice(1));
    await expect(run()).rejects.toThrow(
      /m.csv: has no header: its first line names the image img00.png; put a line/,
    );
    await expect(run({ positive: 'other' })).rejects.toThrow(/has no header/);
    await pictures('id.png'); // a file that is called like a column
    csv(rowsOf([...names, 'id']));
    expect((await run()).dataset.rows).toHaveLength(13);
  });

  test('JSON integers above 2^53 are the ids that stand there', async () => {
    const ids = Array.from({ length: 12 }, (_, i) => String(9007199254740992n + BigInt(i)));
    await pictures(...ids.map((id) => `${id}.png`));
    const rows = ids
      .filter((_, i) => i % 4 === 1)
      .map((id) => `{"image": ${id}, "dx": "melanoma", "patient_id": ${id}}`);
    put('m.json', `[${rows.join(',\n')}]`);
    const made = await run({ metadata: join(root, 'm.json'), oneClass: true });
    expect(made.dataset.rows.map(({ id }) => id)).toEqual([ids[1], ids[5], ids[9]]);
    expect(made.dataset.counts.groups).toBe(3);
  });
});

describe('patients and lesions', () => {
  const withPatients = (patients: readonly string[]): void =>
    csv([
      ['image', 'dx', 'PatientID'],
      ...names.map((name, i) => [name, i % 2 ? 'nevus' : 'melanoma', patients[i % patients.length]!]),
    ]);

  test.each(['NA', 'nan', 'None', 'unknown', '-', 'N/A', '#N/A', '.', 'k.A.', 'anonymous', ''])(
    '%j is nobody',
    async (word) => {
      await pictures(...files);
      withPatients(['P0', word, 'P2', word, 'P4', word, 'P6', word, 'P8', word, 'P10', word]);
      const made = await run();
      expect(made.dataset.counts.groups).toBe(12);
      if (word !== '')
        expect(details(made, 'missing-group')).toEqual([`PatientID '${word}' (6 rows) is taken for missing`]);
    },
  );

  test('in several spellings are one', async () => {
    await pictures(...files);
    withPatients(['P1', 'p1 ', 'P\u200b1', '7', '7.0', '007']);
    const made = await run();
    expect(made.dataset.rows.map(({ group }) => group)).toEqual(
      names.map((_, i) => (i % 6 < 3 ? 'patient:P1' : 'patient:007')),
    );
    expect(details(made, 'group-spelling')).toEqual([
      "PatientID '7' (2 rows) is read as '007'",
      "PatientID '7.0' (2 rows) is read as '007'",
      "PatientID 'p1' (2 rows) is read as 'P1'",
    ]);
  });

  test('with spaces at the end, from JSON, make a dataset', async () => {
    await pictures(...files);
    put(
      'm.json',
      JSON.stringify(
        names.map((image, i) => ({
          image,
          dx: i % 2 ? 'nevus' : 'melanoma',
          patient_id: i % 2 ? `P${i >> 1} ` : `P${i >> 1}`,
        })),
      ),
    );
    const made = await run({ metadata: join(root, 'm.json') });
    expect(made.dataset.counts.groups).toBe(6);
  });

  test('written once for several rows, as merged cells leave it, are pointed at', async () => {
    await pictures(...files);
    withPatients(['P0', '', '', 'P3', '', '']);
    expect(details(await run(), 'group-doubt')).toEqual([]); // each of them comes again: they are repeated values
    rmSync(out, { recursive: true });
    withPatients(['P0', '', '', 'P3', '', '', 'P6', '', '', 'P9', '', '']);
    const made = await run();
    expect(made.dataset.counts.groups).toBe(12);
    expect(details(made, 'group-doubt')).toEqual([
      'PatientID stands in 4 of 12 rows, a different one in each: if it was written once for several rows (merged cells), fill it down, for now the other rows stand alone',
    ]);
  });

  test.each(['subject_id', 'Patient Number', 'MRN', 'Patients'])(
    'in a column %s that nobody named are pointed at',
    async (column) => {
      await pictures(...files);
      csv([
        ['image', 'dx', column],
        ...names.map((name, i) => [name, i % 2 ? 'nevus' : 'melanoma', `S${i >> 1}`]),
      ]);
      expect(details(await run(), 'group-doubt')).toEqual([
        `column '${column}' may tell patients apart (6 values in 12 rows) and is not used, so that one patient may be in several splits; say --patient-column '${column}', or --patient-column none`,
      ]);
      for (const patientColumn of [column, 'none']) {
        rmSync(out, { recursive: true });
        expect(details(await run({ patientColumn }), 'group-doubt')).toEqual([]);
      }
    },
  );

  test('one that half of the rows share is pointed at', async () => {
    await pictures(...files, 'x.png', 'y.png');
    csv([
      ['image', 'dx', 'patient_id'],
      ...[...names, 'x', 'y'].map((name, i) => [
        name,
        i % 2 ? 'nevus' : 'melanoma',
        i < 12 ? 'niemand' : `P${i}`,
      ]),
    ]);
    const made = await run();
    expect(details(made, 'large-group')).toEqual([
      "patient_id 'niemand' has 12 of 14 rows; if that means missing, empty these cells",
    ]);
  });
});

test('--known-duplicates: without a header, in other spellings; a list of other images is pointed at', async () => {
  await pictures(...files);
  csv([['image', 'dx'], ...names.map((name, i) => [name, i % 2 ? 'nevus' : 'melanoma'])]);
  put('pairs.csv', 'IMG00.png,img02\nimg04,img06 \nimg08,elsewhere\n');
  const made = await run({ knownDuplicates: join(root, 'pairs.csv') });
  expect(made.report.duplicates.map(({ a, b }) => [a, b])).toEqual([
    ['img00', 'img02'],
    ['img04', 'img06'],
  ]);
  rmSync(out, { recursive: true });
  put('pairs.csv', 'a,b\nx1,x2\n');
  expect(details(await run({ knownDuplicates: join(root, 'pairs.csv') }), 'few-matches')).toEqual([
    "none of the 1 pairs of pairs.csv names two images that are here: one is for instance 'x1', an image 'img00'",
  ]);
});

test('--stratify: a column in which nearly every image has a word of its own is pointed at', async () => {
  await pictures(...files);
  csv([
    ['image', 'dx', 'note', 'site'],
    ...names.map((name, i) => [name, i % 2 ? 'nevus' : 'melanoma', `seen by ${name}`, i % 3 ? 'arm' : 'Arm']),
  ]);
  expect(details(await run({ strata: ['note', 'site'] }), 'fine-strata')).toEqual([
    'note: 12 of 12 images have a value of their own, which cannot be shared out',
  ]);
});

test('--require: what says nothing is missing, in every spelling', async () => {
  await pictures(...files);
  const ages = ['45', 'NA', 'n/a', 'unknown', '-', 'None', '#N/A', 'other', '?', ' ', 'unbekannt', '50'];
  csv([['image', 'dx', 'age'], ...names.map((name, i) => [name, i % 2 ? 'nevus' : 'melanoma', ages[i]!])]);
  const { dataset } = await run({ required: ['Age'] });
  expect(dataset.rows.map(({ id }) => id)).toEqual(['img00', 'img11']);
});

test('the manifest reads back as it was written, whatever the metadata are', async () => {
  await pictures(...files);
  const characters = [
    ...`"',;|\t\r\n =+-@\u0001\u0085\u00a0\u200b\ufeff\u2028é0aZ＝`,
    '\ud800',
    "'=",
    'sep=',
    '\0',
  ];
  const text = (): string =>
    Array.from({ length: random.int(6) }, () =>
      random.chance(0.9)
        ? characters[random.int(characters.length)]!
        : String.fromCodePoint(random.int(0xd800)),
    ).join('');
  for (let round = 0; round < 3; round++) {
    const records = names.map((image, i) => ({
      image,
      dx: i % 2 ? 'nevus' : 'melanoma',
      note: text(),
      '=cmd': text(),
      ' odd;name ': text(),
      patient_id: `P${text()}${i}`,
    }));
    put('m.json', JSON.stringify(records));
    const { dataset } = await run({ metadata: join(root, 'm.json') });
    const again = openDataset(out);
    expect(again.rows).toEqual(dataset.rows);
    for (const [i, { extra, group }] of again.rows.entries()) {
      const { note, '=cmd': cmd, ' odd;name ': odd, patient_id } = records[i]!;
      expect(extra).toMatchObject({
        note: plainText(note),
        '=cmd': plainText(cmd),
        'odd;name': plainText(odd),
      });
      expect(group).toBe(`patient:${plainText(patient_id)}`);
    }
    rmSync(out, { recursive: true });
  }
});
