import { readFileSync } from 'node:fs';
import { DataError } from 'graft-torch/base';
import { expect, it } from 'vitest';
import { classWeightsOf } from './class-weights.js';

const golden = JSON.parse(
  readFileSync(new URL('../../test/goldens/classify/fine_tuning.json', import.meta.url), 'utf8'),
).classWeights as { counts: number[]; inverse: number[]; effective: number[] };

it.each(['inverse', 'effective'] as const)(
  'weighs the classes of HAM10000 as its source does: %s',
  (weighting) => {
    const weights = classWeightsOf(golden.counts, { weighting, beta: 0.999 });
    weights.forEach((weight, i) => {
      expect(weight).toBeCloseTo(golden[weighting][i]!, 12);
    });
  },
);

it('goes from no weights to inverse ones as β grows', () => {
  const weights = (beta: number): number[] => classWeightsOf([10, 90], { weighting: 'effective', beta });
  expect(weights(0)).toEqual([1, 1]);
  const ratio = (beta: number): number => weights(beta)[0]! / weights(beta)[1]!;
  expect(ratio(0.9)).toBeGreaterThan(1);
  expect(ratio(0.99)).toBeGreaterThan(ratio(0.9));
  expect(ratio(1 - 1e-9)).toBeCloseTo(9, 4);
});

it('refuses a class without images, unless nothing is weighed', () => {
  expect(() => classWeightsOf([3, 0], { weighting: 'inverse', beta: 0 })).toThrow(DataError);
  expect(classWeightsOf([3, 0], { weighting: 'none', beta: 0 })).toEqual([1, 1]);
});
