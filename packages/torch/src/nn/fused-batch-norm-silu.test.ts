import { describe, expect, it } from 'vitest';
import { grad, manualSeed, noGrad, randn, type Tensor, tidy } from '../torch/index.js';
import { silu } from './functional.js';
import { batchNormSilu } from './fused.js';
import { BatchNorm2d } from './layers.js';

/** Largest difference, as a share of the largest value of the reference. */
function difference(value: Tensor, reference: Tensor): number {
  const exact = reference.to({ dtype: 'float64' });
  return value.to({ dtype: 'float64' }).sub(exact).abs().amax().item() / exact.abs().amax().item();
}

/** A layer with weights and statistics of its own, its copy, and the same in double precision. */
function layers(channels: number): [BatchNorm2d, BatchNorm2d, BatchNorm2d] {
  const layer = new BatchNorm2d(channels, { eps: 1e-3, momentum: 0.3 });
  const plain = new BatchNorm2d(channels, { eps: 1e-3, momentum: 0.3 });
  const double = new BatchNorm2d(channels, { eps: 1e-3, momentum: 0.3 }).to({ dtype: 'float64' });
  noGrad(() => {
    layer.weight!.copy_(randn([channels]).add(1));
    layer.bias!.copy_(randn([channels]));
    layer.runningMean.copy_(randn([channels]).add(3));
    layer.runningVar.copy_(randn([channels]).square().add(0.5));
  });
  plain.loadStateDict(layer.stateDict());
  double.loadStateDict(layer.stateDict());
  return [layer, plain, double];
}

describe('batchNormSilu', () => {
  const shapes = [
    [4, 40, 9, 9],
    [3, 17, 5, 5],
    [16, 64, 1, 1],
    [2, 64, 1, 1],
    [32, 8, 20, 20],
  ];
  for (const memoryFormat of ['channelsLast', 'contiguous'] as const) {
    it(`agrees with double precision in values, gradients and statistics (${memoryFormat})`, () => {
      manualSeed(1);
      for (const shape of shapes) {
        tidy(() => {
          const [layer, plain, double] = layers(shape[1]!);
          // Far from zero, where a naive sum of squares would lose digits.
          const input = randn(shape).mul(2).add(10).contiguous(memoryFormat).requiresGrad_();
          const exact = input.detach().to({ dtype: 'float64' }).requiresGrad_();
          const outer = randn(shape);
          const output = batchNormSilu(layer, input);
          const expected = silu(double.forward(exact));
          const gradients = grad(output, [input, layer.weight!, layer.bias!], { gradOutputs: [outer] });
          const exactGradients = grad(expected, [exact, double.weight!, double.bias!], {
            gradOutputs: [outer.to({ dtype: 'float64' })],
          });
          // With two values a channel the gradient of the input all but cancels, and single precision loses its
          // digits: libtorch's own operators are off by up to 1.4e-4 there, so their error is the measure.
          const isCancelling = shape[0]! * shape[2]! * shape[3]! === 2;
          const output32 = silu(plain.forward(input));
          const gradients32 = grad(output32, [input, plain.weight!, plain.bias!], { gradOutputs: [outer] });
          const bound = (reference: Tensor, exactly: Tensor): number =>
            isCancelling ? Math.max(6e-5, 4 * difference(reference, exactly)) : 3e-6;
          expect(difference(output, expected)).toBeLessThan(bound(output32, expected));
          gradients.forEach((gradient, i) => {
            const exactly = exactGradients[i]!;
            expect(difference(gradient, exactly)).toBeLessThan(bound(gradients32[i]!, exactly));
          });
          expect(difference(layer.runningMean, double.runningMean)).toBeLessThan(1e-6);
          expect(difference(layer.runningVar, double.runningVar)).toBeLessThan(1e-5);
          expect(layer.numBatchesTracked.item()).toBe(1);

          layer.eval();
          double.eval();
          const evaluated = noGrad(() => batchNormSilu(layer, input));
          expect(evaluated.requiresGrad).toBe(false);
          expect(difference(evaluated, silu(double.forward(exact)))).toBeLessThan(3e-5);
          // With gradients, in evaluation mode (explanations differentiate a trained network).
          const [byInput] = grad(batchNormSilu(layer, input), [input], { gradOutputs: [outer] });
          const [exactByInput] = grad(silu(double.forward(exact)), [exact], {
            gradOutputs: [outer.to({ dtype: 'float64' })],
          });
          expect(difference(byInput!, exactByInput!)).toBeLessThan(3e-5);
        });
      }
    });
  }

  it('saturates without overflow', () => {
    tidy(() => {
      const layer = new BatchNorm2d(8);
      noGrad(() => layer.weight!.fill_(1000));
      const input = randn([4, 8, 3, 3]).contiguous('channelsLast').requiresGrad_();
      const output = batchNormSilu(layer, input);
      const values = output.toFloat32Array();
      expect(values.every((value) => Number.isFinite(value) && value > -0.3)).toBe(true);
      expect(Math.max(...values)).toBeGreaterThan(500);
      const [gradient] = grad(output.sum(), [input]);
      expect(gradient!.toFloat32Array().every(Number.isFinite)).toBe(true);
    });
  });

  it('passes NaN on, so that a diverged training is noticed', () => {
    tidy(() => {
      const input = randn([2, 8, 3, 3]).mul(Number.NaN).contiguous('channelsLast');
      expect(batchNormSilu(new BatchNorm2d(8), input).toFloat32Array().every(Number.isNaN)).toBe(true);
    });
  });
});
