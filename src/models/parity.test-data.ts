/**
 * The TypeScript side of `test/goldens/models/patterned.py`: weights and inputs that a formula makes, on both sides exactly,
 * and the comparison of the logits that come of them.
 */
import { readFileSync } from 'node:fs';
import { aten, keep, noGrad, type Tensor, tidy } from 'graft-torch';
import { expect } from 'vitest';
import { type Float, fill, networkRule, seedOf } from '../../test/engine/goldens.js';
import type { ImageNetwork } from './image-network.js';

/** What another library's network computed; `library/network` names it. */
export interface ParityCase {
  /** SHA-256 of its keys and shapes. */
  keys?: string;
  /** Shape of every float tensor of its state, by its own key. */
  shapes?: Record<string, number[]>;
  size: [number, number];
  eval: number[][];
  train?: number[][];
}

export interface ParityGolden {
  about: { classes: number };
  cases: Record<string, ParityCase>;
}

/** @param name of the file in `test/goldens/models`, without `.json` */
export const readParity = (name: string): ParityGolden =>
  JSON.parse(
    readFileSync(new URL(`../../test/goldens/models/${name}.json`, import.meta.url), 'utf8'),
  ) as ParityGolden;

const PERIOD = 65_521;
/** Values of the largest tensor: EfficientNet-B7's last convolution, 2560 × 640, and a linear layer of 768 × 3072 are below. */
const LARGEST = 2560 * 1024;
const pattern = keep(
  tidy(() => aten.repeat(fill('pattern', [PERIOD], 'float32'), [Math.ceil(LARGEST / PERIOD) + 1])),
);

/** The pattern is made when this file is read; free it after the last test. */
export const disposePattern = (): void => pattern.dispose();

/** Values of the repeated pattern, from where the key says. */
const window = (key: string, count: number): Tensor => pattern.narrow(0, seedOf(key) % PERIOD, count);

/** A state dict of these keys and shapes, filled as the script's `set_weights` does. */
export const patternedState = (shapes: Readonly<Record<string, number[]>>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(shapes).map(([key, shape]) => {
      const [scale, offset] = networkRule(key, shape);
      const count = shape.reduce((a, b) => a * b, 1);
      return [key, window(key, count).mul(scale).add(offset).reshape(shape)];
    }),
  );

/** Of the script's two images. */
export const logitsOf = (network: ImageNetwork, size: [number, number], dtype: Float): number[] =>
  tidy(() =>
    noGrad(() =>
      Array.from(
        network.forward(fill(`x[${size.join(', ')}]`, [2, 3, ...size], dtype)).toArray() as Float64Array,
      ),
    ),
  );

/** Largest difference, as a share of the largest logit. */
export function difference(found: readonly number[], wanted: readonly number[][]): number {
  const flat = wanted.flat();
  expect(found).toHaveLength(flat.length);
  return Math.max(...found.map((value, i) => Math.abs(value - flat[i]!))) / Math.max(...flat.map(Math.abs));
}
