import { beforeEach, describe, expect, it } from 'vitest';
import { keep, manualSeed, randn, type Tensor, tidy } from '../torch/index.js';
import { Adam, AdamW } from './index.js';

/** Parameters of several sizes and memory layouts, each twice with the same values. */
function twins(): [Tensor[], Tensor[]] {
  const shapes = [[1], [40_000], [8, 3, 3, 3], [5, 7]];
  const first = shapes.map((shape) => randn(shape));
  first[2] = first[2]!.contiguous('channelsLast');
  const second = first.map((value) => value.clone());
  for (const value of [...first, ...second]) keep(value).requiresGrad_();
  return [first, second];
}

beforeEach(() => manualSeed(1));

describe('fused Adam', () => {
  for (const [name, Optimizer, weightDecay] of [
    ['Adam', Adam, 0],
    ['Adam with L2', Adam, 0.1],
    ['AdamW', AdamW, 0.1],
  ] as const) {
    it(`steps as the list operators do: ${name}`, () => {
      tidy(() => {
        const [plain, fused] = twins();
        const options = { lr: 1e-2, weightDecay, betas: [0.8, 0.999] as const };
        const a = new Optimizer(plain, options);
        const b = new Optimizer(fused, { ...options, fused: true });
        for (let step = 0; step < 5; step++) {
          plain.forEach((parameter, i) => {
            // One parameter gets no gradient at first, one a gradient in another layout.
            if (i === 3 && step < 2) return;
            const gradient = randn(parameter.shape);
            parameter.grad = gradient;
            fused[i]!.grad = gradient;
          });
          a.step();
          b.step();
        }
        plain.forEach((parameter, i) => {
          const error = parameter.detach().sub(fused[i]!.detach()).abs().amax().item();
          expect(error).toBeLessThan(2e-6);
          expect(parameter.grad).not.toBeNull();
        });
        const [stateA, stateB] = [a.stateDict(), b.stateDict()];
        expect(Object.keys(stateB.tensors)).toEqual(Object.keys(stateA.tensors));
        expect(stateB.step).toBe(5);
        for (const [key, value] of Object.entries(stateA.tensors)) {
          const other = stateB.tensors[key]!;
          expect(value.sub(other).abs().amax().div(value.abs().amax()).item(), key).toBeLessThan(2e-6);
        }
        a.dispose();
        b.dispose();
        for (const value of [...plain, ...fused]) value.dispose();
      });
    });
  }

  it('leaves double precision to the list operators', () => {
    tidy(() => {
      const parameter = randn([3], { dtype: 'float64' }).requiresGrad_();
      const before = parameter.toArray().slice();
      const optimizer = new Adam([parameter], { lr: 0.1, fused: true });
      parameter.grad = randn([3], { dtype: 'float64' }).add(5);
      optimizer.step();
      parameter.toArray().forEach((value, i) => {
        expect(Number(value)).toBeCloseTo(Number(before[i]) - 0.1, 6);
      });
      optimizer.dispose();
    });
  });
});
