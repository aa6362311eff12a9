import { expect, test } from 'vitest';
import { ones, type Tensor, tensor, tidy } from '../torch/index.js';
import { ganConfigSchema } from './config.js';
import { makeAdversaries } from './networks.js';
import { nonSaturating } from './objectives/non-saturating.js';
import { adversarialStep } from './step.js';

const softplus = (x: number): number => Math.log1p(Math.exp(x));

test('the non-saturating loss is −y log D − (1 − y) log(1 − D), averaged', () => {
  tidy(() => {
    const objective = nonSaturating({ realLabel: 0.9 });
    const [real, fake] = [tensor([0.5, -1.5], [2]), tensor([2, -0.25], [2])];
    // −log sigmoid(x) = softplus(−x), −log(1 − sigmoid(x)) = softplus(x)
    const towards = (x: number, y: number): number => y * softplus(-x) + (1 - y) * softplus(x);
    const expected = (towards(0.5, 0.9) + towards(-1.5, 0.9)) / 2 + (softplus(2) + softplus(-0.25)) / 2;
    expect(objective.discriminatorLoss(real, fake).item()).toBeCloseTo(expected, 6);
    expect(objective.generatorLoss(fake).item()).toBeCloseTo((softplus(-2) + softplus(0.25)) / 2, 6);
  });
});

const config = ganConfigSchema.parse({
  data: '-',
  class: '-',
  latentSize: 8,
  generatorWidth: 4,
  discriminatorWidth: 4,
});

const copy = (tensors: Tensor[]): number[][] => tensors.map((x) => [...(x.toArray() as Float32Array)]);

test('each network is trained by its own half of the step', () => {
  tidy(() => {
    const adversaries = makeAdversaries(config, 'cpu');
    const [g, d] = [adversaries.generator, adversaries.discriminator];
    const before = { g: copy(g.parameters()), d: copy(d.parameters()) };
    const losses = adversarialStep(adversaries, [ones([4, 3, 64, 64])]);
    expect(copy(g.parameters())).not.toEqual(before.g);
    expect(copy(d.parameters())).not.toEqual(before.d);
    // The gradients the discriminator holds are those of its own step: the generator's added none.
    expect(g.parameters().every((p) => p.grad !== null)).toBe(true);
    expect(d.parameters().every((p) => !p.requiresGrad)).toBe(true);
    expect(losses.realScore.item()).toBeGreaterThan(0);
    expect(losses.fakeScore.item()).toBeLessThan(1);
  });
});

test('several critic steps see a batch each; the generator makes one step', () => {
  tidy(() => {
    const adversaries = makeAdversaries(config, 'cpu');
    const seen: number[] = [];
    const forward = adversaries.discriminator.forward.bind(adversaries.discriminator);
    adversaries.discriminator.forward = (x) => {
      seen.push(x.mean().item());
      return forward(x);
    };
    const batches = [-1, 0, 1].map((value) => ones([4, 3, 64, 64]).mul(value));
    adversarialStep(adversaries, batches);
    // Three times (real, fake), then the last fake again.
    expect(seen.length).toBe(7);
    expect([seen[0], seen[2], seen[4]]).toEqual([-1, 0, 1]);
    expect(seen[6]).toBe(seen[5]);
    expect(adversaries.discriminatorOptimizer.stateDict().step).toBe(3);
    expect(adversaries.generatorOptimizer.stateDict().step).toBe(1);
  });
});
