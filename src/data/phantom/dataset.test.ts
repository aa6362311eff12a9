import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDataset } from '../dataset/dataset.js';
import { describeDataset } from '../dataset/describe.js';
import { createPhantomDataset, type PhantomDatasetOptions } from './dataset.js';
import { bayesAuc, bayesProbability } from './index.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-phantoms-'));
});
afterAll(() => rmSync(root, { recursive: true }));

const make = async (name: string, options: Partial<PhantomDatasetOptions> = {}) =>
  (await createPhantomDataset(join(root, name), { count: 60, sizePx: 16, seed: 4, ...options })).dataset;

test('is a dataset with the factors as columns and the best AUC in its description', async () => {
  const dataset = await make('one');
  expect(dataset).toMatchObject({ kind: 'phantom', positive: 'malignant', classes: ['benign', 'malignant'] });
  expect(openDataset(dataset.dir).bayesAuc).toBe(bayesAuc());
  for (const { extra } of dataset.rows) {
    const latent = ['asymmetry', 'border', 'colour', 'diameter'].map((name) =>
      Number(extra[`latent_${name}`]),
    );
    expect(bayesProbability(latent as [number, number, number, number], 0.3)).toBeCloseTo(
      Number(extra.bayes_probability),
      4,
    );
  }
  const summary = describeDataset(dataset);
  expect(summary).toMatchObject({
    images: 60,
    groups: 60,
    largestGroup: 1,
    bayesAuc: bayesAuc(),
    problems: {},
  });
  expect(summary.counts.reduce((sum, { images }) => sum + images, 0)).toBe(60);
  expect(summary.metadata.every(({ missing }) => missing === 0)).toBe(true);
});

test('the seed decides every byte; more phantoms begin with the same ones', async () => {
  const [a, b, more, other] = [
    await make('a'),
    await make('b'),
    await make('more', { count: 70 }),
    await make('other', { seed: 5 }),
  ];
  expect(b.hash).toBe(a.hash);
  expect(readFileSync(join(b.dir, 'manifest.csv'))).toEqual(readFileSync(join(a.dir, 'manifest.csv')));
  expect(more.rows.slice(0, 60).map((row) => row.sha256)).toEqual(a.rows.map((row) => row.sha256));
  expect(other.hash).not.toBe(a.hash);
});

const built = new URL('../../../dist/src/data/phantom/dataset.js', import.meta.url);
// Threads need compiled files, which `npm test` makes first.
test.skipIf(!existsSync(built))('threads draw the same phantoms', async () => {
  const { createPhantomDataset: create } = (await import(built.href)) as typeof import('./dataset.js');
  const options = { count: 40, sizePx: 16, seed: 4 };
  const [alone, shared] = [
    await create(join(root, 'alone'), { ...options, threads: 1 }),
    await create(join(root, 'shared'), { ...options, threads: 2 }),
  ];
  expect(shared.dataset.hash).toBe(alone.dataset.hash);
  expect(readFileSync(join(shared.dataset.dir, 'manifest.csv'))).toEqual(
    readFileSync(join(alone.dataset.dir, 'manifest.csv')),
  );
});

test.each([{ count: 1 }, { count: 10.5 }, { prevalence: 0 }, { prevalence: 1 }, { sizePx: 4 }])(
  '%j is refused',
  async (options) => {
    await expect(make('never', options)).rejects.toThrow(ConfigError);
  },
);
