import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { column, dir, put, putMapping } from './folder.test-data.js';
import { readGuarded } from './guarded.js';
import { mappingNames, readMetadata } from './index.js';

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

test('the example of docs/metadata.md is a mapping', async () => {
  const [, example] = /```yaml\n(.*?)```/s.exec(readFileSync('docs/metadata.md', 'utf8'))!;
  const metadata = await readMetadata(
    [
      put('train-slides.csv', 'slide,histology,age,site,site_2025,centre,patient\ns1,mm,0,back,-,A,p1\n'),
      put('visits.csv', 'slide,visit_date\ns1,2025-01-31\n'),
    ],
    { mapping: put('clinic.yaml', example!) },
  );
  expect(metadata.roles).toEqual({
    id: 'slide',
    label: 'benign_malignant',
    patient: 'patient_id',
    split: 'split',
  });
  expect(metadata.rows[0]!.cells).toMatchObject({
    diagnosis: 'melanoma',
    benign_malignant: 'malignant',
    age_approx: '',
    anatom_site_general: 'back',
    patient_id: 'A:p1',
    split: 'train',
    visit_date: '2025-01-31',
  });
  expect(metadata.columns).not.toContain('sex');
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
  for (const sql of [`(SELECT a FROM read_csv('${secret}'))`, `(SELECT content FROM read_text('${secret}'))`])
    await expect(
      readMetadata([put('slides.csv', table)], {
        mapping: putMapping(`id: slide\ncolumns: { x: { sql: "${sql}" } }`),
      }),
    ).rejects.toThrow(/columns\.x\.sql: .*disabled/);
});

test.each([
  ['repeat(chr(120), 3000000000)', /takes more than/],
  [
    '(with recursive r as (select 1 i union all select i+1 from r) select count(*) from r)',
    /takes more than/,
  ],
  ['(select count(*) from range(1000000000000) a, range(1000) b)', /takes more than 3 s over .*slides.csv/],
])('SQL of a mapping is held to time and memory: %s', async (sql, message) => {
  const mapping = putMapping(`id: slide\ncolumns: { x: { sql: "${sql}" } }`);
  const limits = { cpuSeconds: 3, bytes: 1e9 };
  await expect(readGuarded([put('slides.csv', table)], mapping, { limits })).rejects.toThrow(message);
});

test('what an expression runs into is told in one line', async () => {
  const mapping = putMapping('id: slide\ncolumns: { x: { sql: "(select 1 from duckdb_secrets())" } }');
  await expect(readMetadata([put('slides.csv', table)], { mapping })).rejects.toThrow(ConfigError);
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
