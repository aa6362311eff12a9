import { aten, cat, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { describe, expect, it } from 'vitest';
import { frechetDistance } from './frechet.js';
import { formula, gaussian, golden, setOf, smallSets } from './golden.test-data.js';

/** By the singular values of the centred sets themselves, whatever their shape: slow, and exact. */
function byDefinition(x: Tensor, y: Tensor): number {
  const centred = (set: Tensor) => set.sub(set.mean([0])).div(Math.sqrt(set.shape[0]! - 1));
  const [a, b] = [centred(x), centred(y)];
  const shared = aten.linalg_svdvals(a.matmul(b.t())).sum();
  const shift = x
    .mean([0])
    .sub(y.mean([0]))
    .square()
    .sum();
  return shift.add(a.square().sum()).add(b.square().sum()).sub(shared, 2).item();
}

describe('fréchet distance of many features', () => {
  it.each(golden.wide)('is that of scipy and torch-fidelity: $rows and $more × $columns', (set) => {
    const before = liveTensors();
    tidy(() => {
      const x = formula(set.rows, set.columns, 1);
      const y = formula(set.more, set.columns, 2).mul(0.75).add(8);
      // Of a singular product, scipy's root itself is exact to half of the digits only.
      const tolerance = Math.min(set.rows, set.more) > set.columns ? 1e-9 : 1e-7;
      expect(Math.abs(frechetDistance(x, y) / set.frechet - 1)).toBeLessThan(tolerance);
      expect(Math.abs(frechetDistance(y, x) / set.frechet - 1)).toBeLessThan(tolerance);
      expect(Math.abs(frechetDistance(x, y) / byDefinition(x, y) - 1)).toBeLessThan(1e-11);
    });
    expect(liveTensors()).toBe(before);
  });

  it('keeps its digits as a feature comes to follow from another', () => {
    tidy(() => {
      const base = gaussian(80, 6, 1);
      const other = gaussian(70, 7, 2, 0.2, 1.3);
      // Of the first set's seventh feature only this much is its own: from Cholesky's factor over to that of QR.
      for (const own of [1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 0]) {
        const last = base.narrow(1, 0, 1).add(gaussian(80, 1, 3), own);
        const set = cat([base, last], 1);
        expect(Math.abs(frechetDistance(set, other) / byDefinition(set, other) - 1)).toBeLessThan(1e-9);
        const near = set.add(gaussian(80, 7, 4), 1e-3);
        expect(Math.abs(frechetDistance(set, near) / byDefinition(set, near) - 1)).toBeLessThan(1e-6);
      }
      // A feature that never changes, in one set and in both.
      const still = cat([base, base.narrow(1, 0, 1).mul(0)], 1);
      expect(frechetDistance(still, other)).toBeCloseTo(byDefinition(still, other), 10);
      expect(frechetDistance(still, still.mul(2))).toBeCloseTo(byDefinition(still, still.mul(2)), 10);
    });
  });

  it('leaves Cholesky’s factor where that would lose digits of a small distance', () => {
    tidy(() => {
      // Σ can still be factored, but what the last features have of their own is lost in its rounding: of this distance
      // Cholesky's factor gets 1e-7 and 2e-6 wrong.
      for (const own of [1e-6, 1e-7]) {
        const base = gaussian(80, 6, 1);
        const set = cat([base, base.add(gaussian(80, 6, 3), own)], 1);
        const near = set.add(gaussian(80, 12, 4), 1e-3);
        expect(Math.abs(frechetDistance(set, near) / byDefinition(set, near) - 1)).toBeLessThan(2e-8);
      }
    });
  });

  it('does not mind features of very different size', () => {
    tidy(() => {
      const scales = tensor(Float64Array.from([1e-9, 1e-3, 1, 1e3]), [1, 4]);
      const [x, y] = [gaussian(50, 4, 5), gaussian(60, 4, 6, 0.5, 2)];
      const expected = byDefinition(x.mul(scales), y.mul(scales));
      expect(Math.abs(frechetDistance(x.mul(scales), y.mul(scales)) / expected - 1)).toBeLessThan(1e-12);
    });
  });
});

describe('fréchet distance', () => {
  it.each(smallSets)('is that of scipy: $name', ({ length, x, y, frechet }) => {
    tidy(() => {
      // Features of float32 are taken to float64 first: no digits are lost.
      for (const dtype of ['float64', 'float32'] as const) {
        const value = frechetDistance(setOf(x, length, dtype), setOf(y, length, dtype));
        expect(Math.abs(value - frechet) / frechet).toBeLessThan(1e-7);
      }
    });
  });

  it('is 0 for equal sets, symmetric, and blind to rotations of both', () => {
    tidy(() => {
      const { length, x, y } = smallSets[0]!;
      const [a, b] = [setOf(x, length), setOf(y, length)];
      expect(frechetDistance(a, a)).toBeLessThan(1e-12);
      const value = frechetDistance(a, b);
      expect(frechetDistance(b, a)).toBeCloseTo(value, 10);
      const mirrored = (set: Tensor) => set.flip([1]).neg();
      expect(frechetDistance(mirrored(a), mirrored(b))).toBeCloseTo(value, 10);
    });
  });

  it('has the closed form of a set against itself, shifted and stretched', () => {
    // Σ₂ = c²Σ₁ commutes with Σ₁: FD = ‖shift‖² + (c − 1)² Tr Σ₁, around the mean.
    tidy(() => {
      for (const [n, length] of [
        [50, 5],
        [6, 20],
      ] as const) {
        const x = gaussian(n, length, n);
        const centred = x.sub(x.mean([0]));
        const trace = centred.square().sum().item() / (n - 1);
        for (const [shift, stretch] of [
          [0.5, 1],
          [0, 3],
          [2, 0.2],
        ] as const) {
          const expected = length * shift ** 2 + (stretch - 1) ** 2 * trace;
          expect(
            frechetDistance(
              x,
              centred
                .mul(stretch)
                .add(x.mean([0]))
                .add(shift),
            ),
          ).toBeCloseTo(expected, 9);
        }
      }
    });
  });

  it('nears the distance of the Gaussians that features are drawn from', () => {
    // N(0, 1) against N(0.5, 4) in each of 3 features: 3 (0.25 + (2 − 1)²) = 3.75; SD of the estimate about 0.12.
    tidy(() => {
      expect(
        Math.abs(frechetDistance(gaussian(4000, 3, 1), gaussian(4000, 3, 2, 0.5, 2)) - 3.75),
      ).toBeLessThan(0.3);
    });
  });

  it('refuses what cannot be compared, in one line with the remedy', () => {
    tidy(() => {
      const x = gaussian(5, 3, 1);
      expect(() => frechetDistance(x, gaussian(5, 4, 1))).toThrow(/length 3 and 4.*one backbone/);
      expect(() => frechetDistance(x.narrow(0, 0, 1), x)).toThrow(/first set.*at least two images/);
      expect(() => frechetDistance(x, x.div(0))).toThrow(/second set.*not finite/);
    });
  });
});
