/** What one step does with each key of the recipe that shapes it. */

import { liveTensors, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { Adam, Ema } from 'graft-torch/optim';
import { afterAll, describe, expect, it } from 'vitest';
import { type NetworkInputOptions, toNetworkInput } from './batch.js';
import { classWeightsOf } from './class-weights.js';
import { type ClassifierRecipe, checkRecipe, classifierRecipeSchema } from './config.js';
import { makeDisks, SIDE } from './disks.test-data.js';
import { layerRateFactors } from './layer-rates.js';
import { classificationLoss } from './losses.js';
import { drawMix, mixTargets } from './mixing.js';
import { makeNetwork } from './network.js';
import { makeStep } from './step.js';
import type { TrainingSet } from './training-set.js';

const N = 8;
const recipe = (changes: Partial<ClassifierRecipe> = {}): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({
    imageSize: SIDE,
    batchSize: N,
    augmentation: 'none',
    dropout: 0,
    dropConnect: 0,
    learningRate: 1e-3,
    seed: 5,
  }),
  ...changes,
});

const { cache } = makeDisks(40);
const labels = Uint8Array.from(cache.rows, (row) => (row.label === 'malignant' ? 1 : 0));
const training: TrainingSet = {
  images: cache.images,
  indices: [...labels.keys()],
  labels,
  classCounts: [26, 14],
  counts: { real: 40, realPositive: 14, synthetic: 0, syntheticPositive: 0 },
  dispose: () => {},
};
const INDICES = [0, 8, 1, 9, 2, 10, 11, 3];

interface Trace {
  /** Of the batch as it was before the step. */
  logits(options?: NetworkInputOptions): Tensor;
  loss: number;
  before: Record<string, Tensor>;
  after: Record<string, Tensor>;
  average: Record<string, Tensor>;
}

const { network } = makeNetwork(recipe(), 'cpu');
const average = makeNetwork(recipe(), 'cpu').network;
const before = Object.fromEntries(
  Object.entries(network.stateDict()).map(([key, value]) => [key, value.clone()]),
);
afterAll(() => {
  network.dispose();
  average.dispose();
  for (const value of Object.values(before)) value.dispose();
  cache.images.dispose();
});

/** One step, then whatever there is to see. `number`: steps made before. */
function withStep(changes: Partial<ClassifierRecipe>, look: (trace: Trace) => void, number = 3): void {
  const live = liveTensors();
  tidy(() => {
    const config = recipe(changes);
    network.loadStateDict(before);
    const parameters = network.parameters();
    const optimizer = new Adam(parameters, {
      lr: config.learningRate,
      rateFactors: layerRateFactors(network, parameters, config.layerDecay),
    });
    const ema = config.emaDecay > 0 ? new Ema(average, network, config.emaDecay) : null;
    const step = makeStep(config, { network, optimizer, ema, training, device: 'cpu' });
    const images = cache.images.narrow(0, 0, N); // any N images: labels go by index
    const loss = step(images, INDICES, number);
    const after = Object.fromEntries(
      Object.entries(network.stateDict()).map(([key, value]) => [key, value.clone()]),
    );
    const logits: Trace['logits'] = (options) =>
      noGrad(() => {
        network.loadStateDict(before);
        return network.forward(toNetworkInput(images, 'cpu', options));
      });
    look({ logits, loss, before, after, average: average.stateDict() });
    network.zeroGrad();
    optimizer.dispose();
  });
  expect(liveTensors()).toBe(live);
}

const largest = (value: Tensor): number => value.abs().amax().item();
const targets = (): Tensor =>
  tensor(
    Float32Array.from(INDICES, (i) => labels[i]!),
    [N, 1],
  );

describe('one step', () => {
  it.each<[string, Partial<ClassifierRecipe>, (logits: Tensor) => Tensor]>([
    ['cross-entropy', {}, (z) => classificationLoss(z, targets())],
    [
      'focal loss',
      { loss: 'focal', focalGamma: 3 },
      (z) => classificationLoss(z, targets(), { focalGamma: 3 }),
    ],
    ['focalGamma without focal loss', { focalGamma: 3 }, (z) => classificationLoss(z, targets())],
    ['label smoothing', { labelSmoothing: 0.2 }, (z) => classificationLoss(z, targets().mul(0.8).add(0.1))],
    ['posWeight', { posWeight: 4 }, (z) => classificationLoss(z, targets(), { classWeights: [1, 4] })],
    [
      'inverse class weights',
      { classWeights: 'inverse' },
      (z) => classificationLoss(z, targets(), { classWeights: [40 / 52, 40 / 28] }),
    ],
    [
      'effective class weights',
      { classWeights: 'effective', effectiveBeta: 0.9 },
      (z) =>
        classificationLoss(z, targets(), {
          classWeights: classWeightsOf([26, 14], { weighting: 'effective', beta: 0.9 }),
        }),
    ],
  ])('has the loss asked for: %s', (_, changes, wanted) => {
    withStep(changes, ({ loss, logits }) => expect(loss).toBeCloseTo(wanted(logits()).item(), 5));
  });

  it.each([{ mixup: 0.4 }, { cutmix: 1 }, { mixup: 0.4, cutmix: 1 }])(
    'mixes images and labels by the sample’s number: %o',
    (changes) => {
      const settings = { mixup: 0, cutmix: 0, ...changes };
      withStep(changes, ({ loss, logits }) => {
        const streams = new Random(5).fork('mixing');
        const mixes = INDICES.map((_, i) => drawMix(streams.fork(3 * N + i), settings, [SIDE, SIDE]));
        expect(loss).toBeCloseTo(
          classificationLoss(logits({ mixes }), mixTargets(targets(), mixes)).item(),
          5,
        );
        expect(loss).not.toBeCloseTo(classificationLoss(logits(), targets()).item(), 3);
      });
    },
  );

  it('clips the whole gradient', () => {
    const norm = (changes: Partial<ClassifierRecipe>): number => {
      let squares = 0;
      withStep(changes, () => {
        for (const parameter of network.parameters()) squares += parameter.grad!.square().sum().item();
      });
      return Math.sqrt(squares);
    };
    expect(norm({})).toBeGreaterThan(0.05);
    expect(norm({ gradientClip: 0.05 })).toBeCloseTo(0.05, 5);
  });

  it('moves low layers less', () => {
    // Adam's first step is the learning rate itself, whatever the gradient.
    withStep({ layerDecay: 0.5 }, ({ before, after }) => {
      const moved = (key: string): number => largest(after[key]!.sub(before[key]!));
      expect(moved('_fc.weight')).toBeCloseTo(1e-3, 6);
      expect(moved('_blocks.15._project_conv.weight')).toBeCloseTo(0.5e-3, 6);
      expect(moved('_conv_stem.weight') / 1e-3).toBeCloseTo(0.5 ** 8, 4);
    });
  });

  it('averages after the update, batch-norm statistics too', () => {
    // At step 3 of a run: min(0.999, 4 / 13).
    withStep({ emaDecay: 0.999 }, ({ before, after, average }) => {
      for (const key of ['_fc.weight', '_bn0.running_mean']) {
        const wanted = before[key]!.mul(4 / 13).add(after[key]!.mul(9 / 13));
        expect(largest(average[key]!.sub(wanted))).toBeLessThan(1e-6);
        expect(largest(after[key]!.sub(before[key]!))).toBeGreaterThan(1e-4);
      }
    });
    withStep({ emaDecay: 0.2 }, ({ before, after, average }) => {
      const wanted = before['_fc.weight']!.mul(0.2).add(after['_fc.weight']!.mul(0.8));
      expect(largest(average['_fc.weight']!.sub(wanted))).toBeLessThan(1e-6);
    });
  });
});

describe('checkRecipe', () => {
  it('refuses a side that is no multiple of a network’s patches, and names the nearest', () => {
    const of =
      (architecture: string, imageSize: number, more: Partial<ClassifierRecipe> = {}) =>
      () =>
        checkRecipe(recipe({ architecture, imageSize, ...more }));
    expect(of('vit-small-14-dinov2-reg', 64)).toThrow(
      /^imageSize: ViT-S\/14 \(DINOv2 with registers\) cuts images into patches of 14 px, and 64 is no multiple of it; set imageSize=70$/,
    );
    expect(of('clip-vit-b-16', 1000)).toThrow(/set imageSize=1008$/);
    expect(of('vit-small-14-dinov2-reg', 33)).toThrow(/set imageSize=42$/); // 28 is too small for any recipe
    for (const [name, side] of [
      ['vit-small-14-dinov2-reg', 518],
      ['clip-vit-b-16', 224],
      ['efficientnet-b0', 33],
    ] as const)
      expect(of(name, side)).not.toThrow();
    expect(of('clip-vit-b-16', 100, { own: ['network'] })).not.toThrow();
  });

  it('refuses to make up for rare classes twice', () => {
    expect(() => checkRecipe(recipe({ classWeights: 'inverse', sampler: 'balanced' }))).toThrow(
      /count twice/,
    );
    expect(() => checkRecipe(recipe({ classWeights: 'inverse', posWeight: 2 }))).toThrow(/keep one/);
    expect(() => checkRecipe(recipe({ classWeights: 'inverse' }))).not.toThrow();
  });
});

describe('batchNormStatistics', () => {
  it.each(['efficientnet-b0', 'efficientnet-lite0', 'resnet-18'])(
    '%s: weights keeps running statistics, and each image is seen as it will be scored',
    (architecture) => {
      const settings = { architecture, batchNormStatistics: 'weights' as const };
      const own = makeNetwork(recipe(settings), 'cpu').network;
      const live = liveTensors();
      const was = Object.fromEntries(
        Object.entries(own.stateDict()).map(([key, value]) => [key, value.clone()]),
      );
      const optimizer = new Adam(own.parameters(), { lr: 1e-3 });
      const parts = { network: own, optimizer, ema: null, training, device: 'cpu' as const };
      // Somebody scored before, and left the network as it had been: in training mode.
      own.eval().train();
      tidy(() => {
        const input = toNetworkInput(cache.images.narrow(0, 0, N), 'cpu', {
          statistics: own.inputStatistics,
        });
        own.eval();
        const target = tensor(
          Float32Array.from({ length: N }, (_, i) => labels[i]!),
          [N, 1],
        );
        const expected = noGrad(() => classificationLoss(own.forward(input), target)).item();
        own.train();
        const loss = makeStep(recipe(settings), parts)(
          cache.images.narrow(0, 0, N),
          Array.from({ length: N }, (_, i) => i),
          0,
        );
        expect(Math.abs(loss - expected)).toBeLessThan(1e-4 * Math.max(1, expected));
        const now = own.stateDict();
        const moved = (key: string): boolean => now[key]!.sub(was[key]!).abs().amax().item() > 0;
        const keys = Object.keys(now);
        const statistics = keys.filter((key) => /running_(mean|var)$/.test(key));
        expect(statistics.length).toBeGreaterThan(20);
        expect(statistics.filter(moved)).toEqual([]);
        const scales = statistics.map((key) => key.replace(/running_(mean|var)$/, 'weight'));
        expect(new Set(scales.filter(moved)).size).toBe(new Set(scales).size);
      });
      optimizer.dispose();
      for (const value of Object.values(was)) value.dispose();
      expect(liveTensors()).toBe(live);
      own.dispose();
    },
  );

  it('needs weights whose statistics there are to keep', () => {
    expect(() => checkRecipe(recipe({ batchNormStatistics: 'weights' }))).toThrow(
      /without weights there are no statistics to keep/,
    );
  });
});
