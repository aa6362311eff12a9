import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from 'graft-torch/base';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPhantomDataset } from '../phantom/dataset.js';
import { openDataset } from './dataset.js';

let root: string;
let sound: string;
let dir: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-dataset-'));
  sound = join(root, 'sound');
  await createPhantomDataset(sound, { count: 12, sizePx: 16, prevalence: 0.5 });
});
beforeEach(() => {
  dir = join(root, 'edited');
  rmSync(dir, { recursive: true, force: true });
  cpSync(sound, dir, { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true }));

function edit(file: string, change: (text: string) => string): void {
  const path = join(dir, file);
  const before = readFileSync(path, 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(path, after);
}

/** Changes one cell of the second row (line 3). */
function cell(column: string, value: string): void {
  edit('manifest.csv', (text) => {
    const lines = text.split('\n');
    const at = lines[0]!.split(',').indexOf(column);
    const cells = lines[2]!.split(',');
    cells[at] = value;
    lines[2] = cells.join(',');
    return lines.join('\n');
  });
}

test('a sound dataset opens; opening is repeatable and the hash is of the content, not of the place', () => {
  const one = openDataset(sound);
  expect(one.rows).toHaveLength(12);
  expect(openDataset(dir)).toEqual({ ...one, dir });
  expect(one.rows[0]).toMatchObject({ id: 'phantom-000000', file: 'images/phantom-000000.png', width: 16 });
  expect(Number(one.rows[0]!.extra.asymmetry)).toBeGreaterThan(0);
});

test('the hash changes with label, group, split and content, and with nothing else', () => {
  const { hash, rows } = openDataset(sound);
  cell('site', 'elsewhere');
  expect(openDataset(dir).hash).toBe(hash);
  cell('label', rows[1]!.label === 'benign' ? 'malignant' : 'benign');
  expect(openDataset(dir).hash).not.toBe(hash);
});

describe('refuses, and names file and line', () => {
  const cases: [string, () => void, RegExp][] = [
    ['no folder', () => rmSync(dir, { recursive: true }), /dataset\.yaml.*graft data import/],
    [
      'an unknown key',
      () => edit('dataset.yaml', (text) => `${text}colour: red\n`),
      /dataset\.yaml: Unrecognized key: "colour"; undo/,
    ],
    [
      'broken YAML',
      () => edit('dataset.yaml', (text) => `${text}: : [\n`),
      /dataset\.yaml:\d+: not valid YAML: .*; undo the change/,
    ],
    [
      'a positive that is no class',
      () => edit('dataset.yaml', (text) => text.replace('positive: malignant', 'positive: melanoma')),
      /positive: 'melanoma' is none of the classes/,
    ],
    ['no manifest', () => rmSync(join(dir, 'manifest.csv')), /manifest\.csv/],
    [
      'a column that is gone',
      () => edit('manifest.csv', (text) => text.replace('sha256', 'sha')),
      /manifest\.csv: column sha256 missing/,
    ],
    [
      'a cut-off manifest',
      () => edit('manifest.csv', (text) => text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1)),
      /11 rows, but dataset\.yaml counts 12/,
    ],
    ['an id twice', () => cell('id', 'phantom-000000'), /line 3: id 'phantom-000000' is already on line 2/],
    ['an empty id', () => cell('id', ''), /line 3: id '': empty/],
    ['a label that is no class', () => cell('label', 'naevus'), /line 3: label 'naevus' is none of/],
    [
      'a split that is none',
      () => cell('split', 'dev'),
      /line 3: split 'dev': expected train, val, test; undo the change, or make the dataset anew with `graft data import`$/,
    ],
    ['a width of zero', () => cell('width', '0'), /line 3: width '0': .*; undo/],
    ['a hash that is none', () => cell('sha256', 'abc'), /line 3: sha256 'abc': expected 64/],
    ['a path that leaves the folder', () => cell('file', '../x.png'), /line 3: file '\.\.\/x\.png': leaves/],
    [
      'an image that is gone',
      () => rmSync(join(dir, 'images/phantom-000001.png')),
      /line 3: image images\/phantom-000001\.png is missing, or no file; undo the change, or make/,
    ],
  ];
  test.each(cases)('%s', (_, damage, message) => {
    damage();
    expect(() => openDataset(dir)).toThrow(DataError);
    expect(() => openDataset(dir)).toThrow(message);
  });

  test('a group in two splits', () => {
    const { rows } = openDataset(sound);
    const other = rows.findIndex((row) => row.split !== rows[1]!.split);
    cell('group', rows[other]!.group);
    const lines = [3, other + 2].sort((a, b) => a - b);
    expect(() => openDataset(dir)).toThrow(
      new RegExp(`line ${lines[1]}: group .* on line ${lines[0]}; a group must not span splits`),
    );
  });
});
