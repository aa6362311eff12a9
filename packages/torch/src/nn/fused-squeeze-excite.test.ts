import { beforeEach, describe, expect, it } from 'vitest';
import { aten, grad, liveTensors, manualSeed, noGrad, randn, type Tensor, tidy } from '../torch/index.js';
import { type SqueezeExcite, squeezeExcite } from './fused.js';
import {
  asDouble,
  difference,
  inDouble,
  onOneAndTwoThreads,
  outputAndGradients,
  shuffledNorm,
} from './fused.test-data.js';
import { BatchNorm2d, Conv2d } from './layers.js';

beforeEach(() => manualSeed(1));

const make = (channels: number, squeezed: number): SqueezeExcite => ({
  norm: shuffledNorm(channels),
  reduce: new Conv2d(channels, squeezed, 1),
  expand: new Conv2d(squeezed, channels, 1),
});

const doubleOf = ({ norm, reduce, expand }: SqueezeExcite): SqueezeExcite => {
  const [squeezed, channels] = reduce.weight.shape as [number, number];
  return {
    norm: inDouble(new BatchNorm2d(channels, { eps: norm.eps, momentum: norm.momentum }), norm),
    reduce: inDouble(new Conv2d(channels, squeezed, 1), reduce),
    expand: inDouble(new Conv2d(squeezed, channels, 1), expand),
  };
};

const parameters = ({ norm, reduce, expand }: SqueezeExcite): Tensor[] => [
  norm.weight!,
  norm.bias!,
  reduce.weight,
  reduce.bias!,
  expand.weight,
  expand.bias!,
];

/** N, C, side, S: channels that do and do not fill vectors, rows that do and do not hold several places. */
const cases = [
  [4, 40, 9, 3],
  [3, 17, 5, 2],
  [16, 64, 1, 8],
  [32, 8, 20, 4],
  [5, 32, 16, 8],
  [20, 24, 8, 6],
  [3, 150, 12, 20],
] as const;

describe('squeezeExcite', () => {
  it.each(['channelsLast', 'contiguous'] as const)(
    'agrees with its parts in double precision in values, gradients and statistics (%s)',
    (memoryFormat) => {
      for (const [batch, channels, side, squeezed] of cases) {
        tidy(() => {
          const layers = make(channels, squeezed);
          const exact = doubleOf(layers);
          const shape = [batch, channels, side, side];
          const input = randn(shape).mul(2).add(10).contiguous(memoryFormat).requiresGrad_();
          const exactInput = asDouble(input);
          const outer = randn(shape);
          const found = outputAndGradients(
            () => squeezeExcite(layers, input),
            [input, ...parameters(layers)],
            outer,
          );
          const wanted = outputAndGradients(
            () => squeezeExcite(exact, exactInput),
            [exactInput, ...parameters(exact)],
            asDouble(outer),
          );
          for (const [i, value] of found.entries()) {
            expect(value.shape).toEqual(wanted[i]!.shape);
            expect(difference(value, wanted[i]!), `${shape}, ${i}`).toBeLessThan(1e-5);
          }
          for (const key of ['runningMean', 'runningVar'] as const)
            expect(difference(layers.norm[key], exact.norm[key])).toBeLessThan(1e-6);
          expect(layers.norm.numBatchesTracked.item()).toBe(1);
        });
      }
    },
  );

  it('takes large values', () => {
    tidy(() => {
      const layers = make(16, 4);
      const exact = doubleOf(layers);
      noGrad(() => {
        for (const { norm } of [layers, exact]) norm.weight!.mul_(200);
      });
      const input = randn([4, 16, 6, 6]).contiguous('channelsLast');
      const found = squeezeExcite(layers, input);
      expect(difference(found, squeezeExcite(exact, asDouble(input)))).toBeLessThan(1e-6);
    });
  });

  it('gives the same bits on any number of threads', () => {
    tidy(() => {
      const layers = make(40, 3);
      const input = randn([9, 40, 14, 14]).contiguous('channelsLast').requiresGrad_();
      const outer = randn([9, 40, 14, 14]);
      const [one, two] = onOneAndTwoThreads(() =>
        outputAndGradients(() => squeezeExcite(layers, input), [input, ...parameters(layers)], outer),
      );
      for (const [i, value] of one.entries()) expect(aten.equal(value, two[i]!)).toBe(true);
    });
  });

  it('computes the gradients that are asked for, and leaves nothing behind', () => {
    const layers = make(16, 4);
    const live = liveTensors();
    tidy(() => {
      layers.reduce.requiresGrad_(false);
      layers.expand.requiresGrad_(false);
      const output = squeezeExcite(layers, randn([2, 16, 4, 4]).contiguous('channelsLast'));
      const [byWeight] = grad(output.sum(), [layers.norm.weight!]);
      expect(byWeight!.shape).toEqual([16]);
      layers.norm.requiresGrad_(false);
      expect(squeezeExcite(layers, randn([2, 16, 4, 4])).requiresGrad).toBe(false);
    });
    expect(liveTensors()).toBe(live);
  });

  it('refuses a second derivative', () => {
    tidy(() => {
      const input = randn([2, 16, 4, 4]).requiresGrad_();
      const output = squeezeExcite(make(16, 4), input).sum();
      expect(() => grad(output, [input], { createGraph: true })).toThrow(/cannot be differentiated twice/);
    });
  });
});
