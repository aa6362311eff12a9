/** The recipes of this project are configurations that can be trained. */

import { ConfigError } from 'graft-torch/base';
import { expect, it } from 'vitest';
import { networkEntry } from '../models/index.js';
import { recipeNames, resolveConfig } from '../run/config.js';
import { type ClassifierConfig, checkRecipe, classifierConfigSchema } from './config.js';

const resolve = (recipe: string): ClassifierConfig =>
  resolveConfig(classifierConfigSchema, { recipe, kind: 'classifier', sets: ['data=dataset'] });

const names = recipeNames().filter((name) => {
  try {
    return resolve(name) !== null;
  } catch (error) {
    // Of another kind; anything else would be a broken recipe.
    if (error instanceof ConfigError && /kind|is for/.test(error.message)) return false;
    throw error;
  }
});

it('resolves every recipe of a classifier', () => {
  expect(names).toEqual([
    'convnext-tiny-224',
    'efficientnet-b0-128',
    'efficientnet-b0-64',
    'efficientnet-b3-128',
    'efficientnet-b3-128-original',
    'efficientnet-lite0-128',
    'efficientnet-lite0-224',
    'ham10000-classes-128',
    'panderm-b-224',
    'probe',
    'resnet-50-224',
    'vit-small-14-dinov2-224',
  ]);
  for (const name of names) expect(() => checkRecipe(resolve(name))).not.toThrow();
});

it('fine-tunes with the values that its comments give sources for', () => {
  // Rate, layer decay, weight decay, drop path, batch.
  const values = (name: string): (number | string)[] => {
    const { architecture, learningRate, layerDecay, weightDecay, dropConnect, batchSize } = resolve(name);
    return [architecture, learningRate, layerDecay, weightDecay, dropConnect, batchSize];
  };
  expect(values('convnext-tiny-224')).toEqual(['convnext-tiny', 5e-5, 0.56, 1e-8, 0.1, 32]);
  expect(0.56 ** 5).toBeCloseTo(0.8 ** 13, 3);
  expect(values('resnet-50-224')).toEqual(['resnet-50', 1e-4, 1, 0.01, 0.05, 32]);
  expect(values('vit-small-14-dinov2-224')).toEqual([
    ...['vit-small-14-dinov2-reg', (5e-4 * 32) / 256, 0.65, 0.05, 0.1, 32],
  ]);
  expect(values('panderm-b-224')).toEqual(['panderm-vit-b-16', 5e-4, 0.65, 0.05, 0.2, 128]);
  const { steps, warmupSteps, evaluateEvery } = resolve('panderm-b-224');
  const epoch = Math.ceil(7000 / 128);
  expect([steps, warmupSteps, evaluateEvery]).toEqual([50 * epoch, 10 * epoch, epoch]);
  const { imageSize: _, progressive: __, ...at224 } = resolve('efficientnet-lite0-224');
  const { imageSize: ___, progressive: ____, ...at128 } = resolve('efficientnet-lite0-128');
  expect(at224).toEqual(at128);
});

it('starts from weights that the list of networks has, where they are on the hub', () => {
  const theirs = names.filter((name) => name.endsWith('-224'));
  expect(theirs).toHaveLength(5);
  for (const name of theirs) {
    const { architecture, weights } = resolve(name);
    if (weights?.startsWith('hf:'))
      expect(networkEntry(architecture).published.map(({ where }) => where)).toContain(weights);
  }
});

it("has the original's classifier", () => {
  expect(resolve('efficientnet-b3-128-original')).toMatchObject({
    architecture: 'efficientnet-b3',
    head: 'normalised',
    frozenBlocks: 18,
    batchNormMomentum: 0.15,
    dropout: 0.3,
    sampler: 'balanced',
    schedule: 'plateau',
    optimizer: 'adam',
    learningRate: 1e-4,
    target: 'binary',
    loss: 'cross-entropy',
    emaDecay: 0,
  });
});

it('tells the classes of HAM10000 apart', () => {
  expect(resolve('ham10000-classes-128')).toMatchObject({
    target: 'classes',
    classes: [],
    classWeights: 'effective',
    emaDecay: 0.99,
  });
});
