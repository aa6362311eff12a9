import { backward, liveTensors, manualSeed, noGrad, randn, type Tensor, tidy, zeros } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONVNEXT_LAYOUTS, ConvNeXt, ConvNeXtBlock } from './convnext.js';
import { convNeXtNamings } from './convnext-keys.js';
import { freezeBlocks } from './image-network.js';
import { detectNaming } from './naming.js';
import { applyNetworkWeights } from './weights.js';

let live = 0;
beforeEach(() => {
  manualSeed(0);
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

describe('ConvNeXt', () => {
  // torchvision's own counts, of 1,000 classes: `num_params` of its weights.
  it.each([
    ['tiny', 28_589_128, 18],
    ['small', 50_223_688, 36],
  ] as const)('%s has as many weights as torchvision’s', (size, count, blocks) => {
    const network = new ConvNeXt(size);
    expect(network.parameterCount).toBe(count);
    expect(network).toMatchObject({ features: 768, numClasses: 1000, name: `convnext-${size}` });
    expect(network.blocks).toHaveLength(blocks);
    expect(network.blockStages).toEqual([...network.blockStages].sort());
    network.dispose();
  });

  it('gives features and logits, also for odd sides and other channels', () => {
    const network = new ConvNeXt('tiny', { numClasses: 3, inChannels: 1 }).eval();
    tidy(() =>
      noGrad(() => {
        const x = randn([2, 1, 67, 33]);
        expect(network.extractFeatures(x).shape).toEqual([2, 768, 2, 1]);
        expect(network.embed(x).shape).toEqual([2, 768]);
        expect(network.forward(x).shape).toEqual([2, 3]);
      }),
    );
    network.dispose();
    expect(() => new ConvNeXt('tiny', { numClasses: 0.5 })).toThrow(ConfigError);
  });

  it('begins as the authors’: weights N(0, 0.02), biases 0, factors 1e-6', () => {
    const network = new ConvNeXt('tiny', { numClasses: 20 });
    tidy(() => {
      for (const [key, value] of Object.entries(network.namedParameters())) {
        const isNorm = /norm\.|stem\.1\.|downsample\.0\./.test(key);
        if (key.endsWith('gamma')) expect(value.sub(1e-6).abs().amax().item(), key).toBeLessThan(1e-12);
        else if (key.endsWith('bias')) expect(value.abs().amax().item(), key).toBe(0);
        else if (isNorm) expect(value.sub(1).abs().amax().item(), key).toBe(0);
        else {
          const share = value.square().mean().item() / 0.02 ** 2;
          // Six standard errors of a mean of squares.
          expect(Math.abs(share - 1), key).toBeLessThan(6 * Math.sqrt(2 / value.numel));
        }
      }
    });
    network.dispose();
  });

  it('freezes what halves the map with the block behind it', () => {
    const network = new ConvNeXt('tiny', { numClasses: 1 });
    freezeBlocks(network, 4); // the first stage, and the first block of the second
    for (const [key, { requiresGrad }] of Object.entries(network.namedParameters()))
      expect(requiresGrad, key).toBe(
        !/^(stem|stages\.0|stages\.1\.downsample|stages\.1\.blocks\.0)\./.test(key),
      );
    expect(network.parameters().some(({ requiresGrad }) => !requiresGrad)).toBe(true);
    network.dispose();
  });

  it('drops the branches of whole samples in training, and not in evaluation', () => {
    const block = new ConvNeXtBlock(8, 0.25);
    tidy(() =>
      noGrad(() => {
        // A branch that adds 1 wherever it is not dropped: then 1 / (1 − rate).
        block.gamma.fill_(1);
        block.project.weight.fill_(0);
        block.project.bias!.fill_(1);
        const values = Array.from(block.forward(zeros([2000, 8, 1, 1])).toArray() as Float32Array);
        const rows = values.filter((_, i) => i % 8 === 0);
        values.forEach((value, i) => {
          expect(value).toBe(rows[i >> 3]);
        });
        const kept = rows.filter((value) => value !== 0);
        for (const value of kept) expect(value).toBeCloseTo(1 / 0.75, 6);
        // Four standard errors of a share of 2000.
        expect(Math.abs(kept.length / rows.length - 0.75)).toBeLessThan(0.04);
        expect(
          block
            .eval()
            .forward(zeros([3, 8, 1, 1]))
            .sub(1)
            .abs()
            .amax()
            .item(),
        ).toBe(0);
      }),
    );
    block.dispose();
  });

  it('trains in float32 by the fast depthwise convolution with the gradients of float64', () => {
    const block = new ConvNeXtBlock(32, 0);
    tidy(() => {
      noGrad(() => block.gamma.fill_(0.5));
      const x = randn([4, 32, 9, 7]).contiguous('channelsLast');
      const gradients = (dtype: 'float32' | 'float64', mode: boolean): Record<string, Tensor> => {
        block.train(mode).to({ dtype, memoryFormat: 'channelsLast' }).zeroGrad();
        const input = x.clone().to({ dtype }).requiresGrad_();
        const y = block.forward(input);
        backward(y.square().sum());
        const found = Object.entries(block.namedParameters()).map(([key, p]) => [key, p.grad!.clone()]);
        return { ...Object.fromEntries(found), input: input.grad!, output: y };
      };
      const wanted = gradients('float64', true);
      for (const mode of [true, false]) {
        const single = gradients('float32', mode);
        for (const [key, value] of Object.entries(wanted)) {
          const scale = value.abs().amax().item();
          const error = single[key]!.to({ dtype: 'float64' }).sub(value).abs().amax().item();
          expect(error / scale, `${key}, training: ${mode}`).toBeLessThan(1e-4);
        }
      }
    });
    block.dispose();
  });
});

describe('names of a ConvNeXt', () => {
  const namings = convNeXtNamings(CONVNEXT_LAYOUTS.tiny);

  // Keys copied from the three libraries' own state dicts.
  it.each([
    ['stem.1.bias', 'features.0.1.bias', 'downsample_layers.0.1.bias'],
    ['stages.0.blocks.2.gamma', 'features.1.2.layer_scale', 'stages.0.2.gamma'],
    ['stages.1.downsample.1.weight', 'features.2.1.weight', 'downsample_layers.1.1.weight'],
    ['stages.3.blocks.0.conv_dw.weight', 'features.7.0.block.0.weight', 'stages.3.0.dwconv.weight'],
    ['stages.2.blocks.8.norm.bias', 'features.5.8.block.2.bias', 'stages.2.8.norm.bias'],
    ['stages.2.blocks.8.mlp.fc1.weight', 'features.5.8.block.3.weight', 'stages.2.8.pwconv1.weight'],
    ['stages.2.blocks.8.mlp.fc2.weight', 'features.5.8.block.5.weight', 'stages.2.8.pwconv2.weight'],
    ['head.norm.weight', 'classifier.0.weight', 'norm.weight'],
    ['head.fc.bias', 'classifier.2.bias', 'head.bias'],
  ])('%s is %s and %s', (...names) => {
    namings.forEach((naming, i) => {
      expect(naming.toOwn(names[i]!)).toBe(names[0]);
      expect(naming.toFile(names[0])).toBe(names[i]);
      expect(naming.knows(names[i]!)).toBe(true);
      expect(detectNaming(namings, [names[i]!, 'other'])?.name).toBe(naming.name);
    });
  });

  it('cover every weight, and leave alone what is none', () => {
    const network = new ConvNeXt('tiny');
    for (const naming of namings) {
      const keys = Object.keys(network.stateDict());
      for (const key of keys) expect(naming.toOwn(naming.toFile(key))).toBe(key);
      expect(new Set(keys.map(naming.toFile)).size).toBe(keys.length);
      expect(naming.knows('stages.4.blocks.0.gamma')).toBe(false);
      expect(naming.toOwn('mask_token')).toBe('mask_token');
    }
    network.dispose();
  });

  it('name what does not fit as the file calls it; other classes leave the last layer out', () => {
    const network = new ConvNeXt('tiny', { numClasses: 2 });
    const facebook = namings.find(({ name }) => name === 'facebook')!;
    tidy(() => {
      const tensors = Object.fromEntries(
        Object.entries(network.stateDict()).map(([key, value]) => [facebook.toFile(key), value]),
      );
      const path = 'convnext_tiny_22k_224.pth';
      const large = { ...tensors, 'head.weight': zeros([21841, 768]), 'head.bias': zeros([21841]) };
      expect(applyNetworkWeights(network, { path, tensors: large })).toMatchObject({
        naming: 'facebook',
        headReplaced: true,
        skipped: ['head.weight', 'head.bias'],
        sidesPx: [224, 288, 384],
      });
      const { 'stages.1.2.pwconv1.bias': _, ...rest } = tensors;
      const wrong = { ...rest, 'stages.0.0.gamma': zeros([95]) };
      const apply = () => applyNetworkWeights(network, { path, tensors: wrong });
      expect(apply).toThrow(DataError);
      expect(apply).toThrow(
        /of ConvNeXt-Tiny: missing stages\.1\.2\.pwconv1\.bias; mis-shaped stages\.0\.0\.gamma \[95\] for \[96\]/,
      );
    });
    network.dispose();
  });
});
