import { beforeEach, describe, expect, it } from 'vitest';
import { aten, grad, liveTensors, manualSeed, noGrad, randn, type Tensor, tidy } from '../torch/index.js';
import * as F from './functional.js';
import { type Activation, batchNormActivation, batchNormDepthwise, type NormedDepthwise } from './fused.js';
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

type Padding = NormedDepthwise['padding'];
interface Case {
  shape: [number, number, number, number];
  kernel: number;
  stride: number;
  padding: Padding;
}

const around = (size: number): Padding => [size, size, size, size];

/** Kernels, strides and paddings of EfficientNet; maps smaller than the kernel, uneven sides, lines no output sees. */
const cases: Case[] = [
  { shape: [3, 32, 9, 7], kernel: 3, stride: 1, padding: around(1) },
  { shape: [20, 48, 8, 8], kernel: 5, stride: 1, padding: around(2) },
  { shape: [2, 16, 12, 12], kernel: 3, stride: 2, padding: [0, 0, 1, 1] },
  { shape: [2, 16, 13, 10], kernel: 5, stride: 2, padding: [2, 1, 2, 2] },
  { shape: [4, 16, 10, 9], kernel: 3, stride: 2, padding: [0, 0, 0, 0] },
  { shape: [5, 64, 2, 2], kernel: 5, stride: 1, padding: around(2) },
  { shape: [8, 32, 1, 1], kernel: 3, stride: 2, padding: around(1) },
];

const parts = ({ norm, weight, stride, padding, activation }: NormedDepthwise, input: Tensor): Tensor => {
  const [top, left, bottom, right] = padding;
  const padded = F.pad(batchNormActivation(norm, input, activation), [left, right, top, bottom]);
  return F.conv2d(padded, weight, { stride, groups: weight.shape[0]! });
};

const make = (
  { shape, kernel, stride, padding }: Case,
  activation: Activation = 'silu',
): NormedDepthwise => ({
  norm: shuffledNorm(shape[1]),
  weight: randn([shape[1], 1, kernel, kernel]).requiresGrad_(),
  stride,
  padding,
  activation,
});

describe('batchNormDepthwise', () => {
  it.each([
    ['silu', 'channelsLast'],
    ['silu', 'contiguous'],
    ['relu', 'channelsLast'],
    ['relu6', 'channelsLast'],
    ['relu6', 'contiguous'],
  ] as const)('agrees with its parts in double precision (%s, %s)', (activation, format) => {
    for (const one of cases) {
      tidy(() => {
        const layer = make(one, activation);
        const { norm, weight } = layer;
        const exactNorm = inDouble(
          new BatchNorm2d(one.shape[1], { eps: norm.eps, momentum: norm.momentum }),
          norm,
        );
        const exact = { ...layer, norm: exactNorm, weight: asDouble(weight) };
        const input = randn(one.shape).mul(2).add(6).contiguous(format).requiresGrad_();
        const exactInput = asDouble(input);
        const outer = tidy(() => randn(batchNormDepthwise(layer, input)!.shape));
        norm.loadStateDict(exactNorm.stateDict()); // as before that pass
        const found = outputAndGradients(
          () => batchNormDepthwise(layer, input)!,
          [input, weight, norm.weight!, norm.bias!],
          outer,
        );
        const wanted = outputAndGradients(
          () => parts(exact, exactInput),
          [exactInput, exact.weight, exactNorm.weight!, exactNorm.bias!],
          asDouble(outer),
        );
        for (const [i, value] of found.entries()) {
          expect(value.shape).toEqual(wanted[i]!.shape);
          expect(difference(value, wanted[i]!), `${JSON.stringify(one)}, ${i}`).toBeLessThan(5e-6);
        }
        for (const key of ['runningMean', 'runningVar'] as const)
          expect(difference(norm[key], exactNorm[key])).toBeLessThan(1e-6);
        expect(norm.numBatchesTracked.item()).toBe(1);
      });
    }
  });

  it.each(['relu', 'relu6'] as const)('%s has no slope where it ends', (activation) => {
    tidy(() => {
      const layer = make({ shape: [2, 16, 4, 4], kernel: 3, stride: 1, padding: around(1) }, activation);
      const edges = activation === 'relu' ? [0] : [0, 6];
      for (const edge of edges) {
        noGrad(() => {
          layer.norm.weight!.fill_(0); // every value is the bias
          layer.norm.bias!.fill_(edge);
        });
        const output = batchNormDepthwise(layer, randn([2, 16, 4, 4]))!;
        const [byBias] = grad(output.square().sum(), [layer.norm.bias!]);
        expect([...byBias!.toFloat32Array()]).toEqual(Array(16).fill(0));
      }
    });
  });

  it.each(['silu', 'relu6'] as const)('gives the same bits on any number of threads (%s)', (activation) => {
    tidy(() => {
      const layer = make({ shape: [9, 32, 14, 14], kernel: 5, stride: 1, padding: around(2) }, activation);
      const input = randn([9, 32, 14, 14]).contiguous('channelsLast').requiresGrad_();
      const outer = randn([9, 32, 14, 14]);
      const [one, two] = onOneAndTwoThreads(() =>
        outputAndGradients(
          () => batchNormDepthwise(layer, input)!,
          [input, layer.weight, layer.norm.weight!],
          outer,
        ),
      );
      for (const [i, value] of one.entries()) expect(aten.equal(value, two[i]!)).toBe(true);
    });
  });

  it('computes the gradients that are asked for, and leaves nothing behind', () => {
    const layer = make({ shape: [2, 16, 4, 4], kernel: 3, stride: 1, padding: around(1) });
    const live = liveTensors();
    tidy(() => {
      layer.weight.requiresGrad_(false);
      const output = batchNormDepthwise(layer, randn([2, 16, 4, 4]))!;
      expect(grad(output.sum(), [layer.norm.bias!])[0]!.shape).toEqual([16]);
      expect(() => grad(output.square().sum(), [layer.norm.bias!], { createGraph: true })).toThrow(
        /cannot be differentiated twice/,
      );
    });
    expect(liveTensors()).toBe(live);
  });

  it('is for training on whole vectors of channels', () => {
    tidy(() => {
      const one = { kernel: 3, stride: 1, padding: around(1) };
      const of = (channels: number): [NormedDepthwise, Tensor] => [
        make({ ...one, shape: [2, channels, 6, 6] }),
        randn([2, channels, 6, 6]),
      ];
      expect(batchNormDepthwise(...of(24))).toBeNull();
      const [layer, input] = of(32);
      expect(batchNormDepthwise(layer, input)).not.toBeNull();
      layer.norm.eval();
      expect(batchNormDepthwise(layer, input)).toBeNull();
    });
  });
});
