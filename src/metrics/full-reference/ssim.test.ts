import { readFileSync } from 'node:fs';
import { grad, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { Random, TorchError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { psnr } from './psnr.js';
import { gaussianWindow, ssim } from './ssim.js';

interface Golden {
  shape: [number, number, number];
  cases: { name: string; x: string; y: string; psnr: number; ssim: number }[];
}

// Made by test/goldens/metrics/metrics.py: numpy and scipy, float64.
const golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/metrics/metrics.json', import.meta.url), 'utf8'),
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
