import { aten, cat, liveTensors, manualSeed, randn, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { golden, largestDifference, rowsOf } from './golden.test-data.js';
import { classProbabilities, fitLogistic, type LogisticOptions, logitsOf } from './logistic.js';

const f64 = { dtype: 'float64' } as const;
const values = (tensor: Tensor): Float64Array => tensor.toArray() as Float64Array;

/** Features with a structure, and classes that hang on them. */
function example({ rows = 80, width = 6, classes = 2, seed = 1 } = {}): {
  features: Tensor;
  targets: number[];
} {
  manualSeed(seed);
  const features = randn([rows, width], f64);
  const targets = tidy(() => {
    const z = features.matmul(randn([width, classes], f64)).add(randn([rows, classes], f64).mul(2));
    return Array.from(z.argmax(1).toArray(), Number);
  });
  return { features, targets };
}

describe.each(['binary', 'several'] as const)('fitLogistic, %s', (kind) => {
  const { width, features, targets, queries, classes, cases } = golden[kind];
  it.each(cases)('finds what scikit-learn finds: $name', (one) => {
    tidy(() => {
      const model = fitLogistic(rowsOf(features, width), one.targets ?? targets, {
        strength: one.strength,
        classWeights: one.classWeights,
        standardise: one.standardise,
        ...(one.sampleWeights && { sampleWeights: one.sampleWeights }),
      });
      expect(model.classes).toBe(classes);
      expect(model.gradient).toBeLessThanOrEqual(1e-10);
      console.log(
        one.name,
        model.iterations,
        largestDifference(values(model.weights.t().contiguous()), one.weights),
        largestDifference(values(model.bias), one.bias),
      );
      expect(largestDifference(values(model.weights.t().contiguous()), one.weights)).toBeLessThan(1e-6);
      expect(largestDifference(values(model.bias), one.bias)).toBeLessThan(1e-6);
      const probabilities = values(classProbabilities(model, rowsOf(queries, width)));
      expect(largestDifference(probabilities, one.probabilities, 1)).toBeLessThan(1e-6);
    });
  });
});
