import { liveTensors, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { frechetDistance } from './frechet.js';
import { type FrechetInfinityOptions, frechetInfinity, lineAtZero } from './frechet-infinity.js';
import { gaussian, golden } from './golden.test-data.js';

const options = (more: Partial<FrechetInfinityOptions> = {}): FrechetInfinityOptions => ({
  random: new Random(1),
  ...more,
});

describe('FD∞', () => {
  it('takes the line of scipy', () => {
    const { x, y, value, half, slope } = golden.line;
    const line = lineAtZero(x.map((at, i) => [at, y[i]!]));
    expect(line.value).toBeCloseTo(value, 11);
    expect(line.slope).toBeCloseTo(slope, 9);
    expect(line.high - line.value).toBeCloseTo(half, 10);
    expect(line.value - line.low).toBeCloseTo(half, 10);
  });

  it('has no bias where the distance itself has much', () => {
    const before = liveTensors();
    tidy(() => {
      // N(0, 1) against N(0.3, 1.3²) in 8 features: 8 (0.09 + 0.09) = 1.44.
      const draws = Array.from({ length: 40 }, (_, i) => {
        const [a, b] = [gaussian(160, 8, 2 * i), gaussian(160, 8, 2 * i + 1, 0.3, 1.3)];
        return {
          biased: frechetDistance(a, b),
          limit: frechetInfinity(a, b, options({ points: 7 })).value,
          half: frechetInfinity(a, b, options({ points: 7, vary: 'second' })).value,
        };
      });
      const mean = (name: 'biased' | 'limit' | 'half') =>
        draws.reduce((sum, draw) => sum + draw[name], 0) / draws.length;
      // The standard error of the mean is about 0.05.
      expect(Math.abs(mean('limit') - 1.44)).toBeLessThan(0.15);
      expect(mean('biased')).toBeGreaterThan(1.44 + 0.3);
      // With the first set as it is, its half of the bias stays.
      expect(mean('half')).toBeGreaterThan(mean('limit') + 0.08);
      expect(mean('half')).toBeLessThan(mean('biased') - 0.08);
    });
    expect(liveTensors()).toBe(before);
  });

  it('gives its points, the last of which is the distance of the whole sets', () => {
    tidy(() => {
      const [a, b] = [gaussian(300, 4, 1), gaussian(120, 4, 2, 1)];
      const found = frechetInfinity(a, b, options());
      expect(found.points).toHaveLength(15);
      expect(found.points[0]!.images).toBe(50);
      const last = found.points.at(-1)!;
      expect(last.images).toBe(120);
      expect(last.distance).toBeCloseTo(frechetDistance(a, b), 9);
      expect(found.low).toBeLessThan(found.value);
      expect(found.high - found.value).toBeCloseTo(found.value - found.low, 9);
      expect(frechetInfinity(a, b, options())).toEqual(found);
    });
  });

  it('refuses sets that are too small for the line, and says what helps', () => {
    tidy(() => {
      const x = gaussian(99, 4, 1);
      expect(() => frechetInfinity(x, x, options())).toThrow(/99 images of 4 features are too few.*use 100/);
      expect(() => frechetInfinity(gaussian(300, 64, 1), gaussian(300, 64, 2), options())).toThrow(
        /from 160 images up: use 320.*kernel distance/,
      );
      expect(frechetInfinity(x, x, options({ smallest: 20 })).points[0]!.images).toBe(20);
      expect(() => frechetInfinity(x, x, options({ points: 2, smallest: 20 }))).toThrow(DataError);
    });
  });
});
