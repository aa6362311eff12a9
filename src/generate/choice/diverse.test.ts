import { cat, liveTensors, type Tensor, tensor, tidy, zeros } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it, test } from 'vitest';
import { mostReal } from './best.js';
import { equalQuotas, MOST_CELLS, mostDiverse } from './diverse.js';
import { needsDiscriminator, planOf } from './policies.js';

/** Modes far apart, each with so many images around it: features, and the mode of each. */
function mixture(sizes: readonly number[], seed: number): { features: Tensor; modes: number[] } {
  const random = new Random(seed);
  const modes = random.shuffle(sizes.flatMap((size, mode) => new Array<number>(size).fill(mode)));
  const values = modes.flatMap((mode) => [
    100 * Math.cos(mode) + random.normal(),
    100 * Math.sin(mode) + random.normal(),
  ]);
  return { features: tensor(values, [modes.length, 2], { dtype: 'float32' }), modes };
}

const covered = (indices: ArrayLike<number>, modes: readonly number[]): number =>
  new Set(Array.from(indices, (i) => modes[i])).size;

describe('diverse', () => {
  it('covers modes that are seldom drawn, where the first images do not', () => {
    const before = liveTensors();
    tidy(() => {
      // One mode fills nine tenths of the pool; five others share the rest.
      const { features, modes } = mixture([180, 4, 4, 4, 4, 4], 1);
      const chosen = mostDiverse(features, 12, new Random(0));
      expect(covered(chosen, modes)).toBe(6);
      expect(
        covered(
          Int32Array.from({ length: 12 }, (_, i) => i),
          modes,
        ),
      ).toBeLessThan(4);
    });
    expect(liveTensors()).toBe(before);
  });

  it('gives every cell as many as the others, beyond as many cells as there may be', () => {
    tidy(() => {
      const count = MOST_CELLS + 44;
      const { features, modes } = mixture(new Array<number>(10).fill(60), 2);
      const chosen = mostDiverse(features, count, new Random(0));
      expect(new Set(chosen).size).toBe(count);
      expect([...chosen]).toEqual([...chosen].sort((a, b) => a - b));
      const perMode = modes.map((_, mode) => chosen.filter((i) => modes[i] === mode).length).slice(0, 10);
      expect(Math.min(...perMode)).toBeGreaterThan(20);
      expect(Math.max(...perMode)).toBeLessThan(40);
    });
  });

  it('takes the image in the middle of its cell', () => {
    tidy(() => {
      const features = tensor([0, 1, 2.2, 50, 51, 52.2], [6, 1], { dtype: 'float32' });
      expect([...mostDiverse(features, 2, new Random(0))]).toEqual([1, 4]);
    });
  });

  it('of images that are all alike takes as many as are wanted', () => {
    tidy(() => {
      const alike = cat([zeros([5, 3]), tensor([9, 9, 9], [1, 3], { dtype: 'float32' })]);
      const chosen = mostDiverse(alike, 4, new Random(0));
      expect(new Set(chosen).size).toBe(4);
      expect(chosen).toContain(5);
      expect([...mostDiverse(zeros([4, 3]), 3, new Random(0))]).toHaveLength(3);
      expect([...mostDiverse(zeros([3, 3]), 3, new Random(0))]).toEqual([0, 1, 2]);
    });
  });

  it('depends on the seed alone', () => {
    tidy(() => {
      const { features } = mixture([50, 50, 50], 3);
      const pick = (seed: number) => [...mostDiverse(features, 20, new Random(seed))];
      expect(pick(1)).toEqual(pick(1));
      expect(pick(1)).not.toEqual(pick(2));
    });
  });
});

test.each([
  [[5, 5, 5], 6, [2, 2, 2]],
  [[1, 9, 2], 7, [1, 4, 2]],
  [[3, 4, 3], 4, [1, 2, 1]],
  [[0, 4, 1], 5, [0, 4, 1]],
])('quotas of cells of %j for %i images', (sizes, count, expected) => {
  expect(equalQuotas(sizes, count)).toEqual(expected);
});

test('best: the highest logits first, of equal ones the earlier', () => {
  const logits = tensor([0.5, 2, -1, 2, 7], [5], { dtype: 'float32' });
  expect([...mostReal(logits, 4)]).toEqual([4, 1, 3, 0]);
  logits.dispose();
});

describe('policies', () => {
  test.each([
    [['random'], { filtered: false, chooser: 'random' }],
    [['best'], { filtered: false, chooser: 'best' }],
    [['filtered'], { filtered: true, chooser: 'random' }],
    [['filtered', 'diverse'], { filtered: true, chooser: 'diverse' }],
  ])('%j', (policies, plan) => {
    expect(planOf(policies)).toEqual(plan);
  });

  test.each([
    [['worst'], /choose worst: expected one of random, best, diverse, filtered/],
    [[], /choose nothing/],
    [['best', 'filtered'], /before it only filtered may stand/],
    [['best', 'diverse'], /one policy chooses/],
    [['filtered', 'filtered'], /one policy chooses/],
    [['filtered', 'best', 'diverse'], /one policy chooses/],
  ])('%j is refused', (policies, message) => {
    expect(() => planOf(policies)).toThrow(message);
  });

  test('only best asks the discriminator', () => {
    expect([['best'], ['filtered', 'best'], ['diverse'], ['filtered']].map(needsDiscriminator)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
