import {
  aten,
  backward,
  liveTensors,
  manualSeed,
  randn,
  stack,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { BatchNorm2d, Conv2d, Linear, Sequential, spectralNorm } from 'graft-torch/nn';
import { describe, expect, it } from 'vitest';
import { gradientNorm, sampleDiversity, spectralNorms } from './monitor.js';

describe('gradient norm', () => {
  it('is that of all gradients together, and 0 without any', () => {
    const before = liveTensors();
    tidy(() => {
      const network = new Sequential(new Linear(3, 2), new Linear(2, 1, { bias: false }));
      expect(gradientNorm(network)).toBe(0);
      network.parameters().forEach((p, i) => {
        p.grad = tensor(
          Array.from({ length: p.numel }, () => i + 1),
          p.shape,
        );
      });
      // weight of 6 ones, bias of 2 twos, weight of 2 threes
      expect(gradientNorm(network)).toBeCloseTo(Math.sqrt(6 + 2 * 4 + 2 * 9), 6);
      network.parameters()[0]!.grad = null;
      expect(gradientNorm(network)).toBeCloseTo(Math.sqrt(2 * 4 + 2 * 9), 6);
      network.parameters()[1]!.grad = tensor([Number.NaN, 0]);
      expect(gradientNorm(network)).toBeNaN();
      network.zeroGrad();
      network.dispose();
    });
    expect(liveTensors()).toBe(before);
  });

  it('grows with the loss, as a gradient does', () => {
    tidy(() => {
      manualSeed(1);
      const network = new Linear(4, 1);
      const x = randn([5, 4]);
      backward(network.forward(x).sum());
      const once = gradientNorm(network);
      network.zeroGrad();
      backward(network.forward(x).sum().mul(3));
      expect(gradientNorm(network)).toBeCloseTo(3 * once, 4);
      network.zeroGrad();
      network.dispose();
    });
  });
});

describe('spectral norms', () => {
  it('are the largest singular values of the convolutions alone', () => {
    const before = liveTensors();
    tidy(() => {
      manualSeed(2);
      const [wide, tall] = [new Conv2d(3, 8, 4), new Conv2d(2, 40, 3)];
      const network = new Sequential(wide, tall, new Linear(5, 5), new BatchNorm2d(4));
      const expected = [wide, tall].map(({ weight }) =>
        aten
          .linalg_svdvals(weight.detach().reshape([weight.shape[0]!, -1]))
          .amax()
          .item(),
      );
      const { max, mean } = spectralNorms(network);
      expect(max).toBeCloseTo(Math.max(...expected), 4);
      expect(mean).toBeCloseTo((expected[0]! + expected[1]!) / 2, 4);
      tall.weight.detach().fill_(Number.NaN);
      expect(spectralNorms(network).max).toBeNaN();
      network.dispose();
    });
    expect(liveTensors()).toBe(before);
  });

  it('near 1 under spectral norm, whose state they do not move', () => {
    tidy(() => {
      manualSeed(3);
      const conv = spectralNorm(new Conv2d(4, 6, 3));
      const network = new Sequential(conv, new Sequential(new BatchNorm2d(6)));
      for (let i = 0; i < 30; i++) tidy(() => conv.forward(randn([1, 4, 5, 5])));
      network.layers[1]!.eval();
      const buffers = () =>
        Object.values(network.namedBuffers()).map((buffer) => Array.from(buffer.toArray() as Float32Array));
      const state = buffers();
      const { max } = spectralNorms(network);
      expect(max).toBeCloseTo(1, 3);
      expect(buffers()).toEqual(state);
      // Modes are as they were, each module's own.
      expect([...network.modules()].map(({ training }) => training)).toEqual([true, true, false, false]);
      network.dispose();
    });
  });
});

describe('sample diversity', () => {
  const noise = (n: number, seed: number): Tensor => {
    const random = new Random(seed);
    return tensor(
      Uint8Array.from({ length: n * 3 * 32 * 32 }, () => random.int(256)),
      [n, 3, 32, 32],
    );
  };

  it('is 1 with deviation 0 for one image, and near 0 for noise', () => {
    const before = liveTensors();
    tidy(() => {
      const one = noise(1, 1).expand([9, 3, 32, 32]);
      const same = sampleDiversity(one, new Random(1));
      expect(same.diversity).toBeCloseTo(1, 5);
      expect(same.std).toBeCloseTo(0, 6);
      const mark = liveTensors();
      const different = sampleDiversity(noise(80, 2), new Random(1));
      expect(liveTensors()).toBe(mark + 1); // the images
      expect(different.diversity).toBeLessThan(0.1);
      // Uniform bytes: 255 / √12 of 255.
      expect(different.std).toBeCloseTo(1 / Math.sqrt(12), 2);
    });
    expect(liveTensors()).toBe(before);
  });

  it('is the same for bytes and for the network’s range, and for the same seed', () => {
    tidy(() => {
      const bytes = noise(10, 3);
      const range = bytes.to({ dtype: 'float32' }).div(127.5).sub(1);
      const first = sampleDiversity(bytes, new Random(7));
      const second = sampleDiversity(range, new Random(7));
      expect(second.diversity).toBeCloseTo(first.diversity, 5);
      expect(second.std).toBeCloseTo(first.std, 5);
      expect(sampleDiversity(bytes, new Random(7))).toEqual(first);
    });
  });

  it('pairs no image with itself, nor uses one twice', () => {
    tidy(() => {
      // Three images, twice each: pairs of equals score 1, others about 0; with M = 6 there are three pairs.
      const images = noise(3, 4);
      const doubled = stack([images, images]).reshape([6, 3, 32, 32]);
      const scores = new Set<number>();
      for (let seed = 0; seed < 40; seed++) {
        scores.add(Math.round(3 * sampleDiversity(doubled, new Random(seed)).diversity));
      }
      // Two pairs of equals leave the third equal as well.
      expect([...scores].sort()).toEqual([0, 1, 3]);
    });
  });

  it('refuses a single image and tiny ones', () => {
    tidy(() => {
      expect(() => sampleDiversity(noise(1, 1), new Random(1))).toThrow(/two or more images/);
      expect(() => sampleDiversity(noise(4, 1).narrow(2, 0, 8), new Random(1))).toThrow(DataError);
    });
  });
});
