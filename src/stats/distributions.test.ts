import { describe, expect, test } from 'vitest';
import {
  fTail,
  incompleteBeta,
  logGamma,
  noncentralTCdf,
  normalCdf,
  normalQuantile,
  tCdf,
  tQuantile,
  tTwoSided,
} from './distributions.js';
import { statsGolden as golden } from './golden.test-data.js';

/** Agreement relative to the golden value. */
const close = (actual: number, expected: number, relative: number): void => {
  expect(Math.abs(actual - expected), `${actual} against ${expected}`).toBeLessThanOrEqual(
    relative * Math.max(Math.abs(expected), 1e-300),
  );
};

describe('distributions against scipy', () => {
  test('normal', () => {
    golden.normal.x.forEach((x, i) => {
      close(normalCdf(x), golden.normal.cdf[i]!, 1e-12);
    });
    golden.normal.p.forEach((p, i) => {
      close(normalQuantile(p) + 1, golden.normal.ppf[i]! + 1, 1e-13);
    });
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(normalQuantile(1.1)).toBeNaN();
  });

  test('incomplete beta, log gamma', () => {
    for (const { x, a, b, value } of golden.beta) close(incompleteBeta(x, a, b), value, 1e-11);
    close(logGamma(10), Math.log(362880), 1e-14);
    close(logGamma(0.25), 1.2880225246980774, 1e-14);
  });

  test('F for whole and real degrees of freedom', () => {
    for (const { x, d1, d2, sf } of golden.f) close(fTail(x, d1, d2), sf, 1e-9);
    // χ² over its degrees of freedom: P(χ²₂ ≥ 6) = e⁻³.
    close(fTail(3, 2, Number.POSITIVE_INFINITY), Math.exp(-3), 1e-4);
    expect([fTail(0, 2, 3), fTail(1, 0, 3), fTail(Number.NaN, 1, 1)]).toEqual([1, Number.NaN, Number.NaN]);
  });

  test('t for whole and real degrees of freedom', () => {
    for (const { t, df, cdf, p, ppf } of golden.t) {
      close(tCdf(t, df), cdf, 1e-8);
      close(tQuantile(p, df), ppf, 1e-8);
    }
  });

  test('t turns into the normal distribution', () => {
    expect(tQuantile(0.975, Number.POSITIVE_INFINITY)).toBeCloseTo(1.959963984540054, 12);
    expect(tQuantile(0.975, 1e7)).toBeCloseTo(1.959963984540054, 5);
    expect(tTwoSided(0, 3)).toBe(1);
  });

  test('noncentral t', () => {
    for (const { t, df, delta, cdf } of golden.nct)
      expect(Math.abs(noncentralTCdf(t, df, delta) - cdf)).toBeLessThan(1e-10);
    // Central when delta is 0, also where the series of AS 243 would not converge.
    expect(noncentralTCdf(38.19, 1, 0)).toBeCloseTo(tCdf(38.19, 1), 10);
  });
});
