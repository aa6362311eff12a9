import { liveTensors, tensor } from 'graft-torch';
import { afterAll, describe, expect, test } from 'vitest';
import type { DatasetRow } from '../data/dataset/dataset.js';
import { makeTrainingSet, type SyntheticImages } from './training-set.js';

/** Every image is one grey level, which names it: row i of the dataset is i, synthetic ones begin at 100. */
const flat = (levels: readonly number[]) =>
  tensor(Uint8Array.from(levels.flatMap((level) => new Array<number>(12).fill(level))), [
    levels.length,
    3,
    2,
    2,
  ]);

const labels = ['benign', 'malignant', 'benign', 'malignant', 'benign', 'malignant'];
const rows = labels.map(
  (label, i) => ({ id: `${i}`, label, group: `${i}`, split: i < 4 ? 'train' : 'test' }) as DatasetRow,
);
const cache = { images: flat([0, 1, 2, 3, 4, 5]), rows };
const synthetic = (levels: readonly number[], label: 0 | 1): SyntheticImages => ({
  images: flat(levels),
  label,
  source: `synthetic-${label}`,
});
const positives = synthetic([100, 101, 102], 1);
const negatives = synthetic([200], 0);
afterAll(() => {
  for (const { images } of [cache, positives, negatives]) images.dispose();
});

/** Grey level and label of every image that is trained on. */
async function trainedOn(options: Parameters<typeof makeTrainingSet>[2]) {
  const set = await makeTrainingSet(cache, 'malignant', options);
  const pixels = set.images.toArray() as Uint8Array;
  const seen = set.indices.map((i) => [pixels[12 * i]!, set.labels[i]!]);
  const { counts } = set;
  set.dispose();
  return { seen, counts };
}

describe('training set', () => {
  test('real images of the training split, all unless told, with synthetic ones behind them', async () => {
    const real = [
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 1],
    ];
    expect((await trainedOn({})).seen).toEqual(real);
    const { seen, counts } = await trainedOn({ synthetic: [positives, negatives] });
    expect(seen).toEqual([...real, [100, 1], [101, 1], [102, 1], [200, 0]]);
    expect(counts).toEqual({ real: 4, realPositive: 2, synthetic: 4, syntheticPositive: 3 });
  });

  test('real: negatives leaves the real positives out, real: none all real images', async () => {
    const live = liveTensors();
    const beside = await trainedOn({ synthetic: [positives], real: 'negatives' });
    expect(beside.seen).toEqual([
      [0, 0],
      [2, 0],
      [100, 1],
      [101, 1],
      [102, 1],
    ]);
    expect(beside.counts).toEqual({ real: 2, realPositive: 0, synthetic: 3, syntheticPositive: 3 });
    const alone = await trainedOn({ synthetic: [negatives, positives], real: 'none' });
    expect(alone.seen).toEqual([
      [200, 0],
      [100, 1],
      [101, 1],
      [102, 1],
    ]);
    expect(alone.counts).toEqual({ real: 0, realPositive: 0, synthetic: 4, syntheticPositive: 3 });
    expect(liveTensors()).toBe(live);
  });

  test('a class that is left out and not replaced is refused, with the remedy', async () => {
    await expect(trainedOn({ real: 'negatives' })).rejects.toThrow(
      "hold 0 of class 'malignant' among 2; a classifier needs both; add synthetic images of what real: negatives leaves out",
    );
    await expect(trainedOn({ synthetic: [positives], real: 'none' })).rejects.toThrow(
      "hold 3 of class 'malignant' among 3",
    );
    await expect(trainedOn({ real: 'none' })).rejects.toThrow(/needs both/);
  });
});
