import { readFileSync } from 'node:fs';
import { backward, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { describe, expect, it } from 'vitest';
import { fill } from '../../test/engine/goldens.js';
import { type ClassificationLossOptions, classificationLoss, smoothLabels } from './losses.js';

interface Graded {
  value: number;
  gradient: number[];
}
const golden = JSON.parse(
  readFileSync(new URL('../../test/goldens/classify/fine_tuning.json', import.meta.url), 'utf8'),
).losses as Record<string, Graded> & {
  labels1: number[];
  labels4: number[];
  soft4: number[];
  weights4: number[];
};

const float64 = (values: readonly number[], shape: number[]): Tensor =>
  tensor([...values], shape, { dtype: 'float64' });
const logitsOf = (classes: 1 | 4): Tensor => fill(`loss.z${classes}`, [7, classes], 'float64', 8);
const hard1 = (): Tensor => float64(golden.labels1, [7, 1]);
const soft1 = (): Tensor => fill('loss.t1', [7, 1], 'float64', 0.5, 0.5);
const hard4 = (): Tensor =>
  float64(
    golden.labels4.flatMap((label) => [0, 1, 2, 3].map((k) => (k === label ? 1 : 0))),
    [7, 4],
  );
const soft4 = (): Tensor => float64(golden.soft4, [7, 4]);

function graded(logits: Tensor, targets: Tensor, options?: ClassificationLossOptions): Graded {
  return tidy(() => {
    logits.requiresGrad_(true);
    const value = classificationLoss(logits, targets, options);
    backward(value);
    return { value: value.item(), gradient: Array.from(logits.grad!.toArray() as Float64Array) };
  });
}

function expectGolden(name: string, { value, gradient }: Graded): void {
  const wanted = golden[name]!;
  expect(value, name).toBeCloseTo(wanted.value, 12);
  gradient.forEach((found, i) => {
    expect(found, `${name} ${i}`).toBeCloseTo(wanted.gradient[i]!, 12);
  });
  expect(gradient).toHaveLength(wanted.gradient.length);
}

describe('classificationLoss', () => {
  it.each<[string, () => [Tensor, Tensor, ClassificationLossOptions?]]>([
    ['binary', () => [logitsOf(1), soft1()]],
    ['posWeight', () => [logitsOf(1), soft1(), { classWeights: [1, 3.5] }]],
    ['focal1.2', () => [logitsOf(1), hard1(), { focalGamma: 2 }]],
    ['focal1.half', () => [logitsOf(1), hard1(), { focalGamma: 0.5 }]],
    ['weighted4', () => [logitsOf(4), soft4(), { classWeights: golden.weights4 }]],
    ['smoothed4', () => [logitsOf(4), smoothLabels(hard4(), 0.1)]],
    ['smoothed1', () => [logitsOf(1), smoothLabels(hard1(), 0.1)]],
    ['focal4.2', () => [logitsOf(4), hard4(), { focalGamma: 2 }]],
  ])('agrees with PyTorch: %s', (name, make) => {
    const live = liveTensors();
    tidy(() => {
      const [logits, targets, options] = make();
      expectGolden(name, graded(logits, targets, options));
    });
    expect(liveTensors()).toBe(live);
  });

  it('says the same of two classes with one logit as with two', () => {
    tidy(() => {
      const options = { focalGamma: 1.5, classWeights: [0.3, 2] };
      const one = classificationLoss(logitsOf(1), soft1(), options).item();
      const two = classificationLoss(
        float64(
          Array.from(logitsOf(1).toArray() as Float64Array).flatMap((z) => [0, z]),
          [7, 2],
        ),
        float64(
          Array.from(soft1().toArray() as Float64Array).flatMap((t) => [1 - t, t]),
          [7, 2],
        ),
        options,
      ).item();
      expect(one).toBeCloseTo(two, 12);
    });
  });

  it('stays finite where the network is certain, right or wrong', () => {
    tidy(() => {
      for (const focalGamma of [0, 0.5, 2]) {
        const { value, gradient } = graded(
          tensor([200, -200, 200, -200], [4, 1]),
          tensor([1, 0, 0, 1], [4, 1]),
          {
            focalGamma,
            classWeights: [1, 2],
          },
        );
        expect(value).toBeCloseTo((200 + 2 * 200) / 4, 3);
        expect(gradient.every(Number.isFinite)).toBe(true);
      }
    });
  });

  it('refuses weights of other classes', () => {
    tidy(() => {
      expect(() => classificationLoss(logitsOf(4), soft4(), { classWeights: [1, 2] })).toThrow(RangeError);
      expect(() => classificationLoss(logitsOf(1), soft1(), { classWeights: [1] })).toThrow(RangeError);
    });
  });
});
