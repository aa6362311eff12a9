/** Tables that are hardly tables: each is read, or refused in one line that names it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GraftError, Random } from 'graft-torch/base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodePng } from '../../image/grid.js';
import { auditTables } from '../audit/index.js';
import { importDataset } from '../import/import.js';

const root = mkdtempSync(join(tmpdir(), 'graft-odd-'));
const images = join(root, 'photos');
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeAll(async () => {
  mkdirSync(images);
  const random = new Random(1);
  for (let i = 0; i < 6; i++) {
    const pixels = Uint8Array.from({ length: 3 * 16 * 16 }, () => random.int(256));
    writeFileSync(join(images, `i${i}.png`), await encodePng(pixels, { width: 16, height: 16 }));
  }
});

const body = Array.from({ length: 6 }, (_, i) => `i${i},${i % 2 ? 'mel' : 'nev'}`);
const table = (header: string, line: (row: string, i: number) => string): string =>
  [header, ...body.map(line)].join('\n');

/** Name → content, and the images that are imported; 0 where the table is refused. */
const cases: [string, string | Buffer, number][] = [
  ['names-of-objects.csv', table('id,dx,__proto__,constructor', (row) => `${row},1,2`), 6],
  ['names-of-ours.csv', table('graft:row,id,dx', (row) => `1,${row}`), 6],
  ['names-alike.csv', table('ID,id,dx', (row) => `1,${row}`), 6],
  ['no-names.csv', table(',,id,dx', (row) => `1,2,${row}`), 6],
  ['title.csv', `My table,,\n${table('id,dx,age', (row) => `${row},50`)}`, 0],
  ['two-headers.csv', `Picture,,Patient,\n${table('id,dx,age,sex', (row) => `${row},50,male`)}`, 0],
  ['taken-name.csv', table('column_2,,id,dx', (row) => `1,2,${row}`), 0],
  ['only-header.csv', 'id,dx', 0],
  ['only-mark.csv', '\ufeff', 0],
  ['only-separator.csv', 'sep=;\n', 0],
  ['only-lines.csv', '\n\n\n', 0],
  ['only-commas.csv', ',,,\n,,,\n', 0],
  ['one-quote.csv', '"', 0],
  ['one-line.csv', 'a'.repeat(100_000), 0],
  ['carriage-returns.csv', table('id,dx', (row) => row).replaceAll('\n', '\r'), 6],
  [
    'wide.csv',
    table(
      `${Array.from({ length: 600 }, (_, i) => `c${i}`).join(',')},id,dx`,
      (row) => `${'x,'.repeat(600)}${row}`,
    ),
    6,
  ],
  ['twice.csv', 'id,id\ni0,mel\n', 0],
  ['ragged.csv', 'id,dx\ni0\n', 0],
  ['paths.csv', table('id,dx', (row, i) => (i ? `C:\\x\\${row}` : '../../etc/passwd,mel')), 5],
  ['formulas.csv', table('id,dx,patient_id', (row) => `${row},=1+${row[1]}`), 6],
  ['all-missing.csv', table('id,dx', (row) => `${row.slice(0, 2)},NA`), 0],
  ['one-id.csv', table('id,dx', (row) => `i0${row.slice(2)}`), 0],
  ['latin1.csv', Buffer.from('id;größe\ni0;ä\n', 'latin1'), 0],
  ['half-utf16.csv', Buffer.from('id,dx\n', 'utf16le').subarray(1), 0],
  ['zeros.csv', Buffer.from([0, 0, 0, 0]), 0],
  ['utf16-mark.csv', Buffer.from([0xff, 0xfe]), 0],
  ['utf32.csv', Buffer.from([0xff, 0xfe, 0, 0]), 0],
  ['keys-twice.json', '[{"id": "i0", "dx": "nev", "dx": "mel"}]', 0],
  ['keys-twice.jsonl', '{"id": "i0", "dx": "nev", "dx": "mel"}\n{"id": "i1", "dx": "mel"}', 0],
  ['numbers.json', '[1,2]', 0],
  ['text.json', '"x"', 0],
  ['null.json', 'null', 0],
  ['empty.json', '{}', 0],
  ['no-records.json', '[]', 0],
  ['lists.json', '[[1,2],[3,4]]', 0],
  ['empty-record.json', '[{}]', 0],
  ['no-results.json', '{"results": []}', 0],
  ['split-empty.json', '{"columns": [], "data": []}', 0],
  ['split-twice.json', '{"columns": ["a","a"], "data": [[1,2]]}', 0],
  ['split-ragged.json', '{"columns": ["id","dx"], "data": [["i0"]]}', 0],
  ['empty-columns.json', '{"a": {}, "b": {}}', 0],
  ['mixed.json', '{"0": {"id": "i0"}, "1": 3}', 0],
  ['uneven.json', '{"a": [1,2], "b": [1]}', 0],
  [
    'proto.json',
    '{"__proto__": {"0": 1, "1": 2}, "id": {"0": "i0", "1": "i1"}, "dx": {"0": "mel", "1": "nev"}}',
    2,
  ],
  ['nameless.json', '[{"id": "i0", "": "x", " ": "y", "dx": "mel"}]', 0],
  ['cut.jsonl', '{"id": "i0", "dx": "mel"}\n\n{"id": "i1", "dx": NaN}\n{"id": "i2"', 0],
  ['glued.jsonl', '{"id": "i0", "dx": "mel"}{"id": "i1"}', 0],
];

test.each(cases)('%s', async (name, content, count) => {
  const path = join(root, name);
  writeFileSync(path, content);
  const outcome = async (run: () => Promise<unknown>): Promise<number> => {
    try {
      const made = (await run()) as { dataset?: { rows: unknown[] } };
      return made.dataset?.rows.length ?? 0;
    } catch (error) {
      expect(error).toBeInstanceOf(GraftError);
      const { message } = error as Error;
      expect(message).not.toContain('\n');
      expect(message.length).toBeLessThan(1500);
      return 0;
    }
  };
  const options = { positive: 'mel', metadata: path, oneClass: true, partial: true };
  expect(await outcome(() => importDataset(images, join(root, `made-${name}`), options as never))).toBe(
    count,
  );
  await outcome(() => auditTables([{ paths: [path] }]));
});
