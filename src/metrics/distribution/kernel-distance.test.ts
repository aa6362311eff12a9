import { tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { gaussian, golden, setOf, smallSets } from './golden.test-data.js';
import { kernelDistance, squaredDiscrepancy } from './kernel-distance.js';

describe('kernel distance', () => {
  it.each(smallSets)('is that of the loops: $name', ({ length, x, y, kernel }) => {
    tidy(() => {
      const [a, b] = [setOf(x, length), setOf(y, length)];
      expect(Math.abs(squaredDiscrepancy(a, b).item() - kernel) / kernel).toBeLessThan(1e-9);
      // Subsets that are whole sets are all the same.
      const smaller = Math.min(a.shape[0]!, b.shape[0]!);
      if (a.shape[0] === b.shape[0]) {
        const whole = kernelDistance(a, b, { random: new Random(1), subsets: 3, subsetSize: smaller });
        expect(whole.mean / kernel).toBeCloseTo(1, 9);
      }
    });
  });

  it('is unbiased: over many draws of one distribution it is 0 on average, and often below', () => {
    tidy(() => {
      const values = Array.from({ length: 200 }, (_, i) =>
        squaredDiscrepancy(gaussian(20, 4, 2 * i), gaussian(20, 4, 2 * i + 1)).item(),
      );
      const mean = values.reduce((a, b) => a + b) / values.length;
      const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
      expect(Math.abs(mean)).toBeLessThan((3 * sd) / Math.sqrt(values.length));
      const below = values.filter((v) => v < 0).length;
      expect(below).toBeGreaterThan(60);
      expect(below).toBeLessThan(150);
    });
  });

  it('over subsets has the mean of the whole sets, a spread, and the same figures for the same seed', () => {
    tidy(() => {
      const [a, b] = [gaussian(60, 6, 1), gaussian(80, 6, 2, 0.5)];
      const options = () => ({ random: new Random(5), subsets: 200 });
      const distance = kernelDistance(a, b, options());
      expect(distance).toMatchObject({ subsets: 200, subsetSize: 30 });
      expect(distance.sd).toBeGreaterThan(0);
      const whole = squaredDiscrepancy(a, b).item();
      expect(Math.abs(distance.mean - whole)).toBeLessThan((4 * distance.sd) / Math.sqrt(200));
      expect(kernelDistance(a, b, options())).toEqual(distance);
      // Small subsets differ more from one another.
      expect(kernelDistance(a, b, { ...options(), subsetSize: 5 }).sd).toBeGreaterThan(distance.sd);
    });
  });

  it.each(golden.sets)('is that of numpy, and of torch-fidelity for equal N: $name', (set) => {
    tidy(() => {
      const [x, y] = [setOf(set.real, set.length), setOf(set.synthetic, set.length)];
      const scale = Math.max(1, Math.abs(set.kernel));
      // 500 from zero the kernel's values are 1e16: what is left of their difference has few digits.
      const tolerance = set.name === 'far from zero' ? 1e-3 : 1e-11;
      expect(Math.abs(squaredDiscrepancy(x, y).item() - set.kernel) / scale).toBeLessThan(tolerance);
    });
  });

  it('is by hand what the polynomial gives', () => {
    tidy(() => {
      // k(a, b) = (ab + 1)³: x = 0, 1; y = 2, 3. 2·1/2 + 2·343/2 − 2 (1 + 1 + 27 + 64)/4 = 1 + 343 − 46.5.
      const line = (...values: number[]) => tensor(Float64Array.from(values), [values.length, 1]);
      expect(squaredDiscrepancy(line(0, 1), line(2, 3)).item()).toBeCloseTo(297.5, 12);
    });
  });

  it('refuses subsets larger than a set', () => {
    tidy(() => {
      const x = gaussian(5, 3, 1);
      expect(() => kernelDistance(x, x, { random: new Random(1), subsetSize: 9 })).toThrow(DataError);
    });
  });
});
