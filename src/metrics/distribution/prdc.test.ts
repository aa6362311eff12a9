import { aten, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { describe, expect, it } from 'vitest';
import { densityCoverage } from './density-coverage.js';
import { gaussian, golden, setOf } from './golden.test-data.js';
import { prdc } from './prdc.js';
import { precisionRecall } from './precision-recall.js';

/** By the float64 distances of all pairs, without a matrix product. */
function byAllPairs(real: Tensor, synthetic: Tensor, ks: { precision: number; density: number }) {
  const distances = (a: Tensor, b: Tensor) => aten.cdist(a, b, 2, 2);
  // The image itself is the first.
  const radii = (set: Tensor, k: number) => aten.kthvalue(distances(set, set), k + 1, 1)[0];
  const between = distances(real, synthetic);
  const share = (hits: Tensor, dim: number) => aten.any.dim(hits, dim).to({ dtype: 'float64' }).mean().item();
  const wide = between.lt(radii(real, ks.density).unsqueeze(1));
  return {
    precision: share(between.lt(radii(real, ks.precision).unsqueeze(1)), 0),
    recall: share(between.lt(radii(synthetic, ks.precision)), 1),
    density: wide.sum().item() / (ks.density * synthetic.shape[0]!),
    coverage: share(wide, 1),
  };
}

describe('precision, recall, density and coverage at once', () => {
  it.each(golden.sets)('are those of all pairs in numpy, and of prdc, for any two k: $name', (set) => {
    const before = liveTensors();
    tidy(() => {
      const [real, synthetic] = [set.real, set.synthetic].map((values) => setOf(values, set.length));
      for (const [third, { precision, recall }] of Object.entries(set.byK)) {
        for (const [fifth, { density, coverage }] of Object.entries(set.byK)) {
          const ks = { precision: Number(third), density: Number(fifth) };
          const found = prdc(real!, synthetic!, { ks });
          const expected = { precision, recall, density, coverage };
          expect(Object.keys(found)).toEqual(Object.keys(expected));
          for (const name of ['precision', 'recall', 'density', 'coverage'] as const) {
            expect(found[name], name).toBeCloseTo(expected[name], 14);
          }
        }
      }
    });
    expect(liveTensors()).toBe(before);
  });

  it('are those that precision and recall, density and coverage have by themselves', () => {
    tidy(() => {
      const [real, synthetic] = [gaussian(90, 4, 1), gaussian(70, 4, 2, 0.6, 0.8)];
      const { k: third, ...precision } = precisionRecall(real, synthetic);
      const { k: fifth, ...density } = densityCoverage(real, synthetic);
      expect(prdc(real, synthetic)).toEqual({ ...precision, ...density });
      expect([third, fifth]).toEqual([3, 5]);
    });
  });

  it.each([
    [1500, 2200],
    [2100, 1025],
  ])('are the same over several tiles: %d real, %d synthetic images', (n, m) => {
    tidy(() => {
      const [real, synthetic] = [gaussian(n, 6, 3), gaussian(m, 6, 4, 0.4)];
      const ks = { precision: 4, density: 2 };
      const expected = byAllPairs(real, synthetic, ks);
      const found = prdc(real, synthetic, { ks });
      for (const name of ['precision', 'recall', 'density', 'coverage'] as const) {
        expect(found[name], name).toBeCloseTo(expected[name], 12);
        expect(found[name], name).toBeGreaterThan(0.1);
        expect(found[name], name).toBeLessThan(0.95);
      }
    });
  });

  it('count nothing in the ball of an image that has k copies, and a copy in any other', () => {
    tidy(() => {
      const column = (...values: number[]) => tensor(Float64Array.from(values), [values.length, 1]);
      const real = column(0, 0, 0, 8, 9, 11);
      const ks = { precision: 2, density: 2 };
      // The radius at 0 is 0; at 8, 9 and 11 it is 3, 2 and 3.
      expect(prdc(real, column(0, 0, 0, 9), { ks })).toMatchObject({ precision: 1 / 4, coverage: 3 / 6 });
      expect(prdc(real, column(0, 0, 0, 9), { ks }).density).toBe(3 / (2 * 4));
    });
  });

  it('decide by exact distances where squares leave the range of float32', () => {
    tidy(() => {
      const column = (...values: number[]) => tensor(Float64Array.from(values), [values.length, 1]);
      // Around 0, the centre, the radii are 1e-24, 1e-24 and 2e-24; at −1 and 1 they are 1.
      const real = column(-1, 0, 1e-24, 3e-24, 1);
      const synthetic = column(0.5e-24, 4e-24, 5.5e-24, -2e-24);
      const found = prdc(real, synthetic, { ks: { precision: 1, density: 1 } });
      expect(found).toMatchObject({ precision: 2 / 4, density: 3 / 4, coverage: 3 / 5 });
    });
  });

  it('refuse sets without k neighbours, by the figures that need them', () => {
    tidy(() => {
      const x = gaussian(5, 3, 1);
      expect(() => prdc(x, x)).toThrow(/density and coverage: k = 5 with a set of 5 images/);
      expect(() => prdc(gaussian(9, 3, 2), x.narrow(0, 0, 3))).toThrow(
        /precision and recall: k = 3 with a set of 3 images/,
      );
      expect(prdc(gaussian(9, 3, 2), x.narrow(0, 0, 4)).coverage).toBeLessThanOrEqual(1);
      expect(() => prdc(x, gaussian(5, 4, 1))).toThrow(/one backbone/);
      expect(() => prdc(x, x.div(0))).toThrow(/second set.*not finite/);
    });
  });
});
