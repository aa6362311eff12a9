import { beforeEach, describe, expect, it } from 'vitest';
import {
  aten,
  grad,
  liveTensors,
  manualSeed,
  noGrad,
  randn,
  type Tensor,
  tensor,
  tidy,
} from '../torch/index.js';
import * as F from './functional.js';
import { type Activation, batchNormActivation } from './fused.js';
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

/** By libtorch's operators, relu6 as PyTorch defines it. */
const parts: Record<Activation, (x: Tensor) => Tensor> = {
  silu: (x) => x.mul(F.sigmoid(x)),
  relu: (x) => x.clamp({ min: 0 }),
  relu6: (x) => aten.hardtanh(x, 0, 6),
};
const activations = ['silu', 'relu', 'relu6'] as const;

const shapes = [
  [4, 40, 9, 9],
  [3, 17, 5, 5],
  [16, 64, 1, 1],
  [2, 64, 1, 1],
  [32, 8, 20, 20],
];

const copyOf = (norm: BatchNorm2d): BatchNorm2d =>
  new BatchNorm2d(norm.runningMean.shape[0]!, { eps: norm.eps, momentum: norm.momentum });

/** A norm that gives back what comes in, in evaluation. */
function plainNorm(channels: number): BatchNorm2d {
  const norm = new BatchNorm2d(channels, { eps: 0 });
  norm.eval();
  return norm;
}

describe.each(activations)('batchNormActivation, %s', (activation) => {
  it.each(['channelsLast', 'contiguous'] as const)(
    'agrees with double precision in values, gradients and statistics (%s)',
    (memoryFormat) => {
      for (const shape of shapes) {
        tidy(() => {
          const layer = shuffledNorm(shape[1]!);
          const plain = copyOf(layer);
          plain.loadStateDict(layer.stateDict());
          const double = inDouble(copyOf(layer), layer);
          // Far from zero, where a naive sum of squares would lose digits.
          const input = randn(shape).mul(2).add(10).contiguous(memoryFormat).requiresGrad_();
          const exact = asDouble(input);
          const outer = randn(shape);
          const act = parts[activation];
          const found = outputAndGradients(
            () => batchNormActivation(layer, input, activation),
            [input, layer.weight!, layer.bias!],
            outer,
          );
          const wanted = outputAndGradients(
            () => act(double.forward(exact)),
            [exact, double.weight!, double.bias!],
            asDouble(outer),
          );
          // With two values a channel the gradient of the input all but cancels, and single precision loses its
          // digits: libtorch's own operators are off by up to 1.4e-4 there, so their error is the measure.
          const isCancelling = shape[0]! * shape[2]! * shape[3]! === 2;
          const single = outputAndGradients(
            () => act(plain.forward(input)),
            [input, plain.weight!, plain.bias!],
            outer,
          );
          for (const [i, value] of found.entries()) {
            const bound = isCancelling ? Math.max(6e-5, 4 * difference(single[i]!, wanted[i]!)) : 3e-6;
            expect(difference(value, wanted[i]!), `${shape}, ${i}`).toBeLessThan(bound);
          }
          expect(difference(layer.runningMean, double.runningMean)).toBeLessThan(1e-6);
          expect(difference(layer.runningVar, double.runningVar)).toBeLessThan(1e-5);
          expect(layer.numBatchesTracked.item()).toBe(1);

          layer.eval();
          double.eval();
          const evaluated = noGrad(() => batchNormActivation(layer, input, activation));
          expect(evaluated.requiresGrad).toBe(false);
          expect(difference(evaluated, act(double.forward(exact)))).toBeLessThan(3e-5);
          // With gradients, in evaluation mode (explanations differentiate a trained network).
          const [byInput] = grad(batchNormActivation(layer, input, activation), [input], {
            gradOutputs: [outer],
          });
          const [exactByInput] = grad(act(double.forward(exact)), [exact], {
            gradOutputs: [asDouble(outer)],
          });
          expect(difference(byInput!, exactByInput!)).toBeLessThan(3e-5);
        });
      }
    },
  );

  it('takes large values without overflow', () => {
    tidy(() => {
      const layer = new BatchNorm2d(8);
      noGrad(() => layer.weight!.fill_(1000));
      const input = randn([4, 8, 3, 3]).contiguous('channelsLast').requiresGrad_();
      const output = batchNormActivation(layer, input, activation);
      const values = output.toFloat32Array();
      expect(values.every((value) => Number.isFinite(value) && value > -0.3)).toBe(true);
      if (activation === 'relu6') expect(Math.max(...values)).toBe(6);
      else expect(Math.max(...values)).toBeGreaterThan(500);
      const [gradient] = grad(output.sum(), [input]);
      expect(gradient!.toFloat32Array().every(Number.isFinite)).toBe(true);
    });
  });

  it('passes NaN on, so that a diverged training is noticed', () => {
    tidy(() => {
      const input = randn([2, 8, 3, 3]).mul(Number.NaN).contiguous('channelsLast');
      const norm = new BatchNorm2d(8);
      expect(batchNormActivation(norm, input, activation).toFloat32Array().every(Number.isNaN)).toBe(true);
      norm.eval();
      const evaluated = noGrad(() => batchNormActivation(norm, input, activation));
      expect(evaluated.toFloat32Array().every(Number.isNaN)).toBe(true);
    });
  });

  it('gives the same bits on any number of threads, and leaves nothing behind', () => {
    const layer = shuffledNorm(24);
    const live = liveTensors();
    tidy(() => {
      const [input, outer] = [randn([9, 24, 30, 30]), randn([9, 24, 30, 30])].map((one) =>
        one.contiguous('channelsLast'),
      ) as [Tensor, Tensor];
      input.requiresGrad_();
      const [one, two] = onOneAndTwoThreads(() =>
        outputAndGradients(
          () => batchNormActivation(layer, input, activation),
          [input, layer.weight!, layer.bias!],
          outer,
        ),
      );
      for (const [i, value] of one.entries()) expect(aten.equal(value, two[i]!)).toBe(true);
    });
    expect(liveTensors()).toBe(live);
  });
});

describe('the edges of relu and relu6', () => {
  // In training, a weight of zero makes every value the bias.
  it.each([
    ['relu6', 0, 0],
    ['relu6', 6, 0],
    ['relu6', 3, 1],
    ['relu', 0, 0],
    ['relu', 6, 1],
  ] as const)('%s at %d has the slope %d', (activation, value, slope) => {
    tidy(() => {
      const norm = new BatchNorm2d(8);
      noGrad(() => {
        norm.weight!.fill_(0);
        norm.bias!.fill_(value);
      });
      const input = randn([2, 8, 3, 3]).contiguous('channelsLast');
      const output = batchNormActivation(norm, input, activation);
      expect(output.toFloat32Array().every((one) => one === value)).toBe(true);
      const [byBias] = grad(output.sum(), [norm.bias!]);
      expect([...byBias!.toFloat32Array()]).toEqual(Array(8).fill(slope * 2 * 9));
    });
  });

  it('are as given in evaluation', () => {
    tidy(() => {
      const given = [-1, -0.5, 0, 0.5, 5.5, 6, 6.5, 100];
      const input = tensor(Float32Array.from(given), [1, 8, 1, 1]).contiguous('channelsLast');
      const of = (activation: Activation): number[] => [
        ...noGrad(() => batchNormActivation(plainNorm(8), input, activation)).toFloat32Array(),
      ];
      expect(of('relu6')).toEqual([0, 0, 0, 0.5, 5.5, 6, 6, 6]);
      expect(of('relu')).toEqual([0, 0, 0, 0.5, 5.5, 6, 6.5, 100]);
    });
  });
});

it('an activation that there is not is refused', () => {
  tidy(() => {
    const input = randn([2, 8, 3, 3]).contiguous('channelsLast');
    expect(() => batchNormActivation(new BatchNorm2d(8), input, 'swish' as Activation)).toThrow(
      /expected the activation silu, relu or relu6/,
    );
  });
});
