import { beforeEach, describe, expect, it } from 'vitest';
import { aten, grad, manualSeed, randn, type Tensor, tidy } from '../torch/index.js';
import { depthwiseConv2d } from './fused.js';

/** Largest difference, as a share of the largest value. */
function difference(a: Tensor, b: Tensor): number {
  return a.sub(b).abs().amax().item() / Math.max(1e-12, b.abs().amax().item());
}

beforeEach(() => manualSeed(1));

describe('depthwiseConv2d', () => {
  // Channels that do and do not fill a block of 32; kernels, strides and paddings of EfficientNet; maps of 1 to 19.
  const cases = [
    { channels: 64, side: 7, kernel: 5, stride: 1, padding: 2 },
    { channels: 33, side: 4, kernel: 5, stride: 1, padding: 2 },
    { channels: 144, side: 19, kernel: 5, stride: 2, padding: 0 },
    { channels: 40, side: 2, kernel: 5, stride: 1, padding: 2 },
    { channels: 40, side: 1, kernel: 3, stride: 1, padding: 1 },
    { channels: 7, side: 9, kernel: 3, stride: 2, padding: 1 },
    { channels: 32, side: 16, kernel: 3, stride: 1, padding: 1 },
  ];
  for (const memoryFormat of ['channelsLast', 'contiguous'] as const) {
    it(`has the values and gradients of libtorch’s (${memoryFormat})`, () => {
      for (const { channels, side, kernel, stride, padding } of cases) {
        tidy(() => {
          const input = randn([3, channels, side, side]).contiguous(memoryFormat).requiresGrad_();
          const weight = randn([channels, 1, kernel, kernel]).requiresGrad_();
          const run = (forward: () => Tensor): Tensor[] => {
            const output = forward();
            return [output, ...grad(output.mul(output).sum(), [input, weight])];
          };
          const expected = run(() =>
            aten.conv2d(input, weight, null, [stride, stride], [padding, padding], [1, 1], channels),
          );
          const actual = run(() => depthwiseConv2d(input, weight, { stride, padding }));
          actual.forEach((tensor, i) => {
            expect(tensor.shape).toEqual(expected[i]!.shape);
            expect(difference(tensor, expected[i]!)).toBeLessThan(5e-6);
          });
        });
      }
    });
  }

  it('computes only the gradients that are asked for', () => {
    tidy(() => {
      const input = randn([2, 32, 4, 4]).contiguous('channelsLast');
      const weight = randn([32, 1, 5, 5]).requiresGrad_();
      const [gradient] = grad(depthwiseConv2d(input, weight, { padding: 2 }).sum(), [weight]);
      expect(gradient!.shape).toEqual([32, 1, 5, 5]);
      // The middle tap meets every input once.
      const sums = input.sum([0, 2, 3]);
      expect(
        difference(aten.select.int(aten.select.int(gradient!.squeeze(1), 2, 2), 1, 2), sums),
      ).toBeLessThan(1e-5);
      weight.requiresGrad_(false);
      expect(depthwiseConv2d(input, weight, { padding: 2 }).requiresGrad).toBe(false);
    });
  });

  it('can be differentiated twice', () => {
    tidy(() => {
      const input = randn([2, 8, 4, 4]).contiguous('channelsLast').requiresGrad_();
      const weight = randn([8, 1, 5, 5]).requiresGrad_();
      const second = (forward: () => Tensor): Tensor => {
        const [first] = grad(forward().pow(3).sum(), [input], { createGraph: true });
        return grad(first!.square().sum(), [weight])[0]!;
      };
      const expected = second(() => aten.conv2d(input, weight, null, [1, 1], [2, 2], [1, 1], 8));
      expect(
        difference(
          second(() => depthwiseConv2d(input, weight, { padding: 2 })),
          expected,
        ),
      ).toBeLessThan(1e-5);
    });
  });
});
