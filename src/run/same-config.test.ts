import { ConfigError } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { requireSameConfig, runConditions } from './same-config.js';

const was = {
  steps: 100,
  seed: 3,
  threads: 0,
  device: 'auto',
  betas: [0.5, 0.999],
  learningRate: { generator: 2e-4, discriminator: 2e-4 },
  note: null,
};
const refusal = (now: object, changeable = runConditions): string => {
  try {
    requireSameConfig('runs/a/config.yaml', { was, now, changeable, step: 40 });
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
};

test('the same values in another order, and what may change, are no difference', () => {
  const { seed, ...rest } = was;
  expect(refusal({ ...rest, seed })).toBe('');
  expect(refusal({ ...was, learningRate: { discriminator: 2e-4, generator: 2e-4 } })).toBe('');
  expect(refusal({ ...was, threads: 4, device: 'cuda', logEvery: 5, later: undefined })).toBe('');
});

test('every key that differs is named, with both values, nested ones and lists included', () => {
  const { seed: _, ...withoutSeed } = was;
  const message = refusal({
    ...withoutSeed,
    betas: [0, 0.9],
    learningRate: { generator: 1e-3, discriminator: 2e-4 },
    note: 'x',
    ema: 0,
  });
  for (const part of [
    'runs/a/config.yaml: this run was trained to step 40 with another configuration: ',
    'seed is missing, was 3',
    'betas is [0,0.9], was [0.5,0.999]',
    'learningRate.generator is 0.001, was 0.0002',
    'note is "x", was null',
    'ema is 0, was missing',
    'Put them back, or start a new run',
    'these may change: device, threads, ',
  ]) {
    expect(message).toContain(part);
  }
  expect(message).not.toContain('learningRate.discriminator');
  expect(message).not.toContain('\n');
});

test('a changeable key covers what lies below it; steps may grow, but not below what is done', () => {
  const now = { ...was, learningRate: { generator: 1, discriminator: 1 } };
  expect(refusal(now)).toContain('learningRate.generator');
  expect(refusal(now, ['learningRate'])).toBe('');
  expect(refusal({ ...was, steps: 200 })).toContain('steps is 200, was 100');
  expect(refusal({ ...was, steps: 200 }, ['steps'])).toBe('');
  expect(refusal({ ...was, steps: 40 }, ['steps'])).toBe('');
  expect(refusal({ ...was, steps: 39 }, ['steps'])).toContain(
    'steps is 39, but this run has done 40 already',
  );
});
