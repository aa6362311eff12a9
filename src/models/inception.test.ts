import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  aten,
  backward,
  liveTensors,
  manualSeed,
  noGrad,
  randn,
  savePth,
  saveSafetensors,
  type Tensor,
  tidy,
  zeros,
} from 'graft-torch';
import { ConfigError, DataError, TorchError } from 'graft-torch/base';
import { afterAll, describe, expect, it } from 'vitest';
import { Computed, fill, fillModule, readGolden } from '../../test/engine/goldens.js';
import { InceptionV3, loadInceptionWeights } from './inception.js';

const golden = readGolden(
  new URL('../../test/goldens/metrics/inception.json', import.meta.url).pathname,
) as ReturnType<typeof readGolden> & { parameters: number; shapes: Record<string, number[]> };

const folder = mkdtempSync(join(tmpdir(), 'graft-inception-'));
afterAll(() => rmSync(folder, { recursive: true }));

const isCounter = (key: string): boolean => key.endsWith('num_batches_tracked');

describe('InceptionV3 of FID', () => {
  it('has the keys, shapes and parameters of the published weights, in their order', () => {
    const network = new InceptionV3();
    const shapes = Object.entries(network.stateDict())
      .filter(([key]) => !isCounter(key))
      .map(([key, value]) => [key, value.shape]);
    expect(shapes).toEqual(Object.entries(golden.shapes));
    expect(network.parameterCount).toBe(golden.parameters);
    network.dispose();
  });

  it('gives the features and logits of pytorch-fid’s network', () => {
    const before = liveTensors();
    const network = fillModule(new InceptionV3().eval(), 'inception.', 'float32');
    tidy(() =>
      noGrad(() => {
        const computed = new Computed();
        const noise = fill('noise', [2, 3, 107, 96], 'float32');
        const features = network.embed(noise);
        const logits = network.classify(features);
        computed.add('noise.features', features);
        computed.add('noise.logits', logits);
        const { compared, worst } = computed.check(golden, 1e-5, (key) => key.startsWith('noise.'));
        expect(compared).toBe(2);
        expect(worst).toBeLessThan(1e-5);

        expect(aten.allclose(network.forward(noise), logits)).toBe(true);
        const unbiased = network.classify(features, { bias: false });
        expect(aten.allclose(unbiased.add(network.fc.bias!), logits, { atol: 1e-6 })).toBe(true);
        expect(aten.allclose(unbiased, logits)).toBe(false);
      }),
    );
    network.dispose();
    expect(liveTensors()).toBe(before);
  });

  it('is differentiable, and frees what it makes', () => {
    manualSeed(1);
    const network = new InceptionV3().eval();
    const before = liveTensors();
    tidy(() => {
      const x = randn([1, 3, 75, 75]).requiresGrad_();
      backward(network.forward(x).square().sum());
      expect(x.grad!.abs().sum().item()).toBeGreaterThan(0);
      network.zeroGrad();
    });
    tidy(() => expect(() => network.embed(randn([1, 3, 74, 80]))).toThrow(TorchError));
    expect(liveTensors()).toBe(before);
    network.dispose();
  });
});

describe('its weights', () => {
  const stored = (name: string, change: (dict: Record<string, Tensor>) => void = () => {}): string => {
    const path = join(folder, name);
    const dict = source.stateDict();
    change(dict);
    (name.endsWith('.pth') ? savePth : saveSafetensors)(path, dict);
    return path;
  };
  manualSeed(2);
  const source = new InceptionV3();
  const target = new InceptionV3();
  afterAll(() => {
    source.dispose();
    target.dispose();
  });

  it('load from .pth and safetensors, with counters of batches or without', () => {
    const withoutCounters = (dict: Record<string, Tensor>): void => {
      for (const key of Object.keys(dict)) if (isCounter(key)) delete dict[key];
    };
    for (const path of [stored('all.safetensors'), stored('bare.pth', withoutCounters)]) {
      tidy(() => noGrad(() => target.fc.weight.zero_()));
      expect(loadInceptionWeights(target, path)).toBe(target);
      const from = source.stateDict();
      for (const [key, value] of Object.entries(target.stateDict())) {
        expect(aten.equal(value, from[key]!), key).toBe(true);
      }
      rmSync(path);
    }
  });

  it('that are another network’s are refused with what differs', () => {
    // As torchvision's own file: a thousand classes, an auxiliary classifier.
    const [fc, extra] = [zeros([1000, 2048]), zeros([1])];
    const path = stored('imagenet.safetensors', (dict) => {
      dict['fc.weight'] = fc;
      dict['AuxLogits.fc.bias'] = extra;
      delete dict['Mixed_7c.branch_pool.bn.bias'];
    });
    const attempt = (): unknown => loadInceptionWeights(target, path);
    expect(attempt).toThrow(DataError);
    expect(attempt).toThrow(
      /^[^\n]*imagenet\.safetensors does not hold .*missing Mixed_7c\.branch_pool\.bn\.bias; unexpected AuxLogits\.fc\.bias; mis-shaped fc\.weight \[1000,2048\] for \[1008,2048\]; take pt_inception-2015-12-05-6726825d\.pth[^\n]*$/,
    );
    const nothing = join(folder, 'other.safetensors');
    saveSafetensors(nothing, { weight: extra });
    expect(() => loadInceptionWeights(target, nothing)).toThrow(
      /missing .* and 46\d more; unexpected weight/,
    );
    expect(() => loadInceptionWeights(target, join(folder, 'none.pth'))).toThrow(ConfigError);
    expect(() => loadInceptionWeights(target, join(folder, 'none.pth'))).toThrow(/pytorch-fid/);
    fc.dispose();
    extra.dispose();
  });
});
