import { liveTensors, type Tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { checkerboardComponents, checkerboardRows, compareCheckerboards } from './checkerboard.js';
import { golden, goldenImages, goldenSize, noiseImages } from './golden.test-data.js';

const options = () => ({ random: new Random(3), replicates: 300, halvings: 40 });
const compare = (real: Tensor, synthetic: Tensor, side: number) =>
  compareCheckerboards(
    { real: { rows: real }, synthetic: { rows: synthetic } },
    { height: side, width: side },
    options(),
  );

describe('checkerboards', () => {
  it('exceed what is around them as in numpy’s spectrum', () => {
    tidy(() => {
      const rows = (set: 'real' | 'synthetic') => ({ rows: checkerboardRows(goldenImages(set)) });
      const result = compareCheckerboards(
        { real: rows('real'), synthetic: rows('synthetic') },
        goldenSize,
        options(),
      );
      golden.components.forEach(({ period, direction, real, synthetic }, i) => {
        const own = result.components[i]!;
        expect(own).toMatchObject({ period, direction });
        expect(Math.abs(own.real - real)).toBeLessThan(1e-4);
        expect(Math.abs(own.synthetic - synthetic)).toBeLessThan(1e-4);
        expect(own.difference.value).toBeCloseTo(own.synthetic - own.real, 10);
      });
      // A checkerboard of period 2 and a wave of period 4 along x were laid into the synthetic ones.
      const largest = [...result.components].sort((a, b) => b.difference.value - a.difference.value);
      expect(largest.slice(0, 2).map(({ period, direction }) => `${period} ${direction}`)).toEqual(
        expect.arrayContaining(['2 both', '4 x']),
      );
      expect(result.score.value).toBe(largest[0]!.difference.value);
    });
  });

  it.each(
    checkerboardComponents.map((component) => [component.period, component.direction, component] as const),
  )('of period %i along %s are found there alone, as high as theory has it', (period, direction) => {
    const [side, n, sd, amplitude] = [48, 80, 6, 1.2];
    // A single frequency's power at 1/2 has one degree of freedom: the mean over n images an SD of √(2 / n).
    const chance = 3.5 * 4.34 * Math.sqrt(2 / n);
    const wave = (at: number) => Math.cos((2 * Math.PI * at) / period);
    const pattern = {
      x: (x: number) => amplitude * wave(x),
      y: (_: number, y: number) => amplitude * wave(y),
      both: (x: number, y: number) => amplitude * wave(x) * wave(y),
    }[direction];
    tidy(() => {
      const real = checkerboardRows(noiseImages(n, side, { seed: 1, sd }));
      const { components, score } = compare(
        real,
        checkerboardRows(noiseImages(n, side, { seed: 2, sd, pattern })),
        side,
      );
      // Of a wave at 1/2 all power is in one frequency, else it is in two or four, each with a half or a quarter of the
      // amplitude.
      const share = period === 2 ? 1 : direction === 'both' ? 1 / 4 : 1 / 2;
      const ratio = ((share * amplitude) ** 2 * side * side * 4) / 9 / (sd * sd + 1 / 12);
      const expected = 10 * Math.log10(1 + ratio);
      expect(expected).toBeGreaterThan(3.5);
      for (const own of components) {
        const planted = own.period === period && own.direction === direction;
        expect(Math.abs(own.synthetic - (planted ? expected : 0))).toBeLessThan(chance);
        expect(Math.abs(own.real)).toBeLessThan(chance);
        if (planted) expect(own.difference.low).toBeGreaterThan(0);
      }
      expect(score.value).toBeGreaterThan(score.floor!.high);
      expect(score.low).toBeGreaterThan(0);
    });
  });

  it('do not show where there are none, and a fine and a coarse texture make none', () => {
    const before = liveTensors();
    tidy(() => {
      const real = checkerboardRows(noiseImages(60, 40, { seed: 1 }));
      const same = compare(real, checkerboardRows(noiseImages(60, 40, { seed: 5 })), 40);
      expect(same.score.value).toBeLessThan(same.score.floor!.high);
      const weak = compare(real, checkerboardRows(noiseImages(60, 40, { seed: 5, sd: 1 })), 40);
      expect(weak.score.value).toBeLessThan(weak.score.floor!.high);
      expect(weak.frequencies.at(-1)).toBe(0.5);
      expect(weak.real.x).toHaveLength(20);
    });
    expect(liveTensors()).toBe(before);
  });

  it('have a peak in the profile of their direction', () => {
    tidy(() => {
      const rows = checkerboardRows(
        noiseImages(20, 40, { seed: 1, pattern: (_, y) => 3 * Math.cos((Math.PI / 2) * y) }),
      );
      const { synthetic, frequencies } = compare(rows, rows, 40);
      expect(frequencies[synthetic.y.indexOf(Math.max(...synthetic.y))]).toBe(0.25);
      expect(Math.max(...synthetic.x, ...synthetic.both)).toBeLessThan(6);
    });
  });

  it('are found in sides that are no multiples of 8, and refused in images that are too small', () => {
    tidy(() => {
      const pattern = (x: number) => 2 * (-1) ** x;
      const [real, planted] = [
        noiseImages(20, 45, { seed: 1 }),
        noiseImages(20, 45, { seed: 2, pattern }),
      ].map((images) => checkerboardRows(images));
      expect(compare(real!, planted!, 45).components[0]!.difference.low).toBeGreaterThan(6);
      expect(() => checkerboardRows(noiseImages(4, 31, { seed: 1 }))).toThrow(DataError);
    });
  });
});
