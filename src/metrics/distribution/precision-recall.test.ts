import { cat, liveTensors, tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { gaussian, golden, setOf } from './golden.test-data.js';
import { precisionRecall } from './precision-recall.js';

describe('precision and recall', () => {
  it.each(golden.sets)('are those of all pairs in numpy, and of prdc: $name', (set) => {
    const before = liveTensors();
    tidy(() => {
      for (const dtype of ['float64', 'float32'] as const) {
        const real = setOf(set.real, set.length, dtype);
        const synthetic = setOf(set.synthetic, set.length, dtype);
        for (const [k, expected] of Object.entries(set.byK)) {
          const found = precisionRecall(real, synthetic, { k: Number(k) });
          expect(found.precision).toBeCloseTo(expected.precision, 14);
          expect(found.recall).toBeCloseTo(expected.recall, 14);
        }
        expect(precisionRecall(real, synthetic)).toEqual(precisionRecall(real, synthetic, { k: 3 }));
      }
    });
    expect(liveTensors()).toBe(before);
  });

  it('are 1 for a set against itself, 0 for sets that are far apart, swapped when the sets are', () => {
    tidy(() => {
      const [a, b] = [gaussian(60, 5, 1), gaussian(45, 5, 2, 0.7)];
      expect(precisionRecall(a, a)).toEqual({ precision: 1, recall: 1, k: 3 });
      expect(precisionRecall(a, b.add(100))).toEqual({ precision: 0, recall: 0, k: 3 });
      const [forth, back] = [precisionRecall(a, b), precisionRecall(b, a)];
      expect([back.precision, back.recall]).toEqual([forth.recall, forth.precision]);
      expect(forth.precision).toBeGreaterThan(0);
      expect(forth.precision).toBeLessThan(1);
    });
  });

  it('tell what is wrong: a mode that is missing costs recall, images that are no such thing cost precision', () => {
    tidy(() => {
      const [left, right] = [gaussian(50, 3, 3), gaussian(50, 3, 4, 50)];
      const real = cat([left, right]);
      expect(precisionRecall(real, left.add(0.01))).toEqual({ precision: 1, recall: 0.5, k: 3 });
      const wrong = cat([left, right, gaussian(100, 3, 5, -50)]);
      expect(precisionRecall(real, wrong)).toEqual({ precision: 0.5, recall: 1, k: 3 });
    });
  });

  it('do not change with scale, place or order, nor with the range of float32', () => {
    tidy(() => {
      const { real, synthetic, length } = golden.sets[1]!;
      const [a, b] = [setOf(real, length), setOf(synthetic, length)];
      const expected = precisionRecall(a, b);
      for (const factor of [2 ** -100, 2 ** 100]) {
        expect(precisionRecall(a.mul(factor), b.mul(factor))).toEqual(expected);
      }
      expect(precisionRecall(a.add(4096), b.add(4096))).toEqual(expected);
      expect(precisionRecall(a.flip([0]), b.flip([1]).flip([1, 0]))).toEqual(expected);
    });
  });

  it('decide by exact distances where float32 cannot', () => {
    tidy(() => {
      // Radii are 1; synthetic images lie a hair inside and outside of the sphere, 1e6 from a distant third.
      const hair = 2 ** -30;
      const line = (...values: number[]) => tensor(Float64Array.from(values), [values.length, 1]);
      const real = line(0, 1, 1e6, 1e6 + 1);
      const synthetic = line(-1 + hair, -1 - hair, -1, 2 - hair, 2, 1e6 - 1 + hair, 1e6 + 2, 1e6 + 3);
      expect(precisionRecall(real, synthetic, { k: 1 }).precision).toBe(3 / 8);
    });
  });

  it('are the same over several blocks', () => {
    tidy(() => {
      // Twice the images, far apart: neither half changes the other's figures.
      const [a, b] = [gaussian(1000, 2, 6), gaussian(1000, 2, 7, 0.5)];
      const one = precisionRecall(a, b);
      const both = precisionRecall(cat([a, a.add(1000)]), cat([b, b.add(1000)]));
      expect(both.precision).toBeCloseTo(one.precision, 12);
      expect(both.recall).toBeCloseTo(one.recall, 12);
    });
  });

  it('refuse sets without k neighbours, in one line with the remedy', () => {
    tidy(() => {
      const x = gaussian(5, 3, 1);
      expect(() => precisionRecall(x, x.narrow(0, 0, 3))).toThrow(/k = 3 with a set of 3 images.*1…2/);
      expect(() => precisionRecall(x, x, { k: 0 })).toThrow(DataError);
      expect(() => precisionRecall(x, gaussian(5, 4, 1))).toThrow(/one backbone/);
      expect(() => precisionRecall(x.div(0), x)).toThrow(/not finite/);
    });
  });
});
