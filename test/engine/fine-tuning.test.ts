/** Clipping, rates by parameter and the moving average, against PyTorch's. */
import { readFileSync } from 'node:fs';
import { backward, liveTensors, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import { BatchNorm2d, Conv2d, Module } from 'graft-torch/nn';
import { describe, expect, it } from 'vitest';
import {
  Adam,
  AdamW,
  clipGradNorm_,
  Ema,
  type Optimizer,
  RMSprop,
  SGD,
} from '../../packages/torch/src/optim/index.js';
import { fill } from './goldens.js';

const golden = JSON.parse(
  readFileSync(new URL('../goldens/classify/fine_tuning.json', import.meta.url), 'utf8'),
) as {
  clipping: { shapes: number[][] } & Record<'short' | 'long', { norm: number; gradients: number[][] }>;
  rates: { factors: number[] } & Record<'adamw' | 'adam' | 'sgd' | 'rmsprop', number[][]>;
  ema: { decay: number; steps: number; state: Record<string, number[]> };
};
const { shapes } = golden.clipping;

const valuesOf = (value: Tensor): number[] => Array.from(value.toArray() as Float64Array, Number);
function expectClose(found: Tensor, wanted: readonly number[], digits = 12): void {
  const values = valuesOf(found);
  expect(values).toHaveLength(wanted.length);
  values.forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i]!, digits);
  });
}
const parametersOf = (name: string): Tensor[] =>
  shapes.map((shape, i) => fill(`${name}.p${i}`, shape, 'float64').requiresGrad_(true));

describe('clipGradNorm', () => {
  it.each([
    ['short', 1.5],
    ['long', 1e3],
  ] as const)('agrees with PyTorch where the limit is %s', (name, limit) => {
    const live = liveTensors();
    tidy(() => {
      const parameters = parametersOf('clip'); // the last has no gradient
      const own = [0, 1].map((i) => fill(`clip.g${i}`, shapes[i]!, 'float64', 2));
      for (const i of [0, 1]) parameters[i]!.grad = own[i]!;
      expect(clipGradNorm_(parameters, limit)).toBeCloseTo(golden.clipping[name].norm, 12);
      for (const i of [0, 1]) expectClose(parameters[i]!.grad!, golden.clipping[name].gradients[i]!);
    });
    expect(liveTensors()).toBe(live);
  });

  it('leaves gradients that are not finite visible, and does without any', () => {
    tidy(() => {
      const [parameter] = parametersOf('clip');
      expect(clipGradNorm_([parameter!], 1)).toBe(0);
      parameter!.grad = tensor(new Float64Array(12).fill(Number.NaN), [3, 4]);
      expect(clipGradNorm_([parameter!], 1)).toBeNaN();
      expect(valuesOf(parameter!.grad!).every(Number.isNaN)).toBe(true);
    });
  });
});

describe('rateFactors', () => {
  const { factors } = golden.rates;
  const lr = 0.1;
  const make: Record<'adamw' | 'adam' | 'sgd' | 'rmsprop', (p: Tensor[]) => Optimizer> = {
    adamw: (p) => new AdamW(p, { lr, weightDecay: 0.2, rateFactors: factors }),
    adam: (p) => new Adam(p, { lr, weightDecay: 0.2, rateFactors: factors }),
    sgd: (p) => new SGD(p, { lr, momentum: 0.9, rateFactors: factors }),
    rmsprop: (p) => new RMSprop(p, { lr, rateFactors: factors }),
  };
  const gradient = (i: number, step: number): Tensor => fill(`rates.g${i}.${step}`, shapes[i]!, 'float64');

  it.each(Object.keys(make) as (keyof typeof make)[])('is PyTorch’s parameter groups: %s', (name) => {
    const live = liveTensors();
    tidy(() => {
      const parameters = parametersOf('rates');
      const first = make[name](parameters);
      const second = make[name](parameters);
      for (let step = 0; step < 4; step++) {
        for (const [i, parameter] of parameters.entries()) parameter.grad = gradient(i, step);
        if (step === 2) second.loadStateDict(first.stateDict()); // a resumed run goes on with another
        (step < 2 ? first : second).step();
      }
      for (const [i, parameter] of parameters.entries()) expectClose(parameter, golden.rates[name][i]!);
      first.dispose();
      second.dispose();
    });
    expect(liveTensors()).toBe(live);
  });

  it('needs one a parameter', () => {
    tidy(() => {
      expect(() => new Adam(parametersOf('rates'), { rateFactors: [1] })).toThrow(/3 parameters/);
    });
  });

  it('is the same fused', () => {
    tidy(() => {
      const run = (fused: boolean): Tensor[] => {
        const parameters = shapes.map((shape, i) =>
          fill(`rates.p${i}`, shape, 'float32').requiresGrad_(true),
        );
        const optimizer = new AdamW(parameters, { lr, rateFactors: factors, fused });
        for (const [i, parameter] of parameters.entries()) {
          parameter.grad = fill(`rates.g${i}.0`, shapes[i]!, 'float32');
        }
        optimizer.step();
        optimizer.dispose();
        return parameters;
      };
      const plain = run(false);
      for (const [i, parameter] of run(true).entries()) expectClose(parameter, valuesOf(plain[i]!), 5);
    });
  });
});

class Net extends Module {
  readonly conv = this.child('conv', new Conv2d(2, 3, 3, { padding: 1 }).to({ dtype: 'float64' }));
  readonly norm = this.child('norm', new BatchNorm2d(3).to({ dtype: 'float64' }));
  override forward(x: Tensor): Tensor {
    return this.norm.forward(this.conv.forward(x));
  }
}

describe('Ema', () => {
  it('averages weights and running statistics as PyTorch would in a loop', () => {
    const live = liveTensors();
    const [net, average] = [new Net(), new Net()];
    tidy(() => {
      noGrad(() => {
        for (const [key, value] of Object.entries(net.conv.namedParameters())) {
          value.copy_(fill(`ema.${key}`, value.shape, 'float64', 0.5));
        }
      });
      const ema = new Ema(average, net, golden.ema.decay);
      const optimizer = new SGD(net.parameters(), { lr: 0.5 });
      for (let step = 0; step < golden.ema.steps; step++) {
        net.zeroGrad();
        const out = net.forward(fill(`ema.x${step}`, [4, 2, 5, 5], 'float64'));
        backward(out.mul(fill(`ema.t${step}`, [4, 3, 5, 5], 'float64')).mean());
        optimizer.step();
        ema.update(step);
      }
      const state = average.stateDict();
      expect(Object.keys(state).sort()).toEqual(Object.keys(golden.ema.state).sort());
      for (const [key, value] of Object.entries(state)) expectClose(value, golden.ema.state[key]!, 10);
      optimizer.dispose();
    });
    net.zeroGrad();
    net.dispose();
    average.dispose();
    expect(liveTensors()).toBe(live);
  });
});
