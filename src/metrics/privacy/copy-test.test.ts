import { cat, liveTensors, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { rowsOf } from '../distribution/features.js';
import { copyTest, copyTestOfCells, mannWhitneyZ } from './copy-test.js';
import { freshSets, gaussian, golden, goldenSets } from './golden.test-data.js';
import { type PrivacySets, setNames } from './sets.js';

describe('copy test', () => {
  it.each(golden.sets)('is that of scipy within given cells: $name', (set) => {
    tidy(() => {
      const cells = Object.fromEntries(
        setNames.map((name) => [name, Int32Array.from(set.cells[name])]),
      ) as unknown as PrivacySets<Int32Array>;
      const test = copyTestOfCells(goldenSets(set), cells, { count: 3 });
      test.cells.forEach(({ z }, cell) => {
        const expected = set.copyTest.scores[cell]!;
        if (expected === null) expect(z).toBeNull();
        else expect(z).toBeCloseTo(expected, 9);
      });
      expect(test.value).toBeCloseTo(set.copyTest.value, 9);
      expect(test.z).toBeCloseTo(set.copyTest.z, 9);
    });
  });

  it('leaves out a cell in some golden case, so that leaving out is tested', () => {
    expect(golden.sets.some(({ copyTest }) => copyTest.scores.includes(null))).toBe(true);
  });

  it('scores new draws as a standard normal: of 200, about 5 % beyond ±1.96', () => {
    for (const cells of [1, 3]) {
      const scores = Array.from({ length: 200 }, (_, seed) =>
        tidy(() => copyTest(freshSets([40, 60, 80], 2, seed), { cells, minimumSynthetic: 5, seed }).z!),
      );
      const mean = scores.reduce((a, b) => a + b) / scores.length;
      const deviation = Math.sqrt(scores.reduce((sum, z) => sum + (z - mean) ** 2, 0) / scores.length);
      // Standard errors: 0.07 of the mean, 0.05 of the deviation, 1.5 % of the share.
      expect(Math.abs(mean)).toBeLessThan(0.2);
      expect(Math.abs(deviation - 1)).toBeLessThan(0.15);
      const beyond = scores.filter((z) => Math.abs(z) > 1.96).length;
      expect(beyond).toBeGreaterThan(2);
      expect(beyond).toBeLessThan(20);
    }
  });

  it('is far below 0 for copies with noise and far above for what no training image is like', () => {
    const before = liveTensors();
    tidy(() => {
      const { train, heldOut } = freshSets([100, 80, 2], 6, 1);
      const random = new Random(2);
      const drawn = Int32Array.from({ length: 120 }, () => random.int(100));
      const noise = gaussian(120, 6, random);
      const copied = copyTest({ train, heldOut, synthetic: rowsOf(train, drawn).add(noise, 0.05) });
      expect(copied.z!).toBeLessThan(-8);
      expect(copied.p!).toBeLessThan(1e-12);
      expect(copied.cells).toHaveLength(3);
      const underfit = copyTest({ train, heldOut, synthetic: noise.mul(3) });
      expect(underfit.z!).toBeGreaterThan(8);
      expect(underfit.p!).toBeGreaterThan(0.999);
    });
    expect(liveTensors()).toBe(before);
  });

  it('sees copying in one place that underfitting in another hides from a single cell', () => {
    tidy(() => {
      const random = new Random(5);
      const at = (x: number, n: number, spread = 1) => gaussian(n, 2, random).mul(spread).add(x);
      const train = cat([at(-30, 60), at(30, 60)]);
      const heldOut = cat([at(-30, 40), at(30, 40)]);
      const synthetic = cat([train.narrow(0, 0, 60).add(0.01), at(30, 60, 3)]);
      const { cells } = copyTest({ train, heldOut, synthetic }, { cells: 2 });
      const scores = cells.map(({ z }) => z!).sort((a, b) => a - b);
      expect(scores[0]).toBeLessThan(-5);
      expect(scores[1]).toBeGreaterThan(3);
    });
  });

  it('says so where no cell holds enough', () => {
    tidy(() => {
      const test = copyTest(freshSets([30, 30, 20], 2, 1));
      expect(test).toMatchObject({ value: null, z: null, p: null });
      expect(test.cells).toEqual([{ train: 30, heldOut: 30, synthetic: 20, z: null }]);
    });
  });

  it('counts ties a half', () => {
    const same = Float64Array.of(1, 1, 2);
    // U = nm / 2; what is left is the continuity correction.
    expect(mannWhitneyZ(same, same)).toBeCloseTo(0.5 / Math.sqrt((9 * 7) / 12), 12);
  });
});
