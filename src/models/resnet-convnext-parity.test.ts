/** ResNet and ConvNeXt give the logits of torchvision, timm and the authors' code, from files as these write them. */
import { liveTensors, tidy } from 'graft-torch';
import { afterAll, describe, expect, it } from 'vitest';
import type { Float } from '../../test/engine/goldens.js';
import { networkEntry } from './networks.js';
import { difference, disposePattern, logitsOf, patternedState, readParity } from './parity.test-data.js';
import { applyNetworkWeights } from './weights.js';

const { about, cases } = readParity('resnet-convnext');
afterAll(disposePattern);

describe('parity of logits', () => {
  it.each(Object.keys(cases))('%s, in evaluation and in training', (name) => {
    const before = liveTensors();
    const [library, architecture] = name.split('/') as [string, string];
    const { shapes, size, eval: wanted, train } = cases[name]!;
    const options = { numClasses: about.classes, dropout: 0, dropConnect: 0, sidePx: 224 };
    const network = networkEntry(architecture).make(options);
    tidy(() => {
      const tensors = patternedState(shapes!);
      const loaded = applyNetworkWeights(network, { path: `${name}.pth`, tensors });
      const naming = architecture.startsWith('resnet') ? 'torchvision' : library;
      expect(loaded).toMatchObject({ naming, headReplaced: false, skipped: [] });
      expect(loaded.loaded).toBe(Object.keys(shapes!).length);
    });
    const error = (mode: 'eval' | 'train', dtype: Float): number => {
      network.to({ dtype }).train(mode === 'train');
      return difference(logitsOf(network, size, dtype), mode === 'train' ? train! : wanted);
    };
    // Channels last and not: both are computed by the same formulae in other orders.
    for (const memoryFormat of ['contiguous', 'channelsLast'] as const) {
      network.to({ memoryFormat });
      expect(error('eval', 'float32'), `${memoryFormat}, float32`).toBeLessThan(2e-5);
      // Weights are exact in both.
      expect(error('eval', 'float64'), `${memoryFormat}, evaluation`).toBeLessThan(2e-9);
    }
    expect(error('train', 'float64'), 'training').toBeLessThan(2e-9);
    network.dispose();
    expect(liveTensors()).toBe(before);
  });
});
