/** A made-up dataset for tests of the report: few files, as many rows as wanted, hostile names, gaps everywhere. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Random, sha256, writeJson } from 'graft-torch/base';
import sharp from 'sharp';
import type { AuditResult } from '../audit/result.js';
import { type Dataset, type DatasetRow, datasetHash, splits } from '../dataset/dataset.js';
import { type FlowStage, type ImportReport, reportFile } from '../dataset/report.js';

export const hostile = '<script>alert("x")</script> & \'quotes\'';
export const longName =
  'a site whose name is far longer than any column of a table or margin of a figure would like';

/** Different files; rows share them. */
const files = 4;

export async function exampleDataset(
  dir: string,
  options: { classes?: string[]; images?: number; metadata?: boolean } = {},
): Promise<Dataset> {
  const { classes = ['melanoma', 'nevus', hostile], images = 240, metadata = true } = options;
  mkdirSync(join(dir, 'images'), { recursive: true });
  for (let i = 0; i < files; i++)
    await sharp({
      create: { width: 40 + 8 * i, height: 40, channels: 3, background: { r: 190, g: 60 * i, b: 120 } },
    })
      .png()
      .toFile(join(dir, `images/${i}.png`));
  const random = new Random(5);
  const rows = Array.from({ length: images }, (_, i): DatasetRow => {
    const k = i % classes.length;
    const group = Math.floor(i / (i < images / 4 ? 3 * classes.length : 1));
    return {
      id: `ISIC_${String(i).padStart(7, '0')}`,
      file: `images/${i % files}.png`,
      label: classes[k]!,
      group: `patient:${k}-${group}`,
      split: splits[group % 5 < 3 ? 0 : (group % 5) - 2]!,
      sha256: sha256(String(i)),
      width: 600 + 8 * random.int(60),
      height: 450 + 6 * random.int(60),
      extra: metadata ? metadataOf(random, i, k) : {},
    };
  });
  const count = (split: string) =>
    Object.fromEntries(
      classes.map((label) => [
        label,
        rows.filter((row) => row.split === split && row.label === label).length,
      ]),
    );
  return {
    format: 'graft-dataset-1',
    dir,
    name: `<b>example</b> & "more"`,
    kind: 'images',
    label: 'diagnosis',
    classes,
    positive: classes[0]!,
    negative: classes.length === 2 ? classes[1]! : `not ${classes[0]}`,
    groupedBy: metadata ? 'patient' : 'image',
    licence: 'CC0-1.0',
    seed: 0,
    fractions: { train: 0.6, val: 0.2, test: 0.2 },
    counts: {
      images,
      groups: new Set(rows.map(({ group }) => group)).size,
      train: count('train'),
      val: count('val'),
      test: count('test'),
      exactDuplicates: 1,
      nearDuplicates: 2,
    },
    provenance: { importer: 'graft data import', images: `/data/${hostile}` },
    rows,
    hash: datasetHash(rows),
  };
}

function metadataOf(random: Random, i: number, k: number): Record<string, string> {
  const maybe = (share: number, value: string): string => (random.chance(share) ? '' : value);
  const pick = (values: readonly string[]): string => values[random.int(values.length)]!;
  return {
    isic_id: `ISIC_${String(i).padStart(7, '0')}`,
    diagnosis_1: maybe(0.1, pick([hostile, 'Benign', 'Malignant'])),
    age_approx: maybe(
      k === 0 ? 0.3 : 0.05,
      String(Math.max(5, 5 * Math.round(random.normal(k === 0 ? 62 : 45, 14) / 5))),
    ),
    sex: pick(['male', 'female', 'unknown']),
    anatom_site_general: maybe(0.2, pick([longName, 'head/neck', 'torso', 'lower extremity'])),
    patient_id: maybe(0.5, `IP_${random.int(500)}`),
    hair_share: random.uniform(0, 0.4).toFixed(5),
    fitzpatrick: pick(['1', '2', '3', '4']),
    image_type: 'dermoscopic',
    nothing: '',
    [`${hostile} column`]: pick(['yes', 'no']),
    attribution: pick(['Clinic A', 'Clinic <B>']),
  };
}

export const exampleFlow = (dataset: Dataset): FlowStage[] => {
  const byLabel = Object.fromEntries(
    dataset.classes.map((label) => [label, dataset.rows.filter((row) => row.label === label).length]),
  );
  const images = dataset.rows.length;
  const [first] = dataset.classes;
  return [
    {
      stage: 'found',
      text: 'found',
      images: images + 12,
      byLabel: { ...byLabel, [first!]: byLabel[first!]! + 5, '': 7 },
    },
    {
      stage: 'empty-label',
      text: 'rows without a label',
      images: images + 5,
      byLabel: { ...byLabel, [first!]: byLabel[first!]! + 5 },
    },
    { stage: 'exact-duplicate', text: 'further copies of an image (SHA-256)', images, byLabel },
  ];
};

/** Puts an import's report into the dataset's folder. */
export function writeExampleReport(dataset: Dataset, changes: Partial<ImportReport> = {}): void {
  const id = (i: number): string => dataset.rows[i]!.id;
  const pair = (a: number, b: number, correlation: number) =>
    ({ a: id(a), b: id(b), kind: 'near', correlation, informative: 0.6, symmetry: 0 }) as const;
  writeJson(join(dataset.dir, reportFile), {
    format: 'graft-import-1',
    dataset: dataset.name,
    hash: dataset.hash,
    images: dataset.rows.length,
    groups: dataset.counts.groups,
    found: { files: dataset.rows.length, rows: dataset.rows.length + 12 },
    counts: { 'empty-label': 7, 'exact-duplicate': 5, 'not-an-image': 1, 'label-conflict': 1 },
    problems: [
      { kind: 'empty-label', id: hostile, file: '', table: 'm.csv', line: 7, label: '', detail: 'empty' },
      { kind: 'not-an-image', id: '', file: 'notes.txt', table: '', line: 0, label: '', detail: '' },
      {
        kind: 'label-conflict',
        id: id(1),
        file: '',
        table: '',
        line: 0,
        label: '',
        detail: `near duplicate of ${id(0)}`,
      },
    ],
    duplicates: [
      pair(0, 1, 0.86),
      pair(2, 3, 0.99),
      { ...pair(4, 5, 1), kind: 'exact' },
      pair(6, dataset.rows.length - 1, 0.9),
    ],
    flow: exampleFlow(dataset),
    ...changes,
  });
}

export const exampleAudit = (dataset: Dataset): AuditResult => ({
  format: 'graft-audit-1',
  name: dataset.name,
  hash: dataset.hash,
  images: dataset.rows.length,
  positive: dataset.positive,
  splits: [...splits],
  splitImages: { train: 144, val: 48, test: 48 },
  leaks: [
    {
      kind: 'patient',
      splits: ['train', 'test'],
      groups: 3,
      images: [7, 4],
      known: [90, 31],
      examples: [{ key: 'IP_12', ids: ['ISIC_1', 'ISIC_2'] }],
    },
  ],
  confounds: [
    {
      feature: 'age_approx',
      kind: 'numeric',
      source: 'metadata',
      images: 200,
      missing: 40,
      auc: 0.74,
      interval: { low: 0.68, high: 0.8 },
      flagged: true,
      levels: [
        { level: '60 to 85', images: 90, positiveShare: 0.6 },
        { level: '5 to 60', images: 110, positiveShare: 0.2 },
      ],
    },
    {
      feature: longName,
      kind: 'categorical',
      source: 'pixels',
      images: 240,
      missing: 0,
      auc: 0.52,
      interval: { low: 0.45, high: 0.59 },
      flagged: false,
      levels: [],
    },
  ],
  notes: ['Three patients are in train and in test.', 'Two features were looked at.'],
});
