/**
 * The computations of the scripts in `test/goldens/torch/`, done by the engine: the same names, the same order.
 * One function a script; each returns what it computed, to be compared with a golden file.
 */

import { backward, full, grad, type MemoryFormat, noGrad, scalar, type Tensor, tidy } from 'graft-torch';
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  Embedding,
  F,
  Linear,
  type Module,
  spectralNorm,
  Upsample,
} from 'graft-torch/nn';
import { Adam, AdamW, type Optimizer, RMSprop, SGD } from 'graft-torch/optim';
import { hingeDiscriminator } from '../../src/generate/adversarial/objectives/hinge.js';
import { negativeMean, wassersteinCritic } from '../../src/generate/adversarial/objectives/wasserstein.js';
import { DcganDiscriminator, DcganGenerator } from '../../src/models/dcgan.js';
import { EfficientNet } from '../../src/models/efficientnet.js';
import { Computed, type Float, fill, fillModule, integers } from './goldens.js';

/** Output, gradient of the input, gradients of the parameters for a given upstream gradient. */
function record(
  out: Computed,
  name: string,
  x: Tensor,
  call: (x: Tensor) => Tensor,
  dtype: Float,
  module?: Module,
): void {
  tidy(() => {
    if (x.dtype === dtype) x.requiresGrad_();
    const y = call(x);
    out.add(`${name}.out`, y);
    backward(y, { gradients: [fill(`${name}.up`, y.shape, dtype)] });
    if (x.dtype === dtype) out.add(`${name}.grad.x`, x.grad!);
    if (module) out.addGradients(`${name}.grad.`, module);
  });
}

function convolutions(out: Computed, dtype: Float): void {
  const one = (name: string, conv: Module, size: number[]): void => {
    fillModule(conv, `${name}.`, dtype);
    record(out, name, fill(`${name}.x`, size, dtype), (x) => conv.forward(x), dtype, conv);
    conv.dispose();
  };
  one('conv.plain', new Conv2d(6, 8, 3, { padding: 1 }), [2, 6, 9, 11]);
  one('conv.dcgan', new Conv2d(8, 16, 4, { stride: 2, padding: 1, bias: false }), [3, 8, 16, 16]);
  one('conv.dilated', new Conv2d(4, 6, 3, { stride: 2, dilation: 2, padding: 2 }), [2, 4, 15, 15]);
  one('conv.groups', new Conv2d(8, 8, 5, { padding: 2, groups: 8, bias: false }), [2, 8, 10, 10]);
  one('conv.rect', new Conv2d(3, 4, [1, 5], { stride: [2, 1], padding: [0, 2] }), [2, 3, 9, 12]);

  const first = () => new ConvTranspose2d(16, 12, 4, { stride: 1, padding: 0, bias: false });
  const double = () => new ConvTranspose2d(12, 8, 4, { stride: 2, padding: 1, bias: false });
  const biased = () => new ConvTranspose2d(6, 4, 3, { stride: 2, padding: 1, outputPadding: 1 });
  const transposed: [string, () => ConvTranspose2d, number[]][] = [
    ['deconv.first', first, [3, 16, 1, 1]],
    ['deconv.double', double, [3, 12, 8, 8]],
    ['deconv.bias', biased, [2, 6, 7, 5]],
  ];
  for (const [name, make, size] of transposed) {
    const plain = fillModule(make(), `${name}.`, dtype);
    const reference = (x: Tensor) =>
      F.convTranspose2dPlain(x, plain.weight, { ...plain.options, bias: plain.bias });
    record(out, name, fill(`${name}.x`, size, dtype), reference, dtype, plain);
    plain.dispose();
    if (name === 'deconv.bias') continue;
    tidy(() => {
      const module = fillModule(make(), `${name}.`, dtype);
      const x = fill(`${name}.x`, size, dtype).requiresGrad_();
      const y = module.forward(x);
      out.add(`${name}.fast.out`, y);
      backward(y, { gradients: [fill(`${name}.up`, y.shape, dtype)] });
      out.add(`${name}.fast.grad.x`, x.grad!);
      out.add(`${name}.fast.grad.weight`, module.weight.grad!);
      module.dispose();
    });
  }
}

function otherLayers(out: Computed, dtype: Float): void {
  const linear = fillModule(new Linear(37, 11), 'linear.', dtype);
  record(out, 'linear', fill('linear.x', [5, 37], dtype), (x) => linear.forward(x), dtype, linear);

  const bn = fillModule(new BatchNorm2d(6, { eps: 1e-3, momentum: 0.15 }), 'bn.', dtype);
  record(out, 'bn.train', fill('bn.x', [4, 6, 5, 7], dtype), (x) => bn.forward(x), dtype, bn);
  out.add('bn.running_mean', bn.runningMean);
  out.add('bn.running_var', bn.runningVar);
  bn.eval().zeroGrad();
  record(out, 'bn.eval', fill('bn.x', [4, 6, 5, 7], dtype), (x) => bn.forward(x), dtype, bn);

  const embedding = fillModule(new Embedding(7, 5), 'embedding.', dtype);
  const index = integers('embedding.x', [6], 7);
  record(out, 'embedding', index, (x) => embedding.forward(x), dtype, embedding);
  for (const it of [linear, bn, embedding]) it.dispose();

  const calls: Record<string, (x: Tensor) => Tensor> = {
    'upsample.nearest': (x) => new Upsample({ scaleFactor: 2 }).forward(x),
    'upsample.bilinear': (x) => F.interpolate(x, [13, 17], { mode: 'bilinear' }),
    maxPool: (x) => F.maxPool2d(x, 3, { stride: 2, padding: 1 }),
    avgPool: (x) => F.avgPool2d(x, 2),
    adaptiveAvgPool: (x) => F.adaptiveAvgPool2d(x, [3, 4]),
    globalAvgPool: (x) => F.adaptiveAvgPool2d(x, 1),
    relu: F.relu,
    leakyRelu: (x) => F.leakyRelu(x, 0.2),
    silu: F.silu,
    sigmoid: F.sigmoid,
    tanh: F.tanh,
    softmax: (x) => F.softmax(x, 1),
    logSoftmax: (x) => F.logSoftmax(x, 1),
    pad: (x) => F.pad(x, [1, 2, 0, 3]),
  };
  for (const [name, call] of Object.entries(calls)) {
    record(out, name, fill(`${name}.x`, [2, 3, 8, 10], dtype, 4), call, dtype);
  }
}

function losses(out: Computed, dtype: Float): void {
  const soft = fill('loss.soft', [9], dtype, 0.5, 0.5);
  const half = (x: Tensor, start: number, length: number) => x.narrow(0, start, length);
  const calls: Record<string, (x: Tensor) => Tensor> = {
    'loss.bceLogits': (x) => F.binaryCrossEntropyWithLogits(x, soft),
    'loss.bceLogits.posWeight': (x) =>
      F.binaryCrossEntropyWithLogits(x, soft, { posWeight: scalar(3, { dtype }) }),
    'loss.bce': (x) => F.binaryCrossEntropy(F.sigmoid(x), soft),
    'loss.hinge': (x) => hingeDiscriminator(half(x, 0, 4), half(x, 4, 5)),
    'loss.hinge.generator': negativeMean,
    'loss.wasserstein': (x) => wassersteinCritic(half(x, 4, 5), half(x, 0, 4)),
  };
  for (const [name, call] of Object.entries(calls)) {
    record(out, name, fill('loss.x', [9], dtype, 4), call, dtype);
  }
  const classes = integers('loss.target', [9], 5);
  const weight = fill('loss.weight', [5], dtype, 0.5, 1);
  const scored: Record<string, (x: Tensor) => Tensor> = {
    'loss.ce': (x) => F.crossEntropy(x, classes),
    'loss.ce.weight': (x) => F.crossEntropy(x, classes, { weight }),
    'loss.ce.smooth': (x) => F.crossEntropy(x, classes, { labelSmoothing: 0.1 }),
  };
  for (const [name, call] of Object.entries(scored)) {
    record(out, name, fill('loss.scores', [9, 5], dtype, 4), call, dtype);
  }
}

function spectral(out: Computed, dtype: Float): void {
  const layers: [string, Conv2d | Linear, number[]][] = [
    ['sn.conv', new Conv2d(6, 10, 3, { padding: 1 }), [2, 6, 7, 7]],
    ['sn.linear', new Linear(12, 9), [4, 12]],
  ];
  for (const [name, plain, size] of layers) {
    const layer = fillModule(spectralNorm<Conv2d | Linear>(plain), `${name}.`, dtype);
    for (const call of ['first', 'second', 'eval']) {
      layer.train(call !== 'eval').zeroGrad();
      const x = fill(`${name}.x`, size, dtype);
      record(out, `${name}.${call}`, x, (t) => layer.forward(t), dtype, layer);
    }
    const state = layer.stateDict();
    out.add(`${name}.u`, state.weight_u!);
    out.add(`${name}.v`, state.weight_v!);
    layer.dispose();
  }
}

export function layers(dtype: Float): Computed {
  return tidy(() => {
    const out = new Computed();
    convolutions(out, dtype);
    otherLayers(out, dtype);
    losses(out, dtype);
    spectral(out, dtype);
    return out;
  });
}

export function optimisers(dtype: Float): Computed {
  const kinds: Record<string, (params: Tensor[]) => Optimizer> = {
    adam: (p) => new Adam(p, { lr: 0.01, betas: [0.5, 0.999] }),
    'adam.decay': (p) => new Adam(p, { lr: 0.01, betas: [0.9, 0.99], eps: 1e-6, weightDecay: 0.1 }),
    adamw: (p) => new AdamW(p, { lr: 0.01, weightDecay: 0.1 }),
    rmsprop: (p) => new RMSprop(p, { lr: 0.01 }),
    'rmsprop.alpha': (p) => new RMSprop(p, { lr: 0.01, alpha: 0.9, eps: 1e-6 }),
    sgd: (p) => new SGD(p, { lr: 0.1 }),
    'sgd.momentum': (p) => new SGD(p, { lr: 0.1, momentum: 0.9 }),
    'sgd.nesterov': (p) => new SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  };
  const shapes = [[16, 3, 3, 3], [33], [1]];
  return tidy(() => {
    const out = new Computed();
    for (const [name, make] of Object.entries(kinds)) {
      const params = shapes.map((shape, i) => fill(`p${i}`, shape, dtype).requiresGrad_());
      const optimiser = make(params);
      for (let step = 0; step < 6; step++) {
        for (const [i, p] of params.entries()) {
          p.grad = fill(`g${i}.${step}`, p.shape, dtype, 0.5).add(p.detach().mul(0.25));
        }
        optimiser.step();
      }
      for (const [i, p] of params.entries()) out.add(`${name}.p${i}`, p);
      optimiser.dispose();
    }
    return out;
  });
}

const LATENT = 32;
const WIDTH = 16;
const BATCH = 4;

/** The generator with libtorch's own transposed convolution instead of the fast path. */
class PlainGenerator extends DcganGenerator {
  override forward(z: Tensor): Tensor {
    const state = this.stateDict();
    const norms = new Map(this.namedModules());
    let x = z;
    for (let index = 0; ; index += 3) {
      const shape = index === 0 ? {} : { stride: 2, padding: 1 };
      x = F.convTranspose2dPlain(x, state[`main.${index}.weight`]!, shape);
      const norm = norms.get(`main.${index + 1}`);
      if (!norm) return F.tanh(x);
      x = F.relu(norm.forward(x));
    }
  }
}

function makeGenerator(fast: boolean, dtype: Float): DcganGenerator {
  const options = { size: 64, latent: LATENT, features: WIDTH } as const;
  return fillModule(fast ? new DcganGenerator(options) : new PlainGenerator(options), 'G.', dtype);
}

function trainGan(out: Computed, dtype: Float, prefix: string, spectralNorm: boolean, fast: boolean): void {
  const generator = makeGenerator(fast, dtype);
  const discriminator = new DcganDiscriminator({ size: 64, features: WIDTH, spectralNorm });
  fillModule(discriminator, 'D.', dtype);
  const options = { lr: 2e-4, betas: [0.5, 0.999] } as const;
  const optG = new Adam(generator.parameters(), options);
  const optD = new Adam(discriminator.parameters(), options);
  const labels = (value: number) => full([BATCH], value, { dtype });
  for (let step = 0; step < 3; step++) {
    tidy(() => {
      const real = fill(`real${step}`, [BATCH, 3, 64, 64], dtype);
      const z = fill(`z${step}`, [BATCH, LATENT, 1, 1], dtype, 2);
      optD.zeroGrad();
      const lossReal = F.binaryCrossEntropyWithLogits(discriminator.forward(real), labels(0.9));
      backward(lossReal);
      const fake = generator.forward(z);
      const lossFake = F.binaryCrossEntropyWithLogits(discriminator.forward(fake.detach()), labels(0));
      backward(lossFake);
      if (step === 0) out.addGradients(`${prefix}step0.D.grad.`, discriminator);
      optD.step();
      // D's own gradients are not needed here: they would be thrown away.
      discriminator.requiresGrad_(false);
      optG.zeroGrad();
      const lossG = F.binaryCrossEntropyWithLogits(discriminator.forward(fake), labels(1));
      backward(lossG);
      discriminator.requiresGrad_(true);
      if (step === 0) {
        out.add(`${prefix}step0.fake`, fake);
        out.addGradients(`${prefix}step0.G.grad.`, generator);
      }
      optG.step();
      out.add(`${prefix}step${step}.loss.real`, lossReal);
      out.add(`${prefix}step${step}.loss.fake`, lossFake);
      out.add(`${prefix}step${step}.loss.G`, lossG);
    });
  }
  out.addState(`${prefix}end.G.`, generator);
  out.addState(`${prefix}end.D.`, discriminator);
  for (const it of [optG, optD, generator, discriminator]) it.dispose();
}

export function gan(dtype: Float): Computed {
  const out = new Computed();
  for (const [name, spectralNorm] of [['dcgan', false] as const, ['sngan', true] as const]) {
    trainGan(out, dtype, `${name}.plain.`, spectralNorm, false);
    trainGan(out, dtype, `${name}.fast.`, spectralNorm, true);
  }
  return out;
}

export function wganGp(dtype: Float): Computed {
  const out = new Computed();
  for (const fast of [false, true]) {
    tidy(() => {
      const prefix = fast ? 'fast.' : 'plain.';
      const generator = makeGenerator(fast, dtype);
      const critic = new DcganDiscriminator({ size: 64, features: WIDTH, norm: 'none' });
      fillModule(critic, 'D.', dtype);
      const optimiser = new Adam(critic.parameters(), { lr: 1e-4, betas: [0.5, 0.999] });
      for (let step = 0; step < 2; step++) {
        tidy(() => {
          const real = fill(`real${step}`, [BATCH, 3, 64, 64], dtype);
          const z = fill(`z${step}`, [BATCH, LATENT, 1, 1], dtype, 2);
          const fake = noGrad(() => generator.forward(z));
          const alpha = fill(`alpha${step}`, [BATCH, 1, 1, 1], dtype, 0.5, 0.5);
          const mix = alpha.mul(real).add(alpha.rsub(1).mul(fake)).requiresGrad_();
          const [inputGrad] = grad(critic.forward(mix).sum(), [mix], { createGraph: true });
          const norm = inputGrad!.reshape([BATCH, -1]).pow(2).sum(1).sqrt();
          const penalty = norm.sub(1).pow(2).mean().mul(10);
          const loss = wassersteinCritic(critic.forward(real), critic.forward(fake)).add(penalty);
          critic.zeroGrad();
          backward(loss);
          out.add(`${prefix}step${step}.penalty`, penalty);
          out.add(`${prefix}step${step}.loss`, loss);
          if (step === 0) {
            out.add(`${prefix}step0.inputGrad`, inputGrad!);
            out.addGradients(`${prefix}step0.D.grad.`, critic);
          }
          optimiser.step();
        });
      }
      out.addState(`${prefix}end.D.`, critic);

      const z = fill('zz', [BATCH, LATENT, 1, 1], dtype, 2).requiresGrad_();
      const [first] = grad(generator.forward(z).pow(2).mean(), [z], { createGraph: true });
      generator.zeroGrad();
      backward(first!.pow(2).sum());
      out.addGradients(`${prefix}double.G.grad.`, generator);
      for (const it of [optimiser, generator, critic]) it.dispose();
    });
  }
  return out;
}

/** In channels-last layout other kernels work, our own depthwise convolution among them. */
export function efficientnet(dtype: Float, memoryFormat: MemoryFormat = 'contiguous'): Computed {
  const out = new Computed();
  tidy(() => {
    const net = new EfficientNet('b0', { numClasses: 10, dropout: 0, dropConnect: 0 });
    fillModule(net, 'net.', dtype).to({ memoryFormat });
    const x = fill('x', [4, 3, 64, 64], dtype).contiguous(memoryFormat);
    net.eval();
    noGrad(() => {
      out.add('eval.features', net.extractFeatures(x));
      out.add('eval.logits', net.forward(x));
    });
    net.train();
    const optimiser = new AdamW(net.parameters(), { lr: 1e-3, weightDecay: 0.01 });
    const classes = integers('target', [4], 10);
    for (let step = 0; step < 3; step++) {
      tidy(() => {
        const loss = F.crossEntropy(net.forward(x), classes);
        optimiser.zeroGrad();
        backward(loss);
        out.add(`step${step}.loss`, loss);
        if (step === 0) out.addGradients('step0.grad.', net);
        optimiser.step();
      });
    }
    out.addState('end.', net);
    optimiser.dispose();
    net.dispose();

    const other = new EfficientNet('b1', { numClasses: 7 });
    fillModule(other, 'b1.', dtype).eval();
    noGrad(() => out.add('b1.eval.logits', other.forward(fill('odd', [2, 3, 61, 45], dtype))));
    other.dispose();
  });
  return out;
}

/** Golden files by script name. */
export const CASES = {
  layers,
  optimisers,
  gan,
  wgan_gp: wganGp,
  efficientnet: (dtype: Float) => efficientnet(dtype),
};
