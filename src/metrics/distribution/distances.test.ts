import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../errors.js';
import { Random } from '../../random.js';
import { liveTensors, type Tensor, tensor, tidy } from '../../torch/index.js';
import { halvesDistance, measureDistances } from './distances.js';
import { drawIndices } from './features.js';
import { frechetDistance } from './frechet.js';
import { kernelDistance, squaredDiscrepancy } from './kernel-distance.js';

interface Golden {
  name: string;
  length: number;
  x: number[];
  y: number[];
  frechet: number;
  kernel: number;
}

// Made by test/goldens/metrics/distances.py: scipy's matrix root, and loops over pairs.
const { sets } = JSON.parse(
  readFileSync(new URL('../../../test/goldens/metrics/distances.json', import.meta.url), 'utf8'),
) as { sets: Golden[] };

const rows = (values: number[], length: number, dtype: 'float32' | 'float64' = 'float64'): Tensor =>
  tensor(values, [values.length / length, length], { dtype }).div(256);

const gaussian = (n: number, length: number, seed: number, mean = 0, deviation = 1): Tensor => {
  const random = new Random(seed);
  return tensor(
    Float64Array.from({ length: n * length }, () => random.normal(mean, deviation)),
    [n, length],
  );
};

describe('fréchet distance', () => {
  it.each(sets)('is that of scipy: $name', ({ length, x, y, frechet }) => {
    tidy(() => {
      // Features of float32 are taken to float64 first: no digits are lost.
      for (const dtype of ['float64', 'float32'] as const) {
        const value = frechetDistance(rows(x, length, dtype), rows(y, length, dtype));
        expect(Math.abs(value - frechet) / frechet).toBeLessThan(1e-7);
      }
    });
  });

  it('is 0 for equal sets, symmetric, and blind to rotations of both', () => {
    tidy(() => {
      const { length, x, y } = sets[0]!;
      const [a, b] = [rows(x, length), rows(y, length)];
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
});

describe('kernel distance', () => {
  it.each(sets)('is that of the loops: $name', ({ length, x, y, kernel }) => {
    tidy(() => {
      const [a, b] = [rows(x, length), rows(y, length)];
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
});

describe('distances', () => {
  const backbone = { name: 'test', hash: 'abc', resizer: 'none' } as Parameters<typeof measureDistances>[0];

  it('are records with counts, backbone and a floor that a shifted set does not reach', () => {
    const before = liveTensors();
    tidy(() => {
      const real = gaussian(60, 5, 1);
      const same = measureDistances(backbone, { real, synthetic: gaussian(40, 5, 2) }, { seed: 3 });
      const shifted = measureDistances(backbone, { real, synthetic: gaussian(40, 5, 2, 1.5) }, { seed: 3 });
      expect(shifted.frechet).toMatchObject({
        metric: 'frechet',
        real: 60,
        synthetic: 40,
        sd: null,
        backbone: 'test',
        hash: 'abc',
        resizer: 'none',
      });
      expect(shifted.frechet.value).toBeGreaterThan(5 * shifted.frechet.floor!);
      expect(same.frechet.value).toBeLessThan(3 * same.frechet.floor!);
      expect(shifted.kernel.value).toBeGreaterThan(
        5 * Math.abs(shifted.kernel.floor!) + 3 * shifted.kernel.sd!,
      );
      expect(Math.abs(same.kernel.value)).toBeLessThan(3 * same.kernel.sd!);
      // The floor is of the real images alone.
      expect(shifted.frechet.floor).toBe(same.frechet.floor);
    });
    expect(liveTensors()).toBe(before);
  });

  it('split a set into halves without a common row', () => {
    tidy(() => {
      const features = tensor(
        Float64Array.from({ length: 9 }, (_, i) => i),
        [9, 1],
      );
      const seen: number[][] = [];
      halvesDistance(features, new Random(2), (a, b) => {
        seen.push(...[a, b].map((half) => Array.from(half.toArray() as Float64Array)));
        return 0;
      });
      expect(seen.map(({ length }) => length)).toEqual([4, 4]);
      expect(new Set(seen.flat()).size).toBe(8);
      expect(new Set(drawIndices(9, 5, new Random(1))).size).toBe(5);
    });
  });

  it('refuse what cannot be compared, in one line with the remedy', () => {
    tidy(() => {
      const x = gaussian(5, 3, 1);
      expect(() => frechetDistance(x, gaussian(5, 4, 1))).toThrow(/length 3 and 4.*one backbone/);
      expect(() => frechetDistance(x.narrow(0, 0, 1), x)).toThrow(/first set.*at least two images/);
      expect(() => frechetDistance(x, x.div(0))).toThrow(/second set.*not finite/);
      expect(() => kernelDistance(x, x, { random: new Random(1), subsetSize: 9 })).toThrow(DataError);
      expect(() => halvesDistance(x.narrow(0, 0, 3), new Random(1), frechetDistance)).toThrow(/four or more/);
    });
  });
});
