import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDataset } from '../data/dataset/dataset.js';
import { wholeProgram } from './in-process.test-data.js';

let root: string;
let phantoms: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-cli-data-'));
  phantoms = join(root, 'phantoms');
  await run(['phantoms', '--count', '30', '--size', '32', '--seed', '3', '--out', phantoms]);
});
afterAll(() => rmSync(root, { recursive: true }));

const run = wholeProgram('data');

test('phantoms → import by folder name → describe', async () => {
  expect(openDataset(phantoms)).toMatchObject({ seed: 3, kind: 'phantom' });
  const again = join(root, 'again');
  const args = [
    '--metadata',
    join(phantoms, 'manifest.csv'),
    '--label-column',
    'label',
    '--positive',
    'malignant',
  ];
  const made = await run([
    'import',
    join(phantoms, 'images'),
    ...args,
    '--split',
    '60/20/20',
    '--out',
    again,
    '--json',
  ]);
  expect(made.code).toBe(0);
  expect(made.stderr).toContain('made ');
  const report = JSON.parse(made.stdout);
  expect(report).toMatchObject({ images: 30, found: { files: 30, rows: 30 }, dir: again });

  const described = await run(['describe', again]);
  expect(described.stdout).toMatch(/30 images in 30 groups/);
  expect(described.stdout).toMatch(/target: malignant against benign/);
  expect(described.stdout).toMatch(/train +\d+ +\d+ +18 /);
  const json = JSON.parse((await run(['describe', again, '--json'])).stdout);
  expect(json.counts).toHaveLength(6);
  expect(json.hash).toBe(openDataset(again).hash);
});

test('prepare: a reduction to more images than there are keeps all of them, and says so', async () => {
  const args = (count: string) => [
    'prepare',
    phantoms,
    '--reduce',
    count,
    '--out',
    join(root, `of-${count}`),
  ];
  const all = await run(args('31'));
  expect(all).toMatchObject({ code: 0 });
  expect(all.stderr).toContain('--reduce 31: there are no more than 30 images to choose from; all are kept');
  expect((await run(args('30'))).stderr).not.toContain('--reduce');
});

test('an unreadable image: exit code 1, one line with name and remedy, nothing made', async () => {
  truncateSync(join(phantoms, 'images/phantom-000004.png'), 300);
  const out = join(root, 'never');
  const args = [
    'import',
    phantoms,
    '--metadata',
    'manifest.csv',
    '--label-column',
    'label',
    '--positive',
    'malignant',
  ];
  const failed = await run([...args, '--quiet', '--out', out]);
  expect(failed.code).toBe(1);
  expect(failed.stderr.trim().split('\n')).toHaveLength(1);
  expect(failed.stderr).toMatch(
    /1 of 30 images cannot be decoded: images\/phantom-000004\.png .*--skip-unreadable/,
  );
  expect(readdirSync(root)).not.toContain('never');

  const skipped = await run([...args, '--skip-unreadable', '--out', out]);
  expect(skipped.code).toBe(0);
  expect(skipped.stdout).toMatch(/left out: images that cannot be decoded +1 +images\/phantom-000004\.png/);
});

test('import without a positive names the labels there are', async () => {
  const args = [
    'import',
    join(phantoms, 'images'),
    '--metadata',
    join(phantoms, 'manifest.csv'),
    '--out',
    join(root, 'none'),
  ];
  const failed = await run([...args, '--label-column', 'label']);
  expect(failed.code).toBe(2);
  expect(failed.stderr).toMatch(/--positive: say which label .*labels found: benign, malignant\n$/);
});

test.each([
  [['import', 'x', '--positive', 'a', '--out', 'y'], 2, /--metadata/],
  [['import', 'x', '--metadata', 'm.csv', '--out', 'y'], 2, /--positive/],
  [
    ['import', 'x', '--label-from-folders', '--positive', 'a', '--out', 'y', '--split', '50/50'],
    2,
    /70\/15\/15/,
  ],
  [['import', 'x', '--label-from-folders', '--positive', 'a', '--out', 'y', '--rename', 'b'], 2, /old=new/],
  [['describe', '/nowhere'], 1, /\/nowhere.*graft data import/],
])('%j: exit code %i', async (args, code, message) => {
  const failed = await run(args);
  expect(failed.code).toBe(code);
  expect(failed.stderr).toMatch(message);
});
