import { aten, dispose, Generator, liveTensors, noGrad, randn, type Tensor, tensor, tidy } from 'graft-torch';
import { BatchNorm2d, Conv2d, Module, Sequential, spectralNorm } from 'graft-torch/nn';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { golden } from '../pictures/golden.test-data.js';
import { standingStatistics, truncatedNormal } from './latent.js';

let before = 0;
beforeEach(() => {
  before = liveTensors();
});
afterEach(() => {
  expect(liveTensors()).toBe(before);
});

const numbers = (x: Tensor): number[] => [...x.toArray()].map(Number);

describe('truncated latents', () => {
  test.each(golden.truncated)(
    'have SciPy’s variance at $truncation and nothing beyond',
    ({ truncation, variance }) => {
      tidy(() => {
        const z = truncatedNormal([400, 250], Generator.seeded(5), truncation);
        expect(z.abs().amax().item()).toBeLessThanOrEqual(truncation);
        // 100,000 values: six standard errors of a variance are below 3 %.
        expect(z.var().item() / variance).toBeCloseTo(1, 1.5);
        expect(Math.abs(z.mean().item())).toBeLessThan((6 * Math.sqrt(variance)) / Math.sqrt(100_000));
      });
    },
  );

  test('what was within stays as it was; null truncates nothing', () => {
    tidy(() => {
      const plain = numbers(randn([40, 8], { generator: Generator.seeded(5) }));
      expect(numbers(truncatedNormal([40, 8], Generator.seeded(5), null))).toEqual(plain);
      const cut = numbers(truncatedNormal([40, 8], Generator.seeded(5), 1));
      const within = plain.flatMap((value, i) => (Math.abs(value) <= 1 ? [i] : []));
      expect(within.length).toBeGreaterThan(150);
      for (const i of within) expect(cut[i]).toBe(plain[i]);
      expect(cut).not.toEqual(plain);
      expect(numbers(truncatedNormal([40, 8], Generator.seeded(5), 1))).toEqual(cut);
    });
  });

  test.each([0, -1, 0.01, Number.NaN])('truncation %d is refused', (truncation) => {
    expect(() => truncatedNormal([2, 2], Generator.seeded(0), truncation)).toThrow(
      /expected 0\.02 or more .* or null/,
    );
  });
});

class Relu extends Module {
  forward(input: Tensor): Tensor {
    return aten.relu(input);
  }
}

/** The golden's network, with its weight. */
function goldenNetwork(): Sequential {
  const net = new Sequential(
    new BatchNorm2d(2),
    new Conv2d(2, 3, 3, { padding: 1, bias: false }),
    new Relu(),
    new BatchNorm2d(3),
  );
  tidy(() => {
    net.loadStateDict({ '1.weight': tensor(golden.standing.weight, [3, 2, 3, 3]) }, { strict: false });
  });
  return net;
}

const batch = (i: number) => ({ z: tensor(golden.standing.batches[i]!, [4, 2, 5, 5]), labels: null });

describe('standing statistics', () => {
  test('are PyTorch’s cumulative averages, whatever the running ones were', () => {
    const net = goldenNetwork();
    tidy(() => {
      noGrad(() => net.forward(randn([3, 2, 5, 5])));
    }); // in training mode: moves the running statistics
    standingStatistics(net, { draws: 5, draw: batch });
    const state = net.stateDict();
    for (const [key, values] of Object.entries(golden.standing.state))
      numbers(state[key]!).forEach((value, i) => {
        expect(Math.abs(value - values[i]!) / Math.max(1, Math.abs(values[i]!)), key).toBeLessThan(2e-6);
      });
    expect(numbers(state['0.num_batches_tracked']!)).toEqual([5n].map(Number));
    expect([...net.modules()].some(({ training }) => training)).toBe(false);
    expect([...net.modules()].flatMap((m) => (m instanceof BatchNorm2d ? [m.momentum] : []))).toEqual([
      0.1, 0.1,
    ]);
    net.dispose();
  });

  test('nothing but batch norms changes: weights and the vectors of a spectral norm stay', () => {
    const net = new Sequential(spectralNorm(new Conv2d(2, 3, 3)), new BatchNorm2d(3));
    const read = () => Object.entries(net.stateDict()).map(([key, value]) => [key, numbers(value)] as const);
    const old = read();
    standingStatistics(net, { draws: 3, draw: batch });
    const changed = read().filter(([, values], i) => String(values) !== String(old[i]![1]));
    expect(changed.map(([key]) => key)).toEqual(['1.running_mean', '1.running_var', '1.num_batches_tracked']);
    for (const value of net.parameters()) {
      const gradient = value.grad;
      expect(gradient).toBeNull();
      dispose(gradient);
    }
    net.dispose();
  });

  test('a failing draw leaves momentum and mode as they belong', () => {
    const net = goldenNetwork();
    const draw = (pass: number) => {
      if (pass === 1) throw new Error('no more');
      return batch(0);
    };
    expect(() => standingStatistics(net, { draws: 3, draw })).toThrow('no more');
    const norms = [...net.modules()].filter((m) => m instanceof BatchNorm2d);
    expect(norms.map(({ momentum, training }) => [momentum, training])).toEqual([
      [0.1, false],
      [0.1, false],
    ]);
    expect(() => standingStatistics(net, { draws: 0, draw })).toThrow(/draws 0: expected 1 or more/);
    net.dispose();
  });
});
