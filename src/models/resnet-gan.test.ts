import {
  aten,
  backward,
  liveTensors,
  manualSeed,
  noGrad,
  randn,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { ConfigError, GraftError } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SelfAttention } from './attention.js';
import { RESNET_SIZES, ResnetDiscriminator, ResnetGenerator, type ResnetSize } from './resnet-gan.js';

const labelsOf = (...values: number[]): Tensor => tensor(values, [values.length], { dtype: 'int64' });
const small = { size: 64, features: 4, latent: 6, attention: 16 } as const;

let live = 0;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

describe('SNGAN-ResNet', () => {
  it.each(RESNET_SIZES)('maps z to %d px images and back to one logit each', (size: ResnetSize) => {
    const options = { size, features: 1, latent: 5, channels: 1 };
    const generator = new ResnetGenerator(options);
    const discriminator = new ResnetDiscriminator(options);
    tidy(() =>
      noGrad(() => {
        const images = generator.forward(randn([2, 5, 1, 1]));
        expect(images.shape).toEqual([2, 1, size, size]);
        expect(images.abs().amax().item()).toBeLessThanOrEqual(1);
        const { logits, classLogits } = discriminator.judge(images);
        expect(logits.shape).toEqual([2]);
        expect(classLogits).toBeNull();
      }),
    );
    generator.dispose();
    discriminator.dispose();
  });

  it('names its state as the sources do', () => {
    const generator = new ResnetGenerator({ ...small, attention: null });
    const discriminator = new ResnetDiscriminator({ ...small, attention: 32, features: 8, classCount: 2 });
    const g = Object.keys(generator.stateDict());
    for (const key of ['l1.weight', 'block2.c_sc.bias', 'block5.b2.running_var', 'b6.weight', 'c6.bias']) {
      expect(g).toContain(key);
    }
    const d = Object.keys(discriminator.stateDict());
    for (const key of ['block1.c_sc', 'block5.c1', 'attn_block.theta', 'l6', 'l_y']) {
      expect(d).toContain(`${key}.weight_orig`);
      expect(d).toContain(`${key}.weight_u`);
    }
    // Spectral norm on every layer, and no normalisation else.
    expect(d.filter((key) => /\.weight$|running/.test(key))).toEqual([]);
    const last = new ResnetDiscriminator({ size: 128, features: 1 });
    expect(Object.keys(last.stateDict())).not.toContain('block6.c_sc.weight_orig');
    expect(Object.keys(last.stateDict())).toContain('l7.weight_orig');
    for (const net of [generator, discriminator, last]) net.dispose();
  });

  it('has its stages from the image up, each parameter in one', () => {
    const net = new ResnetDiscriminator({ ...small, features: 8, classCount: 3 });
    expect(net.stages.map((stage) => stage.length)).toEqual([1, 2, 1, 1, 1, 2]); // attention after 64 → 32 → 16
    const parameters = net.stages.flat().flatMap((layer) => layer.parameters());
    expect(new Set(parameters).size).toBe(net.parameters().length);
    for (const layer of net.stages.slice(0, 2).flat()) layer.requiresGrad_(false);
    tidy(() => backward(net.forward(randn([2, 3, 64, 64]), labelsOf(0, 1)).sum()));
    tidy(() => {
      for (const [key, p] of Object.entries(net.namedParameters())) {
        expect(p.grad === null, key).toBe(/^block[12]\.|^attn/.test(key));
      }
    });
    net.dispose();
  });

  it('starts from Xavier-uniform weights and biases of zero', () => {
    manualSeed(1);
    const net = new ResnetGenerator({ size: 64, features: 8 });
    tidy(() => {
      const state = net.stateDict();
      const bounded = (key: string, bound: number): void => {
        const largest = state[key]!.abs().amax().item();
        expect(largest, key).toBeLessThanOrEqual(bound);
        expect(largest, key).toBeGreaterThan(0.98 * bound);
      };
      bounded('block2.c1.weight', Math.sqrt(2) * Math.sqrt(6 / (9 * (128 + 64))));
      bounded('block2.c_sc.weight', Math.sqrt(6 / (128 + 64)));
      bounded('l1.weight', Math.sqrt(6 / (128 + 128 * 16)));
      expect(state['block2.c1.bias']!.abs().sum().item()).toBe(0);
    });
    net.dispose();
  });

  it('is exactly unconditional at strength 0', () => {
    const conditional = { ...small, features: 8, classCount: 3, spectralNorm: true };
    const unconditional = { ...conditional, classCount: 0 };
    const generators = [new ResnetGenerator(conditional), new ResnetGenerator(unconditional)] as const;
    const critics = [new ResnetDiscriminator(conditional), new ResnetDiscriminator(unconditional)] as const;
    tidy(() =>
      noGrad(() => {
        for (const [net, plain] of [generators, critics] as const) {
          net.conditioningStrength = 0;
          // What classes add is not zero, and is not seen.
          for (const [key, p] of Object.entries(net.namedParameters())) {
            if (/gains|biases/.test(key)) aten.normal_(p);
          }
          const { missing } = plain.loadStateDict(net.stateDict(), { strict: false });
          expect(missing).toEqual([]);
        }
        const z = randn([3, 6]);
        const images = generators[0].forward(z, labelsOf(0, 1, 2));
        expect(aten.equal(images, generators[1].forward(z))).toBe(true);
        const logits = critics[0].forward(images, labelsOf(0, 1, 2));
        expect(aten.equal(logits, critics[1].forward(images))).toBe(true);
        for (const net of [generators[0], critics[0]]) net.conditioningStrength = 1;
        expect(aten.allclose(images, generators[0].forward(z, labelsOf(0, 1, 2)), 1e-2, 1e-2)).toBe(false);
        expect(aten.allclose(logits, critics[0].forward(images, labelsOf(0, 1, 2)), 1e-3, 1e-3)).toBe(false);
      }),
    );
    for (const net of [...generators, ...critics]) net.dispose();
  });

  it('projects: the logits of two classes differ by ⟨e₀ − e₁, φ⟩, in proportion to the strength', () => {
    const net = new ResnetDiscriminator({ ...small, attention: null, classCount: 2 }).eval();
    tidy(() =>
      noGrad(() => {
        const images = randn([4, 3, 64, 64]);
        const gap = (strength: number): Tensor => {
          net.conditioningStrength = strength;
          return net.forward(images, labelsOf(0, 0, 0, 0)).sub(net.forward(images, labelsOf(1, 1, 1, 1)));
        };
        const full = gap(1);
        expect(full.abs().amin().item()).toBeGreaterThan(0);
        expect(aten.allclose(gap(0.25), full.mul(0.25), 1e-3, 1e-5)).toBe(true);
      }),
    );
    net.dispose();
  });

  it('refuses what it cannot be', () => {
    expect(() => new ResnetGenerator({ size: 96 as ResnetSize })).toThrow(/64, 128, 256/);
    for (const attention of [4, 24, 64, 128]) {
      expect(() => new ResnetGenerator({ ...small, attention }), `${attention}`).toThrow(ConfigError);
      expect(() => new ResnetDiscriminator({ ...small, attention }), `${attention}`).toThrow(/8 to 32/);
    }
    expect(() => new ResnetDiscriminator({ ...small, attention: 32 })).toThrow(/8 channels/);
    const net = new ResnetGenerator({ ...small, attention: null, classCount: 2 });
    tidy(() => expect(() => net.forward(randn([2, 6]))).toThrow(GraftError));
    net.dispose();
  });
});

describe('self-attention', () => {
  it('is the identity at first, and γ learns', () => {
    const net = new SelfAttention(8);
    tidy(() => {
      const x = randn([2, 8, 4, 6]);
      const y = net.forward(x);
      expect(aten.equal(x, y)).toBe(true);
      backward(y.square().sum());
      const { gamma } = net.namedParameters();
      expect(gamma!.grad!.item()).not.toBe(0);
    });
    net.dispose();
  });
});
