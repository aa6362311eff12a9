/** The recipes of this project are configurations that can be trained. */

import { ConfigError } from 'graft-torch/base';
import { expect, it } from 'vitest';
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
    'efficientnet-b0-128',
    'efficientnet-b0-64',
    'efficientnet-b3-128',
    'efficientnet-b3-128-original',
    'efficientnet-lite0-128',
    'ham10000-classes-128',
    'probe',
  ]);
  for (const name of names) expect(() => checkRecipe(resolve(name))).not.toThrow();
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
