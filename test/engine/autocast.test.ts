/** Autocast on the CPU against PyTorch's (`test/goldens/torch/autocast.py`), and its scopes. */
import { readFileSync } from 'node:fs';
import {
  autocast,
  autocastDtype,
  backward,
  engineInfo,
  liveTensors,
  noGrad,
  type Precision,
  setThreads,
  type Tensor,
  tensor,
  threads,
  tidy,
} from 'graft-torch';
import { BatchNorm2d, Conv2d, ConvTranspose2d, Linear, Module } from 'graft-torch/nn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as F from '../../packages/torch/src/nn/functional.js';
import { depthwiseConv2d } from '../../packages/torch/src/nn/fused.js';
import { fill, fillModule } from './goldens.js';

interface Entry {
  dtype: string;
  shape: number[];
  /** The first six elements. */
  values: number[];
  /** Sum of absolute values. */
  abs: number;
}
type Golden = Record<'float32' | 'bfloat16', Record<string, Entry>>;
const golden = JSON.parse(
  readFileSync(new URL('../goldens/torch/autocast.json', import.meta.url), 'utf8'),
) as Golden;

/** The script's network; `stages` keeps every intermediate. */
class Network extends Module {
  readonly conv = this.child('conv', new Conv2d(3, 8, 3, { padding: 1 }));
  readonly norm = this.child('norm', new BatchNorm2d(8));
  readonly up = this.child('up', new ConvTranspose2d(8, 4, 4, { stride: 2, padding: 1 }));
  readonly depthwise = this.child('depthwise', new Conv2d(4, 4, 3, { padding: 1, groups: 4, bias: false }));
  readonly linear = this.child('linear', new Linear(4, 2));
  readonly stages: Record<string, Tensor> = {};

  override forward(input: Tensor): Tensor {
    const { stages } = this;
    stages.conv = this.conv.forward(input);
    stages.norm = this.norm.forward(stages.conv);
    stages.act = F.leakyRelu(stages.norm, 0.2);
    stages.up = this.up.forward(stages.act);
    stages.depthwise = depthwiseConv2d(stages.up, this.depthwise.weight, { padding: 1 });
    const pooled = stages.depthwise.mean([2, 3]);
    stages.pooled = pooled;
    stages.inside = autocast('cpu', null, () => F.linear(pooled.float(), this.linear.weight));
    stages.linear = this.linear.forward(pooled);
    return stages.linear;
  }
}

/** As `run` of the script: every intermediate, gradient and statistic, described. */
function run(precision: Precision): Record<string, Entry> {
  return tidy(() => {
    const net = fillModule(new Network(), 'autocast.', 'float32');
    const { stages } = net;
    const logits = autocast('cpu', precision, () => net.forward(fill('autocast.x', [4, 3, 8, 8], 'float32')));
    stages.loss = F.softplus(logits.float().neg()).mean();
    backward(stages.loss);
    for (const [name, parameter] of Object.entries(net.namedParameters())) {
      stages[`${name}.grad`] = parameter.grad!;
    }
    stages['norm.running_mean'] = net.norm.runningMean!;
    const described = Object.fromEntries(
      Object.entries(stages).map(([name, value]) => [name, describeTensor(value)]),
    );
    net.dispose();
    return described;
  });
}

function describeTensor(t: Tensor): Entry {
  const data = [...(t.detach().to({ dtype: 'float64' }).toArray() as Float64Array)];
  const abs = data.reduce((sum, value) => sum + Math.abs(value), 0);
  return { dtype: t.dtype, shape: t.shape, values: data.slice(0, 6), abs };
}

/** Largest difference between two descriptions, as a share of the mean or of the largest element seen. */
function distance(a: Entry, b: Entry): number {
  const count = a.shape.reduce((product, size) => product * size, 1);
  const scale = Math.max(b.abs / count, ...b.values.map(Math.abs));
  const differences = b.values.map((value, i) => Math.abs(a.values[i]! - value));
  return Math.max(...differences, Math.abs(a.abs - b.abs) / count) / scale;
}

let before = 1;
beforeAll(() => {
  before = threads();
  setThreads(1);
});
afterAll(() => setThreads(before));

/** A bias ahead of a batch norm has no gradient but rounding. */
const compared = Object.keys(golden.float32).filter((key) => key !== 'conv.bias.grad');

describe('a network with convolutions, batch norm, a matrix product', () => {
  // Of another processor's kernels; other versions add up bfloat16's products in another order, too.
  const tolerance = { float32: 1e-5, bfloat16: engineInfo().libtorch.startsWith('1.13') ? 2 ** -7 : 2 ** -6 };
  it.each(['float32', 'bfloat16'] as const)('has the types and values of PyTorch in %s', (precision) => {
    const live = liveTensors();
    const computed = run(precision);
    expect(liveTensors()).toBe(live);
    expect(Object.keys(computed).sort()).toEqual(Object.keys(golden[precision]).sort());
    let worst = 0;
    for (const key of compared) {
      const [got, want] = [computed[key]!, golden[precision][key]!];
      expect(got.shape, key).toEqual(want.shape);
      // Later versions cast transposed convolutions, too.
      if (key !== 'up' || engineInfo().libtorch.startsWith('1.13')) expect(got.dtype, key).toBe(want.dtype);
      worst = Math.max(worst, distance(got, want));
      expect(distance(got, want), key).toBeLessThan(tolerance[precision]);
    }
    console.log(`autocast, ${precision}: worst ${worst.toExponential(1)}`);
  });

  it('differs from float32 by the rounding of bfloat16, no more and no less', () => {
    const computed = run('bfloat16');
    const distances = compared.map((key) => distance(computed[key]!, golden.float32[key]!));
    expect(Math.max(...distances)).toBeLessThan(0.05);
    expect(distance(computed.conv!, golden.float32.conv!)).toBeGreaterThan(1e-4);
    for (const key of ['norm.running_mean', 'norm.weight.grad', 'loss', 'inside']) {
      expect(computed[key]!.dtype).toBe('float32');
    }
  });
});

describe('scopes', () => {
  const state = () => autocastDtype('cpu');

  it('nest, and give back what was, also when they throw', () => {
    expect(state()).toBeNull();
    autocast('cpu', 'bfloat16', () => {
      expect(state()).toBe('bfloat16');
      autocast('cpu', 'float32', () => {
        expect(state()).toBeNull();
        expect(() =>
          autocast('cpu', 'bfloat16', () => {
            expect(state()).toBe('bfloat16');
            throw new Error('inside');
          }),
        ).toThrow('inside');
        expect(state()).toBeNull();
      });
      expect(state()).toBe('bfloat16');
    });
    expect(state()).toBeNull();
    expect(autocast('cpu', null, () => 7)).toBe(7);
    expect(() => autocast('cpu', 'bfloat16', async () => 1)).toThrow(/returned a promise/);
    expect(state()).toBeNull();
  });

  it('cast a weight once a scope, and never use the cast in the next', () => {
    tidy(() => {
      const weight = tensor([1], [1, 1]).requiresGrad_();
      const x = tensor([1], [1, 1]);
      const product = (): number => F.linear(x, weight).float().item();
      const setWeight = (value: number): void => noGrad(() => void weight.copy_(tensor([value], [1, 1])));
      autocast('cpu', 'bfloat16', () => {
        expect(product()).toBe(1);
        autocast('cpu', 'bfloat16', () => {});
        setWeight(2);
        expect(product()).toBe(1); // the inner scope's end has not dropped it
      });
      autocast('cpu', 'bfloat16', () => expect(product()).toBe(2));
      expect(() =>
        autocast('cpu', 'bfloat16', () => {
          product();
          throw new Error('inside');
        }),
      ).toThrow('inside');
      setWeight(3);
      autocast('cpu', 'bfloat16', () => expect(product()).toBe(3));
    });
  });

  it('refuse what this libtorch does not have, in a line that says what it has', () => {
    const refusal = (device: Parameters<typeof autocast>[0], dtype: Precision): string => {
      try {
        autocast(device, dtype, () => {});
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refusal('cpu', 'float16')).toBe(
      'precision float16: cpu has bfloat16, float32; choose one of these',
    );
    expect(refusal('mps', 'bfloat16')).toContain('mps has float32');
    expect(refusal('cuda:99', 'float16')).toMatch(/device cuda:99: this libtorch sees \d+ CUDA devices/);
    expect(refusal('mps', 'float32')).toBe('');
    expect(state()).toBeNull();
  });
});
