import { liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import {
  colourRows,
  compareColours,
  jensenShannonDistance,
  saturation,
  toLab,
  wassersteinDistance,
} from './colour-histogram.js';
import { golden, goldenImages } from './golden.test-data.js';

const options = () => ({ random: new Random(3), replicates: 300, halvings: 40 });

/** Images of single colours that scatter around skin's, uint8 `[n, 3, 4, 4]`. */
function skins(n: number, seed: number, shift: readonly number[] = [0, 0, 0]): Tensor {
  const random = new Random(seed);
  const data = new Uint8Array(n * 48);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < 3; c++) {
      data.fill([200, 150, 120][c]! + shift[c]! + random.int(21), (i * 3 + c) * 16, (i * 3 + c + 1) * 16);
    }
  }
  return tensor(data, [n, 3, 4, 4]);
}

const compare = (real: Tensor, synthetic: Tensor) =>
  compareColours({ real: { rows: colourRows(real) }, synthetic: { rows: colourRows(synthetic) } }, options());

describe('colours', () => {
  it('are at the distances of scipy, from pixels and from numpy’s histograms', () => {
    tidy(() => {
      const { channels, joint } = compare(goldenImages('real'), goldenImages('synthetic'));
      [channels.red, channels.green, channels.blue].forEach(({ value }, c) => {
        expect(Math.abs(value - golden.wasserstein[c]!)).toBeLessThan(1e-5);
      });
      // Saturation is counted in 255ths.
      expect(Math.abs(channels.saturation.value - golden.saturation)).toBeLessThan(0.05);
      expect(joint.value).toBeCloseTo(golden.jensenShannon, 6);
    });
  });

  it('are CIELAB’s', () => {
    tidy(() => {
      const bytes = golden.lab.flatMap(({ rgb }) => rgb);
      const images = tensor(Uint8Array.from(bytes), [golden.lab.length, 3, 1, 1]);
      const found = toLab(images).toFloat32Array();
      golden.lab.forEach(({ lab }, i) => {
        lab.forEach((value, c) => {
          expect(Math.abs(found[3 * i + c]! - value)).toBeLessThan(1e-3);
        });
      });
      expect(saturation(images).toFloat32Array()[3]).toBe(1);
      expect(saturation(images).toFloat32Array()[0]).toBe(0);
    });
  });

  it('shifted by ten levels are ten levels apart, in that channel alone', () => {
    const before = liveTensors();
    tidy(() => {
      const real = skins(150, 1);
      const { channels, joint, bins, ...shares } = compare(real, skins(150, 2, [0, 0, 10]));
      for (const channel of ['red', 'green'] as const) {
        expect(channels[channel].value).toBeLessThan(channels[channel].floor!.high);
      }
      const { value, low, high, floor } = channels.blue;
      expect(Math.abs(value - 10)).toBeLessThan(1.5);
      expect(low).toBeLessThan(10);
      expect(high).toBeGreaterThan(10);
      expect(low).toBeGreaterThan(floor!.high);
      expect(joint.value).toBeGreaterThan(joint.floor!.high);
      expect(shares.real.red.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
      expect(shares.real.red[199]).toBe(0);
      expect(bins.length).toBeLessThanOrEqual(12);
      const gap = bins.map((bin) => Math.abs(bin.real - bin.synthetic));
      expect([...gap].sort((a, b) => b - a)).toEqual(gap);
      // Skin is light, reddish and yellowish.
      for (const { lab } of bins) {
        expect(lab[0]).toBeGreaterThan(55);
        expect(lab[1]).toBeGreaterThan(0);
        expect(lab[2]).toBeGreaterThan(5);
      }
    });
    expect(liveTensors()).toBe(before);
  });

  it('of one set are 0 apart; of disjoint colours 1', () => {
    tidy(() => {
      const black = tensor(new Uint8Array(2 * 48), [2, 3, 4, 4]);
      const white = tensor(new Uint8Array(2 * 48).fill(255), [2, 3, 4, 4]);
      const { channels, joint } = compare(black, white);
      expect(joint.value).toBeCloseTo(1, 10);
      expect(channels.red.value).toBe(255);
      expect(channels.saturation.value).toBe(0);
      const same = compare(skins(8, 1), skins(8, 1));
      expect(same.joint.value).toBe(0);
      expect(same.channels.green.value).toBe(0);
      expect(same.bins).toEqual([]);
    });
  });

  it('have distances that are metrics: symmetric, with the triangle inequality', () => {
    tidy(() => {
      const random = new Random(4);
      const shares = (): Tensor => {
        const values = Float64Array.from({ length: 20 }, () => Math.max(0, random.normal()));
        const sum = values.reduce((a, b) => a + b);
        return tensor(
          values.map((value) => value / sum),
          [1, 20],
        );
      };
      for (const distance of [wassersteinDistance, jensenShannonDistance]) {
        for (let i = 0; i < 20; i++) {
          const [a, b, c] = [shares(), shares(), shares()];
          const between = (x: Tensor, y: Tensor) => distance(x, y).item();
          expect(between(b, a)).toBeCloseTo(between(a, b), 12);
          expect(between(a, c)).toBeLessThanOrEqual(between(a, b) + between(b, c) + 1e-12);
        }
      }
    });
  });

  it('refuse floats, in one line', () => {
    tidy(() => {
      expect(() => colourRows(skins(3, 1).float())).toThrow(DataError);
    });
  });
});
