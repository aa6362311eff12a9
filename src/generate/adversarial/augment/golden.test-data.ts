/** What the augmentations' tests share: the goldens, and the checks that hold for each of them. */
import { readFileSync } from 'node:fs';
import { grad, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { expect } from 'vitest';
import type { AdaDraw } from './ada-draws.js';
import type { DiffAugmentDraw } from './diff-augment.js';

interface Golden<Draw> {
  shape: [number, number, number, number];
  images: number[];
  draws: Draw[];
  /** By sample. */
  changed: number[][];
}

export const golden = JSON.parse(
  readFileSync(new URL('../../../../test/goldens/gan-augment/gan-augment.json', import.meta.url), 'utf8'),
) as { ada: Golden<AdaDraw>; diffAugment: Golden<DiffAugmentDraw> };

export const numbers = (x: Tensor): number[] => Array.from(x.toArray() as Float64Array);

/** Standard normal float64. */
export function noise(shape: readonly number[], seed: number): Tensor {
  const random = new Random(seed);
  return tensor(
    Float64Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
    shape,
  );
}

export function largestDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** Holds a change of images against its golden, in both precisions. */
export function expectGolden<Draw>(
  { shape, images, draws, changed }: Golden<Draw>,
  change: (images: Tensor, draws: readonly Draw[]) => Tensor,
): void {
  tidy(() => {
    for (const [dtype, tolerance] of [
      ['float64', 1e-6],
      ['float32', 1e-5],
    ] as const) {
      const result = change(tensor(images, shape, { dtype }), draws);
      expect(result.shape).toEqual(shape);
      expect(result.dtype).toBe(dtype);
      expect(largestDifference(numbers(result), changed.flat())).toBeLessThan(tolerance);
    }
  });
}

/** Holds the gradient of a change of images, which is linear in them, against its difference in a direction. */
export function expectGradient(shape: readonly number[], change: (images: Tensor) => Tensor): void {
  tidy(() => {
    const images = noise(shape, 21).requiresGrad_();
    const [weights, direction] = [noise(shape, 22), noise(shape, 23)];
    const f = (x: Tensor): Tensor => change(x).mul(weights).sum();
    const [gradient] = grad(f(images), [images]);
    const numeric = f(images.add(direction, 0.5)).item() - f(images.sub(direction, 0.5)).item();
    expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
    expect(gradient!.mul(direction).sum().item()).toBeCloseTo(numeric, 8);
  });
}
