import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aten, backward, liveTensors, noGrad, randn, type Tensor, tensor, tidy } from '../torch/index.js';
import { ConditionalBatchNorm2d } from './conditional-batch-norm.js';
import { BatchNorm2d } from './layers.js';

const labelsOf = (...values: number[]): Tensor => tensor(values, [values.length], { dtype: 'int64' });

/** A layer for 3 channels and 2 classes, its parameters random. */
function shuffled(): ConditionalBatchNorm2d {
  const norm = new ConditionalBatchNorm2d(3, 2);
  noGrad(() => {
    for (const p of norm.parameters()) aten.normal_(p);
  });
  return norm;
}

let live = 0;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

describe('conditional batch norm', () => {
  it('starts as plain batch norm for every class', () => {
    const norm = new ConditionalBatchNorm2d(3, 2);
    tidy(() => {
      const { weight, bias, 'gains.weight': gains, 'biases.weight': biases } = norm.namedParameters();
      expect(aten.equal(weight!, aten.ones_like(weight!))).toBe(true);
      for (const p of [bias, gains, biases]) expect(p!.abs().sum().item()).toBe(0);
      expect(gains!.shape).toEqual([2, 3]);
    });
    norm.dispose();
  });

  it.each([true, false])('is batch norm at strength 0, bit for bit (training: %s)', (training) => {
    const norm = shuffled().train(training);
    const plain = new BatchNorm2d(3).train(training);
    plain.loadStateDict(norm.stateDict(), { strict: false });
    tidy(() =>
      noGrad(() => {
        const x = randn([4, 3, 5, 5]);
        const want = plain.forward(x);
        expect(aten.equal(norm.forward(x, { labels: labelsOf(0, 1, 1, 0), strength: 0 }), want)).toBe(true);
        expect(aten.equal(norm.runningVar, plain.runningVar)).toBe(true);
        expect(norm.numBatchesTracked.item()).toBe(training ? 1 : 0);
      }),
    );
    norm.dispose();
    plain.dispose();
  });

  it('gives each class γ + s Δγ and β + s Δβ', () => {
    const norm = shuffled();
    tidy(() =>
      noGrad(() => {
        const x = randn([4, 3, 5, 5]);
        const y = norm.forward(x, { labels: labelsOf(1, 0, 1, 1), strength: 0.5 });
        for (const [sample, label] of [1, 0, 1, 1].entries()) {
          const of = (shared: Tensor, deviations: Tensor) => shared.add(deviations.select(0, label), 0.5);
          const whole = aten.batch_norm(
            x,
            of(norm.weight!, norm.gains.weight),
            of(norm.bias!, norm.biases.weight),
            null,
            null,
            true,
            0.1,
            1e-5,
            true,
          );
          expect(aten.allclose(y.select(0, sample), whole.select(0, sample), 1e-5, 1e-5)).toBe(true);
        }
      }),
    );
    norm.dispose();
  });

  it('trains the deviations of the classes that occur', () => {
    const norm = shuffled();
    tidy(() => {
      const x = randn([4, 3, 5, 5]);
      const y = norm.forward(x, { labels: labelsOf(1, 1, 1, 1), strength: 0.5 });
      backward(y.square().sum());
      const ofClass = (c: number): number => norm.gains.weight.grad!.select(0, c).abs().sum().item();
      expect(ofClass(0)).toBe(0);
      expect(ofClass(1)).toBeGreaterThan(0);
      const halved = norm.weight!.grad!.mul(0.5); // one class: the shared gain's gradient, times the strength
      expect(aten.allclose(norm.gains.weight.grad!.select(0, 1), halved, 1e-4, 1e-4)).toBe(true);
    });
    norm.dispose();
  });
});
