/** Float64 gradient checks, first and second order, of what is composed in TypeScript. */

import { aten, backward, grad, liveTensors, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import {
  BatchNorm2d,
  ConditionalBatchNorm2d,
  Conv2d,
  convAvgPool2d,
  F,
  Linear,
  spectralNorm,
  upsampleConv2d,
} from 'graft-torch/nn';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hingeDiscriminator } from '../../src/generate/adversarial/objectives/hinge.js';
import { negativeMean, wassersteinCritic } from '../../src/generate/adversarial/objectives/wasserstein.js';
import { SelfAttention } from '../../src/models/index.js';
import { DownBlock, UpBlock } from '../../src/models/residual-blocks.js';
import { fill, fillModule, integers } from './goldens.js';

const F64 = 'float64';

/**
 * Compares the gradients of a scalar function with central differences in random directions.
 * The error of the difference quotient is O(h²) ≈ 1e-10 of the third derivative, rounding ≈ 1e-16 / h = 1e-11.
 */
function check(inputs: Tensor[], f: (...inputs: Tensor[]) => Tensor, tolerance = 1e-7): void {
  const h = 1e-5;
  tidy(() => {
    for (const x of inputs) x.requiresGrad_();
    const gradients = grad(f(...inputs), inputs);
    for (const [i, x] of inputs.entries()) {
      for (let k = 0; k < 3; k++) {
        const direction = fill(`direction${i}.${k}`, x.shape, F64);
        const at = (t: number): number =>
          tidy(() =>
            f(...inputs.map((y, j) => (j === i ? y.detach().add(direction, t).requiresGrad_() : y))).item(),
          );
        const numeric = (at(h) - at(-h)) / (2 * h);
        const analytic = gradients[i]!.mul(direction).sum().item();
        expect(Math.abs(numeric - analytic), `input ${i}, direction ${k}`).toBeLessThan(
          tolerance * Math.max(1, Math.abs(numeric)),
        );
        // A function that does not depend on its input would pass anything.
        expect(analytic).not.toBe(0);
      }
    }
  });
}

/** As `check`, for the squared norm of f's own gradient: what a gradient penalty differentiates. */
function checkTwice(inputs: Tensor[], f: (...inputs: Tensor[]) => Tensor, tolerance = 1e-7): void {
  check(
    inputs,
    (...xs) => {
      const gradients = grad(f(...xs), xs, { createGraph: true });
      return gradients.map((g) => g.square().sum()).reduce((a, b) => a.add(b));
    },
    tolerance,
  );
}

/** A scalar with a curvature, so that second derivatives do not vanish. */
const curved = (y: Tensor): Tensor =>
  y
    .mul(fill('mix', y.shape, F64))
    .tanh()
    .sum();

let live = 0;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

describe('transposed convolution by the input gradient of a convolution', () => {
  const cases: [string, number[], number[], F.ConvTransposeOptions][] = [
    ['4×4, stride 2, padding 1', [2, 3, 4, 5], [3, 2, 4, 4], { stride: 2, padding: 1 }],
    ['1×1 input: a matrix product', [3, 5, 1, 1], [5, 2, 4, 4], {}],
    ['output padding', [2, 3, 3, 3], [3, 2, 3, 3], { stride: 2, padding: 1, outputPadding: 1 }],
    ['uneven strides', [1, 2, 3, 4], [2, 2, 3, 2], { stride: [2, 1], padding: [1, 0] }],
  ];
  it.each(cases)('%s', (_, size, kernel, options) => {
    tidy(() => {
      const x = fill('x', size, F64);
      const w = fill('w', kernel, F64, 0.5);
      const b = fill('b', [kernel[1]!], F64);
      const plain = F.convTranspose2dPlain(x, w, { bias: b, ...options });
      const fast = F.convTranspose2d(x, w, { bias: b, ...options });
      expect(fast.shape).toEqual(plain.shape);
      expect(aten.allclose(fast, plain, 1e-12, 1e-12)).toBe(true);
      check([x, w, b], (...[x, w, b]) => curved(F.convTranspose2d(x!, w!, { bias: b!, ...options })));
      checkTwice([x, w], (...[x, w]) => curved(F.convTranspose2d(x!, w!, options)));
    });
  });

  it('has the plain operator’s second derivatives', () => {
    tidy(() => {
      const x = fill('x', [2, 3, 4, 4], F64).requiresGrad_();
      const w = fill('w', [3, 2, 4, 4], F64, 0.5).requiresGrad_();
      const second = (conv: typeof F.convTranspose2d): Tensor[] => {
        const y = curved(conv(x, w, { stride: 2, padding: 1 }));
        const first = grad(y, [x, w], { createGraph: true });
        return grad(first[0]!.square().sum().add(first[1]!.square().sum()), [x, w]);
      };
      const [fast, plain] = [second(F.convTranspose2d), second(F.convTranspose2dPlain)];
      for (const [i, t] of fast.entries()) expect(aten.allclose(t, plain[i]!, 1e-10, 1e-10)).toBe(true);
    });
  });
});

describe('spectral norm', () => {
  // In evaluation mode u and v are constants, as the gradient takes them to be.
  it('differentiates through the norm', () => {
    const conv = fillModule(spectralNorm(new Conv2d(3, 4, 3, { bias: false })), 'sn.', F64);
    const stored = conv.namedParameters().weight_orig!;
    tidy(() => {
      const x = fill('x', [2, 3, 5, 5], F64);
      noGrad(() => conv.forward(x)); // one power iteration: the goldens' u and v are no unit vectors
      conv.eval();
      const numeric = (t: number, direction: Tensor): number => {
        noGrad(() => stored.add_(direction, t));
        const value = tidy(() => curved(conv.forward(x)).item());
        noGrad(() => stored.sub_(direction, t));
        return value;
      };
      backward(curved(conv.forward(x)));
      const direction = fill('direction', stored.shape, F64);
      const slope = (numeric(1e-5, direction) - numeric(-1e-5, direction)) / 2e-5;
      const analytic = stored.grad!.mul(direction).sum().item();
      expect(Math.abs(slope - analytic)).toBeLessThan(1e-7 * Math.max(1, Math.abs(slope)));
      expect(analytic).not.toBe(0);
      check([x], (x) => curved(conv.forward(x!)));
      checkTwice([x], (x) => curved(conv.forward(x!)));
    });
    conv.dispose();
  });

  it('comes to a largest singular value of 1', () => {
    const linear = fillModule(spectralNorm(new Linear(12, 9, { bias: false })), 'sn.', F64);
    tidy(() => {
      noGrad(() => {
        const x = fill('x', [1, 12], F64);
        for (let i = 0; i < 300; i++) tidy(() => void linear.forward(x));
      });
      linear.eval();
      const [, singular] = aten.linalg_svd(linear.weight, false);
      expect(Math.abs(singular!.amax().item() - 1)).toBeLessThan(1e-9);
    });
    linear.dispose();
  });
});

describe('convolution and resampling at once', () => {
  const upsampled = (x: Tensor, w: Tensor, b: Tensor): Tensor =>
    F.conv2d(F.interpolate(x, [2 * x.shape[2]!, 2 * x.shape[3]!]), w, { bias: b, padding: 1 });
  const pooled = (x: Tensor, w: Tensor, b: Tensor): Tensor =>
    F.avgPool2d(F.conv2d(x, w, { bias: b, padding: 1 }), 2);
  it.each([
    ['nearest up-sampling', upsampleConv2d, upsampled],
    ['mean pooling', convAvgPool2d, pooled],
  ])('%s is the same map as one after the other, twice differentiated', (_, once, apart) => {
    tidy(() => {
      const x = fill('x', [2, 3, 4, 6], F64);
      const w = fill('w', [5, 3, 3, 3], F64, 0.5);
      const b = fill('b', [5], F64);
      expect(aten.allclose(once(x, w, b), apart(x, w, b), 1e-12, 1e-12)).toBe(true);
      check([x, w, b], (...[x, w, b]) => curved(once(x!, w!, b!)));
      checkTwice([x, w, b], (...[x, w, b]) => curved(once(x!, w!, b!)));
    });
  });
});

describe('layers that classes and places steer', () => {
  it('conditional batch norm', () => {
    const norm = fillModule(new ConditionalBatchNorm2d(3, 2), 'cbn.', F64);
    tidy(() => {
      const condition = { labels: integers('labels', [4], 2), strength: 0.5 };
      const net = (x: Tensor): Tensor => curved(norm.forward(x, condition));
      check([fill('x', [4, 3, 4, 4], F64)], (x) => net(x!));
      checkTwice([fill('x', [4, 3, 4, 4], F64)], (x) => net(x!), 1e-6);
    });
    norm.dispose();
  });

  it('self-attention', () => {
    const net = fillModule(new SelfAttention(8), 'attention.', F64).eval();
    tidy(() => {
      noGrad(() => net.namedParameters().gamma!.fill_(0.7));
      const x = fill('x', [2, 8, 4, 4], F64);
      check([x], (x) => curved(net.forward(x!)));
      checkTwice([x], (x) => curved(net.forward(x!)), 1e-6);
    });
    net.dispose();
  });

  it('residual blocks', () => {
    const up = fillModule(new UpBlock(3, 2, { classCount: 2, spectralNorm: true }), 'up.', F64);
    const down = fillModule(new DownBlock(2, 4, { downsample: true }), 'down.', F64);
    const same = fillModule(new DownBlock(4, 4, { downsample: false }), 'same.', F64);
    tidy(() => {
      const condition = { labels: integers('labels', [3], 2), strength: 0.5 };
      const x = fill('x', [3, 3, 4, 4], F64);
      noGrad(() => same.forward(down.forward(up.forward(x, condition)))); // u and v become unit vectors
      for (const block of [up, down, same]) block.eval();
      const net = (x: Tensor): Tensor => curved(same.forward(down.forward(up.forward(x, condition))));
      check([x], (x) => net(x!));
      checkTwice([x], (x) => net(x!), 1e-6);
    });
    for (const block of [up, down, same]) block.dispose();
  });
});

describe('losses', () => {
  it('have the gradients of their values', () => {
    tidy(() => {
      const real = fill('real', [6], F64, 2);
      const fake = fill('fake', [6], F64, 2);
      check([real, fake], (real, fake) => hingeDiscriminator(real!, fake!));
      check([real, fake], (real, fake) => wassersteinCritic(real!, fake!));
      check([fake], (fake) => negativeMean(fake!));
      const soft = fill('soft', [6], F64, 0.25, 0.5);
      check([real], (x) => F.binaryCrossEntropyWithLogits(x!, soft));
      check([real], (x) =>
        F.binaryCrossEntropyWithLogits(x!, soft, { posWeight: tensor([3], [1], { dtype: F64 }) }),
      );
      const classes = integers('classes', [4], 5);
      check([fill('scores', [4, 5], F64, 2)], (x) => F.crossEntropy(x!, classes, { labelSmoothing: 0.1 }));
    });
  });

  it('have their textbook values', () => {
    tidy(() => {
      const real = tensor([2, 0.5, -1], [3], { dtype: F64 });
      const fake = tensor([-2, 0, 1], [3], { dtype: F64 });
      expect(hingeDiscriminator(real, fake).item()).toBeCloseTo((0 + 0.5 + 2) / 3 + (0 + 1 + 2) / 3, 12);
      expect(wassersteinCritic(real, fake).item()).toBeCloseTo(-1 / 3 - 0.5, 12);
      expect(negativeMean(fake).item()).toBeCloseTo(1 / 3, 12);
      const bce = (x: number, t: number) => Math.log1p(Math.exp(x)) - t * x;
      const want = (bce(2, 0.9) + bce(0.5, 0.9) + bce(-1, 0.9)) / 3;
      expect(F.binaryCrossEntropyWithLogits(real, aten.full_like(real, 0.9)).item()).toBeCloseTo(want, 12);
    });
  });
});

it('a network of every differentiable layer, twice', () => {
  const conv = fillModule(new Conv2d(2, 3, 3, { padding: 1 }), 'c.', F64);
  const norm = fillModule(new BatchNorm2d(3), 'n.', F64);
  tidy(() => {
    const net = (x: Tensor): Tensor => {
      const y = F.silu(norm.forward(conv.forward(x)));
      return curved(F.adaptiveAvgPool2d(F.interpolate(F.leakyRelu(y, 0.2), [8, 8], { mode: 'bilinear' }), 2));
    };
    const x = fill('x', [3, 2, 5, 5], F64);
    check([x], (x) => net(x!));
    checkTwice([x], (x) => net(x!), 1e-6);
  });
  conv.dispose();
  norm.dispose();
});
