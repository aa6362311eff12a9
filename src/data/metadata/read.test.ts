import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../files.js';
import { type Metadata, mappingNames, readMetadata } from './index.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-metadata-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Writes a file and gives its path. */
function put(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** A mapping of one table. */
function putMapping(table: string, rest = ''): string {
  const indented = table.trim().replaceAll('\n', '\n    ');
  return put('own.yaml', `description: own\n${rest}\ntables:\n  table:\n    ${indented}\n`);
}

const column = (metadata: Metadata, name: string): (string | undefined)[] =>
  metadata.rows.map((row) => row.cells[name]);

const places = (metadata: Metadata): string[] =>
  metadata.rows.map((row) => `${row.file.replace(`${dir}/`, '')}:${row.line}`);

describe('vintages', () => {
  test('archive API v1, a folder with a JSON file a picture', async () => {
    const description = (name: string, clinical: object) =>
      JSON.stringify({
        _id: `id ${name}`,
        dataset: { name: 'UDA-1', _id: '54b6' },
        meta: { acquisition: { image_type: 'dermoscopic', pixelsX: 1022, pixelsY: 767 }, clinical },
        name,
      });
    put('v1/ISIC_2.json', description('ISIC_2', { benign_malignant: 'indeterminate', lesion_id: 'IL_1' }));
    put(
      'v1/ISIC_1',
      description('ISIC_1', { benign_malignant: 'malignant', age_approx: 55, sex: 'unknown' }),
    );
    put('v1/notes.md', 'not a description');
    const metadata = await readMetadata([join(dir, 'v1')]);
    expect(metadata.mapping).toBe('isic-archive-v1');
    expect(metadata.roles).toEqual({ id: 'name', label: 'benign_malignant', lesion: 'lesion_id' });
    expect(places(metadata)).toEqual(['v1/ISIC_1:1', 'v1/ISIC_2.json:1']);
    expect(metadata.rows.map((row) => row.cells)).toEqual([
      {
        _id: 'id ISIC_1',
        'dataset.name': 'UDA-1',
        'dataset._id': '54b6',
        image_type: 'dermoscopic',
        pixelsX: '1022',
        pixelsY: '767',
        benign_malignant: 'malignant',
        age_approx: '55',
        sex: '',
        name: 'ISIC_1',
        lesion_id: '',
        source_benign_malignant: 'malignant',
      },
      expect.objectContaining({
        name: 'ISIC_2',
        benign_malignant: '',
        source_benign_malignant: 'indeterminate',
        lesion_id: 'IL_1',
      }),
    ]);
    expect(metadata.sources).toEqual([
      { path: join(dir, 'v1'), sha256: expect.stringMatching(/^[0-9a-f]{64}$/), rows: 2 },
    ]);
  });

  const v2 = (isicId: string, clinical: object) => ({
    public: true,
    isic_id: isicId,
    copyright_license: 'CC-BY',
    attribution: 'A',
    files: { full: { url: 'f', size: 1 }, thumbnail_256: { url: 't', size: 2 } },
    metadata: { acquisition: { image_type: 'dermoscopic' }, clinical },
  });
  const old = v2('ISIC_1', {
    anatom_site_general: 'head/neck',
    diagnosis: 'melanoma',
    benign_malignant: 'malignant',
  });
  const recent = v2('ISIC_2', {
    anatom_site_1: 'Torso',
    anatom_site_2: 'Back',
    diagnosis_1: 'Benign',
    diagnosis_2: 'Benign melanocytic proliferations',
    diagnosis_3: 'Nevus',
    patient_id: 'IP_7',
  });
  const unclear = v2('ISIC_3', { diagnosis_1: 'Indeterminate' });

  const page = JSON.stringify({ count: 3, results: [old, recent, unclear], next: null }, null, 1);

  test.each([
    ['an array', JSON.stringify([old, recent, unclear]), [1, 1, 1]],
    ['a page', page, page.split('\n').flatMap((line, i) => (line === '  {' ? [i + 1] : []))],
    ['JSON lines', [old, recent, unclear].map((record) => `${JSON.stringify(record)}\n`).join(''), [1, 2, 3]],
  ])('archive API v2: %s', async (_, text, lines) => {
    const metadata = await readMetadata([put('v2.json', text)]);
    expect(metadata.mapping).toBe('isic-archive-v2');
    expect(metadata.roles).toEqual({ id: 'isic_id', label: 'benign_malignant', patient: 'patient_id' });
    expect(metadata.rows.map((row) => row.line)).toEqual(lines);
    expect(column(metadata, 'isic_id')).toEqual(['ISIC_1', 'ISIC_2', 'ISIC_3']);
    expect(column(metadata, 'benign_malignant')).toEqual(['malignant', 'benign', '']);
    expect(column(metadata, 'diagnosis')).toEqual(['melanoma', 'Nevus', '']);
    expect(column(metadata, 'anatom_site_general')).toEqual(['head/neck', 'Torso', '']);
    expect(column(metadata, 'patient_id')).toEqual(['', 'IP_7', '']);
    expect(metadata.columns).toEqual(expect.arrayContaining(['files.full.url', 'diagnosis_1', 'public']));
  });

  test('archive API v2: the CSV of isic-cli', async () => {
    const path = put(
      'isic-cli.csv',
      'isic_id,attribution,copyright_license,age_approx,diagnosis_1\nISIC_1,"Hospital, City",CC-0,55,Malignant\n',
    );
    const metadata = await readMetadata([path]);
    expect(metadata.mapping).toBe('isic-archive-v2');
    expect(metadata.rows[0]).toEqual({
      file: path,
      line: 2,
      cells: {
        isic_id: 'ISIC_1',
        attribution: 'Hospital, City',
        copyright_license: 'CC-0',
        age_approx: '55',
        diagnosis_1: 'Malignant',
        benign_malignant: 'malignant',
      },
    });
  });

  test('ISIC 2016: no header, two spellings of the truth, the split from the files’ names', async () => {
    const paths = [
      put('ISBI2016_ISIC_Part3_Training_GroundTruth.csv', 'ISIC_0000000,benign\nISIC_0000002,malignant\n'),
      put('ISBI2016_ISIC_Part3_Test_GroundTruth.csv', 'ISIC_0000003,1.0\n'),
    ];
    const metadata = await readMetadata(paths);
    expect(metadata.mapping).toBe('isic-2016');
    expect(metadata.roles).toEqual({ id: 'image_id', label: 'benign_malignant', split: 'split' });
    expect(metadata.rows.map((row) => [row.line, ...Object.values(row.cells)])).toEqual([
      [1, 'ISIC_0000000', 'benign', 'benign', 'train'],
      [2, 'ISIC_0000002', 'malignant', 'malignant', 'train'],
      [1, 'ISIC_0000003', '1.0', 'malignant', 'test'],
    ]);
    expect(metadata.sources.map(({ rows }) => rows)).toEqual([2, 1]);
  });

  test('ISIC 2017: neither of the two is a nevus; joined with the ages', async () => {
    const metadata = await readMetadata([
      put(
        'ISIC-2017_Training_Part3_GroundTruth.csv',
        'image_id,melanoma,seborrheic_keratosis\nA,0.0,0.0\nB,1.0,0.0\nC,0.0,1.0\n',
      ),
      put(
        'ISIC-2017_Training_Data_metadata.csv',
        'image_id,age_approximate,sex\nC,unknown,male\nA,55,unknown\n',
      ),
    ]);
    expect(metadata.mapping).toBe('isic-2017');
    expect(column(metadata, 'diagnosis')).toEqual(['nevus', 'melanoma', 'seborrheic keratosis']);
    expect(column(metadata, 'benign_malignant')).toEqual(['benign', 'malignant', 'benign']);
    expect(column(metadata, 'age_approx')).toEqual(['55', '', '']);
    expect(column(metadata, 'sex')).toEqual(['', '', 'male']);
    expect(column(metadata, 'split')).toEqual(['train', 'train', 'train']);
  });

  test('ISIC 2018, task 3', async () => {
    const metadata = await readMetadata([
      put('gt18.csv', 'image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nA,0.0,0.0,0.0,1.0,0.0,0.0,0.0\n'),
      put('groupings.csv', 'image,lesion_id,diagnosis_confirm_type\nA,HAM_1,histopathology\n'),
    ]);
    expect(metadata.mapping).toBe('isic-2018');
    expect(metadata.roles).toEqual({ id: 'image', label: 'benign_malignant', lesion: 'lesion_id' });
    expect(metadata.rows[0]!.cells).toMatchObject({
      diagnosis: 'actinic keratosis or intraepithelial carcinoma',
      benign_malignant: 'malignant',
      lesion_id: 'HAM_1',
    });
  });

  test('ISIC 2019: rows of one table only, and repeated ones, keep their own file and line', async () => {
    const head = 'image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK\n';
    const hot = (at: number) => Array.from({ length: 9 }, (_, i) => (i === at ? '1.0' : '0.0')).join(',');
    const metadata = await readMetadata([
      put(
        'meta.csv',
        'image,age_approx,anatom_site_general,lesion_id,sex\nC,40,,,NaN\nA,55,,L1,male\nA,60,,L2,male\n',
      ),
      put('gt.csv', `${head}A,${hot(0)}\nB,${hot(8)}\nD,${hot(3)}\n`),
    ]);
    expect(metadata.mapping).toBe('isic-2019');
    expect(places(metadata)).toEqual(['gt.csv:2', 'gt.csv:3', 'gt.csv:4', 'meta.csv:2', 'meta.csv:4']);
    expect(column(metadata, 'image')).toEqual(['A', 'B', 'D', 'C', 'A']);
    expect(column(metadata, 'age_approx')).toEqual(['55', '', '', '40', '60']);
    expect(column(metadata, 'sex')).toEqual(['male', '', '', '', 'male']);
    expect(column(metadata, 'diagnosis')).toEqual(['melanoma', 'unknown', 'actinic keratosis', '', '']);
    expect(column(metadata, 'benign_malignant')).toEqual(['malignant', '', '', '', '']);
  });

  test('ISIC 2020: version 2 has the lesion, version 1 has not', async () => {
    const metadata = await readMetadata([
      put(
        'train.csv',
        'image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,benign_malignant,target\nA,IP_1,,45.0,torso,unknown,benign,0\n',
      ),
    ]);
    expect(metadata.mapping).toBe('isic-2020');
    expect(metadata.roles).toEqual({ id: 'image_name', label: 'benign_malignant', patient: 'patient_id' });
    expect(metadata.rows[0]!.cells).toMatchObject({
      age_approx: '45.0',
      anatom_site_general: 'torso',
      diagnosis: 'unknown',
    });
  });

  test('HAM10000: names for codes; a code that is not known is an error', async () => {
    const head = 'lesion_id,image_id,dx,dx_type,age,sex,localization\n';
    const metadata = await readMetadata([
      put('ham.csv', `${head}H1,A,bkl,histo,80.0,male,scalp\nH2,B,mel,follow_up,,unknown,unknown\n`),
    ]);
    expect(metadata.mapping).toBe('ham10000');
    expect(metadata.rows.map((row) => row.cells)).toEqual([
      expect.objectContaining({
        diagnosis: 'benign keratosis',
        benign_malignant: 'benign',
        age_approx: '80.0',
        anatom_site_general: 'head/neck',
        diagnosis_confirm_type: 'histopathology',
      }),
      expect.objectContaining({
        benign_malignant: 'malignant',
        age_approx: '',
        sex: '',
        anatom_site_general: '',
      }),
    ]);
    await expect(
      readMetadata([put('ham.csv', `${head}H1,A,bkl,histo,80.0,male,scalp\nH1,B,xyz,histo,80,male,scalp\n`)]),
    ).rejects.toThrow(
      /ham\.csv, line 3: 'xyz' in dx is none of akiec, bcc, .*; add it to recipes\/metadata\/ham10000\.yaml: tables\.metadata\.columns\.diagnosis\.values/,
    );
  });

  test('the original’s tables: the ID is a patient only where it begins with IP_', async () => {
    const head = 'ID,dcm_name,age,anatomy,benign_malignant,diagnosis,sex,target\n';
    const row = (id: string, name: string) => `${id},${name},30.0,torso,benign,nevus,female,0\n`;
    const metadata = await readMetadata([
      put('aidl21-train.csv', head + row('5436e3ac', 'A') + row('IP_1', 'B')),
      put('aidl21-test.csv', head + row('IP_1', 'C')),
    ]);
    expect(metadata.mapping).toBe('aidl21');
    expect(column(metadata, 'patient_id')).toEqual(['', 'IP_1', 'IP_1']);
    expect(column(metadata, 'split')).toEqual(['train', 'train', 'test']);
    expect(column(metadata, 'age_approx')).toEqual(['30.0', '30.0', '30.0']);
    const whole = await readMetadata([put('aidl21-metadata.csv', head + row('IP_1', 'B'))]);
    expect(whole.columns).not.toContain('split');
    expect(whole.roles).not.toHaveProperty('split');
  });
});

describe('tables without a mapping', () => {
  test('are kept as they are, with the roles that their columns’ names say', async () => {
    const path = put('plain.csv', '\uFEFFid;lesion_id;note\r\na;NA;"x;\r\ny"\r\n\r\nb;;NaN\r\n');
    const metadata = await readMetadata([path]);
    expect(metadata).toEqual({
      mapping: 'plain',
      columns: ['id', 'lesion_id', 'note'],
      roles: { lesion: 'lesion_id' },
      rows: [
        { file: path, line: 2, cells: { id: 'a', lesion_id: 'NA', note: 'x;\r\ny' } },
        { file: path, line: 5, cells: { id: 'b', lesion_id: '', note: 'NaN' } },
      ],
      sources: [{ path, sha256: sha256(readFileSync(path)), rows: 2 }],
    });
  });

  test('several with the same columns, in any order, are appended', async () => {
    const metadata = await readMetadata([put('1.csv', 'id,x\na,1\n'), put('2.tsv', 'x\tid\n2\tb\n')]);
    expect(metadata.rows.map((row) => row.cells)).toEqual([
      { id: 'a', x: '1' },
      { id: 'b', x: '2' },
    ]);
  });

  test('names that SQL or JavaScript would trip over are names like any other', async () => {
    const header = [
      'a"b;--',
      "it's",
      'Sex',
      'sex',
      '__proto__',
      'constructor',
      'graft:line',
      'graft:0',
      'select',
    ];
    const quoted = header.map((name) => `"${name.replaceAll('"', '""')}"`).join(',');
    const path = put("o'dd [1]*?;--.csv", `${quoted}\n${header.map((_, i) => `'v${i}"`).join(',')}\n`);
    for (const mapping of [
      'plain',
      putMapping("id: it's\ncolumns: { label: 'a\"b;--', second: sex, Sex: select }"),
    ]) {
      const { rows } = await readMetadata([path], { mapping });
      expect(Object.keys(rows[0]!.cells).slice(0, header.length)).toEqual(header);
      expect(rows[0]!.cells['a"b;--']).toBe(`'v0"`);
      expect(Object.entries(rows[0]!.cells)[header.indexOf('__proto__')]).toEqual(['__proto__', `'v4"`]);
      expect(rows[0]!.cells['graft:line']).toBe(`'v6"`);
      if (mapping === 'plain') continue;
      expect(rows[0]!.cells).toMatchObject({
        label: `'v0"`,
        second: `'v3"`,
        Sex: `'v8"`,
        source_Sex: `'v2"`,
      });
    }
  });

  test('a column without a name, as row indices are written, gets one', async () => {
    const { columns } = await readMetadata([put('index.csv', ',id\n0,a\n')]);
    expect(columns).toEqual(['column_1', 'id']);
  });

  test('more rows than a batch, in their order', async () => {
    const text = Array.from({ length: 5000 }, (_, i) => `ISIC_${i},${i % 7}\n`).join('');
    const { rows } = await readMetadata([put('long.csv', `id,n\n${text}`)]);
    expect(rows.length).toBe(5000);
    expect(
      rows.every(
        (row, i) => row.line === i + 2 && row.cells.id === `ISIC_${i}` && row.cells.n === `${i % 7}`,
      ),
    ).toBe(true);
  });
});

describe('Parquet', () => {
  let path: string;
  beforeAll(async () => {
    path = join(dir, "pa'r [1]*.parquet");
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const copy = (select: string, to: string) =>
      connection.run(`COPY (${select}) TO '${to.replaceAll("'", "''")}' (FORMAT parquet)`);
    await copy(
      `SELECT 'ISIC_' || i AS isic_id, 'A' AS attribution, 'CC-0' AS copyright_license, CASE WHEN i > 0 THEN 50 + i END AS age_approx, i = 1 AS melanocytic, 'Malignant' AS diagnosis_1 FROM range(3) t(i)`,
      path,
    );
    await copy(
      `SELECT 'ISIC_' || i AS isic_id, {'full': {'url': 'f'}, 'thumbnail': {'url': 't'}} AS files, [1, 2] AS list FROM range(2) t(i)`,
      join(dir, 'nested.parquet'),
    );
    connection.closeSync();
  });

  test('rows are numbered, numbers and truth values are text, NULL is missing', async () => {
    const metadata = await readMetadata([path]);
    expect(metadata.mapping).toBe('isic-archive-v2');
    expect(
      metadata.rows.map(({ line, cells }) => [line, cells.isic_id, cells.age_approx, cells.melanocytic]),
    ).toEqual([
      [1, 'ISIC_0', '', 'false'],
      [2, 'ISIC_1', '51', 'true'],
      [3, 'ISIC_2', '52', 'false'],
    ]);
    expect(column(metadata, 'benign_malignant')).toEqual(['malignant', 'malignant', 'malignant']);
    expect(metadata.sources[0]!.sha256).toBe(sha256(readFileSync(path)));
  });

  test('nested columns are flattened like JSON', async () => {
    const { rows } = await readMetadata([join(dir, 'nested.parquet')]);
    expect(rows[1]).toMatchObject({
      line: 2,
      cells: { isic_id: 'ISIC_1', 'files.full.url': 'f', 'files.thumbnail.url': 't', list: '[1,2]' },
    });
  });

  test('a cut-off file is named', async () => {
    const cut = put('cut.parquet', readFileSync(path));
    truncateSync(cut, readFileSync(path).length - 10);
    await expect(readMetadata([cut])).rejects.toThrow(
      /cut\.parquet: .*not a whole Parquet file: fetch or export it again$/,
    );
  });
});

describe('mapping files', () => {
  const table = 'slide,histology,centre,patient\ns1,MM,A,p1\ns2,n,B,\ns3,,A,p3\n';

  test('rename, first of several, expressions, several tables, roles', async () => {
    const mapping = put(
      'clinic.yaml',
      `
description: our clinic
missing: ['-']
tables:
  slides:
    recognise: [slide, histology]
    id: slide
    columns:
      diagnosis: { from: histology, values: { MM: melanoma, N: nevus } }
      benign_malignant: { from: diagnosis, values: { melanoma: malignant }, others: missing }
      anatom_site_general: [site, centre]
      patient_id: { sql: "nullif(centre || ':' || patient, centre || ':')" }
      half: { sql: length(slide) / 4 -- of four }
      age_approx: { from: [age, years], optional: true }
      lesion_id: { from: lesion, optional: true }
  visits:
    recognise: [slide, visit]
    id: slide
roles: { label: benign_malignant, patient: patient_id, lesion: lesion_id }
`,
    );
    const metadata = await readMetadata(
      [put('slides.csv', table), put('visits.csv', 'visit,slide,patient\n-,s2,p2\n7,s1,p1\n')],
      { mapping },
    );
    expect(metadata.mapping).toBe(mapping);
    expect(metadata.roles).toEqual({ id: 'slide', label: 'benign_malignant', patient: 'patient_id' });
    expect(metadata.columns).toEqual(
      'slide histology centre patient diagnosis benign_malignant anatom_site_general patient_id half visit'.split(
        ' ',
      ),
    );
    expect(metadata.rows.map((row) => Object.values(row.cells).join('|'))).toEqual([
      's1|MM|A|p1|melanoma|malignant|A|A:p1|0.5|7',
      's2|n|B|p2|nevus||B||0.5|',
      's3||A|p3|||A|A:p3|0.5|',
    ]);
  });

  test('joined tables that contradict each other are named; 55 and 55.0 agree', async () => {
    const mapping = put(
      'two.yaml',
      'description: x\ntables: { a: { recognise: [id, x], id: id }, b: { recognise: [id, y], id: id } }\n',
    );
    const a = put('a.csv', 'id,x,age\n1,.,55\n2,.,\n3,.,60\n');
    const agreeing = await readMetadata([a, put('b.csv', 'id,y,age\n1,.,55.0\n2,.,40\n')], { mapping });
    expect(column(agreeing, 'age')).toEqual(['55', '40', '60']);
    await expect(readMetadata([a, put('b.csv', 'id,y,age\n1,.,55\n3,.,61\n')], { mapping })).rejects.toThrow(
      `${a}, line 4: age is '60', but '61' in ${join(dir, 'b.csv')}, line 3; correct one of them`,
    );
  });

  test.each([
    ['[id, x]', 'id,x\na,1\na,2\n', 'id,y\na,3\n,4\n', ['a|1|3', 'a|2|', '||4']],
    ['[id, x]', 'id,x\n,1\n', 'id,y\n,2\n', ['|1|', '||2']],
  ])('each row that is read is in one row of a join: %s %j %j', async (recognise, a, b, rows) => {
    const mapping = put(
      'two.yaml',
      `description: x\ntables: { a: { recognise: ${recognise}, id: id }, b: { recognise: [id, y], id: id } }\n`,
    );
    const metadata = await readMetadata([put('a.csv', a), put('b.csv', b)], { mapping });
    expect(metadata.rows.map((row) => Object.values(row.cells).join('|'))).toEqual(rows);
  });

  test.each([
    [
      '',
      'id: slide\ncolumns: { sex: { from: histology, value: {} } }',
      /own\.yaml: tables\.table\.columns\.sex\.value: unknown key/,
    ],
    [
      '',
      'id: slide\ncolumns: { sex: { one-hot: { a: b }, others: keep } }',
      /tables\.table\.columns\.sex\.others: unknown key/,
    ],
    ['', 'id: slide\ncolumns: { sex: { others: keep } }', /tables\.table\.columns\.sex/],
    [
      '',
      'id: slide\ncolumns: { sex: 7 }',
      /tables\.table\.columns\.sex: expected a column's name, a list of them, or one of/,
    ],
    [
      '',
      'id: slide\ncolumns: { sex: { from: histology, others: drop } }',
      /tables\.table\.columns\.sex\.others/,
    ],
    ['', 'columns: {}', /own\.yaml: tables\.table\.id/],
    ['', 'id: slide\nheaderless: { a: "(" }', /tables\.table\.headerless\.a: expected a regular expression/],
    ['', 'id: slide\nrecognise: [a]\nheaderless: { a: b }', /tables\.table: either recognise or headerless/],
    ['label: x', 'id: slide', /own\.yaml: label: unknown key/],
    ['roles: { group: x }', 'id: slide', /own\.yaml: roles\.group: unknown key/],
    [
      'roles: { label: benign }',
      'id: slide',
      /own\.yaml: roles\.label: no table has 'benign'; name it under recognise or columns/,
    ],
    ['roles: [', 'id: slide', /own\.yaml:\d+: not valid YAML/],
    [
      '',
      'id: slid',
      /own\.yaml: tables\.table\.id: .*slides\.csv has no column 'slid'; it has: slide, histology, centre, patient$/,
    ],
    [
      '',
      'id: slide\ncolumns: { sex: Sex }',
      /tables\.table\.columns\.sex\.from: .*slides\.csv has no column 'Sex'; it has: slide/,
    ],
    [
      '',
      'id: slide\ncolumns: { sex: { one-hot: { a: b } } }',
      /tables\.table\.columns\.sex\.one-hot: .* has no column 'a'/,
    ],
    ['', 'id: slide\nrequired: [patient]', /slides\.csv, line 3: no 'patient', which every record needs/],
    [
      '',
      'id: slide\nrecognise: [slide, stain]',
      /slides\.csv: no table of the mapping .*own\.yaml: it lacks stain \(it has: slide/,
    ],
    [
      '',
      'id: slide\ncolumns: { sex: { sql: lower(nothing) } }',
      /tables\.table\.columns\.sex\.sql: .*nothing.*expected one DuckDB expression over the columns of .*slide, histology/,
    ],
    [
      '',
      'id: slide\ncolumns: { sex: { sql: "1))::VARCHAR, \'\'); DROP TABLE \\"source 0\\"; SELECT coalesce(((1" } }',
      /columns\.sex\.sql: more than one statement/,
    ],
    [
      '',
      'id: slide\ncolumns: { sex: { sql: "1))::VARCHAR, \'\'), coalesce(((2" } }',
      /columns\.sex\.sql: more than one column/,
    ],
    ['', 'id: slide\ncolumns: { sex: { sql: "unnest([1, 2])" } }', /tables\.table: makes 6 rows of the 3/],
  ])('%s %s', async (rest, mapped, message) => {
    await expect(
      readMetadata([put('slides.csv', table)], { mapping: putMapping(mapped, rest) }),
    ).rejects.toThrow(message);
  });

  test('SQL of a mapping reaches no file', async () => {
    const secret = put('secret.csv', 'a\n1\n');
    for (const sql of [
      `(SELECT a FROM read_csv('${secret}'))`,
      `(SELECT content FROM read_text('${secret}'))`,
    ])
      await expect(
        readMetadata([put('slides.csv', table)], {
          mapping: putMapping(`id: slide\ncolumns: { x: { sql: "${sql}" } }`),
        }),
      ).rejects.toThrow(/columns\.x\.sql: .*disabled/);
  });

  test('one-hot columns: one is hot, no more; cells are 0 or 1', async () => {
    const read = (rows: string, none = '') =>
      readMetadata([put('hot.csv', `id,A,B\n${rows}`)], {
        mapping: putMapping(`id: id\ncolumns: { diagnosis: { one-hot: { A: a, B: b }${none} } }`),
      });
    expect(column(await read('1,1,0\n2,0.0,1.0\n'), 'diagnosis')).toEqual(['a', 'b']);
    expect(column(await read('1,0,0\n', ', none: c'), 'diagnosis')).toEqual(['c']);
    await expect(read('1,1,0\n2,0,0\n')).rejects.toThrow(
      /hot\.csv, line 3: none of A, B is 1; correct the row, or say with .*diagnosis\.none/,
    );
    await expect(read('1,1.0,1.0\n', ', none: c')).rejects.toThrow(
      /hot\.csv, line 2: A and B are 1, but only one may be/,
    );
    await expect(read('1,0.7,0.3\n')).rejects.toThrow(/hot\.csv, line 2: '0\.7' in A is neither 0 nor 1/);
    await expect(read('1,1,\n')).rejects.toThrow(/hot\.csv, line 2: '' in B is neither 0 nor 1/);
  });

  test('a name that is none lists the names', async () => {
    await expect(readMetadata([put('slides.csv', table)], { mapping: 'isic2019' })).rejects.toThrow(
      /--mapping isic2019: no such mapping; there are plain, aidl21, ham10000, .*isic-2019/,
    );
    expect(mappingNames()).toContain('isic-archive-v1');
  });
});

describe('what is refused', () => {
  test.each([
    ['empty.csv', '', /empty\.csv: empty; expected a table/],
    ['blank.csv', '\n\n', /blank\.csv: empty; expected a header/],
    ['header.csv', 'id,x\n', /header\.csv: no rows below the header/],
    [
      'twice.csv',
      'id,x,id\n1,2,3\n',
      /twice\.csv: column 'id' stands twice in the header; rename one of them/,
    ],
    ['short.csv', 'id,x\n1,2\n3\n', /short\.csv, line 3: 1 cells, but the header has 2/],
    [
      'latin.csv',
      Buffer.from('id,x\n1,caf\u00e9\n', 'latin1'),
      /latin\.csv, line 2: not UTF-8; .*iconv -f WINDOWS-1252/,
    ],
    ['cut.json', '[{"isic_id": "a"', /cut\.json, line 1, column 17: not valid JSON: it ends too early/],
    ['none.json', '[]', /none\.json: no records/],
    [
      'sheet.csv',
      Buffer.from('PK\u0003\u0004rest'),
      /sheet\.csv: a spreadsheet or an archive; export the table as CSV/,
    ],
    ['t.csv.gz', Buffer.from([0x1f, 0x8b, 8, 0]), /t\.csv\.gz: compressed; unpack it first/],
    ['text.parquet', 'id,x\n1,2\n', /text\.parquet: .*not a whole Parquet file/],
    [
      'nameless.json',
      '{"_id": "1", "name": null, "meta": {"acquisition": {"pixelsX": 1, "pixelsY": 1}}}',
      /nameless\.json, line 1: no 'name', which every record needs/,
    ],
  ])('%s', async (name, content, message) => {
    const error = await readMetadata([put(name, content)]).catch((error: Error) => error);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
  });

  test('no file, no path, one path twice, a folder without JSON', async () => {
    await expect(readMetadata([join(dir, 'absent.csv')])).rejects.toThrow(/absent\.csv: no such file/);
    await expect(readMetadata([])).rejects.toThrow(/no metadata/);
    const path = put('1.csv', 'id\na\n');
    await expect(readMetadata([path, path])).rejects.toThrow(/given twice/);
    put('images/a.jpg', 'x');
    await expect(readMetadata([join(dir, 'images')])).rejects.toThrow(/images: a folder without \*\.json/);
  });

  test('tables that do not belong together', async () => {
    const ham = put(
      'ham.csv',
      'lesion_id,image_id,dx,dx_type,age,sex,localization\nH,A,nv,histo,1,male,back\n',
    );
    await expect(readMetadata([ham, put('1.csv', 'id\na\n')])).rejects.toThrow(
      /do not belong together: .*ham\.csv \(ham10000\), .*1\.csv \(none that is known\)/,
    );
    await expect(readMetadata([put('1.csv', 'id\na\n'), put('2.csv', 'id,x\na,1\n')])).rejects.toThrow(
      /2\.csv: not the columns of .*1\.csv \('x' is in one only\)/,
    );
  });
});
