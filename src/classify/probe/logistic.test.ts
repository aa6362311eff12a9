import {
  aten,
  backward,
  cat,
  liveTensors,
  manualSeed,
  ones,
  randn,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { DataError, GraftError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { golden, largestDifference, rowsOf } from './golden.test-data.js';
import { classProbabilities, fitLogistic, type LogisticModel, logitsOf } from './logistic.js';
import { solveLogistic } from './solver.js';

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
      expect(largestDifference(values(model.weights.t().contiguous()), one.weights)).toBeLessThan(1e-6);
      expect(largestDifference(values(model.bias), one.bias)).toBeLessThan(1e-6);
      const probabilities = values(classProbabilities(model, rowsOf(queries, width)));
      expect(largestDifference(probabilities, one.probabilities, 1)).toBeLessThan(1e-6);
    });
  });
});

describe('fitLogistic', () => {
  const both = (model: LogisticModel): number[] => [
    ...values(model.weights.contiguous()),
    ...values(model.bias),
  ];

  it.each([2, 3])('stands where the gradient by autograd is 0: %d classes', (classes) => {
    tidy(() => {
      const { features, targets } = example({ classes });
      const strength = 0.3;
      const model = fitLogistic(features, targets, { strength });
      const w = model.weights.clone().requiresGrad_();
      const b = model.bias.clone().requiresGrad_();
      const z = features.matmul(w).add(b);
      const y = tensor(targets, [targets.length], { dtype: 'int64' });
      const loss =
        classes === 2
          ? aten.softplus(z.mul(y.to(f64).unsqueeze(1).mul(-2).add(1))).sum()
          : aten.gather(aten.log_softmax.int(z, 1), 1, y.unsqueeze(1)).sum().neg();
      backward(loss.mul(strength).add(w.square().sum().div(2)));
      const unit = strength * targets.length;
      expect(w.grad!.abs().amax().item() / unit).toBeLessThan(1e-9);
      expect(b.grad!.abs().amax().item() / unit).toBeLessThan(1e-9);
    });
  });

  it.each([2, 3])('predicts the same from rotated features: %d classes', (classes) => {
    tidy(() => {
      const { features, targets } = example({ classes });
      const [rotation] = aten.linalg_qr(randn([6, 6], f64));
      const rotated = features.matmul(rotation);
      const [a, b] = [features, rotated].map((x) => values(logitsOf(fitLogistic(x, targets), x)));
      expect(largestDifference(b!, a!)).toBeLessThan(1e-7);
    });
  });

  it.each(['none', 'balanced'] as const)(
    'takes a row of weight 2 for two rows: classes weighed %s',
    (classWeights) => {
      tidy(() => {
        const { features, targets } = example({ classes: 3 });
        const twice = 30;
        const options = { classWeights, standardise: true };
        const weighted = fitLogistic(features, targets, {
          ...options,
          sampleWeights: targets.map((_, i) => (i < twice ? 2 : 1)),
        });
        const repeated = fitLogistic(
          cat([features, features.narrow(0, 0, twice)]),
          [...targets, ...targets.slice(0, twice)],
          options,
        );
        expect(largestDifference(both(weighted), both(repeated))).toBeLessThan(1e-8);
      });
    },
  );

  it('takes a row of weight 0 for none', () => {
    tidy(() => {
      const { features, targets } = example();
      const sampleWeights = targets.map((_, i) => (i < 10 ? 0 : 1));
      const options = { classWeights: 'balanced', standardise: true } as const;
      const weighted = fitLogistic(features, targets, { ...options, sampleWeights });
      const without = fitLogistic(features.narrow(0, 10, 70), targets.slice(10), options);
      expect(largestDifference(both(weighted), both(without))).toBeLessThan(1e-8);
    });
  });

  it('standardises: columns in other units give the same logits', () => {
    tidy(() => {
      const { features, targets } = example();
      const units = tensor([1e-6, 1, 1e6, 20, 0.1, 3], [1, 6], f64);
      const other = features.mul(units).add(units.mul(5));
      const [a, b] = [features, other].map((x) => {
        const model = fitLogistic(x, targets, { standardise: true });
        expect(model.standardisation!.mean.shape).toEqual([1, 6]);
        return values(logitsOf(model, x));
      });
      expect(largestDifference(b!, a!)).toBeLessThan(1e-7);
    });
  });

  it.each([2, 4])('arrives on classes that a plane parts, at next to no penalty: %d classes', (classes) => {
    tidy(() => {
      const { features, targets } = example({ rows: 60, width: 200, classes });
      const model = fitLogistic(features, targets, { strength: 1e6 });
      expect(model.gradient).toBeLessThanOrEqual(1e-10);
      const found = Array.from(classProbabilities(model, features).argmax(1).toArray(), Number);
      expect(found).toEqual(targets);
    });
  });

  it('arrives on features that are badly conditioned', () => {
    tidy(() => {
      const { features, targets } = example({ rows: 300, width: 40 });
      const scales = tensor(
        Float64Array.from({ length: 40 }, (_, i) => 10 ** (i / 8 - 2)),
        [1, 40],
      );
      const model = fitLogistic(features.mul(scales), targets, { strength: 10 });
      expect(model.gradient).toBeLessThanOrEqual(1e-10);
      expect(model.iterations).toBeLessThan(100);
    });
  });

  it('says so where it has not converged', () => {
    tidy(() => {
      const { features, targets } = example();
      expect(() => fitLogistic(features, targets, { maxIterations: 2 })).toThrow(GraftError);
      expect(() => fitLogistic(features, targets, { maxIterations: 2 })).toThrow(
        /not converged after 2 iterations/,
      );
    });
  });

  it('names the row that is not finite, the odd target, and the class without rows', () => {
    tidy(() => {
      const { features, targets } = example({ rows: 20 });
      const bad = features.clone();
      bad.narrow(0, 7, 1).narrow(1, 2, 1).fill_(Number.NaN);
      expect(() => fitLogistic(bad, targets)).toThrow(DataError);
      expect(() => fitLogistic(bad, targets)).toThrow(/row 7 /);
      expect(() => fitLogistic(features, targets.with(4, 0.5))).toThrow(/target 4 is 0.5/);
      expect(() =>
        fitLogistic(
          features,
          targets.map(() => 0),
        ),
      ).toThrow(/class 1 of 2 has no row/);
      expect(() => fitLogistic(features, targets, { classes: 3 })).toThrow(/class 2 of 3 has no row/);
      const sampleWeights = targets.map((_, i) => (i === 3 ? -1 : 1));
      expect(() => fitLogistic(features, targets, { sampleWeights })).toThrow(/sample weight 3 is -1/);
      expect(() => fitLogistic(features, targets.slice(1))).toThrow(/19 targets need features \[19, D\]/);
    });
  });

  it('leaves no tensor behind but those of the model', () => {
    const { features, targets } = example({ classes: 3, width: 30 });
    const live = liveTensors();
    tidy(() => {
      fitLogistic(features, targets, { strength: 100, standardise: true });
      expect(liveTensors()).toBe(live + 4);
    });
    expect(liveTensors()).toBe(live);
    features.dispose();
  });
});

describe('solveLogistic', () => {
  it.each([1, 3])('gives each problem of a batch what it gets alone: %d logits', (logits) => {
    tidy(() => {
      const rows = 90;
      const { features, targets } = example({ rows, width: 12, classes: Math.max(2, logits) });
      const x = cat([features, ones([rows, 1], f64)], 1);
      const index = tensor(targets, [rows, 1], { dtype: 'int64' });
      const is = logits === 1 ? index.to(f64).unsqueeze(2) : aten.one_hot(index, logits).to(f64);
      const strengths = [1e-3, 10, 0.1, 1000, 1];
      // Each leaves out other rows.
      const rowWeights = cat(
        strengths.map((C, p) =>
          tensor(
            Float64Array.from({ length: rows }, (_, i) => (i % 5 === p ? 0 : C)),
            [rows, 1, 1],
          ),
        ),
        1,
      );
      const penalty = ones([13, 5, 1], f64);
      penalty.narrow(0, 12, 1).fill_(0);
      const tolerances = strengths.map((C) => C * rows * 1e-11);
      const shared = { x, targets: is, maxIterations: 500 };
      const together = solveLogistic({ ...shared, rowWeights, penalty, tolerances });
      strengths.forEach((_, p) => {
        const alone = solveLogistic({
          ...shared,
          rowWeights: rowWeights.narrow(1, p, 1),
          penalty: penalty.narrow(1, p, 1),
          tolerances: [tolerances[p]!],
        });
        expect(together.gradients[p]).toBeLessThanOrEqual(tolerances[p]!);
        // A number added to every class's intercept changes nothing: weights less their mean over the classes.
        const centred = (w: Tensor): Float64Array =>
          values(logits === 1 ? w.contiguous() : w.sub(w.mean(2, true)));
        const found = centred(together.weights.narrow(1, p, 1));
        expect(largestDifference(found, centred(alone.weights))).toBeLessThan(1e-6);
      });
    });
  });
});
