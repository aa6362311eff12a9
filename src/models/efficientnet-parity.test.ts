/** The same weights give the same logits as in three other libraries, under their own key names. */
import { createHash } from 'node:crypto';
import { liveTensors, type Tensor, tidy } from 'graft-torch';
import { afterAll, describe, expect, it } from 'vitest';
import type { Float } from '../../test/engine/goldens.js';
import { EfficientNet } from './efficientnet.js';
import { keyTranslation, type Naming } from './efficientnet-keys.js';
import { difference, disposePattern, logitsOf, patternedState, readParity } from './parity.test-data.js';
import { parseVariant, VARIANTS } from './variants.js';
import { applyNetworkWeights } from './weights.js';

const [golden, lite] = [readParity('efficientnet'), readParity('efficientnet-lite')];
const cases = { ...golden.cases, ...lite.cases };
afterAll(disposePattern);

/** A state dict as the library would have it, filled by the formula; and the hash of its keys and shapes. */
function foreignState(network: EfficientNet, naming: Naming) {
  const { spec, naming: own } = VARIANTS[network.variant];
  const theirs = keyTranslation(spec, { from: own, to: naming });
  const state = Object.entries(network.stateDict()).map(([key, value]): [string, Tensor] => [
    theirs(key),
    value,
  ]);
  const lines = state.map(([name, { shape }]) => `${name} [${shape}]`.replaceAll(' ', ''));
  const floats = state.filter(([, { dtype }]) => dtype.startsWith('float'));
  return {
    tensors: patternedState(Object.fromEntries(floats.map(([name, { shape }]) => [name, shape]))),
    keys: createHash('sha256').update(lines.sort().join('\n')).digest('hex'),
  };
}

/** Loads the case's weights and compares. */
function check(network: EfficientNet, name: string): void {
  const wanted = cases[name]!;
  const naming = name.split('/')[0] as Naming;
  const error = (mode: 'eval' | 'train', dtype: Float): number => {
    network.to({ dtype }).train(mode === 'train');
    return difference(logitsOf(network, wanted.size, dtype), wanted[mode]!);
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
