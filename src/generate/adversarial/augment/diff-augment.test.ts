import { liveTensors, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { diffAugment, makeAugment } from './augment.js';
import { applyDiffAugment, diffAugmentPolicies, drawDiffAugment } from './diff-augment.js';
import { expectGolden, expectGradient, golden, noise, numbers } from './golden.test-data.js';

let live = 0;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

test('agrees with the paper’s formulas, computed with numpy', () => {
  expectGolden(golden.diffAugment, (images, draws) => applyDiffAugment(images, draws, diffAugmentPolicies));
});

test('lets gradients through, policy by policy', () => {
  const { shape, draws } = golden.diffAugment;
  for (const policies of [...diffAugmentPolicies.map((policy) => [policy]), diffAugmentPolicies]) {
    expectGradient(shape, (images) => applyDiffAugment(images, draws, policies));
  }
});

test('draws evenly over the paper’s ranges', () => {
  const n = 20_000;
  const random = new Random(2);
  // 7 px high: shifts of −1 to 1, and an even hole of 4; 10 px wide: the same shifts, and an odd hole of 5.
  const draws = Array.from({ length: n }, () => drawDiffAugment(random, [7, 10]));
  for (const [key, low, high] of [
    ['brightness', -0.5, 0.5],
    ['saturation', 0, 2],
    ['contrast', 0.5, 1.5],
  ] as const) {
    const tenths = new Array<number>(10).fill(0);
    for (const draw of draws) tenths[Math.floor((10 * (draw[key] - low)) / (high - low))]! += 1;
    expect(tenths.length).toBe(10);
    for (const count of tenths) expect(Math.abs(count - n / 10)).toBeLessThan(5 * Math.sqrt(n * 0.09));
  }
  const counts = (values: number[]): Map<number, number> =>
    values.reduce((map, value) => map.set(value, (map.get(value) ?? 0) + 1), new Map<number, number>());
  const expectEven = (values: number[], low: number, high: number): void => {
    const found = counts(values);
    expect([...found.keys()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: high - low + 1 }, (_, i) => low + i),
    );
    const share = 1 / found.size;
    for (const count of found.values())
      expect(Math.abs(count - n * share)).toBeLessThan(5 * Math.sqrt(n * share * (1 - share)));
  };
  expectEven(
    draws.map((d) => d.shift[0]),
    -1,
    1,
  );
  expectEven(
    draws.map((d) => d.shift[1]),
    -1,
    1,
  );
  expectEven(
    draws.map((d) => Math.floor(d.hole[0] * 7)),
    0,
    7,
  );
  expectEven(
    draws.map((d) => Math.floor(d.hole[1] * 10)),
    0,
    9,
  );
});

test('without a policy the images are given back themselves', () => {
  tidy(() => {
    const images = noise([2, 3, 6, 6], 1);
    const before = liveTensors();
    expect(diffAugment([])(images, new Random(1))).toBe(images);
    expect(liveTensors()).toBe(before);
  });
});

test('repeats with its stream, leaves one tensor and its input as it was', () => {
  tidy(() => {
    const images = noise([5, 3, 8, 8], 3);
    const values = numbers(images);
    const augment = makeAugment({ diffAugment: ['colour', 'translation', 'cutout'], ada: null })!;
    const before = liveTensors();
    const random = new Random(4);
    const [first, second] = [augment(images, random), augment(images, random)];
    expect(liveTensors()).toBe(before + 2);
    expect(numbers(second)).not.toEqual(numbers(first));
    expect(numbers(augment(images, new Random(4)))).toEqual(numbers(first));
    expect(numbers(images)).toEqual(values);
    // A hole of half the side is at least a quarter of it in each direction, wherever it is.
    for (let row = 0; row < 5; row++) {
      const zeros = numbers(first.select(0, row)).filter((value) => value === 0).length;
      expect(zeros).toBeGreaterThanOrEqual(3 * 2 * 2);
    }
  });
});
