import { aten, cat, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { filterEach, gaussianKernel, motionKernel } from './blur.js';
import { differences, floatsOf, golden, unitImage } from './golden.test-data.js';
import { medianBlur, sortingNetwork } from './median.js';
import { gaussNoise, normalNoise, type Seed, uniformNoise } from './noise.js';

const rough = unitImage(golden.rough);

describe('filters', () => {
  it('draws every line of 3 × 3 and 5 × 5 pixels as OpenCV does', () => {
    expect(golden.lines.length).toBe(9 * 8 + 25 * 24);
    for (const [side, x0, y0, x1, y1, bits] of golden.lines) {
      const kernel = motionKernel(side, [x0, y0], [x1, y1]);
      expect(kernel.map((value) => (value > 0 ? 1 : 0)).join('')).toBe(bits);
      expect(kernel.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    }
  });

  it('blurs a batch, each sample by its own kernel, as albumentations does', () => {
    const kernels = [
      gaussianKernel(3),
      gaussianKernel(5),
      ...golden.motion.map(({ side, from, to }) => motionKernel(side, from, to)),
    ];
    const expected = [...golden.gaussian, ...golden.motion.map(({ image }) => image)];
    const blurred = filterEach(cat(kernels.map(() => rough)), kernels);
    expected.forEach((packed, i) => {
      const one = aten.select.int(blurred, 0, i).toFloat32Array();
      expect(differences(one, floatsOf(packed)).most).toBeLessThan(1e-6);
    });
  });

  it('knows Gaussians of 3 and 5', () => {
    expect(() => gaussianKernel(7)).toThrow(/3 and 5/);
  });
});

describe('median', () => {
  it('is OpenCV’s to the bit, each sample with its own side', () => {
    const filtered = medianBlur(cat([rough, rough, rough]), [5, 3, 5]);
    [1, 0, 1].forEach((which, i) => {
      expect(aten.select.int(filtered, 0, i).toFloat32Array()).toEqual(floatsOf(golden.median[which]!));
    });
  });

  it('sorts any number of wires', () => {
    const random = new Random(3);
    for (const wires of [1, 2, 3, 5, 13]) {
      for (let turn = 0; turn < 50; turn++) {
        const values = Array.from({ length: wires }, () => random.int(9));
        const sorted = [...values].sort((a, b) => a - b);
        for (const [low, high] of sortingNetwork(wires)) {
          const pair = [values[low]!, values[high]!];
          [values[low], values[high]] = [Math.min(...pair), Math.max(...pair)];
        }
        expect(values).toEqual(sorted);
      }
    }
  });
});

describe('noise', () => {
  const seeds: Seed[] = Array.from({ length: 40 }, (_, i) => {
    const random = new Random(8).fork(i);
    return [random.uint32(), random.uint32()];
  });
  const count = 5000;
  const correlation = (a: Float32Array, b: Float32Array): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0) / a.length;

  it('is uniform, and normal: moments and tails', () => {
    tidy(() => {
      const uniform = uniformNoise(seeds, count, 'cpu').toFloat32Array();
      // 200,000 values: five standard errors.
      expect(Math.abs(uniform.reduce((a, b) => a + b) / uniform.length)).toBeLessThan(0.0065);
      const tenths = new Array<number>(10).fill(0);
      for (const value of uniform) tenths[Math.floor((value + 1) * 5)]! += 1;
      for (const inTenth of tenths) expect(Math.abs(inTenth - 20_000)).toBeLessThan(5 * Math.sqrt(18_000));
      const normal = normalNoise(seeds, count, 'cpu').toFloat32Array();
      const moment = (k: number): number => normal.reduce((sum, x) => sum + x ** k, 0) / normal.length;
      expect(Math.abs(moment(1))).toBeLessThan(5 / Math.sqrt(normal.length));
      expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / normal.length));
      expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / normal.length));
      const beyond3 = normal.filter((x) => Math.abs(x) > 3).length;
      expect(Math.abs(beyond3 - 0.0027 * normal.length)).toBeLessThan(5 * Math.sqrt(540));
    });
  });

  it('has no correlation between neighbours, or between samples', () => {
    tidy(() => {
      const near = seeds.slice(0, 4);
      const drawn = normalNoise(near, 40_000, 'cpu');
      const rows = near.map((_, i) => aten.select.int(drawn, 0, i).toFloat32Array());
      const limit = 5 / Math.sqrt(40_000);
      rows.forEach((row, i) => {
        for (const lag of [1, 2, 24]) {
          expect(Math.abs(correlation(row.subarray(lag), row.subarray(0, -lag)))).toBeLessThan(limit);
        }
        for (const other of rows.slice(i + 1)) {
          expect(Math.abs(correlation(row, other))).toBeLessThan(limit);
          expect(Math.abs(correlation(row.subarray(1), other))).toBeLessThan(limit);
          expect(Math.abs(correlation(other.subarray(1), row))).toBeLessThan(limit);
        }
      });
    });
  });

  it('adds what its deviation says to each sample, by its own seed, and clips', () => {
    tidy(() => {
      const grey = aten.full([3, 3, 24, 24], 0.5, { dtype: 'float32' });
      const seed: Seed = [5, 6];
      const noisy = gaussNoise(grey, [0.02, 0.02, 10], [seed, [6, 6], seed]);
      const [first, second, wild] = [0, 1, 2].map((i) => aten.select.int(noisy, 0, i).toFloat32Array());
      const deviation = Math.sqrt(first!.reduce((sum, x) => sum + (x - 0.5) ** 2, 0) / first!.length);
      expect(deviation).toBeCloseTo(0.02, 2.5);
      expect(first).not.toEqual(second);
      expect(new Set(wild!.filter((x) => Math.abs(x - 0.5) === 0.5)).size).toBe(2);
      expect(Math.min(...wild!)).toBe(0);
      expect(Math.max(...wild!)).toBe(1);
      const alone = gaussNoise(aten.narrow(grey, 0, 0, 1), [0.02], [seed]).toFloat32Array();
      expect(alone).toEqual(first);
    });
  });
});
