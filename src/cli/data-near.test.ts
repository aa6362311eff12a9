/** `graft data import`: what it does with images of one picture, and what it shows of that. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from 'graft-torch/base';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../data/dataset/dataset.js';
import { renderPhantom, samplePhantom } from '../data/phantom/index.js';
import { wholeProgram } from './in-process.test-data.js';

const graft = wholeProgram('data');
const sidePx = 96;
let root: string;
let images: string;

/** Twenty lesions of each class; of two of them a mirrored and a small, dark copy as well. */
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-near-'));
  images = join(root, 'images');
  const random = new Random(7);
  for (const [label, prevalence] of [
    ['malignant', 1],
    ['benign', 0],
  ] as const) {
    mkdirSync(join(images, label), { recursive: true });
    for (let i = 0; i < 20; i++) {
      const pixels = renderPhantom(samplePhantom(random, { prevalence }), sidePx);
      await sharp(pixels, { raw: { width: sidePx, height: sidePx, channels: 3 } })
        .png()
        .toFile(join(images, label, `${label}-${String(i).padStart(2, '0')}.png`));
    }
  }
  const of = (label: string, i: string) => sharp(join(images, label, `${label}-${i}.png`));
  await of('malignant', '03').flop().jpeg({ quality: 70 }).toFile(join(images, 'malignant/mirrored.jpg'));
  await of('benign', '11').resize(72).linear(0.85).png().toFile(join(images, 'benign/small.png'));
});
afterAll(() => rmSync(root, { recursive: true }));

async function imported(name: string, ...more: string[]) {
  const out = join(root, name);
  const said = await graft([
    'import',
    images,
    '--label-from-folders',
    '--positive',
    'malignant',
    '--out',
    out,
    '--json',
    ...more,
  ]);
  expect(said).toMatchObject({ code: 0 });
  const { rows } = openDataset(out);
  return {
    out,
    report: JSON.parse(said.stdout),
    stderr: said.stderr,
    ids: rows.map(({ id }) => id),
    groupOf: (id: string) => rows.find((row) => row.id === id)!.group,
    sheet: existsSync(join(out, 'near-duplicates.png')) && join(out, 'near-duplicates.png'),
  };
}

describe('images of one picture', () => {
  test('make one group, and can be looked at', async () => {
    const { groupOf, ids, sheet } = await imported('grouped');
    expect(ids).toHaveLength(42);
    expect(groupOf('mirrored')).toBe(groupOf('malignant-03'));
    expect(groupOf('small')).toBe(groupOf('benign-11'));
    expect(new Set(ids.map(groupOf)).size).toBe(40);
    // Two pairs side by side, with captions above them.
    const { data, info } = await sharp(sheet as string)
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info.width).toBeGreaterThan(4 * 144);
    expect(info.height).toBeGreaterThan(144);
    expect(new Set(data).size).toBeGreaterThan(100);
  });

  test('--near-duplicates remove keeps the largest', async () => {
    const { ids, report } = await imported('removed', '--near-duplicates', 'remove');
    expect(ids).toHaveLength(40);
    expect(ids).not.toContain('small');
    expect(ids).toContain('benign-11');
    expect(report.counts).toMatchObject({ 'near-duplicate': 2 });
  });

  test('--near-duplicates keep names them, and leaves each its own group', async () => {
    const { ids, groupOf, report, sheet } = await imported('kept', '--near-duplicates', 'keep');
    expect(new Set(ids.map(groupOf)).size).toBe(42);
    expect(report.duplicates.map(({ a, b }: Record<string, string>) => [a, b])).toEqual(
      expect.arrayContaining([
        ['benign-11', 'small'],
        ['malignant-03', 'mirrored'],
      ]),
    );
    expect(sheet).toBeTruthy();
  });

  test('--near-evidence: the higher, the fewer', async () => {
    const { ids, groupOf, report, sheet } = await imported('strict', '--near-evidence', '3');
    expect(new Set(ids.map(groupOf)).size).toBe(42);
    expect(report.duplicates).toEqual([]);
    expect(sheet).toBe(false);
    const { code, stderr } = await graft([
      'import',
      images,
      '--near-evidence',
      '0',
      '--out',
      join(root, 'x'),
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--near-evidence.*0\.3/);
  });
});
