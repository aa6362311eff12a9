/** The same weights give the same logits as in three other libraries, under their own key names. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { aten, keep, liveTensors, noGrad, type Tensor, tidy } from 'graft-torch';
import { afterAll, describe, expect, it } from 'vitest';
import { type Float, fill, networkRule, seedOf } from '../../test/engine/goldens.js';
import { EfficientNet } from './efficientnet.js';
import { keyTranslation, type Naming } from './efficientnet-keys.js';
import { parseVariant, VARIANTS } from './variants.js';
import { applyNetworkWeights } from './weights.js';

interface Golden {
  about: { classes: number };
  cases: Record<string, Case>;
}
interface Case {
  keys: string;
  size: [number, number];
  eval: number[][];
  train: number[][];
}
const [golden, lite] = ['efficientnet', 'efficientnet-lite'].map(
  (name) =>
    JSON.parse(
      readFileSync(new URL(`../../test/goldens/models/${name}.json`, import.meta.url), 'utf8'),
    ) as Golden,
) as [Golden, Golden];
const cases = { ...golden.cases, ...lite.cases };

/** The script's weights: windows of a repeated pattern, long enough for the largest convolution (B7's 2304 × 640 …). */
const PERIOD = 65_521;
const pattern = tidy(() =>
  aten.repeat(fill('pattern', [PERIOD], 'float32'), [Math.ceil((2560 * 1024) / PERIOD) + 1]),
);
keep(pattern);
afterAll(() => pattern.dispose());

const window = (key: string, count: number): Tensor => pattern.narrow(0, seedOf(key) % PERIOD, count);

/** A state dict as the library would have it, filled by the formula; and the hash of its keys and shapes. */
function foreignState(network: EfficientNet, naming: Naming) {
  const { spec, naming: own } = VARIANTS[network.variant];
  const theirs = keyTranslation(spec, { from: own, to: naming });
  const lines: string[] = [];
  const tensors: Record<string, Tensor> = {};
  for (const [key, value] of Object.entries(network.stateDict())) {
    const name = theirs(key);
    lines.push(`${name} [${value.shape}]`.replaceAll(' ', ''));
    if (!value.dtype.startsWith('float')) continue;
    const [scale, offset] = networkRule(name, value.shape);
    tensors[name] = window(name, value.numel).mul(scale).add(offset).reshape(value.shape);
  }
  return { tensors, keys: createHash('sha256').update(lines.sort().join('\n')).digest('hex') };
}

const logitsOf = (network: EfficientNet, size: [number, number], dtype: Float): number[] =>
  tidy(() =>
    noGrad(() =>
      Array.from(
        network.forward(fill(`x[${size.join(', ')}]`, [2, 3, ...size], dtype)).toArray() as Float64Array,
      ),
    ),
  );

/** Largest difference, as a share of the largest logit. */
function difference(found: readonly number[], wanted: readonly number[][]): number {
  const flat = wanted.flat();
  expect(found).toHaveLength(flat.length);
  return Math.max(...found.map((value, i) => Math.abs(value - flat[i]!))) / Math.max(...flat.map(Math.abs));
}

/** Loads the case's weights and compares. */
function check(network: EfficientNet, name: string): void {
  const wanted = cases[name]!;
  const naming = name.split('/')[0] as Naming;
  const error = (mode: 'eval' | 'train', dtype: Float): number => {
    network.to({ dtype }).train(mode === 'train');
    return difference(logitsOf(network, wanted.size, dtype), wanted[mode]);
  };
  tidy(() => {
    const { tensors, keys } = foreignState(network, naming);
    expect(keys, `${name}: keys and shapes`).toBe(wanted.keys);
    const loaded = applyNetworkWeights(network, { path: `${name}/weights.pth`, tensors });
    expect(loaded).toMatchObject({ naming, headReplaced: false, skipped: [] });
  });
  // Single precision in evaluation only: batch statistics of these few, small maps magnify its rounding, up to 3e-4.
  expect(error('eval', 'float32'), `${name}, float32`).toBeLessThan(1e-5);
  // Weights are exact in both.
  expect(error('eval', 'float64'), `${name}, evaluation`).toBeLessThan(2e-9);
  expect(error('train', 'float64'), `${name}, training`).toBeLessThan(2e-9);
}

describe('parity of logits', () => {
  it.each(Object.keys(VARIANTS))('%s, in evaluation and in training', (variant) => {
    const before = liveTensors();
    const network = new EfficientNet(variant, {
      numClasses: golden.about.classes,
      dropout: 0,
      dropConnect: 0,
    });
    const own = Object.keys(cases).filter((name) => parseVariant(name.split('/')[1]!) === variant);
    expect(own.length).toBeGreaterThanOrEqual(2);
    for (const name of own) check(network, name);
    network.dispose();
    expect(liveTensors()).toBe(before);
  });
});
