/**
 * The documented commands (docs/data.md), on small folders in the layout and with the tables' headers of each
 * challenge. The pictures are phantoms.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Random } from 'graft-torch/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodePng } from '../../image/grid.js';
import { renderPhantom, samplePhantom } from '../phantom/index.js';
import { importDataset } from './import.js';
import type { ImportOptions } from './options.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-challenge-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const random = new Random(7);
async function pictures(folder: string, ids: readonly string[]): Promise<void> {
  mkdirSync(join(root, folder), { recursive: true });
  for (const id of ids) {
    const pixels = renderPhantom(samplePhantom(random, { prevalence: 0.5 }), 24);
    // The content decides, not the extension.
    writeFileSync(join(root, folder, `${id}.jpg`), await encodePng(pixels, { width: 24, height: 24 }));
  }
}

function table(path: string, lines: readonly string[]): string {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), `${lines.join('\r\n')}\r\n`);
  return join(root, path);
}

const run = (folder: string, options: ImportOptions) =>
  importDataset(join(root, folder), join(root, 'made'), options);

const isic = (i: number): string => `ISIC_${String(i).padStart(7, '0')}`;
const range = (from: number, n: number): number[] => Array.from({ length: n }, (_, i) => from + i);

test('ISIC 2017: three folders, three ground truths, the official split', async () => {
  const parts = {
    train: { name: 'Training', from: 0, n: 12 },
    val: { name: 'Validation', from: 20, n: 4 },
    test: { name: 'Test_v2', from: 30, n: 6 },
  };
  const metadata: string[] = [];
  for (const [split, { name, from, n }] of Object.entries(parts)) {
    await pictures(`ISIC2017/ISIC-2017_${name}_Data`, range(from, n).map(isic));
    metadata.push(
      `${split}=${table(`ISIC2017/ISIC-2017_${name}_Part3_GroundTruth.csv`, [
        'image_id,melanoma,seborrheic_keratosis',
        ...range(from, n).map(
          (i) => `${isic(i)},${i % 3 === 0 ? '1.0,0.0' : i % 3 === 1 ? '0.0,1.0' : '0.0,0.0'}`,
        ),
      ])}`,
    );
  }
  const { dataset, report } = await run('ISIC2017', {
    metadata,
    labelColumn: 'diagnosis',
    positive: 'melanoma',
    leaks: 'drop',
  });
  expect(dataset.classes).toEqual(['melanoma', 'nevus', 'seborrheic keratosis']);
  expect(dataset.splitBy).toBe('given');
  expect(report.splits.test).toEqual({ melanoma: 2, nevus: 2, 'seborrheic keratosis': 2 });
  expect(dataset.rows.find(({ id }) => id === isic(32))).toMatchObject({ label: 'nevus', split: 'test' });
  expect(dataset.rows.find(({ id }) => id === isic(21))).toMatchObject({ label: 'melanoma', split: 'val' });
});

test('HAM10000: malignant against benign, and the seven diagnoses; lesions kept together', async () => {
  const codes = ['mel', 'nv', 'bcc', 'akiec', 'bkl', 'df', 'vasc'];
  await pictures('HAM10000', range(24306, 28).map(isic));
  const metadata = table('HAM10000_metadata.csv', [
    'lesion_id,image_id,dx,dx_type,age,sex,localization',
    ...range(0, 28).map(
      (i) =>
        `HAM_${i >> 1},${isic(24306 + i)},${codes[(i >> 1) % 7]},histo,${40 + i}.0,${i % 2 ? 'male' : 'unknown'},scalp`,
    ),
  ]);
  const two = await run('HAM10000', { metadata, positive: 'malignant' });
  expect(two.dataset).toMatchObject({ classes: ['benign', 'malignant'], groupedBy: 'lesion' });
  expect(two.dataset.counts.groups).toBe(14);
  expect(two.dataset.rows[0]!.extra).toMatchObject({
    diagnosis: 'melanoma',
    anatom_site_general: 'head/neck',
    sex: '',
  });
  rmSync(join(root, 'made'), { recursive: true });
  const seven = await run('HAM10000', { metadata, labelColumn: 'diagnosis', positive: 'melanoma' });
  expect(seven.dataset.classes).toHaveLength(7);
});

test('ISIC 2019: ground truth and metadata joined; what is neither is left out by name', async () => {
  const classes = ['MEL', 'NV', 'BCC', 'AK', 'BKL', 'DF', 'VASC', 'SCC', 'UNK'];
  await pictures('ISIC_2019_Training_Input', range(0, 36).map(isic));
  const metadata = [
    table('ISIC_2019_Training_GroundTruth.csv', [
      `image,${classes.join(',')}`,
      ...range(0, 36).map(
        (i) => `${isic(i)},${classes.map((_, k) => (k === i % 9 ? '1.0' : '0.0')).join(',')}`,
      ),
    ]),
    table('ISIC_2019_Training_Metadata.csv', [
      'image,age_approx,anatom_site_general,lesion_id,sex',
      ...range(0, 36).map((i) => `${isic(i)},${30 + i},anterior torso,${i % 3 ? `BCN_${i}` : ''},female`),
    ]),
  ];
  const { dataset, report } = await run('ISIC_2019_Training_Input', { metadata, positive: 'malignant' });
  expect(dataset.rows).toHaveLength(28); // without AK and UNK
  expect(report.flow[0]!.images).toBe(36);
  expect(report.counts).toMatchObject({ 'empty-label': 8 });
  expect(dataset.rows.find(({ id }) => id === isic(7))).toMatchObject({
    label: 'malignant',
    group: `lesion:BCN_7`,
    extra: { diagnosis: 'squamous cell carcinoma', age_approx: '37' },
  });
});

test('ISIC 2020: patients, and the duplicates that the challenge names', async () => {
  await pictures('ISIC_2020_Training_JPEG', range(100, 30).map(isic));
  const metadata = table('ISIC_2020_Training_GroundTruth_v2.csv', [
    'image_name,patient_id,lesion_id,sex,age_approx,anatom_site_general_challenge,diagnosis,benign_malignant,target',
    ...range(0, 30).map(
      (i) =>
        `${isic(100 + i)},IP_${i >> 1},IL_${i},male,45,torso,${i % 4 ? 'nevus,benign,0' : 'melanoma,malignant,1'}`,
    ),
  ]);
  const knownDuplicates = table('ISIC_2020_Training_Duplicates.csv', [
    'image_name_1,image_name_2',
    `${isic(103)},${isic(111)}`,
  ]);
  const { dataset } = await run('ISIC_2020_Training_JPEG', {
    metadata,
    knownDuplicates,
    positive: 'malignant',
  });
  expect(dataset).toMatchObject({ groupedBy: 'patient', classes: ['benign', 'malignant'] });
  const group = (id: string) => dataset.rows.find((row) => row.id === id)!.group;
  expect(group(isic(103))).toBe('patient:IP_1');
  expect(group(isic(111))).toBe('patient:IP_1'); // by patient IP_5, joined over the duplicate
  expect(group(isic(110))).toBe('patient:IP_1');
  expect(dataset.rows[0]!.extra.anatom_site_general).toBe('torso');
});

test('API v1: a JSON a picture; what has no diagnosis is left out', async () => {
  await pictures('images', range(0, 16).map(isic));
  for (const i of range(0, 16))
    table(`descriptions/${isic(i)}.json`, [
      JSON.stringify({
        _id: `5436e3abbae478396759f0${i}`,
        name: isic(i),
        meta: {
          acquisition: { image_type: 'dermoscopic', pixelsX: 24, pixelsY: 24 },
          clinical: {
            benign_malignant: i % 4 === 0 ? 'malignant' : 'benign',
            diagnosis: i === 3 ? 'unknown' : i === 5 ? 'other' : i % 4 === 0 ? 'melanoma' : 'nevus',
            sex: null,
          },
        },
      }),
    ]);
  const { dataset, report } = await run('images', {
    metadata: join(root, 'descriptions'),
    required: ['diagnosis'],
    positive: 'malignant',
  });
  expect(dataset.rows).toHaveLength(14);
  expect(report.problems.filter(({ kind }) => kind === 'missing-value').map(({ detail }) => detail)).toEqual([
    "diagnosis is 'unknown'",
    "diagnosis is 'other'",
  ]);
});
