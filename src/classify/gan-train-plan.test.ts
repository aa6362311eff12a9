import { liveTensors, tensor } from 'graft-torch';
import { afterAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../data/dataset/dataset.js';
import { type GanTrainPlan, planGanTrain } from './gan-train-plan.js';
import type { SyntheticFolder } from './synthetic-folders.js';

/** 12 training images: 3 melanomas, 6 nevi, 3 keratoses; the test split has others. */
const dataset = {
  dir: 'lesions',
  classes: ['nevus', 'melanoma', 'keratosis'],
  positive: 'melanoma',
  rows: ['melanoma', 'nevus', 'nevus', 'keratosis'].flatMap((label) =>
    ['train', 'train', 'train', 'test'].map((split) => ({ label, split })),
  ),
} as unknown as Dataset;

const made: SyntheticFolder[] = [];
/** Images of one grey level each, from `first` on. */
function folder(name: string, label: string, count: number, first = 0): SyntheticFolder {
  const levels = Array.from({ length: count }, (_, i) => first + i);
  const set: SyntheticFolder = {
    images: tensor(Uint8Array.from(levels.flatMap((level) => [level, level, level])), [count, 3, 1, 1]),
    label: label === 'melanoma' ? 1 : 0,
    class: label,
    files: levels.map((level) => `${level}.png`),
    source: name,
  };
  made.push(set);
  return set;
}
afterAll(() => {
  for (const { images } of made) images.dispose();
});

/** Folder, label and grey levels of what is taken. */
const taken = (plan: GanTrainPlan) =>
  plan.sets.map(({ source, label, images, files }) => {
    const pixels = images.toArray() as Uint8Array;
    const levels = files.map((_, i) => pixels[3 * i]!);
    expect(files).toEqual(levels.map((level) => `${level}.png`));
    return { source, label, levels };
  });

const melanomas = folder('melanomas', 'melanoma', 3, 10);
const nevi = folder('nevi', 'nevus', 6, 20);
const keratoses = folder('keratoses', 'keratosis', 3, 40);

describe('what GAN-train trains on', () => {
  test('the positive class alone: synthetic positives, as many as are real, beside the real negatives', async () => {
    const live = liveTensors();
    const plan = await planGanTrain(dataset, [melanomas]);
    expect(plan).toMatchObject({ scope: 'positive-class', real: 'negatives', counts: { melanoma: 3 } });
    expect(taken(plan)).toEqual([{ source: 'melanomas', label: 1, levels: [10, 11, 12] }]);
    plan.dispose();
    expect(liveTensors()).toBe(live);
  });

  test('every class: synthetic images alone, in the ratio of the training split', async () => {
    const plan = await planGanTrain(dataset, [keratoses, melanomas, nevi]);
    expect(plan).toMatchObject({
      scope: 'all-classes',
      real: 'none',
      counts: { melanoma: 3, nevus: 6, keratosis: 3 },
    });
    expect(taken(plan).map(({ source, label }) => [source, label])).toEqual([
      ['melanomas', 1],
      ['nevi', 0],
      ['keratoses', 0],
    ]);
    plan.dispose();
    const fewer = await planGanTrain(dataset, [keratoses, melanomas, nevi], { count: 2 });
    expect(fewer.counts).toEqual({ melanoma: 2, nevus: 4, keratosis: 2 });
    expect(taken(fewer).map(({ levels }) => levels.length)).toEqual([2, 4, 2]);
    fewer.dispose();
  });

  test('folders of one class are drawn from together, alike every time, in the order of their files', async () => {
    const parts = [folder('first', 'melanoma', 20, 50), folder('second', 'melanoma', 20, 100)];
    const levelsOf = async (seed?: number): Promise<number[]> => {
      const plan = await planGanTrain(dataset, parts, { count: 24, seed });
      const levels = taken(plan).flatMap((set) => set.levels);
      plan.dispose();
      return levels;
    };
    const levels = await levelsOf();
    expect(levels).toEqual([...new Set(levels)].sort((a, b) => a - b));
    expect(levels).toHaveLength(24);
    for (const low of [50, 100]) {
      const fromOne = levels.filter((level) => level >= low && level < low + 20).length;
      expect(fromOne).toBeGreaterThan(5);
      expect(fromOne).toBeLessThan(19);
    }
    expect(await levelsOf()).toEqual(levels);
    expect(await levelsOf(1)).not.toEqual(levels);
  });

  test('the hash is that of the pixels, not of the names', async () => {
    const hashOf = async (set: SyntheticFolder): Promise<string> => {
      const plan = await planGanTrain(dataset, [set]);
      plan.dispose();
      return plan.hash;
    };
    const hash = await hashOf(melanomas);
    expect(await hashOf(folder('a copy', 'melanoma', 3, 10))).toBe(hash);
    expect(await hashOf(folder('others', 'melanoma', 3, 11))).not.toBe(hash);
  });

  test('refuses what would not be GAN-train', async () => {
    await expect(planGanTrain(dataset, [nevi])).rejects.toThrow(
      "needs synthetic images of the positive class 'melanoma' of lesions; got nevus",
    );
    await expect(planGanTrain(dataset, [melanomas, nevi])).rejects.toThrow(
      "synthetic images of melanoma, nevus but none of keratosis; give a folder of every class, or only of 'melanoma'",
    );
    await expect(planGanTrain(dataset, [melanomas, melanomas])).rejects.toThrow(
      'melanomas is given twice; its images would count double',
    );
    await expect(planGanTrain(dataset, [folder('two', 'melanoma', 2), nevi, keratoses])).rejects.toThrow(
      /2 synthetic images of 'melanoma', but GAN-train takes 3, as many as .* sample --count 3`, or take fewer with --count 2$/,
    );
    await expect(planGanTrain(dataset, [melanomas], { count: 4 })).rejects.toThrow(
      /3 synthetic images of 'melanoma', but GAN-train takes 4; make more/,
    );
  });
});
