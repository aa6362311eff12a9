import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTable, writeTable } from '../data/table/table.js';
import { wholeProgram } from './in-process.test-data.js';

let root: string;
let train: string;
let tested: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-cli-audit-'));
  const rows = (from: number) =>
    Array.from({ length: 60 }, (_, i) => {
      const malignant = i % 3 === 0;
      return `n${from + i},P${from / 2 + i},${malignant ? 'malignant' : 'benign'},${malignant ? 'H1' : i % 2 ? 'H2' : 'H1'}`;
    });
  const write = (name: string, from: number): string => {
    const path = join(root, name);
    writeFileSync(path, `${['name,patient_id,label,hospital', ...rows(from)].join('\n')}\n`);
    return path;
  };
  train = write('train.csv', 0);
  tested = write('test.csv', 60);
});
afterAll(() => rmSync(root, { recursive: true }));

const run = wholeProgram('data');

const tables = (...more: string[]) => [
  'audit',
  '--split',
  `train=${train}`,
  '--split',
  `test=${tested}`,
  ...more,
];

test('leaks and confounds on the screen, as JSON, as CSV; a leak fails only with --strict', async () => {
  const csv = join(root, 'confounds.csv');
  const { code, stdout, stderr } = await run(tables('--csv', csv));
  expect(code).toBe(0);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/train\.csv, test\.csv: 120 images \(train 60, test 60\)/);
  expect(stdout).toMatch(/train \/ test +patient +30 +30 \/ 30 +P30: n30, n60/);
  expect(stdout).toMatch(/30 of the 60 images of test \(50\.0 %\) show a patient who is also in train\./);
  expect(stdout).toMatch(/! +hospital +0\.7\d\d +0\.\d{3} to 0\.\d{3} +100\.0 % +█+/);
  expect(stdout).toMatch(/! hospital: from 0\.0 % in H2 \(n = 40\) to 50\.0 % in H1 \(n = 80\)/);

  const json = await run(tables('--json', '--strict'));
  expect(json.code).toBe(1);
  const result = JSON.parse(json.stdout);
  expect(result).toMatchObject({ format: 'graft-audit-1', positive: 'malignant' });
  expect(json.stderr.trim().split('\n')).toHaveLength(1);
  expect(json.stderr).toMatch(/30 × patient in train and test.*--strict/);

  const rows = readTable(csv).rows.map(({ cells }) => cells);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatchObject({ feature: 'hospital', flagged: 'true', level: 'H1', level_images: '80' });
  expect(Number(rows[0]!.auc)).toBe(result.confounds[0].auc);
});

test('a dataset: no leak, exit code 0 with --strict; what a phantom’s class is made of is left out; a torn manifest', async () => {
  const dir = join(root, 'phantoms');
  await run(['phantoms', '--count', '40', '--size', '16', '--prevalence', '0.5', '--out', dir, '--quiet']);
  const { code, stdout, stderr } = await run(['audit', dir, '--strict']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/Leaks: none\./);
  expect(stdout).toMatch(/they say the label: asymmetry, border, .*bayes_probability/);
  expect(stdout).toMatch(/brightness/);
  expect(stderr).toMatch(/measuring: 100 %, 40\/40 images/);
  expect((await run(['audit', dir, '--quiet', '--no-pixels'])).stdout).not.toMatch(/brightness/);

  // A group torn apart by hand: the manifest is audited all the same, and --strict fails.
  const manifest = join(dir, 'manifest.csv');
  const edited = readTable(manifest);
  const [first] = edited.rows.filter(({ cells }) => cells.split === 'train');
  const [second] = edited.rows.filter(({ cells }) => cells.split === 'test');
  second!.cells.group = first!.cells.group!;
  writeTable(
    manifest,
    edited.columns,
    edited.rows.map(({ cells }) => cells),
  );
  const torn = await run(['audit', dir, '--strict']);
  expect(torn.code).toBe(1);
  expect(torn.stderr).toMatch(/cannot be opened, its manifest is audited as a table: .*must not span splits/);
  expect(torn.stdout).toMatch(/train \/ test +group +1 +1 \/ 1/);
  expect(readFileSync(manifest, 'utf8')).toContain(first!.cells.group!);
});

test.each([
  [['audit'], 2, /either a dataset folder, or tables/],
  [['audit', 'x', '--table', 'y.csv'], 2, /either a dataset folder, or tables/],
  [['audit', '--table', 'y.csv', '--split', 'a=b.csv'], 2, /--split and --table: give one/],
  [['audit', '--split', 'a.csv'], 2, /--split a\.csv: expected a name and a table/],
  [['audit', '--split', 'a=x.csv', '--split', 'a=y.csv'], 2, /--split a=…: given twice/],
  [['audit', '--table', 'x.csv', '--recompute'], 2, /--recompute needs images/],
  [['audit', 'x', '--positive', 'mel'], 2, /--positive is for tables/],
  [['audit', '/nowhere'], 1, /\/nowhere.*graft data import/],
  [['audit', '--table', '/nowhere.csv'], 1, /\/nowhere\.csv/],
])('%j: exit code %i', async (args, code, message) => {
  const failed = await run(args);
  expect(failed.stderr).toMatch(message);
  expect(failed.code).toBe(code);
  expect(failed.stderr.trim().split('\n')).toHaveLength(1);
});
