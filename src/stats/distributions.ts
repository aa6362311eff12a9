/**
 * Distributions: normal, Student's t (central and not), F, and the two special functions under them, for real degrees of
 * freedom (Satterthwaite's and Hillis's are rarely whole). `Infinity` degrees of freedom mean the normal distribution.
 *
 * Sources. log Γ: Lanczos approximation (g = 7, n = 9, coefficients of P. Godfrey). Incomplete beta: continued fraction of
 * Numerical Recipes §6.4 by the modified Lentz method. Normal: Marsaglia's Taylor series near the centre ("Evaluating the
 * normal distribution", J. Stat. Software 2004), continued fraction in the tails; its quantile: Wichura, algorithm AS 241
 * (PPND16), 1988. Noncentral t: T = (Z + δ) / s with Z standard normal and s = √(χ²_ν / ν), which the power of a t test
 * needs. Hence P(T ≤ t) = E[Φ(t·s − δ)], integrated over x = ln s by the trapezoidal rule: the integrand is analytic and
 * dies away on both sides, so the rule converges exponentially. Unlike the series of Lenth (AS 243) it holds for the huge
 * critical values of one or two degrees of freedom.
 */

const LANCZOS = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
  12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
] as const;

/** Natural logarithm of Γ(x), x > 0; relative error about 1e-14. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  const t = shifted + 7.5;
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (shifted + i);
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Continued fraction of I_x(a, b); converges fast for x < (a + 1) / (a + b + 2). */
function betaContinuedFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let result = d;
  // Large a or b need about sqrt(max(a, b)) terms.
  const limit = 300 + 10 * Math.ceil(Math.sqrt(Math.max(a, b)));
  for (let m = 1; m <= limit; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 + even * d;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = 1 + even / c;
    if (Math.abs(c) < tiny) c = tiny;
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + odd * d;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = 1 + odd / c;
    if (Math.abs(c) < tiny) c = tiny;
    const step = d * c;
    result *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return result;
}

/** Regularised incomplete beta function I_x(a, b), x in [0, 1], a, b > 0. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const logFront = logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x);
  return x < (a + 1) / (a + b + 2)
    ? (Math.exp(logFront) * betaContinuedFraction(x, a, b)) / a
    : 1 - (Math.exp(logFront) * betaContinuedFraction(1 - x, b, a)) / b;
}

/** P(Z ≤ x); absolute error below 1e-15, relative error below 1e-13 in the lower tail. */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x > 3) return 1 - normalCdf(-x);
  if (x < -38.5) return 0;
  const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  if (x < -3) {
    // Mills ratio by its continued fraction 1/(y + 1/(y + 2/(y + 3/(y + …)))), evaluated from below.
    const y = -x;
    let fraction = y;
    for (let k = 60; k >= 1; k--) fraction = y + k / fraction;
    return density / fraction;
  }
  let sum = x;
  let term = x;
  for (let i = 3; Math.abs(term) > 1e-18; i += 2) {
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + density * sum;
}

const horner = (coefficients: readonly number[], x: number): number => {
  let result = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) result = result * x + coefficients[i]!;
  return result;
};

const CENTRE_TOP = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
  67265.7709270087, 33430.57558358813, 2509.0809287301227,
];
const CENTRE_BOTTOM = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
  28729.085735721943, 5226.495278852854,
];
const MIDDLE_TOP = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
  0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
];
const MIDDLE_BOTTOM = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  0.0005475938084995345, 1.0507500716444169e-9,
];
const TAIL_TOP = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
  0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
];
const TAIL_BOTTOM = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
  1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15,
];

/** x with P(Z ≤ x) = p, for p in [0, 1] (±∞ at the ends); relative error about 1e-16. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * horner(CENTRE_TOP, r)) / horner(CENTRE_BOTTOM, r);
  }
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  const x =
    r <= 5
      ? horner(MIDDLE_TOP, r - 1.6) / horner(MIDDLE_BOTTOM, r - 1.6)
      : horner(TAIL_TOP, r - 5) / horner(TAIL_BOTTOM, r - 5);
  return q < 0 ? -x : x;
}

/** Beyond this many degrees of freedom t and normal agree to 1e-9 and the series would only grow longer. */
export const NORMAL_FROM = 1e8;

/** P(T ≤ t) with `degreesOfFreedom` > 0. */
export function tCdf(t: number, degreesOfFreedom: number): number {
  if (!(degreesOfFreedom > 0) || Number.isNaN(t)) return Number.NaN;
  if (degreesOfFreedom >= NORMAL_FROM) return normalCdf(t);
  if (t === Number.POSITIVE_INFINITY) return 1;
  if (t === Number.NEGATIVE_INFINITY) return 0;
  const square = t * t;
  // Both forms are the same number; the second keeps its digits when t² is far below the degrees of freedom.
  const tail =
    square > degreesOfFreedom
      ? 0.5 * incompleteBeta(degreesOfFreedom / (degreesOfFreedom + square), degreesOfFreedom / 2, 0.5)
      : 0.5 - 0.5 * incompleteBeta(square / (degreesOfFreedom + square), 0.5, degreesOfFreedom / 2);
  return t > 0 ? 1 - tail : tail;
}

/** Two-sided p-value P(|T| ≥ |t|). */
export function tTwoSided(t: number, degreesOfFreedom: number): number {
  return Math.min(1, 2 * tCdf(-Math.abs(t), degreesOfFreedom));
}

/**
 * t with P(T ≤ t) = p, for p in [0, 1]. One and two degrees of freedom have closed forms; else Newton's method on ln P within
 * a bracket, which needs a handful of steps even far out in the tail.
 */
export function tQuantile(p: number, degreesOfFreedom: number): number {
  if (!(p >= 0 && p <= 1) || !(degreesOfFreedom > 0)) return Number.NaN;
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  if (p === 0.5) return 0;
  if (degreesOfFreedom >= NORMAL_FROM) return normalQuantile(p);
  if (p > 0.5) return -tQuantile(1 - p, degreesOfFreedom);
  if (degreesOfFreedom === 1) return -1 / Math.tan(Math.PI * p);
  if (degreesOfFreedom === 2) return (2 * p - 1) / Math.sqrt(2 * p * (1 - p));
  let low = -1;
  while (tCdf(low, degreesOfFreedom) > p && low > -1e300) low *= 2;
  let high = low === -1 ? 0 : low / 2;
  const constant =
    Math.exp(logGamma((degreesOfFreedom + 1) / 2) - logGamma(degreesOfFreedom / 2)) /
    Math.sqrt(degreesOfFreedom * Math.PI);
  let t = 0.5 * (low + high);
  for (let i = 0; i < 200; i++) {
    const value = tCdf(t, degreesOfFreedom);
    if (value > p) high = t;
    else low = t;
    const density = constant * (1 + (t * t) / degreesOfFreedom) ** (-(degreesOfFreedom + 1) / 2);
    let next = t - (value * Math.log(value / p)) / density;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (Math.abs(next - t) <= 1e-15 * Math.abs(t) || next === low || next === high) return next;
    t = next;
  }
  return t;
}

/** From here on the denominator is as good as known: F is a χ² over its degrees of freedom, to five digits. */
const KNOWN = 1e6;

/** P(F ≥ ratio). */
export function fTail(ratio: number, numerator: number, denominator: number): number {
  if (!(numerator > 0) || !(denominator > 0) || Number.isNaN(ratio)) return Number.NaN;
  if (ratio <= 0) return 1;
  const d2 = Math.min(denominator, KNOWN);
  return incompleteBeta(d2 / (d2 + numerator * ratio), d2 / 2, numerator / 2);
}

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
