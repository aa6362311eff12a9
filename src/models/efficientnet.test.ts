import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  aten,
  backward,
  liveTensors,
  manualSeed,
  noGrad,
  ones,
  randn,
  savePth,
  saveSafetensors,
  type Tensor,
  tidy,
  zeros,
} from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { F } from 'graft-torch/nn';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeConventions } from './conventions.js';
import { dropConnect } from './drop-connect.js';
import { EfficientNet } from './efficientnet.js';
import { keyTranslation } from './efficientnet-keys.js';
import { freezeBlocks } from './image-network.js';
import { VARIANTS } from './variants.js';
import { loadNetworkWeights } from './weights.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-efficientnet-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('EfficientNet', () => {
  // Parameters of the published models with 1,000 classes.
  it.each([
    ['b0', 5_288_548],
    ['b1', 7_794_184],
    ['b2', 9_109_994],
    ['b3', 12_233_232],
    ['b4', 19_341_616],
    ['b5', 30_389_784],
    ['b6', 43_040_704],
    ['b7', 66_347_960],
    ['v2-s', 21_458_488],
  ])('%s has %d parameters', (variant, count) => {
    const net = new EfficientNet(variant);
    expect(net.parameterCount).toBe(count);
    net.dispose();
  });

  it('names its state as the published weights do', () => {
    const net = new EfficientNet('b0');
    const keys = Object.keys(net.stateDict());
    expect(keys).toHaveLength(360); // 213 parameters and three buffers of 49 batch norms
    for (const key of [
      '_conv_stem.weight',
      '_bn0.running_mean',
      '_blocks.0._depthwise_conv.weight',
      '_blocks.1._expand_conv.weight',
      '_blocks.1._bn0.weight',
      '_blocks.15._se_reduce.bias',
      '_blocks.15._se_expand.weight',
      '_blocks.15._project_conv.weight',
      '_blocks.15._bn2.num_batches_tracked',
      '_conv_head.weight',
      '_bn1.bias',
      '_fc.weight',
      '_fc.bias',
    ])
      expect(keys).toContain(key);
    expect(keys).not.toContain('_blocks.0._expand_conv.weight');
    net.dispose();
  });

  it('gives features and logits, also for odd sizes, without leaking', () => {
    const net = new EfficientNet('b0', { numClasses: 3 }).eval();
    const before = liveTensors();
    tidy(() =>
      noGrad(() => {
        const x = randn([2, 3, 97, 65]);
        expect(net.extractFeatures(x).shape).toEqual([2, 1280, 4, 3]); // ⌈97/32⌉, ⌈65/32⌉
        expect(net.forward(x).shape).toEqual([2, 3]);
      }),
    );
    expect(liveTensors()).toBe(before);
    net.dispose();
  });

  it('pads for a fixed image size where told to', () => {
    const make = (imageSize?: number) => {
      manualSeed(1);
      return new EfficientNet('b1', { numClasses: 2, imageSize }).eval();
    };
    // 240 px is odd (15) at the last halving but one, 128 px never is: only then do the two paddings differ.
    const [dynamic, native, at128] = [make(), make(240), make(128)];
    tidy(() =>
      noGrad(() => {
        const x = randn([1, 3, 128, 128]);
        const y = dynamic.forward(x);
        expect(aten.allclose(y, at128.forward(x))).toBe(true);
        expect(aten.allclose(y, native.forward(x))).toBe(false);
        const large = randn([1, 3, 240, 240]);
        expect(aten.allclose(dynamic.forward(large), native.forward(large))).toBe(true);
      }),
    );
    for (const net of [dynamic, native, at128]) net.dispose();
  });

  it('has the head of the original system on request', () => {
    const net = new EfficientNet('b0', { numClasses: 1, head: 'normalised', dropout: 0.3 });
    expect(Object.keys(net.stateDict())).toContain('_head_bn.running_var');
    tidy(() => expect(noGrad(() => net.forward(randn([2, 3, 32, 32]))).shape).toEqual([2, 1]));
    net.dispose();
  });

  it('drops whole samples and keeps the expectation', () => {
    manualSeed(0);
    tidy(() => {
      const y = ones([4000, 2, 1, 1]).mul(dropConnect(ones([4000, 2, 1, 1]), 0.25));
      const values = Array.from(y.toArray() as Float32Array);
      const kept = values.filter((v) => v !== 0);
      for (const v of kept) expect(v).toBeCloseTo(1 / 0.75, 6);
      for (let i = 0; i < values.length; i += 2) expect(values[i]).toBe(values[i + 1]);
      expect(Math.abs(y.mean().item() - 1)).toBeLessThan(0.03); // 3.3 standard errors
    });
  });

  it('freezes blocks but not their batch norms', () => {
    const net = new EfficientNet('b0', { numClasses: 1 });
    freezeBlocks(net, 10);
    tidy(() => backward(F.binaryCrossEntropyWithLogits(net.forward(randn([2, 3, 32, 32])), ones([2, 1]))));
    tidy(() => {
      for (const [key, p] of Object.entries(net.namedParameters())) {
        const block = key.match(/^_blocks\.(\d+)\./)?.[1];
        const frozen = key === '_conv_stem.weight' || (block && Number(block) < 10 && !key.includes('_bn'));
        expect(p.grad === null, key).toBe(Boolean(frozen));
      }
    });
    expect(() => freezeBlocks(net, 17)).toThrow(ConfigError);
    net.dispose();
  });

  it('pads on every side alike where told to', () => {
    const net = new EfficientNet('b0', { numClasses: 2 }).eval();
    tidy(() =>
      noGrad(() => {
        const x = randn([1, 3, 64, 64]);
        const same = net.forward(x);
        const stem = net.setConventions({ padding: 'symmetric' }).convStem.forward(x);
        expect(aten.allclose(stem, F.conv2d(x, net.convStem.weight, { stride: 2, padding: 1 }))).toBe(true);
        expect(aten.allclose(net.forward(x), same)).toBe(false);
        expect(aten.equal(net.setConventions({ padding: 'same' }).forward(x), same)).toBe(true);
      }),
    );
    net.dispose();
  });

  it('freezes blocks of V2-S, too', () => {
    const net = new EfficientNet('v2-s', { numClasses: 1 });
    freezeBlocks(net, 40);
    const trainable = Object.entries(net.namedParameters()).filter(([, p]) => p.requiresGrad);
    for (const [key] of trainable) expect(key).toMatch(/bn\d\.|^conv_head|^classifier/);
    expect(trainable.filter(([key]) => key.includes('conv'))).toHaveLength(1);
    net.dispose();
  });

  it('refuses impossible options', () => {
    expect(() => new EfficientNet('b8')).toThrow(ConfigError);
    expect(() => new EfficientNet('b0', { numClasses: 0 })).toThrow(ConfigError);
  });
});

describe('loading weights', () => {
  const stored = (
    net: EfficientNet,
    name: string,
    change: (d: Record<string, Tensor>) => void = () => {},
  ) => {
    const path = join(folder, name);
    const dict = net.stateDict();
    change(dict);
    saveSafetensors(path, dict);
    return path;
  };

  it('takes everything for the same classes, all but the head for others', () => {
    const source = new EfficientNet('b0', { numClasses: 5 });
    const path = stored(source, 'five.safetensors');
    const same = new EfficientNet('b0', { numClasses: 5 });
    expect(loadNetworkWeights(same, path)).toEqual({
      loaded: 360,
      headReplaced: false,
      folded: false,
      skipped: [],
      naming: 'lukemelas',
      sidesPx: [224],
    });
    const binary = new EfficientNet('b0', { numClasses: 1 });
    const fresh = tidy(() => binary.classifier.weight.clone());
    expect(loadNetworkWeights(binary, path)).toEqual({
      loaded: 358,
      headReplaced: true,
      folded: false,
      skipped: ['_fc.weight', '_fc.bias'],
      naming: 'lukemelas',
      sidesPx: [224],
    });
    expect(aten.equal(binary.classifier.weight, fresh)).toBe(true);
    const pth = join(folder, 'five.pth'); // as `torch.save` writes it
    savePth(pth, source.stateDict());
    expect(loadNetworkWeights(same, pth)).toEqual({
      loaded: 360,
      headReplaced: false,
      folded: false,
      skipped: [],
      naming: 'lukemelas',
      sidesPx: [224],
    });
    const from = source.stateDict();
    for (const [key, value] of Object.entries(same.stateDict())) {
      expect(aten.equal(value, from[key]!), key).toBe(true);
    }
    expect(aten.equal(binary.convHead.weight, source.convHead.weight)).toBe(true);
    const headed = new EfficientNet('b0', { numClasses: 5, head: 'normalised' });
    expect(loadNetworkWeights(headed, path).headReplaced).toBe(true);
    fresh.dispose();
    for (const net of [source, same, binary, headed]) net.dispose();
  });

  it("names what does not fit as the file calls it, and sets the file's conventions", () => {
    const net = new EfficientNet('v2-s', { numClasses: 2 });
    const headed = new EfficientNet('v2-s', { numClasses: 2, head: 'normalised' });
    const { spec } = VARIANTS['v2-s'];
    const toTorchvision = keyTranslation(spec, { from: 'timm', to: 'torchvision' });
    const state = Object.entries(net.stateDict()).map(([key, value]) => [toTorchvision(key), value] as const);
    const all = join(folder, 'v2.pth');
    savePth(all, Object.fromEntries(state));
    expect(loadNetworkWeights(headed, all)).toMatchObject({ naming: 'torchvision', headReplaced: true });
    expect(headed.conventions).toEqual({
      padding: 'symmetric',
      batchNormEps: 1e-3,
      inputStatistics: 'imagenet',
    });
    expect(aten.equal(headed.convHead.weight, net.convHead.weight)).toBe(true);
    expect(headed.blocks[1]!.namedModules().map(([name]) => name)).toEqual(['', 'conv', 'bn1']);

    const few = join(folder, 'few.pth');
    savePth(few, Object.fromEntries(state.filter(([key]) => key !== 'features.1.0.block.0.0.weight')));
    const before = net.conventions;
    expect(() => loadNetworkWeights(net, few)).toThrow(
      /few\.pth does not hold weights of EfficientNetV2-S: missing features\.1\.0\.block\.0\.0\.weight$/,
    );
    expect(net.conventions).toBe(before);

    // timm's keys are the network's own here; its conventions have to be known or told.
    const unnamed = stored(net, 'model.safetensors');
    expect(() => loadNetworkWeights(net, unnamed)).toThrow(ConfigError);
    expect(() => loadNetworkWeights(net, unnamed)).toThrow(/padding=same batchNormEps=0\.001/);
    const told = { padding: 'same', batchNormEps: 0.5 } as const;
    loadNetworkWeights(net, unnamed, { conventions: told });
    expect(net.conventions).toEqual({ ...told, inputStatistics: 'imagenet' });
    expect(net.bn1.eps).toBe(0.5);
    expect(net.convStem.padding).toBe('same');
    const own = join(folder, 'own.safetensors');
    const conventions = { padding: 'symmetric', batchNormEps: 0.25, inputStatistics: 'half' } as const;
    saveSafetensors(own, net.stateDict(), encodeConventions(conventions));
    loadNetworkWeights(headed, own);
    expect(headed.conventions).toEqual(conventions);
    expect(headed.headBn!.eps).toBe(1e-5);

    const other = join(folder, 'other.pth');
    savePth(other, { 'layer1.0.conv1.weight': net.bn1.bias! });
    expect(() => loadNetworkWeights(net, other)).toThrow(/no key is .*; it has layer1\.0\.conv1\.weight$/);
    net.dispose();
    headed.dispose();
  });

  it('names what does not fit', () => {
    const source = new EfficientNet('b0', { numClasses: 2 });
    const extra = zeros([1]);
    const bad = stored(source, 'bad.safetensors', (dict) => {
      delete dict['_bn0.weight'];
      delete dict['_bn0.num_batches_tracked']; // older files lack it: allowed
      dict['_bn9.weight'] = extra;
      dict['_conv_stem.weight'] = extra;
    });
    const net = new EfficientNet('b0', { numClasses: 2 });
    const kept = tidy(() => net.convHead.weight.clone());
    const attempt = () => loadNetworkWeights(net, bad);
    expect(attempt).toThrow(DataError);
    expect(attempt).toThrow(
      /missing _bn0\.weight; unexpected _bn9\.weight; mis-shaped _conv_stem\.weight \[1\] for \[32,3,3,3\]/,
    );
    expect(aten.equal(net.convHead.weight, kept)).toBe(true); // nothing was half-loaded
    expect(() => loadNetworkWeights(net, stored(new EfficientNet('b1'), 'b1.safetensors'))).toThrow(
      /EfficientNet-B0.*more/,
    );
    expect(() => loadNetworkWeights(net, join(folder, 'none.safetensors'))).toThrow(ConfigError);
    writeFileSync(join(folder, 'weights.bin'), '');
    expect(() => loadNetworkWeights(net, join(folder, 'weights.bin'))).toThrow(/safetensors/);
    extra.dispose();
    kept.dispose();
    source.dispose();
    net.dispose();
  });
});
