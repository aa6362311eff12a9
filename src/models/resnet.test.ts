import {
  aten,
  backward,
  liveTensors,
  manualSeed,
  noGrad,
  ones,
  randn,
  type Tensor,
  tidy,
  zeros,
} from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { BatchNorm2d, Conv2d, F } from 'graft-torch/nn';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freezeBlocks } from './image-network.js';
import { networkEntry } from './networks.js';
import { foldedNorm } from './residual-network.js';
import { ResNet, ResNetBlock } from './resnet.js';
import { applyNetworkWeights } from './weights.js';

let live = 0;
beforeEach(() => {
  manualSeed(0);
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

/** Largest difference, as a share of the largest value. */
const difference = (found: Tensor, wanted: Tensor): number =>
  tidy(() => {
    const [a, b] = [found, wanted].map((value) => value.detach().to({ dtype: 'float64' })) as [
      Tensor,
      Tensor,
    ];
    return a.sub(b).abs().amax().item() / b.abs().amax().item();
  });

/** Batch norms as training leaves them: no zeros and ones. */
const randomiseNorms = (module: { modules(): Iterable<object> }): void =>
  noGrad(() => {
    for (const norm of module.modules()) {
      if (!(norm instanceof BatchNorm2d)) continue;
      aten.uniform_(norm.weight!, 0.5, 1.5);
      aten.normal_(norm.bias!, 0, 0.3);
      aten.normal_(norm.runningMean, 0, 0.3);
      aten.uniform_(norm.runningVar, 0.5, 2);
    }
  });

describe('ResNet', () => {
  // torchvision's own counts, of 1,000 classes: `num_params` of its weights.
  it.each([
    [18, 11_689_512, 512, 8],
    [34, 21_797_672, 512, 16],
    [50, 25_557_032, 2048, 16],
  ] as const)('%i has as many weights as torchvision’s', (depth, count, features, blocks) => {
    const network = new ResNet(depth);
    expect(network.parameterCount).toBe(count);
    expect(network).toMatchObject({ features, numClasses: 1000, name: `resnet-${depth}` });
    expect(network.blocks).toHaveLength(blocks);
    expect(network.blockStages).toHaveLength(blocks);
    network.dispose();
  });

  it('gives features and logits, also for odd sides and other channels', () => {
    const network = new ResNet(18, { numClasses: 3, inChannels: 1 }).eval();
    tidy(() =>
      noGrad(() => {
        const x = randn([2, 1, 65, 40]);
        expect(network.extractFeatures(x).shape).toEqual([2, 512, 3, 2]);
        expect(network.embed(x).shape).toEqual([2, 512]);
        expect(network.forward(x).shape).toEqual([2, 3]);
      }),
    );
    network.dispose();
    expect(() => new ResNet(18, { numClasses: 0 })).toThrow(ConfigError);
  });

  it('begins as torchvision’s: convolutions N(0, 2 / fan-out), norms 1 and 0', () => {
    const network = new ResNet(50, { numClasses: 2 });
    tidy(() => {
      for (const [key, value] of Object.entries(network.namedParameters())) {
        if (value.shape.length !== 4) continue;
        const [out, , height, width] = value.shape as [number, number, number, number];
        const share = value.square().mean().item() / (2 / (out * height * width));
        // Six standard errors of a mean of squares.
        expect(Math.abs(share - 1), key).toBeLessThan(6 * Math.sqrt(2 / value.numel));
      }
      const { 'layer4.2.bn3.weight': weight, 'layer4.2.bn3.bias': bias } = network.namedParameters();
      expect(aten.equal(weight!, ones([2048])) && aten.equal(bias!, zeros([2048]))).toBe(true);
    });
    network.dispose();
  });

  it('freezes the stem and blocks with what brings their input to shape, but no batch norm', () => {
    const network = new ResNet(18, { numClasses: 1 });
    freezeBlocks(network, 3); // layer1, and the first block of layer2
    for (const [key, { requiresGrad }] of Object.entries(network.namedParameters())) {
      const isNorm = /bn\d\.|downsample\.1\./.test(key);
      const isBelow = /^(conv1|layer1|layer2\.0)\./.test(key);
      expect(requiresGrad, key).toBe(isNorm || !isBelow);
    }
    network.dispose();
  });

  it('drops the branches of whole samples in training: more of them the deeper they are', () => {
    const network = new ResNet(18, { dropConnect: 0.7 });
    const dropped = network.blocks.map((block) => {
      const { layers } = block;
      if (block.downsample) return -1;
      return tidy(() =>
        noGrad(() => {
          // A branch that adds 1 to an input of 0 wherever it is not dropped: then 1 / (1 − rate).
          const { norm } = layers.at(-1)!;
          norm.weight!.fill_(0);
          norm.bias!.fill_(1);
          const channels = layers[0]!.conv.weight.shape[1]!;
          const y = block.forward(zeros([600, channels, 1, 1])).mean([1, 2, 3]);
          const values = Array.from(y.toArray() as Float32Array);
          const kept = values.filter((value) => value !== 0);
          for (const value of kept) expect(value).toBeCloseTo(values.length / kept.length, 0);
          return 1 - kept.length / values.length;
        }),
      );
    });
    const shares = [0, 0.1, -1, 0.3, -1, 0.5, -1, 0.7];
    // Four standard errors of a share of 600.
    dropped.forEach((share, i) => {
      expect(Math.abs(share - shares[i]!), `block ${i}`).toBeLessThan(0.08);
    });
    network.dispose();
  });

  it('trains in float32 by the fused branch with the gradients of float64', () => {
    const block = new ResNetBlock({ inFilters: 32, width: 16, stride: 2, bottleneck: true, dropRate: 0 });
    randomiseNorms(block);
    tidy(() => {
      const x = randn([4, 32, 9, 7]).contiguous('channelsLast');
      const gradients = (dtype: 'float32' | 'float64'): Record<string, Tensor> => {
        block.to({ dtype, memoryFormat: 'channelsLast' }).zeroGrad();
        const input = x.clone().to({ dtype }).requiresGrad_();
        const y = block.forward(input);
        backward(y.square().sum());
        const found = Object.entries(block.namedParameters()).map(([key, p]) => [key, p.grad!.clone()]);
        return { ...Object.fromEntries(found), input: input.grad!, output: y };
      };
      const [single, double] = [gradients('float32'), gradients('float64')];
      for (const [key, wanted] of Object.entries(double))
        expect(difference(single[key]!, wanted), key).toBeLessThan(1e-4);
    });
    block.dispose();
  });
});

describe('foldedNorm', () => {
  it('in evaluation is one convolution where that pays: the same values and gradients as its parts', () => {
    const cases = [
      { conv: new Conv2d(4, 8, 3, { stride: 2, padding: 1, bias: false }), side: 9 }, // folded
      { conv: new Conv2d(64, 8, 3, { padding: 1, bias: false }), side: 2 }, // by parts
    ];
    for (const { conv, side } of cases) {
      const norm = new BatchNorm2d(8).eval();
      randomiseNorms(norm);
      for (const module of [conv, norm]) module.to({ dtype: 'float64' });
      tidy(() => {
        const x = randn([3, conv.weight.shape[1]!, side, side], { dtype: 'float64' }).requiresGrad_();
        const run = (forward: () => Tensor): Tensor[] => {
          for (const module of [conv, norm]) module.zeroGrad();
          x.grad = null;
          const y = forward();
          backward(y.square().sum());
          return [y, ...[x, conv.weight, norm.weight!, norm.bias!].map((value) => value.grad!.clone())];
        };
        const found = run(() => foldedNorm(conv, norm, x));
        const wanted = run(() => norm.forward(conv.forward(x)));
        found.forEach((value, i) => {
          expect(difference(value, wanted[i]!)).toBeLessThan(1e-13);
        });
      });
      for (const module of [conv, norm]) module.dispose();
    }
  });
});

describe('weights of a ResNet', () => {
  it('leave the last layer out for other classes, and name what does not fit', () => {
    const source = new ResNet(18, { numClasses: 7 });
    const network = new ResNet(18, { numClasses: 1 });
    const tensors = source.stateDict();
    const path = 'resnet18.a1_in1k/model.safetensors';
    expect(applyNetworkWeights(network, { path, tensors })).toMatchObject({
      naming: 'torchvision',
      headReplaced: true,
      skipped: ['fc.weight', 'fc.bias'],
      sidesPx: [224, 288],
    });
    tidy(() =>
      noGrad(() => {
        const x = randn([1, 3, 32, 32]);
        expect(difference(network.eval().embed(x), source.eval().embed(x))).toBe(0);
      }),
    );
    const other = new ResNet(34);
    expect(() => applyNetworkWeights(other, { path, tensors })).toThrow(DataError);
    expect(() => applyNetworkWeights(other, { path, tensors })).toThrow(
      /does not hold weights of ResNet-34: missing layer1\.2\.conv1\.weight/,
    );
    for (const one of [source, network, other]) one.dispose();
  });

  it('say by their name how they want their pixels', () => {
    const { conventionsOf } = networkEntry('resnet-34');
    const statistics = (path: string): unknown => conventionsOf('torchvision', path)?.inputStatistics;
    expect(statistics('/cache/timm/resnet34.ra4_e3600_r224_in1k/main/model.safetensors')).toBe('half');
    expect(statistics('resnet34_ra4.pth')).toBe('half');
    expect(statistics('/cache/timm/resnet34.a1_in1k/main/model.safetensors')).toBe('imagenet');
    expect(statistics('resnet34-b627a593.pth')).toBe('imagenet');
  });
});

it('binary training of a ResNet moves every weight', () => {
  const network = new ResNet(18, { numClasses: 1 });
  tidy(() => backward(F.binaryCrossEntropyWithLogits(network.forward(randn([4, 3, 32, 32])), ones([4, 1]))));
  tidy(() => {
    for (const [key, { grad }] of Object.entries(network.namedParameters()))
      expect(grad?.abs().amax().item(), key).toBeGreaterThan(0);
  });
  network.dispose();
});
