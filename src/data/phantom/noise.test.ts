import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { coarseField, Noise, smoothstep } from './noise.js';

describe('noise', () => {
  const noise = new Noise(new Random(3));

  it('is continuous, about centred, and of about unit range', () => {
    let sum = 0;
    let largest = 0;
    let jump = 0;
    let before = noise.gradient(0, 0.37);
    for (let i = 1; i < 20_000; i++) {
      const value = noise.gradient(i * 0.01, 0.37 + i * 0.003);
      jump = Math.max(jump, Math.abs(value - before));
      before = value;
      sum += value;
      largest = Math.max(largest, Math.abs(value));
    }
    expect(jump).toBeLessThan(0.06);
    expect(Math.abs(sum / 20_000)).toBeLessThan(0.08);
    expect(largest).toBeGreaterThan(0.6);
    expect(largest).toBeLessThan(1.1);
  });

  it('finds the nearest cell first, and both distances are continuous', () => {
    let before = { ...noise.cells(0, 1.2, 1) };
    for (let i = 1; i < 5000; i++) {
      const cell = { ...noise.cells(i * 0.01, 1.2, 1) };
      expect(cell.second).toBeGreaterThanOrEqual(cell.nearest);
      // A step of 0.01 changes a distance by no more than 0.01.
      expect(Math.abs(cell.nearest - before.nearest)).toBeLessThan(0.0101);
      before = cell;
    }
  });

  it('depends on the seed alone', () => {
    const again = new Noise(new Random(3));
    const other = new Noise(new Random(4));
    expect(again.fractal(1.3, 2.7, 4)).toBe(noise.fractal(1.3, 2.7, 4));
    expect(other.fractal(1.3, 2.7, 4)).not.toBe(noise.fractal(1.3, 2.7, 4));
  });

  it('reads coarse fields exactly where the function is linear', () => {
    const field = coarseField(8, (x, y) => 2 * x - 3 * y + 1);
    for (const [x, y] of [
      [-1, -1],
      [0.33, -0.71],
      [0.999, 0.999],
    ] as const) {
      expect(field(x, y)).toBeCloseTo(2 * x - 3 * y + 1, 10);
    }
  });

  it('steps smoothly either way', () => {
    expect([smoothstep(0, 1, -1), smoothstep(0, 1, 0.5), smoothstep(0, 1, 2)]).toEqual([0, 0.5, 1]);
    expect([smoothstep(1, 0, -1), smoothstep(1, 0, 0.25)]).toEqual([1, 0.84375]);
  });
});
