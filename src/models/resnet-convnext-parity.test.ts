/** ResNet and ConvNeXt give the logits of torchvision, timm and the authors' code, from files as these write them. */
import { liveTensors, tidy } from 'graft-torch';
import { afterAll, describe, expect, it } from 'vitest';
import type { Float } from '../../test/engine/goldens.js';
import { networkEntry, networkNames } from './networks.js';
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

interface PublishedConfig {
  licence: string;
  mean: number[];
  std: number[];
  interpolation: string;
  /** Share of the side that is kept, by side in pixels. */
  crops: Record<string, number>;
}

it('published weights want their pixels as timm’s configurations say', () => {
  const theirs = (about as unknown as { published: Record<string, PublishedConfig> }).published;
  const named = Object.keys(theirs);
  const found = networkNames.flatMap((name) => networkEntry(name).published);
  const own = new Map(found.map((one) => [one.where.replace(/^hf:|\/model\.safetensors$/g, ''), one]));
  expect(named.length).toBe(15);
  for (const id of named) {
    const { licence, input } = own.get(id)!;
    const { mean, std, interpolation, crops, ...rest } = theirs[id]!;
    expect(licence.toLowerCase(), id).toBe(rest.licence);
    expect([mean, std], id).toEqual([
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ]);
    expect(input, id).toEqual({
      statistics: 'imagenet',
      sidePx: input.sidePx,
      interpolation,
      crop: crops[input.sidePx],
    });
  }
});
