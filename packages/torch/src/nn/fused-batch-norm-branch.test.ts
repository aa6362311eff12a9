import { beforeEach, describe, expect, it } from 'vitest';
import { aten, grad, manualSeed, randn, type Tensor, tensor, tidy } from '../torch/index.js';
import { batchNormBranch } from './fused.js';
import {
  asDouble,
  difference,
  inDouble,
  onOneAndTwoThreads,
  outputAndGradients,
  shuffledNorm,
} from './fused.test-data.js';
import { BatchNorm2d } from './layers.js';

beforeEach(() => manualSeed(1));

/** N, C, side. */
const cases = [
  [4, 40, 9],
  [3, 17, 5],
  [16, 64, 1],
  [12, 8, 20],
  [5, 16, 16],
  [3, 150, 12],
] as const;

/** Some images dropped, the others scaled up. */
const someFactors = (batch: number): Tensor =>
  tensor(
    Float32Array.from({ length: batch }, (_, i) => (i % 3 === 1 ? 0 : 1.25)),
    [batch, 1, 1, 1],
  );

describe('batchNormBranch', () => {
  it.each([
    { memoryFormat: 'channelsLast', skips: true, drops: true },
    { memoryFormat: 'channelsLast', skips: true, drops: false },
    { memoryFormat: 'channelsLast', skips: false, drops: false },
    { memoryFormat: 'contiguous', skips: true, drops: true },
  ] as const)('agrees with its parts in double precision: %o', ({ memoryFormat, skips, drops }) => {
    for (const [batch, channels, side] of cases) {
      tidy(() => {
        const norm = shuffledNorm(channels);
        const exact = inDouble(new BatchNorm2d(channels, { eps: norm.eps, momentum: norm.momentum }), norm);
        const shape = [batch, channels, side, side];
        const map = (): Tensor => randn(shape).add(5).contiguous(memoryFormat).requiresGrad_();
        const [input, skip, outer] = [map(), skips ? map() : null, randn(shape)];
        const factors = drops ? someFactors(batch) : null;
        const [exactInput, exactSkip] = [asDouble(input), skip && asDouble(skip)];
        const found = outputAndGradients(
          () => batchNormBranch(norm, input, { skip, factors }),
          [input, norm.weight!, norm.bias!, ...(skip ? [skip] : [])],
          outer,
        );
        const wanted = outputAndGradients(
          () =>
            batchNormBranch(exact, exactInput, { skip: exactSkip, factors: factors && asDouble(factors) }),
          [exactInput, exact.weight!, exact.bias!, ...(exactSkip ? [exactSkip] : [])],
          asDouble(outer),
        );
        expect(found).toHaveLength(skips ? 5 : 4);
        for (const [i, value] of found.entries())
          expect(difference(value, wanted[i]!), `${shape}, ${i}`).toBeLessThan(3e-6);
        for (const key of ['runningMean', 'runningVar'] as const)
          expect(difference(norm[key], exact[key])).toBeLessThan(1e-6);
        expect(norm.numBatchesTracked.item()).toBe(1);
      });
    }
  });

  it('gives the same bits on any number of threads', () => {
    tidy(() => {
      const norm = shuffledNorm(24);
      const map = (): Tensor => randn([9, 24, 30, 30]).contiguous('channelsLast').requiresGrad_();
      const [input, skip, outer] = [map(), map(), map()];
      const [one, two] = onOneAndTwoThreads(() =>
        outputAndGradients(
          () => batchNormBranch(norm, input, { skip, factors: someFactors(9) }),
          [input, norm.weight!, norm.bias!, skip],
          outer,
        ),
      );
      for (const [i, value] of one.entries()) expect(aten.equal(value, two[i]!)).toBe(true);
    });
  });

  it('says what does not fit', () => {
    tidy(() => {
      const [norm, input] = [shuffledNorm(8), randn([4, 8, 6, 6])];
      expect(() => batchNormBranch(norm, input, { skip: randn([4, 8, 3, 6]), factors: null })).toThrow(
        /skip differs in shape/,
      );
      expect(() => batchNormBranch(norm, input, { skip: null, factors: someFactors(3) })).toThrow(
        /a factor an image/,
      );
      const output = batchNormBranch(norm, input.requiresGrad_(), { skip: null, factors: null }).sum();
      expect(() => grad(output, [input], { createGraph: true })).toThrow(/cannot be differentiated twice/);
    });
  });
});
