/**
 * Noncentral t distribution: T = (Z + δ) / s with Z standard normal and s = √(χ²_ν / ν), which the power of a t
 * test needs. Hence P(T ≤ t) = E[Φ(t·s − δ)], integrated over x = ln s by the trapezoidal rule: the integrand is
 * analytic and dies away on both sides, so the rule converges exponentially. Unlike the series of Lenth (AS 243)
 * it holds for the huge critical values of one or two degrees of freedom.
 */
import { normalCdf } from './normal.js';
import { logGamma } from './special.js';
import { NORMAL_FROM } from './student-t.js';

/** Density of x = ln s by its log, s = √(χ²_ν / ν), and the range outside of which it is nothing; highest at x = 0. */
function logDeviations(nu: number): { density: (x: number) => number; left: number; right: number } {
  const constant = Math.log(2) + (nu / 2) * Math.log(nu / 2) - logGamma(nu / 2);
  const fall = (x: number): number => nu * (x + 0.5 - 0.5 * Math.exp(2 * x));
  const edge = (direction: 1 | -1): number => {
    let x = 0.01 * direction;
    while (fall(x) > -40) x *= 1.2;
    return x;
  };
  return { density: (x) => Math.exp(constant - nu / 2 + fall(x)), left: edge(-1), right: edge(1) };
}

/**
 * Expectation of f(s) over s = √(χ²_ν / ν), a sample deviation in units of the true one.
 * @param resolution how fine the rule must be in ln s: at most a third of the width of any step that f makes
 */
export function overDeviations(nu: number, resolution: number, f: (s: number) => number): number {
  const { density, left, right } = logDeviations(nu);
  const step = Math.min(0.05, 0.3 / Math.sqrt(2 * nu), resolution);
  const points = Math.ceil((right - left) / step);
  const width = (right - left) / points;
  let sum = 0;
  for (let i = 0; i <= points; i++) {
    const x = left + i * width;
    const value = f(Math.exp(x));
    if (value !== 0) sum += density(x) * value;
  }
  return sum * width;
}

const nodes = new Map<number, readonly { deviation: number; weight: number }[]>();

/** A rule of a few dozen points for the same expectation, where several are nested and three digits do; weights add up to 1. */
export function deviationNodes(nu: number): readonly { deviation: number; weight: number }[] {
  const known = nodes.get(nu);
  if (known) return known;
  const { density, left, right } = logDeviations(nu);
  const step = 0.5 / Math.sqrt(2 * nu);
  const points = Math.ceil((right - left) / step);
  const made = Array.from({ length: points + 1 }, (_, i) => {
    const x = left + ((right - left) * i) / points;
    return { deviation: Math.exp(x), weight: density(x) };
  }).filter(({ weight }) => weight > 1e-6);
  const total = made.reduce((sum, { weight }) => sum + weight, 0);
  const scaled = made.map(({ deviation, weight }) => ({ deviation, weight: weight / total }));
  if (nodes.size > 1000) nodes.clear();
  nodes.set(nu, scaled);
  return scaled;
}

/** P(T ≤ t) for `degreesOfFreedom` > 0 and noncentrality `delta`; absolute error about 1e-12. */
export function noncentralTCdf(t: number, degreesOfFreedom: number, delta: number): number {
  const nu = degreesOfFreedom;
  if (!(nu > 0) || !Number.isFinite(t) || !Number.isFinite(delta)) return Number.NaN;
  if (nu >= NORMAL_FROM) return normalCdf(t - delta);
  // The step that Φ makes is 1/δ wide in x, the density 1/√(2ν).
  const probability = overDeviations(nu, 0.3 / (1 + Math.abs(t) + Math.abs(delta)), (s) => {
    const z = t * s - delta;
    // Beyond nine deviations Φ is 0 or 1 to twenty digits.
    return z > 9 ? 1 : z > -9 ? normalCdf(z) : 0;
  });
  return Math.min(1, Math.max(0, probability));
}
