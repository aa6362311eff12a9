/** Runs that tell every class of a dataset apart. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, noGrad, tensor, tidy } from 'graft-torch';
import { F } from 'graft-torch/nn';
import { SGD } from 'graft-torch/optim';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClassifierBackbone } from '../metrics/backbone/classifier-run.js';
import type { EfficientNet } from '../models/index.js';
import { readRunConfig } from '../run/run-folder.js';
import { toNetworkInput } from './batch.js';
import { type ClassifierRecipe, checkRecipe, classifierRecipeSchema } from './config.js';
import { makeDisks, SIDE } from './disks.test-data.js';
import { logitsOf, probability } from './evaluate.js';
import { makeNetwork, settleClasses } from './network.js';
import { classScoresPath, openClassifier } from './result.js';
import { aucOf, classSummary, readClassScores } from './scores.js';
import { makeStep } from './step.js';
import { type TrainClassifierOptions, trainClassifier } from './train.js';
import { makeTrainingSet } from './training-set.js';

const recipe = (changes: Partial<ClassifierRecipe> = {}): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({
    target: 'classes',
    imageSize: SIDE,
    batchSize: 16,
    steps: 4,
    warmupSteps: 1,
    evaluateEvery: 2,
    device: 'cpu',
    seed: 3,
  }),
  ...changes,
});

/** Disks of three classes: a third of the benign ones are called by another name. */
const disks = makeDisks(80);
const rows = disks.cache.rows.map((row, i) =>
  row.label === 'benign' && i % 3 === 0 ? { ...row, label: 'nevus' } : row,
);
const data = {
  dataset: { ...disks.dataset, classes: ['benign', 'malignant', 'nevus'], rows },
  cache: { ...disks.cache, rows },
};
const CLASSES = ['malignant', 'benign', 'nevus'];

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-multi-class-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const train = (name: string, changes: Partial<TrainClassifierOptions> = {}) =>
  trainClassifier({ config: recipe(), runDir: join(dir, name), ...data, ...changes });

describe('target classes', () => {
  it('trains, keeps the best macro AUC, and its files say the same as its result', async () => {
    const live = liveTensors();
    const config = recipe({ classWeights: 'inverse', labelSmoothing: 0.1, mixup: 0.2 });
    const result = await train('run', { config });
    expect(readRunConfig(join(dir, 'run')).config).toMatchObject({ target: 'classes', classes: CLASSES });
    for (const split of ['val', 'test'] as const) {
      const scores = readClassScores(classScoresPath(join(dir, 'run'), split), CLASSES);
      expect(scores.map(({ id, label }) => [id, label])).toEqual(
        rows.filter((row) => row.split === split).map(({ id, label }) => [id, label]),
      );
      for (const { probabilities } of scores) {
        expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
      }
      expect(classSummary(scores, CLASSES)).toEqual(result.byClass![split]);
      // The usual file is the positive class against the rest, so that everything else works as ever.
      const usual = split === 'val' ? result.valScores : result.testScores;
      expect(usual.map(({ score }) => score)).toEqual(scores.map(({ probabilities }) => probabilities[0]));
      expect(result.byClass![split].classes[0]!.auc).toBe(aucOf(usual));
    }
    expect(result.byClass!.val.macroAuc).toBeCloseTo(
      Math.max(...result.curve.map(({ valAuc }) => valAuc)),
      12,
    );

    // A trial asks for the same again and gets the results.
    expect(await train('run', { config, ifExists: 'continue' })).toEqual(result);

    const { network } = await openClassifier(join(dir, 'run'), 'cpu');
    expect((network as EfficientNet).numClasses).toBe(3);
    const test = [...rows.keys()].filter((i) => rows[i]!.split === 'test');
    const logits = await logitsOf(network, data.cache.images, { indices: test, device: 'cpu', batchSize: 5 });
    logits.forEach((logit, i) => {
      expect(probability(logit)).toBeCloseTo(result.testScores[i]!.score, 5);
    });
    network.dispose();
    openClassifierBackbone(join(dir, 'run'), 'cpu').dispose();
    expect(liveTensors()).toBe(live);
  });

  it('refuses what does not go with several classes', async () => {
    expect(() => checkRecipe(recipe({ posWeight: 2 }))).toThrow(/use classWeights/);
    expect(() => checkRecipe(recipe({ target: 'binary', classes: CLASSES }))).toThrow(/set target=classes/);
    expect(settleClasses(recipe(), data.dataset).classes).toEqual(CLASSES);
    expect(settleClasses(recipe({ target: 'binary' }), data.dataset).classes).toEqual([]);
    expect(() => settleClasses(recipe({ classes: ['a', 'b'] }), data.dataset)).toThrow(/leave this key out/);
    const merged = rows.map((row) =>
      row.split === 'test' && row.label === 'nevus' ? { ...row, label: 'benign' } : row,
    );
    await expect(train('gap', { cache: { ...data.cache, rows: merged } })).rejects.toThrow(
      /test split has no image of 'nevus'/,
    );
  });

  it('takes synthetic images of classes that it knows', async () => {
    const images = tensor(new Uint8Array(2 * 3 * SIDE * SIDE), [2, 3, SIDE, SIDE]);
    const set = async (label: 0 | 1, name?: string) => {
      const synthetic = [{ images, label, source: 'samples', ...(name ? { class: name } : {}) }];
      const training = await makeTrainingSet(data.cache, 'malignant', { classes: CLASSES, synthetic });
      const last = Array.from(training.labels.slice(-2));
      const { classCounts } = training;
      training.dispose();
      return { last, classCounts };
    };
    const real = [0, 1, 2].map(
      (k) => rows.filter(({ split, label }) => split === 'train' && label === CLASSES[k]).length,
    );
    expect(await set(0, 'nevus')).toEqual({ last: [2, 2], classCounts: [real[0], real[1], real[2]! + 2] });
    expect((await set(1)).last).toEqual([0, 0]);
    await expect(set(0)).rejects.toThrow(/no class in particular/);
    await expect(set(0, 'keratosis')).rejects.toThrow(/class 'keratosis'/);
    images.dispose();
  });

  it('steps on softmax cross-entropy, each image by its own class', async () => {
    const training = await makeTrainingSet(data.cache, 'malignant', { classes: CLASSES });
    const settled = { ...settleClasses(recipe({ batchSize: 6 }), data.dataset), dropout: 0, dropConnect: 0 };
    const config = { ...settled, augmentation: 'none' as const };
    const { network } = makeNetwork(config, 'cpu');
    const optimizer = new SGD(network.parameters(), { lr: 0 });
    const step = makeStep(config, { network, optimizer, ema: null, training, device: 'cpu' });
    const indices = [7, 0, 8, 10, 1, 9];
    tidy(() => {
      const images = data.cache.images.narrow(0, 0, 6); // any six images: labels go by index
      const logits = noGrad(() => network.forward(toNetworkInput(images, 'cpu')));
      const classes = indices.map((i) => CLASSES.indexOf(rows[i]!.label));
      expect(new Set(classes).size).toBe(3);
      const wanted = F.crossEntropy(logits, tensor(classes, [6], { dtype: 'int64' })).item();
      expect(step(images, indices, 0)).toBeCloseTo(wanted, 5);
    });
    network.zeroGrad();
    network.dispose();
    optimizer.dispose();
  });
});
