/**
 * AC-GAN, SNGAN-ResNet, projection, self-attention and conditional batch norm against `conditional.py`: plain PyTorch
 * in the order of the papers. Ours convolves and resamples at once, so the bits differ; the values must not.
 */

import { backward, liveTensors, noGrad, setThreads, type Tensor, threads, tidy } from 'graft-torch';
import { ConditionalBatchNorm2d, type Module } from 'graft-torch/nn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AcganDiscriminator,
  AcganGenerator,
  type DiscriminatorNetwork,
  type GeneratorNetwork,
  ResnetDiscriminator,
  ResnetGenerator,
  type ResnetSize,
  SelfAttention,
} from '../../src/models/index.js';
import { Computed, committed, type Float, fill, fillModule, integers } from './goldens.js';

const BATCH = 4;
const LATENT = 8;
const CLASSES = 3;
const FEATURES = 8;

/** Outputs in training, gradients, buffers thereafter, outputs in evaluation: `record` of the script. */
function record(
  out: Computed,
  name: string,
  net: Module,
  x: Tensor,
  call: (x: Tensor) => Tensor[],
  gradients = true,
): void {
  const dtype = x.dtype as Float;
  tidy(() => {
    fillModule(net, `${name}.`, dtype);
    x.requiresGrad_();
    const outs = call(x);
    const ups = outs.map((y, i) => fill(`${name}.up${i}`, y.shape, dtype));
    backward(outs, { gradients: ups });
    for (const [i, y] of outs.entries()) out.add(`${name}.train.out${i}`, y);
    out.add(`${name}.grad.x`, x.grad!);
    if (gradients) {
      out.addGradients(`${name}.grad.`, net);
      for (const [key, value] of Object.entries(net.namedBuffers())) {
        if (value.dtype === dtype) out.add(`${name}.after.${key}`, value);
      }
    }
    net.eval();
    for (const [i, y] of noGrad(() => call(x)).entries()) out.add(`${name}.eval.out${i}`, y);
  });
  net.dispose();
}

function conditional(dtype: Float): Computed {
  const out = new Computed();
  const labels = () => integers('labels', [BATCH], CLASSES);
  type Options = { strength?: number; gradients?: boolean };
  const generator = (name: string, net: GeneratorNetwork, options: Options = {}): void => {
    net.conditioningStrength = options.strength ?? 1;
    const z = fill(`${name}.z`, [BATCH, LATENT], dtype, 2);
    record(out, name, net, z, (z) => [net.forward(z, labels())], options.gradients);
  };
  const discriminator = (name: string, net: DiscriminatorNetwork, size = 64, options: Options = {}): void => {
    net.conditioningStrength = options.strength ?? 1;
    const judge = (x: Tensor): Tensor[] => {
      const { logits, classLogits } = net.judge(x, labels());
      return classLogits ? [logits, classLogits] : [logits];
    };
    record(out, name, net, fill(`${name}.x`, [BATCH, 3, size, size], dtype), judge, options.gradients);
  };
  const faded = { strength: 0.25, gradients: false };
  const brief = { gradients: false };

  tidy(() => {
    for (const labelInput of ['multiply', 'one-hot'] as const) {
      const name = labelInput === 'one-hot' ? 'acgan.G.oneHot' : 'acgan.G';
      const make = () => new AcganGenerator({ size: 32, latent: LATENT, classCount: CLASSES, labelInput });
      generator(name, make());
      generator(`${name}.faded`, make(), faded);
    }
    discriminator('acgan.D', new AcganDiscriminator({ size: 32, classCount: CLASSES, dropout: 0 }), 32);

    const resnet = { size: 64, latent: LATENT, features: FEATURES } as const;
    const sagan = { ...resnet, classCount: CLASSES, attention: 32, spectralNorm: true };
    generator('resnet.G', new ResnetGenerator(resnet));
    discriminator('resnet.D', new ResnetDiscriminator(resnet));
    generator('sagan.G', new ResnetGenerator(sagan));
    generator('sagan.G.faded', new ResnetGenerator(sagan), faded);
    discriminator('sagan.D', new ResnetDiscriminator(sagan));
    discriminator('sagan.D.faded', new ResnetDiscriminator(sagan), 64, faded);
    for (const size of [128, 256] satisfies ResnetSize[]) {
      generator(`resnet${size}.G`, new ResnetGenerator({ size, latent: LATENT, features: 1 }), brief);
      discriminator(`resnet${size}.D`, new ResnetDiscriminator({ size, features: 1 }), size, brief);
    }

    const attention = new SelfAttention(16);
    record(out, 'attention', attention, fill('attention.x', [2, 16, 6, 10], dtype), (x) => [
      attention.forward(x),
    ]);
    for (const [name, strength] of [['norm', 1] as const, ['norm.faded', 0.25] as const]) {
      const norm = new ConditionalBatchNorm2d(5, CLASSES);
      const x = fill(`${name}.x`, [BATCH, 5, 4, 6], dtype, 4);
      record(out, name, norm, x, (x) => [norm.forward(x, { labels: labels(), strength })]);
    }
  });
  return out;
}

/** No batch norm lets a generator's biases ahead of it through: no gradient but rounding, which float32 shows. */
const isRounding = (key: string) => /\.G.*\.grad\.(block\d\.c\w+|conv_blocks\.[26])\.bias$/.test(key);

describe('networks with classes, attention and residual blocks', () => {
  let before = 1;
  beforeAll(() => {
    before = threads();
    setThreads(1);
  });
  afterAll(() => setThreads(before));

  const check = (dtype: Float, tolerance: (key: string) => number, only?: (key: string) => boolean): void => {
    const live = liveTensors();
    const { compared, worst } = conditional(dtype).check(committed('conditional', dtype), tolerance, only);
    console.log(`conditional, ${dtype}: ${compared} tensors, worst ${worst.toExponential(1)}`);
    expect(compared).toBeGreaterThan(400);
    expect(liveTensors()).toBe(live);
  };

  it('agree with PyTorch in float64', () => check('float64', () => 1e-9));

  it('agree with PyTorch in float32', () => {
    // Where a rectifier's input is itself rounding, one side may let a gradient through and the other not.
    const tolerance = (key: string) => (key.includes('.grad.') ? 1e-3 : 1e-5);
    check('float32', tolerance, (key) => !isRounding(key));
  });
});
