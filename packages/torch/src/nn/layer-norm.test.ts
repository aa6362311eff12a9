import { describe, expect, it } from 'vitest';
import {
  autocast,
  backward,
  eye,
  Generator,
  liveTensors,
  manualSeed,
  noGrad,
  randn,
  tensor,
  tidy,
} from '../torch/index.js';
import * as F from './functional.js';
import { LayerNorm } from './layers.js';

describe('LayerNorm', () => {
  it('gives each row mean 0 and variance 1, ε within the root, then scales and shifts', () => {
    const before = liveTensors();
    const norm = new LayerNorm(3, { eps: 0.5 }).to({ dtype: 'float64' });
    expect(Object.keys(norm.namedParameters())).toEqual(['weight', 'bias']);
    tidy(() =>
      noGrad(() => {
        norm.weight.copy_(tensor([1, 2, 3], [3], { dtype: 'float64' }));
        norm.bias.copy_(tensor([0, 10, 20], [3], { dtype: 'float64' }));
        // Means 2 and 0; variances 2/3 and 6, over n and not n − 1.
        const x = tensor([1, 2, 3, -3, 0, 3], [2, 1, 3], { dtype: 'float64' });
        const [a, b] = [1 / Math.sqrt(2 / 3 + 0.5), 3 / Math.sqrt(6 + 0.5)];
        const wanted = [-a, 10, 20 + 3 * a, -b, 10, 20 + 3 * b];
        const found = norm.forward(x);
        expect(found.shape).toEqual([2, 1, 3]);
        Array.from(found.toArray() as Float64Array).forEach((value, i) => {
          expect(value).toBeCloseTo(wanted[i]!, 12);
        });
      }),
    );
    norm.dispose();
    expect(liveTensors()).toBe(before);
  });

  it('has a gradient that each row of the input is orthogonal to, and a default ε of 1e-5', () => {
    manualSeed(0);
    tidy(() => {
      const norm = new LayerNorm(7);
      expect(norm.eps).toBe(1e-5);
      const x = randn([4, 7], { generator: Generator.seeded(1), dtype: 'float64' }).requiresGrad_();
      norm.to({ dtype: 'float64' });
      backward(norm.forward(x).pow(3).sum());
      // What the result does not depend on: the row's mean, and but for ε its scale.
      expect(x.grad!.sum(-1).abs().amax().item()).toBeLessThan(1e-12);
      expect(x.grad!.mul(x.detach()).sum(-1).abs().amax().item()).toBeLessThan(1e-2);
      expect(x.grad!.abs().amax().item()).toBeGreaterThan(0.1);
      expect(norm.bias.grad!.shape).toEqual([7]);
    });
  });
});

it('a layer norm behind a convolution of 16 bits computes in 32', () => {
  tidy(() => {
    const norm = new LayerNorm(8);
    const [x, weight] = [randn([2, 3, 8], { generator: Generator.seeded(2) }), eye(8)];
    const found = autocast('cpu', 'bfloat16', () => norm.forward(F.linear(x, weight)));
    expect(found.dtype).toBe('float32');
    // The input's rounding alone, 8 bits of mantissa; and rows of mean 0 to float32's.
    expect(found.sub(norm.forward(x)).abs().amax().item()).toBeLessThan(0.02);
    expect(found.mean(-1).abs().amax().item()).toBeLessThan(1e-6);
  });
});

it('GELU is x times the share of the normal distribution below x', () => {
  tidy(() => {
    const x = tensor([-10, -1, 0, 1, 2], [5], { dtype: 'float64' });
    // Φ(1) and Φ(2) to 15 digits: Abramowitz & Stegun, table 26.1.
    const [one, two] = [0.841344746068543, 0.977249868051821];
    const wanted = [0, -(1 - one), 0, one, 2 * two];
    Array.from(F.gelu(x).toArray() as Float64Array).forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i]!, 12);
    });
  });
});
