import { describe, expect, test } from 'vitest';
import {
  type ArmDefaults,
  type ArmSettings,
  parseArm,
  resolveArms,
  sweepSchema,
  syntheticCount,
} from './arms.js';

const defaults: ArmDefaults = { gans: ['sngan', 'dcgan'], amount: 'balance', choice: 'random' };
const resolve = (arms: ArmSettings[], sweep: object = {}) =>
  resolveArms(arms, sweepSchema.parse(sweep), defaults);

describe('parts of an arm', () => {
  test('each part says one thing', () => {
    expect(parseArm('real+standard+synthetic:dcgan', defaults)).toEqual({
      name: 'real+standard+synthetic:dcgan',
      real: 'all',
      realFraction: 1,
      augmentation: 'standard',
      balance: 'none',
      synthetic: { gan: 'dcgan', amount: 'balance', choice: 'random' },
    });
    for (const balance of ['oversampling', 'class-weights', 'focal'])
      expect(parseArm(`real+${balance}`, defaults)).toMatchObject({
        balance,
        augmentation: 'none',
        synthetic: null,
      });
  });

  test('without real, synthetic images take the place of the positives; plain synthetic is the first GAN', () => {
    expect(parseArm('synthetic+standard', defaults)).toMatchObject({
      real: 'negatives',
      synthetic: { gan: 'sngan' },
    });
  });

  test('the name says what differs from the defaults', () => {
    const name = (settings: ArmSettings) => parseArm(settings, defaults).name;
    expect(name({ arm: 'real + synthetic', amount: '2:1', choice: 'best' })).toBe(
      'real+synthetic (2:1, best)',
    );
    expect(name({ arm: 'real+synthetic', amount: 'balance' })).toBe('real+synthetic');
    expect(name({ arm: 'real', realFraction: 0.125 })).toBe('real (12.5% real)');
    expect(name({ arm: 'real', name: 'mine', realFraction: 0.125 })).toBe('mine');
  });

  test.each([
    ['real+sythetic', "'sythetic' is no part; there are real, standard"],
    ['real+real', 'real stands twice'],
    ['real+synthetic+synthetic:dcgan', 'synthetic stands twice'],
    ['real+focal+oversampling', 'focal and oversampling both make up for the rare class'],
    ['standard', 'has no positive images'],
    ['real+synthetic:biggan', "there is no GAN 'biggan' under gans (sngan, dcgan)"],
    ['real:sngan', 'only synthetic takes a name'],
    [{ arm: 'real', amount: '1:1' }, 'it has none'],
  ])('%j is refused', (settings, message) => {
    expect(() => parseArm(settings as ArmSettings, defaults)).toThrow(message);
  });
});

describe('sweeps', () => {
  test('multiply the arms that have the axis, and leave what stands there already', () => {
    const arms = resolve(['real+standard', 'real+standard+synthetic'], {
      amount: ['+10%', 'balance', '2:1'],
      realFraction: [0.25, 1],
    });
    expect(arms.map(({ name }) => name)).toEqual([
      'real+standard',
      'real+standard+synthetic',
      'real+standard (25% real)',
      'real+standard+synthetic (+10%)',
      'real+standard+synthetic (2:1)',
      'real+standard+synthetic (25% real)',
    ]);
  });

  test('may be for some arms alone', () => {
    const arms = resolve(['real', 'real+synthetic'], {
      arms: ['real'],
      realFraction: [0.5],
      amount: ['2:1'],
    });
    expect(arms.map(({ name }) => name)).toEqual(['real', 'real+synthetic', 'real (50% real)']);
    expect(() => resolve(['real'], { arms: ['reel'] })).toThrow("there is no arm 'reel' (real)");
  });

  test('arms that are the same are refused: their difference would be luck', () => {
    expect(() => resolve(['real+standard', 'standard+real'])).toThrow('one and the same');
    expect(() => resolve(['real', { arm: 'real+standard', name: 'real' }])).toThrow('one and the same');
  });
});

describe('amounts', () => {
  const images = { all: 1000, positives: 200 };
  test.each([
    [37, 37],
    ['balance', 600],
    ['+10%', 100],
    ['+40%', 400],
    ['1:1', 200],
    ['0.5:1', 100],
    ['10:1', 2000],
  ])('%s of 1,000 images, 200 of them positive: %i', (amount, count) => {
    expect(syntheticCount(amount, images)).toBe(count);
  });

  test('balance needs a rare class', () => {
    expect(() => syntheticCount('balance', { all: 300, positives: 150 })).toThrow('not the rarer one');
  });
});
