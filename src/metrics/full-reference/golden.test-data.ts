/** Images and weights by the rules of test/goldens/metrics/full_reference.py, in integers. */
import { readFileSync } from 'node:fs';
import { type Tensor, tensor, tidy } from 'graft-torch';

export interface Rule {
  kind: 'lesion' | 'noise' | 'binary' | 'flat';
  seed?: number;
  rgb?: [number, number, number];
  change?: 'negative' | 'shift' | 'noisy' | 'one';
}

interface Pair {
  name: string;
  height: number;
  width: number;
  x: Rule;
  y: Rule;
}

export interface Golden extends Pair {
  /** By metric; null where PIQA gives no number. */
  scores: Record<string, number | null>;
}

export interface LpipsGolden extends Pair {
  network: 'alex' | 'vgg' | 'squeeze';
  value: number;
}

export const goldens = JSON.parse(
  readFileSync(new URL('../../../test/goldens/metrics/full_reference.json', import.meta.url), 'utf8'),
) as { cases: Golden[]; lpips: LpipsGolden[] };

function hashed(index: number, seed: number): number {
  let h = (Math.imul(index, 0x9e3779b1) + seed) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
  return (h ^ (h >>> 13)) >>> 0;
}

const clip = (value: number): number => Math.min(255, Math.max(0, value));
const quotient = (a: number, b: number): number => Math.floor(a / b);

/** Noise 0…255 between the corners of cells of `side`. */
function cloud(c: number, y: number, x: number, side: number, seed: number): number {
  const [gy, gx, fy, fx] = [quotient(y, side), quotient(x, side), y % side, x % side];
  const corner = (dy: number, dx: number): number =>
    hashed((c * 512 + gy + dy) * 512 + gx + dx, seed + side) & 255;
  const top = (side - fx) * corner(0, 0) + fx * corner(0, 1);
  const bottom = (side - fx) * corner(1, 0) + fx * corner(1, 1);
  return quotient((side - fy) * top + fy * bottom, side * side);
}

/** A dark blob on a textured background. */
function lesion(seed: number, height: number, width: number, [c, y, x]: [number, number, number]): number {
  const dx = 2 * x - width + (hashed(1, seed) % (quotient(width, 3) + 1));
  const dy = 2 * y - height + (hashed(2, seed) % (quotient(height, 3) + 1));
  const radius =
    quotient(dx * dx * 256, width * width) +
    quotient(dy * dy * 256, height * height) +
    quotient(cloud(0, y, x, 11, seed), 4);
  const dark = Math.min(2 * Math.max(130 - radius, 0), 140);
  const base = [205, 150, 130][c]! + (hashed(c + 7, seed) % 30);
  const depth = quotient([55, 75, 80][c]! * dark, 100);
  const grain = hashed((c * height + y) * width + x, seed) % 7;
  const texture = quotient(cloud(c, y, x, 17, seed), 8) + quotient(cloud(c, y, x, 5, seed), 16);
  return clip(base - depth + texture + grain - 20);
}

const drawn = new Map<string, Uint8Array>();

/** Bytes `[3, height, width]`, drawn once. */
export function draw(rule: Rule, height: number, width: number): Uint8Array {
  const key = JSON.stringify([rule, height, width]);
  const pixels = drawn.get(key) ?? drawAnew(rule, height, width);
  drawn.set(key, pixels);
  return pixels;
}

function drawAnew({ kind, seed = 0, rgb, change }: Rule, height: number, width: number): Uint8Array {
  const pixels = new Uint8Array(3 * height * width);
  for (let c = 0, index = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, index++) {
        const from = change === 'shift' ? (x + width - 1) % width : x;
        const source = index - x + from;
        const plain =
          kind === 'flat'
            ? rgb![c]!
            : kind === 'noise'
              ? hashed(source, seed) & 255
              : kind === 'binary'
                ? 255 * ((hashed(source, seed) >>> 5) & 1)
                : lesion(seed, height, width, [c, y, from]);
        pixels[index] =
          change === 'negative'
            ? 255 - plain
            : change === 'noisy'
              ? clip(plain + (hashed(index, seed + 99) % 25) - 12)
              : plain;
      }
    }
  }
  if (change === 'one') pixels[(height + quotient(height, 2)) * width + quotient(width, 3)]! ^= 1;
  return pixels;
}

/** A batch of each side of the pairs, which have one size; values 0…1. */
export function batchOf(pairs: readonly Pair[], dtype: 'float32' | 'float64'): [x: Tensor, y: Tensor] {
  const { height, width } = pairs[0]!;
  const side = (rules: Rule[]): Tensor =>
    tidy(() => {
      const bytes = Buffer.concat(rules.map((rule) => draw(rule, height, width)));
      return tensor(new Uint8Array(bytes), [pairs.length, 3, height, width]).to({ dtype }).div(255);
    });
  return [side(pairs.map(({ x }) => x)), side(pairs.map(({ y }) => y))];
}

/** Weights that depend on the key and the index alone. */
export function ruleWeights(shape: readonly number[], key: string): Tensor {
  const seed = [...key].reduce((sum, letter, i) => sum + (i + 1) * letter.charCodeAt(0), 0);
  const numel = shape.reduce((a, b) => a * b, 1);
  const scale = Math.sqrt(6 / shape.slice(1).reduce((a, b) => a * b, 1));
  const values = new Float32Array(numel);
  for (let i = 0; i < numel; i++) {
    const steps = hashed(i, seed) & 0xffff;
    const signed = (steps - 32768) / 32768;
    values[i] = shape.length === 1 ? signed * 0.1 : shape[0] === 1 ? steps / 65536 : signed * scale;
  }
  return tensor(values, shape);
}

/** Pairs of one size together, by size. */
export function bySize<T extends Pair>(pairs: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const pair of pairs) {
    const size = `${pair.height}×${pair.width}`;
    groups.set(size, [...(groups.get(size) ?? []), pair]);
  }
  return groups;
}

export const numbers = (values: Tensor): number[] => Array.from(values.toArray() as Float32Array);

/** The golden's tolerance: relative to the value, but no finer than to 0.01. */
export const relativeError = (actual: number, expected: number): number =>
  Math.abs(actual - expected) / Math.max(Math.abs(expected), 0.01);
