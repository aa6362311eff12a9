import { liveTensors, manualSeed, ones, randn, type Tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { toLabels } from '../data.js';
import { checkGanConfig, type GanConfig, ganConfigSchema } from './config.js';
import { makeAdversaries } from './networks.js';
import { type Adversaries, adversarialStep, type StepBatch } from './step.js';

const configOf = (settings: object = {}): GanConfig => {
  const config = ganConfigSchema.parse({
    data: '-',
    class: ['a', 'b'],
    latentSize: 8,
    generatorWidth: 4,
    discriminatorWidth: 4,
    ...settings,
  });
  checkGanConfig(config);
  return config;
};

const batchOf = (images: Tensor, { generator }: Adversaries): StepBatch => ({
  images,
  labels: generator.classCount > 0 ? toLabels([0, 1, 0, 1], 'cpu') : null,
});

const step = (adversaries: Adversaries, images: Tensor[], discriminatorSteps = 0) =>
  adversarialStep(
    adversaries,
    images.map((x) => batchOf(x, adversaries)),
    { random: new Random(1), discriminatorSteps },
  );

const copy = (tensors: Tensor[]): number[][] => tensors.map((x) => [...(x.toArray() as Float32Array)]);

function release(adversaries: Adversaries): void {
  const { generator, discriminator, generatorOptimizer, discriminatorOptimizer } = adversaries;
  for (const it of [generator, discriminator, generatorOptimizer, discriminatorOptimizer]) it.dispose();
}

const KINDS: Record<string, object> = {
  dcgan: { architecture: 'dcgan' },
  sngan: {},
  'wgan-gp': {
    architecture: 'dcgan',
    discriminatorNorm: 'none',
    objective: 'wasserstein',
    gradientPenalty: { kind: 'wgan-gp', weight: 10 },
  },
  wgan: {
    architecture: 'dcgan',
    discriminatorNorm: 'none',
    objective: 'wasserstein',
    weightClip: 0.01,
    optimizer: 'rmsprop',
  },
  r1: { architecture: 'dcgan', discriminatorNorm: 'none', gradientPenalty: { kind: 'r1', weight: 1 } },
  acgan: { architecture: 'acgan', conditioning: 'auxiliary', updateFirst: 'generator' },
  'acgan one-hot': { architecture: 'acgan', conditioning: 'auxiliary', labelInput: 'one-hot' },
  resnet: { architecture: 'resnet', objective: 'hinge' },
  sagan: { architecture: 'resnet', objective: 'hinge', attentionSize: 16, generatorSpectralNorm: true },
  projection: { architecture: 'resnet', conditioning: 'projection', objective: 'hinge' },
  'diff-augment': { diffAugment: ['colour', 'translation', 'cutout'] },
  ada: { ada: { initial: 0.8 } },
  bfloat16: { precision: 'bfloat16', channelsLast: true },
};

test.each(Object.entries(KINDS))('%s: each network is trained by its own half of the step', (_, settings) => {
  manualSeed(3);
  const before = liveTensors();
  const adversaries = makeAdversaries(configOf(settings), 'cpu');
  tidy(() => {
    const [g, d] = [adversaries.generator, adversaries.discriminator];
    const weights = { g: copy(g.parameters()), d: copy(d.parameters()) };
    const losses = step(adversaries, [ones([4, 3, 64, 64])]);
    const changed = (now: Tensor[], then: number[][]): number =>
      copy(now).filter((values, i) => values.some((value, j) => value !== then[i]![j])).length;
    expect(changed(g.parameters(), weights.g)).toBeGreaterThan(g.parameters().length / 2);
    expect(changed(d.parameters(), weights.d)).toBeGreaterThan(d.parameters().length / 2);
    for (const loss of Object.values(losses)) expect(loss.item()).toSatisfy(Number.isFinite);
    expect(adversaries.discriminatorOptimizer.stateDict().step).toBe(1);
    expect(adversaries.generatorOptimizer.stateDict().step).toBe(1);
  });
  release(adversaries);
  expect(liveTensors()).toBe(before);
});

test('the discriminator gathers no gradient in the generator’s half, whichever comes first', () => {
  for (const updateFirst of ['discriminator', 'generator'] as const) {
    const adversaries = makeAdversaries(configOf({ updateFirst }), 'cpu');
    tidy(() => {
      const d = adversaries.discriminator;
      const seen: boolean[] = [];
      const judge = d.judge.bind(d);
      d.judge = (x, labels) => {
        seen.push(d.parameters().every((p) => p.requiresGrad));
        return judge(x, labels);
      };
      step(adversaries, [ones([4, 3, 64, 64])]);
      expect(seen).toEqual(updateFirst === 'discriminator' ? [true, true, false] : [false, true, true]);
    });
    release(adversaries);
  }
});

test('several critic steps see a batch each; the generator makes one step', () => {
  const adversaries = makeAdversaries(configOf(), 'cpu');
  tidy(() => {
    const seen: number[] = [];
    const judge = adversaries.discriminator.judge.bind(adversaries.discriminator);
    adversaries.discriminator.judge = (x, labels) => {
      seen.push(x.mean().item());
      return judge(x, labels);
    };
    const batches = [-1, 0, 1].map((value) => ones([4, 3, 64, 64]).mul(value));
    step(adversaries, batches);
    // Three times (real, fake), then the last fake again.
    expect(seen.length).toBe(7);
    expect([seen[0], seen[2], seen[4]]).toEqual([-1, 0, 1]);
    expect(seen[6]).toBe(seen[5]);
    expect(adversaries.discriminatorOptimizer.stateDict().step).toBe(3);
    expect(adversaries.generatorOptimizer.stateDict().step).toBe(1);
  });
  release(adversaries);
});

test('lazy regularisation: every so many discriminator steps', () => {
  const r1 = { architecture: 'dcgan', discriminatorNorm: 'none' };
  const adversaries = makeAdversaries(
    configOf({ ...r1, gradientPenalty: { kind: 'r1', weight: 1, every: 4 } }),
    'cpu',
  );
  tidy(() => {
    const used: number[] = [];
    const penalty = adversaries.regulariser!.penalty;
    for (let done = 0; done < 9; done++) {
      adversaries.regulariser = {
        ...adversaries.regulariser!,
        penalty: (...args) => {
          used.push(done);
          return penalty(...args);
        },
      };
      step(adversaries, [ones([4, 3, 64, 64])], done);
    }
    expect(used).toEqual([0, 4, 8]);
  });
  release(adversaries);
});

test('clipped weights stay within their bound', () => {
  const adversaries = makeAdversaries(configOf(KINDS.wgan), 'cpu');
  tidy(() => {
    step(adversaries, [ones([4, 3, 64, 64])]);
    const largest = adversaries.discriminator.parameters().map((p) => p.abs().amax().item());
    expect(Math.max(...largest)).toBeCloseTo(0.01, 6);
    expect(Math.max(...adversaries.generator.parameters().map((p) => p.abs().amax().item()))).toBeGreaterThan(
      0.02,
    );
  });
  release(adversaries);
});

test('a critic that judges each image alone sees both halves in one pass, and learns the same', () => {
  const learned = (alone: boolean): number[][] => {
    manualSeed(5);
    const adversaries = makeAdversaries(configOf(KINDS['wgan-gp']), 'cpu');
    const { discriminator } = adversaries;
    expect(discriminator.judgesEachAlone).toBe(true);
    Object.defineProperty(discriminator, 'judgesEachAlone', { value: alone });
    const seen: number[] = [];
    const judge = discriminator.judge.bind(discriminator);
    discriminator.judge = (x, labels) => {
      seen.push(x.shape[0]!);
      return judge(x, labels);
    };
    const weights = tidy(() => {
      step(adversaries, [randn([4, 3, 64, 64])]);
      return copy(discriminator.parameters());
    });
    // The halves, the penalty's interpolates, the generator's turn.
    expect(seen).toEqual(alone ? [8, 4, 4] : [4, 4, 4, 4]);
    release(adversaries);
    return weights;
  };
  const [together, apart] = [learned(true), learned(false)];
  // Adam's first step is about ± the learning rate, whatever the gradient: rounding shows where that is near 0.
  const off = together.flatMap((values, i) => values.filter((x, j) => Math.abs(x - apart[i]![j]!) > 1e-6));
  expect(off.length).toBeLessThan(0.001 * together.flat().length);
});

test('FreezeD: the lowest stages of the discriminator keep their weights, the others learn', () => {
  const adversaries = makeAdversaries(configOf({ freezeDiscriminator: 2 }), 'cpu');
  tidy(() => {
    const { discriminator } = adversaries;
    const stage = (i: number): Tensor[] => discriminator.stages[i]!.flatMap((layer) => layer.parameters());
    const before = discriminator.stages.map((_, i) => copy(stage(i)));
    step(adversaries, [ones([4, 3, 64, 64])]);
    const kept = discriminator.stages.map(
      (_, i) => JSON.stringify(copy(stage(i))) === JSON.stringify(before[i]),
    );
    expect(kept).toEqual([true, true, false, false, false]);
  });
  release(adversaries);
});
