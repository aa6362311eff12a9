import { readFileSync } from 'node:fs';
import { liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { TorchError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { msSsim, SCALE_WEIGHTS, scalesFor, scaleWeights } from './ms-ssim.js';
import { ssim } from './ssim.js';

type Rule = [seed: number, slope: number, noise: number];

interface Golden {
  name: string;
  height: number;
  width: number;
  scales: number;
  x: Rule;
  y: Rule | 'same' | 'negative';
  value: number;
}

// Made by test/goldens/metrics/ms_ssim.py: numpy and scipy, float64, checked against PIQA 1.1.3 itself.
const goldens = JSON.parse(
  readFileSync(new URL('../../../test/goldens/metrics/ms_ssim.json', import.meta.url), 'utf8'),
) as Golden[];

/** The script's rule for a picture: a triangle wave and hashed noise, in integers. */
function draw([seed, slope, noise]: Rule, height: number, width: number): Uint8Array {
  const pixels = new Uint8Array(3 * height * width);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const index = (c * height + y) * width + x;
        let h = (Math.imul(index, 0x9e3779b1) + seed) >>> 0;
        h = (h ^ (h >>> 16)) >>> 0;
        h = Math.imul(h, 0x85ebca6b) >>> 0;
        h = (h ^ (h >>> 13)) >>> 0;
        const wave = Math.abs(((x * slope + y * 3 + c * 40 + seed * 17) % 200) - 100);
        pixels[index] = 40 + wave + (h % Math.max(noise, 1));
      }
    }
  }
  return pixels;
}

function pairOf({ x, y, height, width }: Golden, dtype: 'float32' | 'float64'): [Tensor, Tensor] {
  const first = draw(x, height, width);
  const second = y === 'same' ? first : y === 'negative' ? first.map((v) => 255 - v) : draw(y, height, width);
  const toTensor = (pixels: Uint8Array) => tensor(pixels, [1, 3, height, width]).to({ dtype }).div(255);
  return [toTensor(first), toTensor(second)];
}

describe('ms-ssim', () => {
  it.each([
    ['float32', 1e-5],
    ['float64', 1e-9],
  ] as const)('matches the independent implementation in %s to %d', (dtype, tolerance) => {
    tidy(() => {
      for (const golden of goldens) {
        const value = msSsim(...pairOf(golden, dtype), { scales: golden.scales }).item();
        expect(
          Math.abs(value - golden.value),
          `${golden.name}: ${value}, expected ${golden.value}`,
        ).toBeLessThan(tolerance);
      }
    });
  });

  it('is the same for a pair alone and in a batch, and symmetric', () => {
    tidy(() => {
      const pairs = goldens.filter(({ height, width }) => height === 64 && width === 64);
      expect(pairs.length).toBeGreaterThan(2);
      const sides = [0, 1].map((side) =>
        tensor(
          pairs.flatMap((golden) => Array.from(pairOf(golden, 'float64')[side]!.toArray() as Float64Array)),
          [pairs.length, 3, 64, 64],
          { dtype: 'float64' },
        ),
      ) as [Tensor, Tensor];
      const forward = msSsim(...sides, { scales: 3 }).toArray() as Float64Array;
      const backward = msSsim(sides[1], sides[0], { scales: 3 }).toArray() as Float64Array;
      pairs.forEach(({ value, name }, i) => {
        expect(forward[i], name).toBeCloseTo(value, 9);
        expect(backward[i], name).toBeCloseTo(value, 9);
      });
    });
  });

  it('with one scale is SSIM', () => {
    tidy(() => {
      const [x, y] = pairOf(goldens.find(({ scales }) => scales === 1)!, 'float64');
      expect(msSsim(x, y, { scales: 1 }).item()).toBeCloseTo(ssim(x, y).item(), 12);
    });
  });

  it('has the published weights, and fewer sum to 1', () => {
    expect(SCALE_WEIGHTS.reduce((a, b) => a + b)).toBeCloseTo(1, 3);
    expect(scaleWeights(5)).toEqual([...SCALE_WEIGHTS]);
    for (const scales of [1, 2, 3, 4]) {
      expect(scaleWeights(scales).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    }
    expect([10, 11, 32, 64, 128, 160, 161, 512].map((side) => scalesFor(side, side))).toEqual([
      0, 1, 2, 3, 4, 4, 5, 5,
    ]);
    expect(scalesFor(512, 20)).toBe(1);
  });

  it('says how many scales there is room for, and frees what it makes', () => {
    const before = liveTensors();
    tidy(() => {
      const [x, y] = pairOf(goldens.find(({ height }) => height === 64)!, 'float32');
      expect(() => msSsim(x, y)).toThrow(/room for 3 of 5 scales.*scales: 3/);
      expect(() => msSsim(x, y, { scales: 0 })).toThrow(TorchError);
      expect(() => msSsim(x, y.narrow(2, 0, 32), { scales: 2 })).toThrow(TorchError);
      const mark = liveTensors();
      msSsim(x, y, { scales: 3 });
      expect(liveTensors()).toBe(mark + 1);
    });
    expect(liveTensors()).toBe(before);
  });
});
