import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { sha256 } from 'graft-torch/base';
import { beforeAll, describe, expect, test } from 'vitest';
import { column, dir, put, putMapping } from './folder.test-data.js';
import { readMetadata } from './index.js';

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

  test('records of one line keep their order', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => `ISIC_${(i * 7919) % 3000}`);
    const { rows } = await readMetadata([put('line.json', JSON.stringify(names.map((name) => ({ name }))))]);
    expect(rows.map((row) => row.cells.name)).toEqual(names);
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

describe('tables as other programs write them', () => {
  const rows = (metadata: Awaited<ReturnType<typeof readMetadata>>) =>
    metadata.rows.map(({ cells }) => cells);
  const expected = [
    { image: 'a', größe: '1,5' },
    { image: 'b', größe: '' },
  ];
  const text = 'image;größe\r\na;1,5\r\nb;\r\n';

  test.each<[string, Uint8Array | string]>([
    ['with the line sep=;', `sep=;\r\n${text}`],
    ['in UTF-16 without a mark', Buffer.from(text, 'utf16le')],
    ['in UTF-16 with its mark', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['in big-endian UTF-16', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
    ['with bars', text.replaceAll(';', '|')],
    ['with what nobody sees', text.replace('image', '\u200bimage ').replace('a;', '\u00a0a\ufeff;')],
    ['decomposed', text.normalize('NFD')],
  ])('%s', async (_, content) => {
    expect(rows(await readMetadata([put('other.csv', content)]))).toEqual(expected);
  });

  test('what was removed from cells is told by column', async () => {
    const path = put('odd.csv', 'image,dx\n"a ",mel\u00ad\nb,mel\nc\u200b,nev\n');
    expect((await readMetadata([path])).changed).toEqual([
      `image: 2 cells lost outer spaces or invisible characters, the first in ${path}, line 2`,
      `dx: 1 cells lost outer spaces or invisible characters, the first in ${path}, line 2`,
    ]);
  });

  test.each([
    ['image,d\0x\na,mel\n', /zero\.csv, line 1: a zero byte \(NUL\), which no text has/],
    ['image,dx\na,mel\nb,\0\n', /zero\.csv, line 3: a zero byte/],
  ])('a zero byte is named with its line: %j', async (content, message) => {
    await expect(readMetadata([put('zero.csv', content)])).rejects.toThrow(message);
  });

  test.each([
    ['book.xlsx', 'PK\u0003\u0004'],
    ['book.xls', '\u00d0\u00cf\u0011\u00e0\u00a1\u00b1'],
    ['book.ods', 'PK\u0003\u0004'],
    ['book', '\u00d0\u00cf\u0011\u00e0'],
  ])('%s is no table, and the line says how it becomes one', async (name, start) => {
    await expect(readMetadata([put(name, Buffer.from(start, 'latin1'))])).rejects.toThrow(
      /a spreadsheet; save its sheet as CSV .*CSV UTF-8.*--convert-to csv/,
    );
  });

  test('keys of JSON that are alike but for what nobody sees stand there twice', async () => {
    const path = put('keys.json', '[{"dx": "mel", "dx\\u0000": "nev"}]');
    await expect(readMetadata([path])).rejects.toThrow(/keys\.json: column 'dx' stands twice/);
  });

  test('two tables are joined although one of them was in a spreadsheet', async () => {
    const mapping = put(
      'joined.yaml',
      'description: two\ntables:\n  t:\n    recognise: [image, dx]\n    id: image\n  m:\n    recognise: [image, age]\n    id: image\n',
    );
    const [one, two] = [
      put('t.csv', 'image,dx\n7,mel\nA1,nev\n'),
      put('m.csv', 'image,age\n7.0,50\na1,60\n'),
    ];
    expect(rows(await readMetadata([one, two], { mapping }))).toEqual([
      { image: '7', dx: 'mel', age: '50' },
      { image: 'A1', dx: 'nev', age: '60' },
    ]);
  });
});
