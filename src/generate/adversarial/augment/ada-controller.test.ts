import { liveTensors, scalar, Tensor, tidy } from 'graft-torch';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AdaController, type AdaControllerState } from './ada-controller.js';

let live = 0;
beforeEach(() => {
  live = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(live));

const observe = (controller: AdaController, signs: readonly number[]): void =>
  tidy(() => {
    for (const sign of signs) controller.observe(scalar(sign));
  });

// 8 images a step, adjusted every 2: 16 of 100, so p moves by 0.16.
const options = { batchSize: 8, every: 2, target: 0.5, speedKimg: 0.1 };

test('p follows the rule, by hand', () => {
  const controller = new AdaController(options);
  const trajectory: [signs: [number, number], r: number, p: number][] = [
    [[1, 0.25], 0.625, 0.16],
    [[0.75, 0.75], 0.75, 0.32],
    [[0.25, 0.75], 0.5, 0.32], // on target
    [[-1, 0.5], -0.25, 0.16],
    [[0, 0], 0, 0],
    [[0, 0.75], 0.375, 0], // not below 0
  ];
  expect(controller.overfitting).toBeNull();
  for (const [signs, r, p] of trajectory) {
    const before = controller.p;
    observe(controller, signs.slice(0, 1));
    expect(controller.p).toBe(before);
    observe(controller, signs.slice(1));
    expect(controller.overfitting).toBeCloseTo(r, 12);
    expect(controller.p).toBeCloseTo(p, 12);
  }
  observe(controller, new Array<number>(2 * 7).fill(1));
  expect(controller.p).toBe(1); // 7 · 0.16 > 1
  controller.dispose();
});

test('the paper’s defaults: 500 thousand images from 0 to 1, target 0.6, every fourth step', () => {
  const controller = new AdaController({ batchSize: 64 });
  observe(controller, [1, 1, 1, 1]);
  expect(controller.p).toBeCloseTo((64 * 4) / 500_000, 15);
  observe(controller, [0.5, 0.5, 0.5, 0.75]);
  expect(controller.p).toBe(0);
  controller.dispose();
});

test('the device is waited for at an adjustment only', () => {
  const controller = new AdaController({ batchSize: 4, every: 3 });
  const reads = vi.spyOn(Tensor.prototype, 'item');
  observe(controller, [1, 1]);
  expect(reads).toHaveBeenCalledTimes(0);
  observe(controller, [1]);
  expect(reads).toHaveBeenCalledTimes(1);
  reads.mockRestore();
  controller.dispose();
});

test('a state, as JSON, goes on where it was taken: between adjustments too', () => {
  const signs = Array.from({ length: 41 }, (_, i) => Math.sin(i * i) / 2 + 0.5);
  const whole = new AdaController({ ...options, every: 3 });
  observe(whole, signs);
  for (const stop of [0, 1, 7, 12]) {
    const first = new AdaController({ ...options, every: 3 });
    observe(first, signs.slice(0, stop));
    const state = JSON.parse(JSON.stringify(first.state())) as AdaControllerState;
    first.dispose();
    const second = new AdaController({ ...options, every: 3 });
    second.restore(state);
    observe(second, signs.slice(stop));
    expect(second.state()).toEqual(whole.state());
    second.dispose();
  }
  whole.dispose();
});

test('logits that are not finite leave p a number', () => {
  const controller = new AdaController({ ...options, initial: 0.3 });
  observe(controller, [Number.NaN, 1]);
  expect([controller.p, controller.overfitting]).toEqual([0.3, Number.NaN]);
  observe(controller, [1, 1]);
  expect(controller.p).toBeCloseTo(0.46, 12);
  controller.dispose();
});

test('leaves nothing of a step where no scope is around', () => {
  const controller = new AdaController({ ...options, every: 100 });
  const sign = scalar(1);
  controller.observe(sign);
  const after = liveTensors();
  for (let i = 0; i < 5; i++) controller.observe(sign);
  expect(liveTensors()).toBe(after);
  sign.dispose();
  controller.dispose();
});
