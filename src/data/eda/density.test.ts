import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { density, recordedStep } from './density.js';
import { wilson } from './share.js';

interface Golden {
  densities: { values: number[]; step: number; bandwidth: number; x: number[]; y: number[] }[];
  wilson: { hits: number; n: number; low: number; high: number }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/eda/eda.json', import.meta.url), 'utf8'),
);

test.each(golden.densities.map((one, i) => [i, one] as const))('density %i: SciPy’s', (_, one) => {
  const { x, y, bandwidth } = density(one.values, { step: one.step });
  expect(bandwidth).toBeCloseTo(one.bandwidth, 10);
  const largest = Math.max(...one.y);
  one.x.forEach((at, i) => {
    const place = ((at - x[0]!) / (x.at(-1)! - x[0]!)) * (x.length - 1);
    const left = Math.min(x.length - 2, Math.floor(place + 1e-9));
    const value = y[left]! + (place - left) * (y[left + 1]! - y[left]!);
    expect(Math.abs(value - one.y[i]!) / largest).toBeLessThan(0.002); // 512 bins
  });
});

test('a density integrates to 1, with limits wider than the values too', () => {
  const { values } = golden.densities[2]!;
  for (const limits of [undefined, { low: -5, high: 40 }]) {
    const { x, y } = density(values, { limits });
    const spacing = x[1]! - x[0]!;
    const area = y.reduce((sum, v, i) => sum + v * (i === 0 || i === y.length - 1 ? 0.5 : 1), 0) * spacing;
    expect(area).toBeCloseTo(1, 3);
  }
});

test('the step of recording: five years for ages, next to nothing for measurements', () => {
  expect(recordedStep([20, 25, 25, 35, 40, 30, 37])).toBe(5);
  expect(recordedStep(golden.densities[0]!.values)).toBeLessThan(0.1);
  expect(recordedStep([3, 3])).toBe(0);
});

test('ages in steps of five give one hill, where Silverman’s rule alone would ripple', () => {
  const ages = Array.from({ length: 3000 }, (_, i) => 20 + 5 * (i % 9));
  const hills = (y: readonly number[]): number =>
    y.filter((v, i) => i > 0 && i < y.length - 1 && v > y[i - 1]! + 1e-9 && v > y[i + 1]! + 1e-9).length;
  expect(hills(density(ages, { step: 0 }).y)).toBeGreaterThan(3);
  const { y } = density(ages);
  expect((Math.max(...y) - Math.min(...y)) / Math.max(...y)).toBeLessThan(0.04);
});

test('Wilson’s interval: SciPy’s, and null for no images', () => {
  for (const { hits, n, low, high } of golden.wilson) {
    const share = wilson(hits, n)!;
    expect(share.low).toBeCloseTo(low, 9);
    expect(share.high).toBeCloseTo(high, 9);
    expect(share.value).toBe(hits / n);
  }
  expect(wilson(0, 0)).toBeNull();
});
