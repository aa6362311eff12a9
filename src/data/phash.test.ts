import { expect, test } from 'vitest';
import { Random } from '../random.js';
import { hammingDistance, hashSizePx, perceptualHashes, symmetries, symmetryMap } from './phash.js';

const side = hashSizePx;

/** A smooth picture: a few random waves. */
function picture(seed: number): Float64Array {
  const random = new Random(seed);
  const waves = Array.from({ length: 30 }, () => [
    random.uniform(-0.5, 0.5),
    random.uniform(-0.5, 0.5),
    random.uniform(0, 6),
    random.uniform(0, 20),
  ]);
  return Float64Array.from({ length: side * side }, (_, i) => {
    const x = i % side;
    const y = Math.floor(i / side);
    return waves.reduce((sum, [fx, fy, phase, a]) => sum + a! * Math.sin(fx! * x + fy! * y + phase!), 128);
  });
}

const distance = (a: Uint32Array, b: Uint32Array): number => hammingDistance(a[0]! ^ b[0]!, a[1]! ^ b[1]!);

test('the Hamming distance counts the ones of two words, with and without sign', () => {
  const ones = (word: number): number => (word >>> 0).toString(2).replaceAll('0', '').length;
  const words = [0, 1, -1, 0x80000000, 0x80000000 | 0, 0x55555555, 12345678];
  for (const low of words)
    for (const high of words) expect(hammingDistance(low, high)).toBe(ones(low) + ones(high));
});

test('half of the 63 bits are set, by definition from the cosine transform', () => {
  const image = picture(1);
  const [low, high] = perceptualHashes(image);
  expect(hammingDistance(low!, high!)).toBe(31);
  // The definition, term by term.
  const coefficient = (u: number, v: number): number => {
    const scale = Math.sqrt((u ? 2 : 1) / side) * Math.sqrt((v ? 2 : 1) / side);
    const wave = (k: number, at: number): number => Math.cos(((2 * at + 1) * k * Math.PI) / (2 * side));
    return (
      image.reduce((sum, value, i) => sum + value * wave(u, Math.floor(i / side)) * wave(v, i % side), 0) *
      scale
    );
  };
  const values = Array.from({ length: 64 }, (_, i) => coefficient(i >> 3, i & 7));
  const median = values.slice(1).sort((a, b) => a - b)[31]!;
  values.forEach((value, bit) => {
    const word = bit < 32 ? low! : high!;
    expect((word >>> (bit & 31)) & 1).toBe(bit > 0 && value > median ? 1 : 0);
  });
});

test('hash k is the hash of the picture under symmetry k, and the eight symmetries differ', () => {
  const image = picture(2);
  const all = perceptualHashes(image);
  const maps = Array.from({ length: symmetries }, (_, k) => symmetryMap(k, side));
  expect(new Set(maps.map((map) => [map[0], map[1]].join())).size).toBe(8);
  maps.forEach((map, k) => {
    const own = perceptualHashes(Float64Array.from(map, (from) => image[from]!));
    expect(distance(own, all.subarray(2 * k))).toBeLessThanOrEqual(1); // rounding at the median
  });
});

test('contrast and noise flip few bits, another picture many', () => {
  const random = new Random(5);
  for (let seed = 10; seed < 20; seed++) {
    const image = picture(seed);
    const changed = image.map((value) => 0.7 * value + 20 + random.normal(0, 3));
    const hash = perceptualHashes(image);
    expect(distance(hash, perceptualHashes(changed))).toBeLessThanOrEqual(4);
    expect(distance(hash, perceptualHashes(picture(seed + 100)))).toBeGreaterThan(14);
  }
});
