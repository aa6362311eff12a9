import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Dataset, openDataset } from '../../data/dataset/dataset.js';
import { createPhantomDataset } from '../../data/phantom/dataset.js';
import { failedImages, failuresOf } from '../../verdict/failures.js';
import { exampleSummary } from '../example.test-data.js';
import { scoresOf } from '../scores.js';
import type { TrialSummary } from '../summary.js';
import { writeReport } from './index.js';
import { failurePictures } from './pictures.js';

const root = mkdtempSync(join(tmpdir(), 'graft-failures-'));
let dataset: Dataset;
let summary: TrialSummary;

beforeAll(async () => {
  await createPhantomDataset(join(root, 'phantoms'), { count: 100, sizePx: 16, prevalence: 0.3, seed: 4 });
  dataset = openDataset(join(root, 'phantoms'));
  const plain = exampleSummary({ testImages: 100 });
  summary = {
    ...plain,
    dataset: { ...plain.dataset, hash: dataset.hash },
    folds: plain.folds.map((fold) => ({
      ...fold,
      test: { ...fold.test, ids: dataset.rows.slice(0, 100).map(({ id }) => id) },
    })),
    configYaml: 'data: phantoms\n',
  };
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('of every image that is named, where the dataset is at hand', async () => {
  const pictures = await failurePictures(summary, root);
  const wanted = failedImages(failuresOf(scoresOf(summary))!);
  expect([...pictures.keys()].sort()).toEqual([...wanted].sort());
  const written = writeReport(summary, join(root, 'report'), { pictures, replicates: 0 });
  const page = readFileSync(written.html, 'utf8');
  expect(page).toContain('<figure id="figure-failures">');
  expect(readFileSync(join(root, 'report', 'figures', 'failures.svg'), 'utf8')).toContain('data:image/jpeg');
  expect(readFileSync(written.markdown, 'utf8')).toContain('(figures/failures.svg)');
  // Without them the names alone.
  const bare = readFileSync(writeReport(summary, join(root, 'bare'), { replicates: 0 }).html, 'utf8');
  expect(bare).not.toContain('figure-failures');
  expect(bare).toContain(wanted[0]!);
});

test('none of a dataset that is gone, or is another one now', async () => {
  expect(await failurePictures(summary, join(root, 'elsewhere'))).toEqual(new Map());
  const other = { ...summary, dataset: { ...summary.dataset, hash: 'another' } };
  expect(await failurePictures(other, root)).toEqual(new Map());
  expect(await failurePictures({ ...summary, configYaml: 'name: x\n' }, root)).toEqual(new Map());
});
