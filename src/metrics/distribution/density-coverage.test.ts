import { cat, liveTensors, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { densityCoverage, expectedCoverage } from './density-coverage.js';
import { gaussian, golden, setOf } from './golden.test-data.js';
import { precisionRecall } from './precision-recall.js';

describe('density and coverage', () => {
  it.each(golden.sets)('are those of all pairs in numpy, and of prdc: $name', (set) => {
    const before = liveTensors();
    tidy(() => {
      for (const dtype of ['float64', 'float32'] as const) {
        const real = setOf(set.real, set.length, dtype);
        const synthetic = setOf(set.synthetic, set.length, dtype);
        for (const [k, expected] of Object.entries(set.byK)) {
          const found = densityCoverage(real, synthetic, { k: Number(k) });
          expect(found.density).toBeCloseTo(expected.density, 14);
          expect(found.coverage).toBeCloseTo(expected.coverage, 14);
        }
        expect(densityCoverage(real, synthetic)).toEqual(densityCoverage(real, synthetic, { k: 5 }));
      }
    });
    expect(liveTensors()).toBe(before);
  });

  it('are what a perfect generator has in expectation', () => {
    tidy(() => {
      const runs = Array.from({ length: 40 }, (_, i) => ({
        even: densityCoverage(gaussian(80, 3, 2 * i), gaussian(80, 3, 2 * i + 1), { k: 2 }),
        few: densityCoverage(gaussian(80, 3, 2 * i), gaussian(40, 3, 2 * i + 1), { k: 2 }),
      }));
      const mean = (of: (run: (typeof runs)[0]) => number) =>
        runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
      // Three standard errors are about 0.05 of a density and 0.03 of a coverage.
      expect(Math.abs(mean((run) => run.even.density) - 1)).toBeLessThan(0.06);
      expect(Math.abs(mean((run) => run.few.density) - 1)).toBeLessThan(0.06);
      expect(Math.abs(mean((run) => run.even.coverage) - expectedCoverage(80, 80, 2))).toBeLessThan(0.03);
      expect(Math.abs(mean((run) => run.few.coverage) - expectedCoverage(80, 40, 2))).toBeLessThan(0.03);
      expect(expectedCoverage(1e6, 1e6, 5)).toBeCloseTo(1 - 2 ** -5, 5);
      // By hand: of one other real and one synthetic image, either is the nearest.
      expect(expectedCoverage(2, 1, 1)).toBe(0.5);
    });
  });

  it('cover all of a set with itself, nothing from far away, half of it where a mode is missing', () => {
    tidy(() => {
      const [left, right] = [gaussian(50, 3, 3), gaussian(50, 3, 4, 50)];
      const real = cat([left, right]);
      expect(densityCoverage(real, real).coverage).toBe(1);
      expect(densityCoverage(real, real.add(1000))).toEqual({ density: 0, coverage: 0, k: 5 });
      expect(densityCoverage(real, left.add(0.01)).coverage).toBe(0.5);
    });
  });

  it('mind an outlier less than precision does', () => {
    tidy(() => {
      const real = cat([gaussian(60, 2, 8), gaussian(1, 2, 9).add(60)]);
      const scattered = gaussian(60, 2, 10, 40, 12); // far from the real images, but for the outlier's ball
      expect(precisionRecall(real, scattered).precision).toBeGreaterThan(0.9);
      expect(densityCoverage(real, scattered).density).toBeLessThan(0.25);
      expect(densityCoverage(real, scattered).coverage).toBeLessThan(0.05);
    });
  });

  it('take fewer synthetic images than k, but not fewer real ones', () => {
    tidy(() => {
      const x = gaussian(9, 3, 1);
      expect(densityCoverage(x, x.narrow(0, 0, 2)).k).toBe(5);
      expect(() => densityCoverage(x.narrow(0, 0, 5), x)).toThrow(/k = 5 with a set of 5 images.*1…4/);
      expect(() => densityCoverage(x, x, { k: 1.5 })).toThrow(DataError);
    });
  });
});
