import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  aten,
  autocast,
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
import { type ConvNorm, convNorm, type Sides } from './fused.js';
import { asDouble, difference, inDouble, onOneAndTwoThreads, shuffledNorm } from './fused.test-data.js';
import { BatchNorm2d } from './layers.js';

beforeEach(() => manualSeed(1));

interface Case {
  /** N, C, H, W. */
  shape: [number, number, number, number];
  out: number;
  kernel: number;
  stride?: number;
  padding?: Sides;
  groups?: number;
}

const around = (size: number): Sides => [size, size, size, size];
const depthwise = (
  shape: Case['shape'],
  kernel: number,
  { stride, padding }: { stride: number; padding: Sides },
): Case => ({ shape, out: shape[1], kernel, stride, padding, groups: shape[1] });

/** What has a kernel of its own, what has none; rows and columns that do and do not fill tiles; borders of all kinds. */
const cases: Case[] = [
  { shape: [2, 16, 8, 6], out: 32, kernel: 1 },
  { shape: [3, 40, 7, 7], out: 240, kernel: 1 },
  { shape: [5, 17, 5, 3], out: 24, kernel: 1 },
  { shape: [5, 3, 1, 1], out: 2, kernel: 1 },
  { shape: [2, 96, 9, 9], out: 16, kernel: 1 },
  { shape: [4, 24, 20, 20], out: 49, kernel: 1 },
  { shape: [1, 200, 3, 3], out: 72, kernel: 1 },
  depthwise([2, 32, 9, 7], 3, { stride: 1, padding: around(1) }),
  depthwise([3, 48, 8, 8], 5, { stride: 1, padding: around(2) }),
  depthwise([2, 16, 12, 12], 3, { stride: 2, padding: [0, 0, 1, 1] }),
  depthwise([2, 24, 13, 10], 5, { stride: 2, padding: [2, 1, 2, 2] }),
  depthwise([2, 19, 10, 9], 3, { stride: 2, padding: around(0) }),
  depthwise([3, 64, 2, 2], 5, { stride: 1, padding: around(2) }),
  depthwise([3, 32, 1, 1], 3, { stride: 2, padding: around(1) }),
  depthwise([2, 16, 11, 13], 3, { stride: 3, padding: [1, 3, 1, 0] }),
  depthwise([2, 5, 6, 6], 5, { stride: 1, padding: [4, 0, 0, 4] }),
  // By parts: dense, grouped, strided.
  { shape: [2, 3, 9, 9], out: 8, kernel: 3, stride: 2, padding: [0, 0, 1, 1] },
  { shape: [2, 8, 6, 6], out: 8, kernel: 3, padding: around(1), groups: 2 },
  { shape: [2, 8, 6, 6], out: 16, kernel: 1, stride: 2 },
  { shape: [2, 16, 6, 6], out: 32, kernel: 3, padding: around(1), groups: 16 },
  { shape: [2, 16, 6, 6], out: 8, kernel: 1, padding: [1, 0, 0, 1] },
];

const parts = (layer: ConvNorm, input: Tensor): Tensor => {
  const { weight, stride, padding, groups, norm, activation, skip } = layer;
  const [top, left, bottom, right] = padding;
  const y = norm.forward(F.conv2d(F.pad(input, [left, right, top, bottom]), weight, { stride, groups }));
  const active = { none: y, silu: y.mul(F.sigmoid(y)), relu: F.relu(y), relu6: aten.hardtanh(y, 0, 6) }[
    activation
  ];
  return skip ? active.add(skip) : active;
};

function make(
  { shape, out, kernel, stride = 1, padding = around(0), groups = 1 }: Case,
  activation: ConvNorm['activation'],
): ConvNorm {
  const norm = shuffledNorm(out);
  norm.eval();
  const weight = randn([out, shape[1] / groups, kernel, kernel]).mul(2 / kernel);
  return { weight, stride, padding, groups, norm, activation };
}

const doubleOf = (layer: ConvNorm): ConvNorm => {
  const { norm, weight, skip = null } = layer;
  const exact = inDouble(new BatchNorm2d(weight.shape[0]!, { eps: norm.eps }), norm);
  exact.eval();
  return { ...layer, norm: exact, weight: asDouble(weight), skip: skip && asDouble(skip) };
};

/** Levels of vector instructions, as libtorch's variable names them; `default`: without kernels of Graft's. */
describe.each(['avx512', 'avx2', 'default'])('convNorm, %s', (level) => {
  beforeEach(() => {
    process.env.ATEN_CPU_CAPABILITY = level;
  });
  afterEach(() => {
    delete process.env.ATEN_CPU_CAPABILITY;
  });

  it.each([
    ['none', true],
    ['none', false],
    ['silu', false],
    ['relu', true],
    ['relu6', false],
    ['relu6', true],
  ] as const)('agrees with its parts in double precision (%s, skip: %s)', (activation, skips) => {
    for (const one of cases) {
      tidy(() =>
        noGrad(() => {
          const plain = make(one, activation);
          const input = randn(one.shape).contiguous('channelsLast');
          const skip = skips ? randn(parts(plain, input).shape) : null;
          const layer = { ...plain, skip };
          const found = convNorm(layer, input)!;
          const wanted = parts(doubleOf(layer), asDouble(input));
          expect(found.shape).toEqual(wanted.shape);
          expect(difference(found, wanted), JSON.stringify(one)).toBeLessThan(3e-6);
          expect(layer.norm.numBatchesTracked.item()).toBe(0);
        }),
      );
    }
  });

  it('takes maps and weights of any layout', () => {
    tidy(() =>
      noGrad(() => {
        for (const one of [cases[1]!, cases[8]!]) {
          const layer = make(one, 'relu6');
          const input = randn(one.shape);
          const last = convNorm(layer, input.contiguous('channelsLast'))!;
          expect(difference(convNorm(layer, input)!, last)).toBeLessThan(3e-6);
          const weight = layer.weight.contiguous('channelsLast');
          const other = convNorm({ ...layer, weight }, input.contiguous('channelsLast'))!;
          expect(aten.equal(other, last)).toBe(true);
        }
      }),
    );
  });

  it('cuts at 0 and at 6, and passes NaN on', () => {
    tidy(() =>
      noGrad(() => {
        const given = [-1, -0, 0, 0.5, 5.5, 6, 6.5, Number.NaN];
        const input = tensor(Float32Array.from(given), [8, 1, 1, 1]).contiguous('channelsLast');
        const norm = new BatchNorm2d(1, { eps: 0 });
        norm.eval();
        const one = {
          weight: tensor(Float32Array.of(1), [1, 1, 1, 1]),
          stride: 1,
          padding: around(0),
          groups: 1,
        };
        const of = (activation: 'relu' | 'relu6'): number[] =>
          [...convNorm({ ...one, norm, activation }, input)!.toFloat32Array()].map((value) => value + 0);
        expect(of('relu6')).toEqual([0, 0, 0, 0.5, 5.5, 6, 6, Number.NaN]);
        expect(of('relu')).toEqual([0, 0, 0, 0.5, 5.5, 6, 6.5, Number.NaN]);
      }),
    );
  });

  it('has gradients where they are recorded, and the same values', () => {
    for (const one of [cases[1]!, cases[9]!]) {
      tidy(() => {
        const layer = make(one, 'relu6');
        layer.weight.requiresGrad_();
        const input = randn(one.shape).contiguous('channelsLast').requiresGrad_();
        const exact = doubleOf(layer);
        const exactInput = asDouble(input);
        const [output, wanted] = [convNorm(layer, input)!, parts(exact, exactInput)];
        const outer = randn(output.shape);
        const { norm, weight } = layer;
        const found = grad(output, [input, weight, norm.weight!, norm.bias!], { gradOutputs: [outer] });
        const exactly = grad(wanted, [exactInput, exact.weight, exact.norm.weight!, exact.norm.bias!], {
          gradOutputs: [asDouble(outer)],
        });
        for (const [i, value] of found.entries()) expect(difference(value, exactly[i]!)).toBeLessThan(1e-5);
        const plain = noGrad(() => convNorm(layer, input)!);
        expect(plain.requiresGrad).toBe(false);
        expect(difference(plain, output)).toBeLessThan(3e-6);
      });
    }
  });

  it('gives the same bits on any number of threads, and leaves nothing behind', () => {
    const layers = [cases[5]!, cases[8]!].map((one) => [make(one, 'relu6'), one.shape] as const);
    const live = liveTensors();
    for (const [layer, shape] of layers) {
      tidy(() => {
        const input = randn(shape).contiguous('channelsLast');
        const [one, two] = onOneAndTwoThreads(() => noGrad(() => convNorm(layer, input)!));
        expect(aten.equal(one, two)).toBe(true);
      });
    }
    expect(liveTensors()).toBe(live);
  });

  it('is for evaluation, in float32', () => {
    tidy(() => {
      const layer = make(cases[0]!, 'relu6');
      const input = randn(cases[0]!.shape);
      expect(convNorm(layer, input)).not.toBeNull();
      expect(autocast('cpu', 'bfloat16', () => convNorm(layer, input))).toBeNull();
      expect(convNorm(doubleOf(layer), asDouble(input))).toBeNull();
      layer.norm.train();
      expect(convNorm(layer, input)).toBeNull();
    });
  });

  it('says what does not fit', () => {
    tidy(() =>
      noGrad(() => {
        const layer = make(cases[0]!, 'none');
        const input = randn(cases[0]!.shape).contiguous('channelsLast');
        expect(() => convNorm({ ...layer, skip: randn([2, 16, 8, 6]) }, input)).toThrow(
          /skip differs in shape|must match the size/,
        );
        expect(() => convNorm(layer, randn([2, 17, 8, 6]).contiguous('channelsLast'))).toThrow(/channels/);
      }),
    );
  });
});
