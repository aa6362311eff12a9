/** The native inner loops (native/near.cc, native/sieve.cc) against plain sums in double precision. */

import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { native } from '../../../packages/torch/src/torch/native.js';
import { gaussianKernel } from './masked-blur.js';
import { sketchLength } from './sketch.js';

const random = new Random(3);

/** Rows of bytes of 0 to 127; some twice, so that products are equal. */
function rowsOf(count: number, length: number): Int8Array {
  const rows = new Int8Array(count * length);
  for (let i = 0; i < count; i++) {
    if (i % 9 === 8) rows.copyWithin(i * length, (i - 5) * length, (i - 4) * length);
    else for (let j = 0; j < length; j++) rows[i * length + j] = random.int(128);
  }
  return rows;
}

const dot = (a: Int8Array, i: number, b: Int8Array, j: number, length: number): number => {
  let sum = 0;
  for (let k = 0; k < length; k++) sum += a[i * length + k]! * b[j * length + k]!;
  return sum;
};

// 144 is the length of sketches, for which there are loops of their own; 160 takes the plain one.
describe.each([sketchLength, 160])('rows of %i bytes', (length) => {
  test.each([
    [1, 1, 1],
    [7, 3, 2],
    [45, 300, 12],
  ])('%i queries, %i centres: the %i most like', (queries, cells, most) => {
    const asked = rowsOf(queries, length);
    const centres = rowsOf(cells, length);
    const out = new Int32Array(queries * most);
    native.mostLike(asked, centres, out, length);
    for (let q = 0; q < queries; q++) {
      const products = Array.from({ length: cells }, (_, c) => dot(asked, q, centres, c, length));
      const expected = products
        .map((product, c) => ({ product, c }))
        .sort((a, b) => b.product - a.product || a.c - b.c)
        .slice(0, most);
      expect([...out.subarray(q * most, (q + 1) * most)]).toEqual(expected.map(({ c }) => c));
    }
  });

  test('the best rows of each asker, one an owner', () => {
    const [askers, each, cells, most, first] = [9, 4, 5, 6, 20];
    const counts = [0, 3, 400, 129, 128];
    const starts = new Int32Array(cells + 1);
    for (let c = 0; c < cells; c++) starts[c + 1] = starts[c]! + counts[c]!;
    const total = starts[cells]!;
    const rows = rowsOf(total, length);
    const owners = Int32Array.from({ length: total }, () => random.int(60));
    const asked = rowsOf(askers * each, length);
    const whose = Int32Array.from({ length: askers * each }, (_, q) => first + Math.floor(q / each));
    const probes = Int32Array.from({ length: 2 * askers * each }, (_, i) =>
      i % 2 === 0 ? 2 : random.int(2) + 3,
    );
    const least = dot(asked, 0, rows, 0, length) * 0.95;
    const finds = new Int32Array(askers * most * 4);
    const settings = Int32Array.of(length, first, most, least);
    native.sieve(asked, whose, probes, rows, owners, starts, finds, settings);
    for (let a = 0; a < askers; a++) {
      const all: number[][] = [];
      for (let q = 0; q < each; q++)
        for (const cell of probes.subarray(2 * (a * each + q), 2 * (a * each + q) + 2))
          for (let row = starts[cell]!; row < starts[cell + 1]!; row++) {
            const product = dot(asked, a * each + q, rows, row, length);
            if (owners[row] !== first + a && product >= settings[3]!)
              all.push([owners[row]!, product, q, row]);
          }
      all.sort((m, n) => n[1]! - m[1]! || m[0]! - n[0]! || m[2]! - n[2]! || m[3]! - n[3]!);
      const known = new Set<number>();
      const expected = all.filter(([owner]) => !known.has(owner!) && known.add(owner!)).slice(0, most);
      expect(expected.length).toBeGreaterThan(1);
      const found = Array.from({ length: most }, (_, i) => [
        ...finds.subarray(4 * (a * most + i), 4 * (a * most + i + 1)),
      ]);
      expect(found).toEqual([...expected, ...Array(most - expected.length).fill([-1, -1, -1, -1])]);
    }
  });
});

/** Smooth, of many waves, so that it can be sampled anywhere. */
function waves(): (x: number, y: number) => number {
  const all = Array.from({ length: 12 }, () => [
    random.uniform(-9, 9),
    random.uniform(-9, 9),
    random.uniform(0, 6),
    random.uniform(4, 12),
  ]);
  return (x, y) =>
    128 + all.reduce((sum, [u, v, phase, size]) => sum + size! * Math.sin(u! * x + v! * y + phase!), 0);
}

type P = readonly number[];
const at = (i: number, side: number): number => (i - (side - 1) / 2) / (side / 2);
const sampled = (picture: (x: number, y: number) => number, side: number, p: P = [1, 0, 0, 0, 1, 0]) =>
  Float32Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [at(i % side, side), at(Math.floor(i / side), side)];
    return picture(p[0]! * x + p[1]! * y + p[2]!, p[3]! * x + p[4]! * y + p[5]!);
  });
/** A field that the frame cuts, with a hole. */
const fieldOf = (side: number) =>
  Float32Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [at(i % side, side), at(Math.floor(i / side), side)];
    return Math.hypot(x - 0.1, y) < 1 && Math.hypot(x - 0.3, y + 0.4) > 0.15 ? 1 : 0;
  });

/** Gaussian blur within a field, pixel by pixel. */
function blurred(map: Float64Array, inside: Float32Array, sigma: number, side: number): Float64Array {
  const radius = Math.ceil(2.5 * sigma);
  return Float64Array.from(map, (_, i) => {
    if (!inside[i]) return 0;
    const [x, y] = [i % side, Math.floor(i / side)];
    let [sum, weights] = [0, 0];
    for (let v = Math.max(0, y - radius); v <= Math.min(side - 1, y + radius); v++)
      for (let u = Math.max(0, x - radius); u <= Math.min(side - 1, x + radius); u++) {
        if (!inside[v * side + u]) continue;
        const weight = Math.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma * sigma));
        weights += weight;
        sum += weight * map[v * side + u]!;
      }
    return sum / weights;
  });
}

test.each([
  [16, 1.3],
  [32, 2.5],
  [64, 5],
  [17, 2],
])('a blur of maps of %i px within a field, sigma %d', (side, sigma) => {
  const inside = fieldOf(side);
  const map = sampled(waves(), side).map((value, i) => value * inside[i]!);
  const kernel = gaussianKernel(sigma);
  const scale = new Float32Array(side * side);
  native.blur(inside, new Float32Array(side * side).fill(1), kernel, scale);
  for (let i = 0; i < scale.length; i++) scale[i] = inside[i] ? 1 / scale[i]! : 0;
  const out = map.slice();
  native.blur(out, scale, kernel, out);
  const expected = blurred(Float64Array.from(map), inside, sigma, side);
  expect(largestDifference(out, expected)).toBeLessThan(1e-3);
});

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

test.each([16, 32, 64])('registration finds the map between two pictures of %i px', (side) => {
  const picture = waves();
  const truth = [1.06, 0.05, 0.04, -0.03, 0.95, -0.05];
  const [moving, fixed] = [sampled(picture, side), sampled(picture, side, truth)];
  // Another contrast and brightness is no other picture; what lies outside a field plays no part.
  for (let i = 0; i < fixed.length; i++) fixed[i] = 0.7 * fixed[i]! + 20;
  const inside = fieldOf(side);
  for (let i = 0; i < fixed.length; i++) if (!inside[i]) moving[i] = fixed[i] = 255;
  const p = Float64Array.of(1, 0, 0, 0, 1, 0);
  native.registerMaps(moving, fixed, inside, inside, p, 30);
  // Bilinear between pixels: the fewer there are, the rougher.
  expect(largestDifference(p, truth)).toBeLessThan(side === 16 ? 0.02 : 0.005);
  const negative = fixed.map((value) => 255 - value);
  const begun = Float64Array.from(truth);
  native.registerMaps(moving, negative, inside, inside, begun, 30);
  expect([...begun]).toEqual(truth);
});

/** A map under `p`, bilinear, and where it lies: NaN outside. */
function warped(
  map: ArrayLike<number>,
  inside: ArrayLike<number>,
  side: number,
  p: P,
  margin: number,
): Float64Array {
  const half = side / 2;
  const centre = (side - 1) / 2;
  return Float64Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [at(i % side, side), at(Math.floor(i / side), side)];
    const u = (p[0]! * x + p[1]! * y + p[2]!) * half + centre;
    const v = (p[3]! * x + p[4]! * y + p[5]!) * half + centre;
    if (Math.min(u, v) < -margin || Math.max(u, v) > side - 1 + margin) return Number.NaN;
    const [cu, cv] = [u, v].map((value) => Math.min(side - 1, Math.max(0, value))) as [number, number];
    const [x0, y0] = [Math.min(side - 2, Math.floor(cu)), Math.min(side - 2, Math.floor(cv))];
    const corners = [0, 1, side, side + 1].map((step) => y0 * side + x0 + step);
    if (corners.some((k) => !inside[k])) return Number.NaN;
    const [a, b, c, d] = corners.map((k) => map[k]!) as [number, number, number, number];
    const [fx, fy] = [cu - x0, cv - y0];
    return (1 - fy) * ((1 - fx) * a + fx * b) + fy * ((1 - fx) * c + fx * d);
  });
}

test.each([32, 64])('the correlation of details of two maps of %i px', (side) => {
  const [picture, other] = [waves(), waves()];
  const p = [0.93, 0.08, 0.03, -0.06, 1.04, 0.02];
  const moving = sampled(picture, side);
  const fixed = sampled((x, y) => 0.8 * picture(x, y) + 0.6 * other(x, y), side, p);
  const inside = fieldOf(side);
  const all = new Float32Array(side * side).fill(1);
  const [detail, place] = [2, 3.5];
  const out = new Float64Array(3);
  const map = Float64Array.from(p);
  native.compareMaps(moving, inside, fixed, all, map, gaussianKernel(detail), gaussianKernel(place), out);

  const shown = warped(moving, inside, side, p, 0.5);
  const both = Float32Array.from(shown, (value) => (Number.isNaN(value) ? 0 : 1));
  const details = [shown, fixed].map((values) => {
    const kept = Float64Array.from(values, (value, i) => (both[i] ? value : 0));
    const smooth = blurred(kept, both, detail, side);
    return kept.map((value, i) => value - smooth[i]!);
  }) as [Float64Array, Float64Array];
  const product = (a: Float64Array, b: Float64Array) =>
    blurred(
      a.map((value, i) => value * b[i]!),
      both,
      place,
      side,
    );
  const [aa, bb, ab] = [
    product(details[0], details[0]),
    product(details[1], details[1]),
    product(details[0], details[1]),
  ];
  let [weights, sum] = [0, 0];
  both.forEach((value, i) => {
    if (!value) return;
    const energy = Math.min(aa[i]!, bb[i]!);
    const weight = energy / (energy + 1.5 ** 2);
    weights += weight;
    sum += (weight * ab[i]!) / Math.sqrt(aa[i]! * bb[i]!);
  });
  const area = (values: Float32Array) => values.reduce((count, value) => count + value, 0);
  const overlap = area(both) / Math.min(side * side, area(inside) / (p[0]! * p[4]! - p[1]! * p[3]!));
  expect(sum / weights).toBeGreaterThan(0.2);
  expect(largestDifference(out, [sum / weights, weights / (side * side), overlap])).toBeLessThan(1e-3);
});

test('the correlation of two prints', () => {
  const side = 32;
  const p = [0.95, -0.07, 0.05, 0.04, 1.03, -0.02];
  const printed = (values: ArrayLike<number>, inside: ArrayLike<number>) =>
    Int8Array.from(values, (value, i) => (inside[i] ? Math.max(-127, Math.round(value - 128)) || 1 : 0));
  const picture = waves();
  const inside = fieldOf(side);
  const moving = printed(sampled(picture, side), inside);
  const fixed = printed(
    sampled((x, y) => picture(x, y) + random.normal(0, 10), side, p),
    inside,
  );
  const shown = warped(moving, moving, side, p, 0);
  let [aa, bb, ab] = [0, 0, 0];
  let count = 0;
  shown.forEach((a, i) => {
    const b = fixed[i]!;
    if (Number.isNaN(a) || b === 0) return;
    count++;
    aa += a * a;
    bb += b * b;
    ab += a * b;
  });
  const map = Float64Array.from(p);
  expect(ab / Math.sqrt(aa * bb)).toBeGreaterThan(0.5);
  expect(native.comparePrints(moving, fixed, map, count)).toBeCloseTo(ab / Math.sqrt(aa * bb), 5);
  expect(native.comparePrints(moving, fixed, map, count + 1)).toBe(0);
  expect(native.comparePrints(moving, new Int8Array(side * side), map, 1)).toBe(0);
});

describe('what they cannot do is an error', () => {
  const floats = (length: number) => new Float32Array(length);
  const map = Float64Array.of(1, 0, 0, 0, 1, 0);
  test.each<[string, () => void]>([
    ['no square', () => native.blur(floats(15), floats(15), floats(2), floats(15))],
    ['too large', () => native.blur(floats(65 ** 2), floats(65 ** 2), floats(2), floats(65 ** 2))],
    ['two sizes', () => native.registerMaps(floats(256), floats(1024), floats(256), floats(256), map, 4)],
    ['a long kernel', () => native.blur(floats(256), floats(256), floats(34), floats(256))],
    ['bytes for floats', () => native.blur(new Int8Array(256) as never, floats(256), floats(2), floats(256))],
    ['half a map', () => native.comparePrints(new Int8Array(256), new Int8Array(256), map.slice(1), 1)],
    ['rows cut short', () => native.mostLike(new Int8Array(144), new Int8Array(150), new Int32Array(1), 144)],
    [
      'more than there are',
      () => native.mostLike(new Int8Array(144), new Int8Array(144), new Int32Array(2), 144),
    ],
    ['a cell that is not there', () => sieveWith({ probes: Int32Array.of(1) })],
    ['rows that are not there', () => sieveWith({ starts: Int32Array.of(0, 2) })],
    ['an asker without room', () => sieveWith({ askers: Int32Array.of(1) })],
  ])('%s', (_, call) => {
    expect(call).toThrow();
  });
  function sieveWith({ probes = Int32Array.of(0), starts = Int32Array.of(0, 1), askers = Int32Array.of(0) }) {
    const settings = Int32Array.of(16, 0, 1, 0);
    const [row, owners, finds] = [new Int8Array(16), Int32Array.of(5), new Int32Array(4)];
    native.sieve(row, askers, probes, row, owners, starts, finds, settings);
    return finds;
  }
  test('what they can do is none', () => {
    expect([...sieveWith({})]).toEqual([5, 0, 0, 0]);
  });
});
