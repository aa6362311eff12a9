import { aten, liveTensors, manualSeed, noGrad, randn, type Tensor, tensor, tidy } from 'graft-torch';
import { ConfigError, GraftError } from 'graft-torch/base';
import { F } from 'graft-torch/nn';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AcganDiscriminator, AcganGenerator, type LabelInput } from './acgan.js';

const labelsOf = (...values: number[]): Tensor => tensor(values, [values.length], { dtype: 'int64' });
const equal = (a: Tensor, b: Tensor): boolean => aten.equal(a, b);

let live = 0;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

describe('AC-GAN', () => {
  it.each([48, 128])('maps z and labels to %d px images and back to both heads', (size) => {
    const generator = new AcganGenerator({ size, latent: 6, classCount: 3, channels: 1 });
    const discriminator = new AcganDiscriminator({ size, classCount: 3, channels: 1 });
    tidy(() =>
      noGrad(() => {
        const images = generator.forward(randn([2, 6]), labelsOf(0, 2));
        expect(images.shape).toEqual([2, 1, size, size]);
        expect(images.abs().amax().item()).toBeLessThanOrEqual(1);
        const { logits, classLogits } = discriminator.judge(images);
        expect(logits.shape).toEqual([2]);
        expect(classLogits!.shape).toEqual([2, 3]);
      }),
    );
    generator.dispose();
    discriminator.dispose();
  });

  it('names its state as the PyTorch source does', () => {
    const generator = new AcganGenerator({ size: 64, latent: 6, classCount: 2 });
    const discriminator = new AcganDiscriminator({ size: 64, classCount: 2 });
    const weights = (keys: string[]) => keys.filter((key) => /\.weight(_orig)?$/.test(key));
    expect(weights(Object.keys(generator.stateDict()))).toEqual([
      'label_emb.weight',
      'l1.0.weight',
      ...[0, 2, 3, 6, 7, 9].map((i) => `conv_blocks.${i}.weight`),
    ]);
    expect(weights(Object.keys(discriminator.stateDict()))).toEqual([
      ...[
        '0.weight_orig',
        '3.weight_orig',
        '6.weight',
        '7.weight_orig',
        '10.weight',
        '11.weight_orig',
        '14.weight',
      ].map((key) => `conv_blocks.${key}`),
      'adv_layer.0.weight',
      'aux_layer.0.weight',
    ]);
    expect(discriminator.stages.map((stage) => stage.length)).toEqual([1, 2, 2, 2, 2]);
    const staged = discriminator.stages.flat().flatMap((layer) => layer.parameters());
    expect(staged.length).toBe(discriminator.parameters().length);
    const oneHot = new AcganGenerator({ size: 64, latent: 6, classCount: 2, labelInput: 'one-hot' });
    expect(Object.keys(oneHot.stateDict())).not.toContain('label_emb.weight');
    for (const net of [generator, discriminator, oneHot]) net.dispose();
  });

  it.each<LabelInput>(['multiply', 'one-hot'])('fades the class in: %s', (labelInput) => {
    const net = new AcganGenerator({ size: 64, latent: 9, classCount: 2, labelInput }).eval();
    tidy(() =>
      noGrad(() => {
        const z = randn([2, 9]);
        const draw = (strength: number, labels: Tensor | null): Tensor => {
          net.conditioningStrength = strength;
          return net.forward(z, labels);
        };
        const [none, some] = [labelsOf(0, 0), labelsOf(0, 1)];
        expect(equal(draw(0, none), draw(0, some))).toBe(true);
        expect(equal(draw(0, none), draw(0, null))).toBe(true);
        const [a, b] = [draw(1, none), draw(1, some)];
        const sample = (x: Tensor, i: number) => x.select(0, i);
        expect(equal(sample(a, 0), sample(b, 0))).toBe(true);
        expect(equal(sample(a, 1), sample(b, 1))).toBe(false);
        const half = draw(0.5, some);
        expect(equal(half, b) || equal(half, draw(0, some))).toBe(false);
        // Full strength is the published product, in every bit: the same image as z · e at no strength.
        if (labelInput === 'multiply') {
          const product = z.mul(F.embedding(some, net.stateDict()['label_emb.weight']!));
          net.conditioningStrength = 0;
          expect(equal(net.forward(product), b)).toBe(true);
        }
      }),
    );
    net.dispose();
  });

  it('drops a quarter of the maps in training, between activation and batch norm', () => {
    const make = (): AcganDiscriminator => {
      manualSeed(3);
      return new AcganDiscriminator({ size: 64, classCount: 2 });
    };
    const [net, twin] = [make(), make()];
    tidy(() =>
      noGrad(() => {
        const images = randn([8, 3, 64, 64]);
        manualSeed(4);
        const { logits, classLogits } = net.judge(images);
        manualSeed(4);
        let x = images;
        for (const [conv, norm] of twin.stages.slice(0, 4)) {
          const kept = F.dropout2d(F.leakyRelu(conv!.forward(x), 0.2), 0.25, true);
          x = norm ? norm.forward(kept) : kept;
        }
        const [adversarial, auxiliary] = twin.stages[4]!;
        expect(equal(adversarial!.forward(x.flatten(1)).flatten(), logits)).toBe(true);
        expect(equal(auxiliary!.forward(x.flatten(1)), classLogits!)).toBe(true);
        net.eval();
        expect(equal(net.judge(images).logits, net.judge(images).logits)).toBe(true);
      }),
    );
    net.dispose();
    twin.dispose();
  });

  it('starts from N(0, 0.02) convolutions and N(1, 0.02) batch norms', () => {
    manualSeed(2);
    const net = new AcganGenerator({ size: 64, latent: 6, classCount: 2 });
    const discriminator = new AcganDiscriminator({ size: 64, classCount: 2 });
    tidy(() => {
      const state = net.stateDict();
      const near = (t: Tensor, mean: number, error: number) => {
        expect(Math.abs(t.mean().item() - mean)).toBeLessThan(error);
        expect(Math.abs(Math.sqrt(t.var().item()) - 0.02)).toBeLessThan(error);
      };
      near(state['conv_blocks.2.weight']!, 0, 0.0003); // 147,456 values
      near(state['conv_blocks.3.weight']!, 1, 0.007); // 128
      expect(state['conv_blocks.3.bias']!.abs().sum().item()).toBe(0);
      expect(Math.sqrt(state['label_emb.weight']!.var().item())).toBeGreaterThan(0.4); // N(0, 1), 12 values
      near(discriminator.stateDict()['conv_blocks.11.weight_orig']!, 0, 0.0005); // 73,728
    });
    net.dispose();
    discriminator.dispose();
  });

  it('refuses what it cannot be', () => {
    expect(() => new AcganGenerator({ size: 72, classCount: 2 })).toThrow(ConfigError);
    expect(() => new AcganDiscriminator({ size: 64, classCount: 1 })).toThrow(/two classes/);
    expect(() => new AcganGenerator({ size: 64, classCount: 3, latent: 3 })).toThrow(/noise/);
    const net = new AcganGenerator({ size: 64, latent: 6, classCount: 2 });
    tidy(() => expect(() => net.forward(randn([2, 6]))).toThrow(GraftError));
    net.dispose();
  });
});
