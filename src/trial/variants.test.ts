import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Dataset, type DatasetRow, openDataset } from '../data/dataset/dataset.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { checkTrial } from './check.js';
import { type TrialConfig, trialConfigSchema } from './config.js';
import { openVariant, trainingCounts, variantName, variantRows } from './variants.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-variants-'));
let dataset: Dataset;
/** The same rows with two images a group, as lesions have them. */
let grouped: Dataset;

beforeAll(async () => {
  await createPhantomDataset(join(folder, 'phantoms'), { count: 120, sizePx: 16, prevalence: 0.3, seed: 3 });
  dataset = openDataset(join(folder, 'phantoms'));
  const rows = dataset.rows.map((row, i) => ({ ...row, group: `lesion-${Math.floor(i / 2)}` }));
  grouped = { ...dataset, rows };
});

const idsOf = (rows: readonly DatasetRow[], split: string) =>
  rows.filter((row) => row.split === split).map((row) => row.id);

describe('folds', () => {
  test('every image is tested once; no group is in two splits', () => {
    const tested: string[] = [];
    for (let fold = 1; fold <= 4; fold++) {
      const rows = variantRows(grouped, 4, { fold, realFraction: 1 });
      expect(rows.map((row) => row.id)).toEqual(grouped.rows.map((row) => row.id));
      const splitOf = new Map<string, string>();
      for (const { group, split } of rows)
        expect(splitOf.set(group, splitOf.get(group) ?? split).get(group)).toBe(split);
      for (const split of ['train', 'val', 'test']) {
        const own = rows.filter((row) => row.split === split);
        expect(own.filter((row) => row.label === dataset.positive).length / own.length).toBeCloseTo(0.3, 0);
        expect(own.length).toBeGreaterThan(9);
      }
      tested.push(...idsOf(rows, 'test'));
    }
    expect(tested.sort()).toEqual(grouped.rows.map((row) => row.id).sort());
  });

  test('a fold that cannot have the positive class is named before anything is trained', () => {
    const config = (folds: number): TrialConfig => ({
      ...trialConfigSchema.parse({ data: 'd' }),
      folds,
    });
    let left = 3;
    const rare = {
      ...dataset,
      rows: dataset.rows.filter(({ label }) => label !== dataset.positive || left-- > 0),
    };
    expect(() => checkTrial(config(5), rare)).toThrow(
      /in 5 folds: fold \d: test without 'malignant'; fold \d: test without 'malignant'; an AUC needs both classes, and the rarer has 3 groups/,
    );
    expect(() => checkTrial(config(3), rare)).not.toThrow();
  });

  test('one fold is the dataset’s own split', () => {
    expect(variantRows(dataset, 1, { fold: 1, realFraction: 1 })).toBe(dataset.rows);
  });
});

describe('fractions of the real training images', () => {
  test('smaller ones are parts of larger ones, of each class alike; evaluation splits stay whole', () => {
    const kept = [0.1, 0.25, 0.5, 1].map((realFraction) =>
      variantRows(grouped, 1, { fold: 1, realFraction }),
    );
    for (const [i, rows] of kept.entries()) {
      for (const split of ['val', 'test']) expect(idsOf(rows, split)).toEqual(idsOf(grouped.rows, split));
      if (i > 0) expect(idsOf(rows, 'train')).toEqual(expect.arrayContaining(idsOf(kept[i - 1]!, 'train')));
    }
    const [tenth, quarter, half, all] = kept.map((rows) => trainingCounts(grouped, rows));
    expect(quarter!.all).toBeGreaterThan(tenth!.all);
    // Groups are kept whole, and one that holds both classes counts in both.
    expect(half!.all / all!.all).toBeCloseTo(0.5, 0);
    expect(half!.positives / all!.positives).toBeCloseTo(0.5, 0);
  });
});

describe('the dataset folder of a variant', () => {
  test('opens as any dataset, with the rows of the variant and images that are there', () => {
    const variant = { fold: 2, realFraction: 0.5 };
    const dir = join(folder, 'views', variantName(variant));
    const opened = openVariant({ dataset, folds: 3 }, variant, dir);
    expect(variantName(variant)).toBe('fold-2-real-50');
    expect(opened.rows).toEqual(variantRows(dataset, 3, variant));
    expect(opened.hash).not.toBe(dataset.hash);
    expect(openVariant({ dataset, folds: 3 }, variant, dir).hash).toBe(opened.hash);
    expect(opened.counts.train[dataset.positive]).toBe(trainingCounts(dataset, opened.rows).positives);
  });

  test('of a dataset that has changed since is refused', () => {
    const variant = { fold: 1, realFraction: 0.5 };
    const dir = join(folder, 'views', 'stale');
    openVariant({ dataset, folds: 1 }, variant, dir);
    expect(() =>
      openVariant({ dataset: { ...dataset, hash: 'f'.repeat(64) }, folds: 1 }, variant, dir),
    ).toThrow('was made from another version');
  });

  test('that was killed half-way is written again', () => {
    const variant = { fold: 1, realFraction: 0.25 };
    const dir = join(folder, 'views', 'half');
    openVariant({ dataset, folds: 1 }, variant, dir);
    const whole = openVariant({ dataset, folds: 1 }, variant, dir).rows;
    // The description comes last: without it the folder counts for nothing.
    rmSync(join(dir, 'dataset.yaml'));
    writeFileSync(join(dir, 'manifest.csv'), 'id,file');
    expect(openVariant({ dataset, folds: 1 }, variant, dir).rows).toEqual(whole);
  });
});

test('a fold finds its images after a move of the trial, of the dataset, and of both', async () => {
  const root = mkdtempSync(join(tmpdir(), 'graft-variants-'));
  await createPhantomDataset(join(root, 'a', 'data'), { count: 40, sizePx: 16, prevalence: 0.5, seed: 3 });
  const open = (data: string, trial: string) => {
    const opened = openVariant(
      { dataset: openDataset(join(root, data)), folds: 2 },
      { fold: 1, realFraction: 1 },
      join(root, trial),
    );
    return opened.rows.every((row) => existsSync(join(opened.dir, row.file)));
  };
  expect(open('a/data', 'a/trial')).toBe(true);
  renameSync(join(root, 'a'), join(root, 'b'));
  // Nobody has opened the dataset since: the links alone lead there.
  expect(openDataset(join(root, 'b', 'trial')).rows).toHaveLength(40);
  renameSync(join(root, 'b', 'trial'), join(root, 'trial'));
  expect(open('b/data', 'trial')).toBe(true);
  renameSync(join(root, 'b', 'data'), join(root, 'data'));
  expect(open('data', 'trial')).toBe(true);
  rmSync(root, { recursive: true });
});
