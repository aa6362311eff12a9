import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DataError, TorchError } from '../errors.js';
import { Random } from '../random.js';
import { grad, liveTensors, type Tensor, tensor, tidy } from '../torch/index.js';
import { psnr } from './full-reference/psnr.js';
import { gaussianWindow, ssim } from './full-reference/ssim.js';
import { type ImageSet, imageMetrics, summarise } from './image.js';
import { pairByIndex, pairRealWithReal } from './pairing.js';

interface Golden {
  shape: [number, number, number];
  cases: { name: string; x: string; y: string; psnr: number; ssim: number }[];
}

// Made by test/goldens/metrics/metrics.py: numpy and scipy, float64.
const golden = JSON.parse(
  readFileSync(new URL('../../test/goldens/metrics/metrics.json', import.meta.url), 'utf8'),
) as Golden;

function batch(side: 'x' | 'y', dtype: 'float32' | 'float64'): Tensor {
  const bytes = Buffer.concat(golden.cases.map((c) => Buffer.from(c[side], 'base64')));
  return tensor(new Uint8Array(bytes), [golden.cases.length, ...golden.shape])
    .to({ dtype })
    .div(255);
}

const list = (values: Tensor): number[] => Array.from(values.toArray() as Float32Array);

function expectClose(actual: number, expected: number, relative: number, name: string): void {
  expect(Math.abs(actual - expected), `${name}: ${actual} against ${expected}`).toBeLessThanOrEqual(
    relative * Math.max(Math.abs(expected), 1e-2),
  );
}

describe('psnr and ssim', () => {
  it.each([
    ['float32', 1e-5],
    ['float64', 1e-10],
  ] as const)('match the independent implementation in %s to %d', (dtype, tolerance) => {
    tidy(() => {
      const x = batch('x', dtype);
      const y = batch('y', dtype);
      const decibels = list(psnr(x, y));
      const similarity = list(ssim(x, y));
      golden.cases.forEach(({ name, psnr: expectedPsnr, ssim: expectedSsim }, i) => {
        // Black against white is 0 dB: float32 has no relative precision there.
        expectClose(decibels[i]!, expectedPsnr, Math.abs(expectedPsnr) < 1 ? 1e-4 : tolerance, name);
        expectClose(similarity[i]!, expectedSsim, tolerance, name);
      });
    });
  });

  it('are symmetric, and the same for an image alone and in a batch', () => {
    tidy(() => {
      const x = batch('x', 'float32');
      const y = batch('y', 'float32');
      for (const metric of [psnr, ssim]) {
        const forward = list(metric(x, y));
        list(metric(y, x)).forEach((value, i) => {
          expectClose(value, forward[i]!, 1e-6, 'swapped');
        });
        const third = list(metric(x.narrow(0, 2, 1), y.narrow(0, 2, 1)));
        expectClose(third[0]!, forward[2]!, 1e-6, 'alone');
      }
    });
  });

  it('scale with the value range: bytes at range 255 score as fractions at range 1', () => {
    tidy(() => {
      const x = batch('x', 'float64');
      const y = batch('y', 'float64');
      const bytes = list(ssim(x.mul(255), y.mul(255), { valueRange: 255 }));
      list(ssim(x, y)).forEach((value, i) => {
        expectClose(bytes[i]!, value, 1e-9, 'ssim');
      });
      const decibels = list(psnr(x.mul(255), y.mul(255), { valueRange: 255, epsilon: 1e-8 * 255 ** 2 }));
      list(psnr(x, y)).forEach((value, i) => {
        expectClose(decibels[i]!, value, 1e-9, 'psnr');
      });
    });
  });

  it('fall as noise grows', () => {
    tidy(() => {
      const random = new Random(1);
      const clean = tensor(
        Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => 0.5 + 0.3 * Math.sin(i / 9)),
        [1, 3, 32, 32],
      );
      const noise = tensor(
        Float32Array.from({ length: 3 * 32 * 32 }, () => random.normal()),
        [1, 3, 32, 32],
      );
      const scores = [0, 0.02, 0.05, 0.1, 0.2].map((level) => {
        const noisy = clean.add(noise.mul(level));
        return [list(psnr(clean, noisy))[0]!, list(ssim(clean, noisy))[0]!] as const;
      });
      for (let i = 1; i < scores.length; i++) {
        expect(scores[i]![0]).toBeLessThan(scores[i - 1]![0]);
        expect(scores[i]![1]).toBeLessThan(scores[i - 1]![1]);
      }
    });
  });

  it('let gradients through', () => {
    tidy(() => {
      const x = batch('x', 'float64').narrow(0, 2, 1).clone().requiresGrad_();
      const y = batch('y', 'float64').narrow(0, 2, 1);
      const [gradient] = grad(ssim(x, y).sum(), [x]);
      const slope = (gradient!.toArray() as Float64Array)[700]!;
      const step = 1e-6;
      const values = x.detach().toArray() as Float64Array;
      const at = (shift: number): number => {
        const moved = Float64Array.from(values);
        moved[700]! += shift;
        return list(ssim(tensor(moved, x.shape), y))[0]!;
      };
      expectClose(slope, (at(step) - at(-step)) / (2 * step), 1e-5, 'gradient');
    });
  });

  it('refuse shapes that cannot be compared, and free what they make', () => {
    const before = liveTensors();
    tidy(() => {
      const x = batch('x', 'float32');
      expect(() => psnr(x, x.narrow(0, 0, 1))).toThrow(TorchError);
      expect(() => ssim(x.narrow(2, 0, 10), x.narrow(2, 0, 10))).toThrow(/at least 11×11/);
      const mark = liveTensors();
      ssim(x, x);
      psnr(x, x);
      expect(liveTensors()).toBe(mark + 2);
    });
    expect(liveTensors()).toBe(before);
  });

  it('use a window that sums to 1 and is symmetric', () => {
    const weights = gaussianWindow(11, 1.5);
    expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 14);
    // scipy.signal.windows.gaussian(11, 1.5), normalised
    expect(weights[5]).toBeCloseTo(0.26601172486179436, 12);
    expect(weights[0]).toBe(weights[10]);
  });
});

describe('pairing', () => {
  it('uses no image twice, depends on the seed, and shuffles', () => {
    const pairs = pairByIndex(50, 30, 7);
    expect(pairs.left.length).toBe(30);
    expect(new Set(pairs.left).size).toBe(30);
    expect([...pairs.right].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(pairs).toEqual(pairByIndex(50, 30, 7));
    expect([...pairs.left]).not.toEqual([...pairByIndex(50, 30, 8).left]);
    expect(pairByIndex(50, 30, 7, 4).left).toEqual(pairs.left.subarray(0, 4));
  });

  it('never pairs a real image with itself, nor uses one twice, in the null', () => {
    const { left, right } = pairRealWithReal(51, 3);
    expect(left.length).toBe(25);
    expect(new Set([...left, ...right]).size).toBe(50);
    expect(() => pairRealWithReal(1, 3)).toThrow(DataError);
    expect(() => pairByIndex(0, 3, 1)).toThrow(DataError);
  });
});

/** Images of a random base colour with texture; `shift` makes them systematically brighter. */
function images(n: number, seed: number, shift: number): ImageSet {
  const random = new Random(seed);
  const data = new Uint8Array(n * 3 * 16 * 16);
  for (let k = 0; k < n; k++) {
    const base = random.uniform(60, 120) + shift;
    for (let i = 0; i < 768; i++) data[k * 768 + i] = base + random.uniform(-20, 20);
  }
  return { data, n, height: 16, width: 16 };
}

describe('image metrics', () => {
  it('score a set from the same source as the null does, and a shifted one lower', () => {
    const real = images(160, 1, 0);
    const same = imageMetrics(real, images(160, 2, 0), { seed: 4 });
    const shifted = imageMetrics(real, images(160, 3, 80), { seed: 4 });
    const { interval } = same.psnr.realNull!;
    expect(same.psnr.synthetic.interval[0]).toBeLessThan(interval[1]);
    expect(same.psnr.synthetic.interval[1]).toBeGreaterThan(interval[0]);
    expect(shifted.psnr.synthetic.interval[1]).toBeLessThan(interval[0]);
    expect(shifted.psnr.realNull).toEqual(same.psnr.realNull);
    expect(same.ssim.synthetic.n).toBe(160);
    expect(same.ssim.realNull!.n).toBe(80);
  });

  it('do not depend on the batch size, and leak nothing', () => {
    const real = images(21, 1, 0);
    const synthetic = images(30, 2, 10);
    const before = liveTensors();
    const seen: number[] = [];
    const whole = imageMetrics(real, synthetic, { onProgress: (done, total) => seen.push(done / total) });
    const bits = imageMetrics(real, synthetic, { batchSize: 4 });
    expect(liveTensors()).toBe(before);
    expect(bits.ssim.synthetic.mean).toBeCloseTo(whole.ssim.synthetic.mean, 6);
    expect(bits.psnr.synthetic.sd).toBeCloseTo(whole.psnr.synthetic.sd, 5);
    expect(seen[seen.length - 1]).toBe(1);
  });

  it('are perfect for a copy of the real images, paired with itself by chance only', () => {
    const real = images(1, 1, 0);
    const report = imageMetrics(real, real);
    expect(report.psnr.synthetic.mean).toBeCloseTo(80, 4);
    expect(report.ssim.synthetic.mean).toBeCloseTo(1, 6);
    expect(report.ssim.realNull).toBeNull();
  });

  it('stretch each image to its full range when asked to', () => {
    const dim = images(40, 1, -40);
    const bright = images(40, 5, 60);
    const plain = imageMetrics(dim, bright, { seed: 2 });
    const stretched = imageMetrics(dim, bright, { seed: 2, stretch: 'image' });
    expect(stretched.protocol.stretch).toBe('image');
    // Only the brightness differs between the sets; stretching takes it away.
    expect(Math.abs(stretched.psnr.synthetic.mean - stretched.psnr.realNull!.mean)).toBeLessThan(0.5);
    expect(plain.psnr.realNull!.mean - plain.psnr.synthetic.mean).toBeGreaterThan(2);
  });

  it('refuse sets of different sizes', () => {
    const real = images(4, 1, 0);
    expect(() => imageMetrics(real, { ...real, height: 8, width: 32 })).toThrow(DataError);
  });
});

describe('summaries', () => {
  it('give mean, sample deviation and an interval that covers', () => {
    const { mean, sd, n } = summarise([1, 2, 3, 4], 1);
    expect([mean, n]).toEqual([2.5, 4]);
    expect(sd).toBeCloseTo(1.2909944487358056, 12);
    // 95 % intervals of 100 normal values: of 100, about 94 should hold the true mean (bootstrap undercovers a bit).
    const random = new Random(9);
    let covered = 0;
    for (let i = 0; i < 100; i++) {
      const { interval } = summarise(
        Float64Array.from({ length: 100 }, () => random.normal(3, 2)),
        i,
      );
      if (interval[0] <= 3 && 3 <= interval[1]) covered++;
    }
    expect(covered).toBeGreaterThan(86);
    expect(covered).toBeLessThan(100);
    expect(() => summarise([], 1)).toThrow(DataError);
  });
});
