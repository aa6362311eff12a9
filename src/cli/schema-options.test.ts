import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { openDataset } from '../data/dataset/index.js';
import { wholeProgram } from './in-process.test-data.js';

const root = mkdtempSync(join(tmpdir(), 'graft-cli-options-'));
afterAll(() => rmSync(root, { recursive: true }));
const run = wholeProgram('data');
const out = join(root, 'out');

test('--dry-run prints what counts: defaults, the file, --set, then flags and --seed; nothing is made', async () => {
  const file = join(root, 'options.yaml');
  writeFileSync(file, 'positive: mel\nleaks: drop\nclasses: [mel, nev]\nduplicates: { near: keep }\n');
  const args = ['import', 'nowhere', '--config', file, '--set', 'leaks=refuse', '--dry-run', '--out', out];
  const made = await run([
    ...[...args, '--seed', '7', '--group-column', 'none', '--rename', 'a=mel', '--rename', 'b=nev', '--link'],
    ...['--metadata', 'a.csv', '--metadata', 'b.csv', '--split', '60/20/20', '--channels', '1'],
  ]);
  expect(made).toMatchObject({ code: 0 });
  expect(parse(made.stdout)).toMatchObject({
    positive: 'mel',
    leaks: 'refuse',
    classes: ['mel', 'nev'],
    duplicates: { exact: 'remove', near: 'keep' },
    lesionColumn: 'none',
    renameLabels: { a: 'mel', b: 'nev' },
    images: 'link',
    metadata: ['a.csv', 'b.csv'],
    fractions: { train: 0.6, val: 0.2, test: 0.2 },
    channels: 1,
    intensity: 'auto',
    skipUnreadable: false,
    seed: 7,
  });
  expect(made.stdout).toContain('# label of the class whose detection is at stake');
  expect(existsSync(out)).toBe(false);
  // What is printed is a file that says the same.
  const again = join(root, 'again.yaml');
  writeFileSync(again, made.stdout);
  const same = await run(['import', 'nowhere', '--config', again, '--dry-run', '--out', out]);
  expect(same.stdout).toBe(made.stdout);
});

test('prepare: words of the flags become the values of the schema, and are carried out', async () => {
  const phantoms = join(root, 'phantoms');
  await run(['phantoms', '--count', '20', '--size', '32', '--out', phantoms]);
  const args = ['prepare', phantoms, '--sizes', '16, 24', '--fit', 'pad', '--out', out];
  const dry = await run([...args, '--dry-run', '--json']);
  expect(JSON.parse(dry.stdout)).toMatchObject({ sizesPx: [16, 24], fit: 'contain', marginShare: 0.1 });
  expect(await run([...args, '--quiet'])).toMatchObject({ code: 0 });
  expect(openDataset(join(out, '24px')).provenance).toMatchObject({ sizePx: 24, fit: 'contain' });
});

test.each<[string[], RegExp]>([
  [['import', 'x', '--masks', 'off'], /'--masks <what>'.*choices are aside, keep, pictures/],
  [['import', 'x', '--near-evidence', '5'], /'--near-evidence <x>'.*≥ 0\.3 and ≤ 3/],
  [['import', 'x', '--channels', '2'], /'--channels <number>'.*1 or 3/],
  [['import', 'x', '--set', 'leak=drop'], /--set leak=drop: leak: unknown key \(did you mean "leaks"\?\)/],
  [['import', 'x', '--set', 'fractions={train: 1, val: 1, test: 0}'], /sum to 1/],
  [['prepare', 'x', '--sizes', '16,4'], /'--sizes <a,b>'.*≥ 8 and ≤ 4096/],
  [['prepare', 'x', '--sizes', '16,16'], /--sizes: sizesPx: a size is given twice/],
  [['prepare', 'x', '--config', 'nowhere.yaml'], /nowhere\.yaml: no such file/],
])('%j is refused before anything is read', async (args, message) => {
  const failed = await run([...args, '--out', out]);
  expect(failed.code).toBe(2);
  expect(failed.stderr).toMatch(message);
});
