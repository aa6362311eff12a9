/** Loss scaling against `torch.cuda.amp.GradScaler` (`test/goldens/torch/grad_scaler.py`). */
import { readFileSync } from 'node:fs';
import { backward, dispose, keep, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { Adam, GradScaler, type GradScalerOptions, type Optimizer, SGD } from 'graft-torch/optim';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fill } from './goldens.js';

interface Step {
  scale: number;
  growthTracker: number;
  /** Steps that each optimiser has made. */
  made: number[];
  /** Sum of absolute values of each optimiser's parameters. */
  sums: number[];
}
interface Golden {
  /** Step → which optimiser's gradient gets which value. */
  spoil: Record<string, [number, string]>;
  usual: Step[];
  odd: Step[];
  huge: Step[];
}
const golden = JSON.parse(
  readFileSync(new URL('../goldens/torch/grad_scaler.json', import.meta.url), 'utf8'),
) as Golden;
const values: Record<string, number> = { inf: Infinity, '-inf': -Infinity, nan: NaN };

let live: number;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

/** As `train` of the script; `restart` puts the state into a new scaler before that step. */
function train(steps: number, spoil: Golden['spoil'], options: GradScalerOptions, restart = -1): Step[] {
  let scaler = new GradScaler(options);
  const groups = [0, 1].map((i) =>
    [[3, 4], [5]].map((shape, j) => keep(fill(`p${i}.${j}`, shape, 'float32')).requiresGrad_()),
  );
  const optimizers: Optimizer[] = [new SGD(groups[0]!, { lr: 0.1 }), new Adam(groups[1]!, { lr: 0.01 })];
  const made = [0, 0];
  const trace: Step[] = [];
  for (let step = 0; step < steps; step++) {
    if (step === restart) {
      const saved = JSON.parse(JSON.stringify(scaler.state())) as ReturnType<GradScaler['state']>;
      scaler = new GradScaler(options);
      scaler.restore(saved);
    }
    tidy(() => {
      for (const [i, optimizer] of optimizers.entries()) {
        optimizer.zeroGrad();
        const losses = groups[i]!.map((p, j) =>
          p
            .sub(fill(`t${i}.${step}.${j}`, p.shape, 'float32'))
            .square()
            .sum(),
        );
        backward(scaler.scale(losses[0]!.add(losses[1]!)));
        const [target, value] = spoil[step] ?? [];
        if (target === i) spoilGradient(groups[i]![1]!, values[value!]!);
        if (i === 1 && step % 2 === 1) scaler.unscale(optimizer);
        if (scaler.step(optimizer)) made[i]!++;
      }
      scaler.update();
      const sums = groups.map((group) =>
        group.reduce((sum, p) => sum + p.detach().to({ dtype: 'float64' }).abs().sum().item(), 0),
      );
      trace.push({ ...scaler.state(), made: [...made], sums });
    });
  }
  for (const optimizer of optimizers) optimizer.dispose();
  tidy(() => {
    for (const p of groups.flat()) p.grad = null;
  });
  dispose(groups);
  return trace;
}

function spoilGradient(parameter: Tensor, value: number): void {
  const gradient = parameter.grad!.toArray() as Float32Array;
  gradient[2] = value;
  parameter.grad = tensor(gradient, parameter.shape);
}

function expectSame(trace: Step[], want: Step[]): void {
  expect(trace).toHaveLength(want.length);
  for (const [i, step] of trace.entries()) {
    const { sums, ...rest } = want[i]!;
    expect({ scale: step.scale, growthTracker: step.growthTracker, made: step.made }, `step ${i}`).toEqual(
      rest,
    );
    for (const [k, sum] of sums.entries()) expect(Math.abs(step.sums[k]! - sum) / sum).toBeLessThan(1e-6);
  }
}

describe('against PyTorch: scale, counter, skipped steps and weights after each update', () => {
  it('with overflows in either of two optimisers', () => {
    expectSame(train(16, golden.spoil, { growthInterval: 3 }), golden.usual);
    expect(new Set(golden.usual.map(({ scale }) => scale)).size).toBeGreaterThan(3);
  });

  it('with factors that round', () => {
    const options = { initScale: 1000, growthFactor: 1.7, backoffFactor: 0.3, growthInterval: 2 };
    expectSame(train(16, golden.spoil, options), golden.odd);
  });

  it('does not grow beyond float32', () => {
    expectSame(train(4, {}, { initScale: 2 ** 126, growthFactor: 4, growthInterval: 1 }), golden.huge);
  });

  it('goes on from its state as if it had never stopped', () => {
    for (const restart of [1, 6, 12]) {
      expectSame(train(16, golden.spoil, { growthInterval: 3 }, restart), golden.usual);
    }
  });
});

describe('the order of calls', () => {
  const parameter = (): Tensor => keep(tensor([1, 2], [2])).requiresGrad_();

  it('is checked, with a line that says what is missing', () => {
    const p = parameter();
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler();
    expect(() => scaler.step(optimizer)).toThrow(/no parameter has a gradient; call backward/);
    expect(() => scaler.update()).toThrow(/update\(\) before step\(\)/);
    tidy(() => backward(scaler.scale(p.sum())));
    scaler.unscale(optimizer);
    expect(() => scaler.unscale(optimizer)).toThrow(/unscaled already; call update\(\)/);
    scaler.step(optimizer);
    expect(() => scaler.step(optimizer)).toThrow(/has stepped already; call update\(\)/);
    expect(() => scaler.unscale(optimizer)).toThrow(/unscaled already/);
    scaler.update();
    expect([...p.toArray()]).toEqual([0, 1]);
    p.grad = null;
    p.dispose();
  });

  it('unscale alone, then update, adapts as well, and leaves true gradients', () => {
    const p = parameter();
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler({ initScale: 8 });
    tidy(() => backward(scaler.scale(p.mul(tensor([3, 5])).sum())));
    scaler.unscale(optimizer);
    tidy(() => expect([...p.grad!.toArray()]).toEqual([3, 5]));
    tidy(() => {
      p.grad = tensor([Infinity, 0]);
    });
    scaler.update();
    expect(scaler.factor).toBe(8); // what was checked was finite
    scaler.unscale(optimizer);
    scaler.update();
    expect(scaler.factor).toBe(4);
    p.grad = null;
    p.dispose();
  });

  it('refuses float16 gradients', () => {
    const p = tidy(() => keep(tensor([1, 2], [2]).to({ dtype: 'float16' }))).requiresGrad_();
    tidy(() => {
      p.grad = tensor([1, 1], [2]).to({ dtype: 'float16' });
    });
    expect(() => new GradScaler().unscale(new SGD([p], { lr: 1 }))).toThrow(/gradients are float16/);
    p.grad = null;
    p.dispose();
  });
});
