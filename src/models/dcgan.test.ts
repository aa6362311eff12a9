import { aten, liveTensors, manualSeed, noGrad, randn, type Tensor, tidy } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { DcganDiscriminator, DcganGenerator, type DcganSize } from './dcgan.js';

/** Convolution weights and two values a batch-norm channel, counted by hand from the layer list. */
function expectedCounts(size: number, latent: number, width: number, channels: number) {
  const widths: number[] = [];
  for (let w = width; w <= (width * size) / 8; w *= 2) widths.unshift(w);
  let generator = latent * widths[0]! * 16;
  let discriminator = channels * width * 16 + widths[0]! * 16;
  for (let i = 0; i + 1 < widths.length; i++) {
    generator += widths[i]! * widths[i + 1]! * 16;
    discriminator += widths[i]! * widths[i + 1]! * 16 + 2 * widths[i]!;
  }
  generator += width * channels * 16 + 2 * widths.reduce((a, b) => a + b);
  return { generator, discriminator };
}

describe('DCGAN', () => {
  it('has the parameters of the tutorial networks at 64 px', () => {
    const generator = new DcganGenerator({ size: 64 });
    const discriminator = new DcganDiscriminator({ size: 64 });
    // Figures of PyTorch's DCGAN tutorial networks (nz 100, ngf = ndf = 64).
    expect(generator.parameterCount).toBe(3_576_704);
    expect(discriminator.parameterCount).toBe(2_765_568);
    generator.dispose();
    discriminator.dispose();
  });

  it.each<DcganSize>([64, 128, 256])('maps z to %d px images and back to one logit each', (size) => {
    const before = liveTensors();
    const generator = new DcganGenerator({ size, latent: 7, features: 2, channels: 1 });
    const discriminator = new DcganDiscriminator({ size, features: 2, channels: 1 });
    const expected = expectedCounts(size, 7, 2, 1);
    expect(generator.parameterCount).toBe(expected.generator);
    expect(discriminator.parameterCount).toBe(expected.discriminator);
    tidy(() => {
      const images = generator.forward(randn([3, 7]));
      expect(images.shape).toEqual([3, 1, size, size]);
      expect(images.abs().amax().item()).toBeLessThanOrEqual(1);
      expect(discriminator.forward(images).shape).toEqual([3]);
    });
    generator.dispose();
    discriminator.dispose();
    expect(liveTensors()).toBe(before);
  });

  it('names its state as one sequential container', () => {
    const generator = new DcganGenerator({ size: 64, features: 2 });
    const discriminator = new DcganDiscriminator({ size: 64, features: 2 });
    const weights = (keys: string[]) => keys.filter((key) => key.endsWith('.weight'));
    const g = Object.keys(generator.stateDict());
    expect(weights(g)).toEqual([0, 1, 3, 4, 6, 7, 9, 10, 12].map((i) => `main.${i}.weight`));
    expect(g).toContain('main.1.running_mean');
    expect(g).toContain('main.1.num_batches_tracked');
    const d = Object.keys(discriminator.stateDict());
    expect(weights(d)).toEqual([0, 2, 3, 5, 6, 8, 9, 11].map((i) => `main.${i}.weight`));
    generator.dispose();
    discriminator.dispose();
  });

  it('puts spectral norm on every convolution of an SNGAN discriminator and keeps batch norm', () => {
    const net = new DcganDiscriminator({ size: 64, features: 4, spectralNorm: true });
    const keys = Object.keys(net.stateDict());
    for (const i of [0, 2, 5, 8, 11]) {
      for (const part of ['weight_orig', 'weight_u', 'weight_v']) expect(keys).toContain(`main.${i}.${part}`);
      expect(keys).not.toContain(`main.${i}.weight`);
    }
    expect(keys).toContain('main.3.running_var');
    net.dispose();
  });

  it('has no batch norm as a critic', () => {
    const net = new DcganDiscriminator({ size: 64, features: 2, norm: 'none' });
    expect(Object.keys(net.stateDict())).toEqual([0, 2, 4, 6, 8].map((i) => `main.${i}.weight`));
    net.dispose();
  });

  it('starts from N(0, 0.02) and N(1, 0.02), biases 0, the same for the same seed', () => {
    const draw = () => {
      manualSeed(3);
      return new DcganGenerator({ size: 64, latent: 64, features: 16 });
    };
    const [a, b] = [draw(), draw()];
    const stats = (t: Tensor) => tidy(() => [t.mean().item(), Math.sqrt(t.var().item())]);
    const state = a.stateDict();
    const [mean, std] = stats(state['main.0.weight']!) as [number, number]; // 131,072 values
    expect(Math.abs(mean)).toBeLessThan(0.0003);
    expect(Math.abs(std - 0.02)).toBeLessThan(0.0003);
    const [normMean, normStd] = stats(state['main.1.weight']!) as [number, number]; // 128 values
    expect(Math.abs(normMean - 1)).toBeLessThan(0.01);
    expect(Math.abs(normStd - 0.02)).toBeLessThan(0.006);
    expect(tidy(() => state['main.1.bias']!.abs().sum().item())).toBe(0);
    tidy(() => {
      for (const [key, value] of Object.entries(b.stateDict())) {
        expect(aten.equal(value, state[key]!), key).toBe(true);
      }
    });
    a.dispose();
    b.dispose();
  });

  it('refuses sizes it has no architecture for', () => {
    expect(() => new DcganGenerator({ size: 96 as DcganSize })).toThrow(ConfigError);
    expect(() => new DcganDiscriminator({ size: 32 as DcganSize })).toThrow(/64, 128, 256/);
  });

  it('moves u and v in training only', () => {
    const net = new DcganDiscriminator({ size: 64, features: 2, spectralNorm: true });
    const u = net.stateDict()['main.0.weight_u']!;
    const images = randn([2, 3, 64, 64]);
    const moved = (): boolean =>
      tidy(() => {
        const was = u.clone();
        noGrad(() => net.forward(images));
        return !aten.equal(was, u);
      });
    expect(moved()).toBe(true);
    net.eval();
    expect(moved()).toBe(false);
    images.dispose();
    net.dispose();
  });
});
