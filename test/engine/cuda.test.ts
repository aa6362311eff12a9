/**
 * CUDA against the CPU, where libtorch sees a device: the same networks, losses, gradients, augmentation and metrics, in
 * float64 to rounding; every GAN recipe's steps, in every precision; and runs that are stopped and resumed, to the bit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  aten,
  backward,
  type Device,
  type DType,
  dispose,
  engineInfo,
  grad,
  liveTensors,
  manualSeed,
  noGrad,
  rand,
  randn,
  type Tensor,
  tidy,
  usePrecision,
} from 'graft-torch';
import { Random } from 'graft-torch/base';
import { Adam, AdamW, RMSprop, SGD } from 'graft-torch/optim';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classifierRecipeSchema } from '../../src/classify/config.js';
import { makeDisks } from '../../src/classify/disks.test-data.js';
import { scoresPath } from '../../src/classify/result.js';
import { readScores } from '../../src/classify/scores.js';
import { trainClassifier } from '../../src/classify/train.js';
import { augment, SIIM } from '../../src/data/augment/index.js';
import { makeAugment } from '../../src/generate/adversarial/augment/augment.js';
import { checkGanConfig, type GanConfig, ganConfigSchema } from '../../src/generate/adversarial/config.js';
import { makeAdversaries } from '../../src/generate/adversarial/networks.js';
import { type Adversaries, adversarialStep } from '../../src/generate/adversarial/step.js';
import { createTinyDataset, tinyConfig } from '../../src/generate/adversarial/tiny.test-data.js';
import { trainGan } from '../../src/generate/adversarial/train.js';
import { toLabels } from '../../src/generate/data.js';
import { openGenerator } from '../../src/generate/open-generator.js';
import { generateImages } from '../../src/generate/sample.js';
import { FULL_REFERENCE_METRICS } from '../../src/metrics/full-reference/index.js';
import { EfficientNet } from '../../src/models/index.js';
import { listCheckpoints, loadCheckpoint } from '../../src/run/checkpoint.js';
import { recipeNames, resolveConfig } from '../../src/run/config.js';
import { InterruptedError, neverInterrupted } from '../../src/run/interrupt.js';
import { createRun, openRun } from '../../src/run/run-folder.js';

const present = engineInfo().cudaDevices > 0;
if (!present) console.log('CUDA tests skipped: this libtorch sees no NVIDIA device');

const CLASSES = ['benign', 'malignant'];
const GANS = recipeNames().filter((name) => /gan|^r1|^hinge/.test(name) && !name.startsWith('original/'));

function configOf(recipe: string): GanConfig {
  const named = (classes: string | string[]) =>
    resolveConfig(ganConfigSchema, {
      recipe,
      kind: 'gan',
      flags: [
        { flag: '--data', key: 'data', value: '-' },
        { flag: '--class', key: 'class', value: classes },
      ],
    });
  const config = named(CLASSES);
  checkGanConfig(config);
  return config.conditioning === 'none' ? named(CLASSES[0]!) : config;
}

const on = (device: Device, value: Tensor): Tensor => value.to({ device });

const norm = (x: Tensor): number => tidy(() => x.square().sum().sqrt().item());
const inDouble = (x: Tensor): Tensor => x.detach().to({ device: 'cpu', dtype: 'float64' });

/** ‖a − b‖ / max(‖b‖, `least`). */
const distance = (a: Tensor, b: Tensor, least = 1e-30): number =>
  tidy(() => {
    const [x, y] = [inDouble(a), inDouble(b)];
    return norm(x.sub(y)) / Math.max(norm(y), least);
  });

/**
 * Holds what two devices computed against each other, by name.
 * @param floor of the largest norm: what is below it is held against that. A bias before a batch norm has no gradient
 * but rounding.
 */
function compare(
  cuda: Record<string, Tensor>,
  cpu: Record<string, Tensor>,
  most: number,
  floor = 1e-6,
): void {
  expect(Object.keys(cuda)).toEqual(Object.keys(cpu));
  const least = floor * Math.max(...Object.values(cpu).map((value) => norm(inDouble(value))));
  for (const [name, value] of Object.entries(cuda)) {
    expect(value.device, name).toBe('cuda:0');
    expect(distance(value, cpu[name]!, least), name).toBeLessThan(most);
  }
}

/** Those that are there, by place. */
const numbered = (name: string, values: readonly (Tensor | null)[]): Record<string, Tensor> =>
  Object.fromEntries(values.flatMap((value, i) => (value ? [[`${name} ${i}`, value]] : [])));

/** Weights, moments and random states of a run's last checkpoint, as bytes. */
function lastState(dir: string): Record<string, string> {
  const { tensors } = loadCheckpoint(listCheckpoints(dir).at(-1)!.path);
  const bytes = Object.entries(tensors).map(([key, value]) => [
    key,
    Buffer.from(value.toArray().buffer).toString('base64'),
  ]);
  dispose(tensors);
  return Object.fromEntries(bytes);
}

describe.skipIf(!present)('CUDA', () => {
  const folder = mkdtempSync(join(tmpdir(), 'graft-cuda-'));
  beforeAll(async () => {
    usePrecision('cuda', 'float32');
    await createTinyDataset(join(folder, 'phantoms'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Losses, scores and gradients of a recipe's networks on given images and noise. */
  function judged(config: GanConfig, device: Device, dtype: DType, inputs: Tensor[]): Record<string, Tensor> {
    manualSeed(3); // weights are drawn on the CPU, then moved
    const { generator, discriminator, objective, regulariser, ...rest } = makeAdversaries(config, device);
    generator.to({ dtype });
    discriminator.to({ dtype });
    const [z, images] = inputs.map((value) => on(device, value).to({ dtype })) as [Tensor, Tensor];
    const labels = generator.classCount > 0 ? toLabels([0, 1, 1, 0], device) : null;
    // Evaluation: dropout would draw on each device by itself, and a power iteration would be one more a pass.
    discriminator.eval();
    const fake = generator.forward(z, labels);
    const judge = (x: Tensor) => ({ ...discriminator.judge(x, labels), labels });
    const [real, made] = [judge(images), judge(fake)];
    const discriminatorLoss = objective.discriminatorLoss(real, judge(fake.detach()));
    const generatorLoss = objective.generatorLoss(made, real);
    const ofG = grad([generatorLoss], generator.parameters(), { retainGraph: true });
    const trained = discriminator.parameters().filter(({ requiresGrad }) => requiresGrad);
    const ofD = grad([discriminatorLoss], trained, { allowUnused: true });
    // Between an image and itself lies that image, whatever is drawn.
    const penalty = regulariser?.penalty(discriminator, { real: images, fake: images.clone(), labels });
    const ofPenalty = penalty ? grad([penalty], trained, { allowUnused: true }) : [];
    const out = {
      fake: fake.detach(),
      logits: real.logits.detach(),
      discriminatorLoss: discriminatorLoss.detach(),
      generatorLoss: generatorLoss.detach(),
      ...(penalty ? { penalty: penalty.detach() } : {}),
      ...numbered('G', ofG),
      ...numbered('D', ofD),
      ...numbered('penalty', ofPenalty),
    };
    for (const it of [generator, discriminator, rest.generatorOptimizer, rest.discriminatorOptimizer])
      it.dispose();
    return out;
  }

  it.each(GANS)('%s: forward, losses and gradients as on the CPU', (recipe) => {
    tidy(() => {
      const config = configOf(recipe);
      const inputs = [randn([4, config.latentSize]), rand([4, 3, config.imageSize, config.imageSize])];
      const both = (dtype: DType) =>
        (['cuda', 'cpu'] as const).map((device) => judged(config, device, dtype, inputs));
      const [cuda, cpu] = both('float64');
      compare(cuda!, cpu!, 1e-9);
      const [single] = both('float32');
      compare(single!, cpu!, 5e-3, 1e-3);
    });
  });

  it.each(
    GANS.flatMap((recipe) => ['float32', 'tf32', 'bfloat16', 'float16'].map((p) => [recipe, p] as const)),
  )('%s trains in %s, and holds on to nothing', (recipe, precision) => {
    const config = { ...configOf(recipe), precision } as GanConfig;
    usePrecision('cuda', config.precision);
    manualSeed(5);
    const adversaries: Adversaries = makeAdversaries(config, 'cuda');
    const labels = config.conditioning === 'none' ? null : [0, 1, 1, 0, 1, 0, 0, 1];
    const step = (index: number) =>
      tidy(() => {
        const batches = Array.from({ length: config.criticSteps }, () => ({
          images: rand([8, 3, config.imageSize, config.imageSize], { device: 'cuda' }).mul(2).sub(1),
          labels: labels && toLabels(labels, 'cuda'),
        }));
        const losses = adversarialStep(adversaries, batches, {
          random: new Random(index),
          discriminatorSteps: index * config.criticSteps,
        });
        return [losses.discriminatorLoss, losses.generatorLoss, losses.realScore].map((x) => x.item());
      });
    // The scaler of float16 skips steps until it fits; an optimiser has its moments only after one.
    const warmUp = precision === 'float16' ? 20 : 2;
    for (let i = 0; i < warmUp; i++) step(i);
    const live = liveTensors();
    for (let i = warmUp; i < warmUp + 3; i++)
      for (const figure of step(i)) expect(Number.isFinite(figure)).toBe(true);
    expect(liveTensors()).toBe(live);
    const { generator, discriminator, generatorOptimizer, discriminatorOptimizer } = adversaries;
    for (const it of [generator, discriminator, generatorOptimizer, discriminatorOptimizer]) it.dispose();
    usePrecision('cuda', 'float32');
  });

  it.each(['b0', 'v2-s'] as const)('EfficientNet %s trains as on the CPU', (variant) => {
    tidy(() => {
      manualSeed(7);
      const images = randn([4, 3, 64, 64], { dtype: 'float64' });
      const results = (['cuda', 'cpu'] as const).map((device) => {
        manualSeed(8);
        const network = new EfficientNet(variant, { numClasses: 1, dropConnect: 0, dropout: 0 }).to({
          device,
          dtype: 'float64',
        });
        const logits = network.forward(on(device, images));
        backward(logits.square().mean());
        const gradients = Object.entries(network.namedParameters()).map(([name, p]) => [name, p.grad!]);
        const statistics = Object.entries(network.stateDict()).filter(([key]) => key.includes('running'));
        const evaluated = noGrad(() => network.eval().forward(on(device, images)));
        return { logits: logits.detach(), evaluated, ...Object.fromEntries([...gradients, ...statistics]) };
      });
      compare(results[0]!, results[1]!, 1e-7);
    });
  });

  it.each([
    ['Adam', Adam, { weightDecay: 0.1 }],
    ['AdamW', AdamW, { weightDecay: 0.1, rateFactors: [1, 0.5, 1] }],
    ['RMSprop', RMSprop, {}],
    ['SGD', SGD, { momentum: 0.9 }],
  ] as const)('%s steps as on the CPU', (_, Kind, options) => {
    tidy(() => {
      const start = [randn([70_000]), randn([8, 3, 3, 3]).contiguous('channelsLast'), randn([1])];
      const gradients = Array.from({ length: 5 }, () => start.map(({ shape }) => randn(shape)));
      const results = (['cuda', 'cpu'] as const).map((device) => {
        const parameters = start.map((value) => on(device, value.clone()).requiresGrad_());
        // biome-ignore lint/suspicious/noExplicitAny: each kind has options of its own
        const optimizer = new (Kind as any)(parameters, { lr: 1e-2, fused: true, ...options });
        for (const step of gradients) {
          parameters.forEach((parameter, i) => {
            // Laid out as the parameter, which is how autograd leaves gradients.
            parameter.grad = aten.empty_like(parameter).copy_(on(device, step[i]!));
          });
          optimizer.step();
        }
        const named = parameters.map((value, i) => [String(i), value.detach()]);
        return Object.fromEntries([...named, ...Object.entries(optimizer.stateDict().tensors)]);
      });
      compare(results[0]!, results[1]!, 2e-6);
    });
  });

  it.each(['flips', 'standard', 'siim'] as const)('%s augmentation changes images as on the CPU', (name) => {
    tidy(() => {
      // In float64 both take the tensor operations, and no rounding carries a value over the border of a level.
      const images = rand([12, 3, 48, 48], { dtype: 'float64' });
      const pipeline = name === 'siim' ? SIIM : name;
      const [cuda, cpu] = (['cuda', 'cpu'] as const).map((device) => {
        const randoms = Array.from({ length: 12 }, (_, i) => new Random(i));
        return { images: augment(on(device, images), pipeline, randoms) };
      });
      compare(cuda!, cpu!, 1e-6);
    });
  });

  it.each(['diffAugment', 'ada'] as const)('%s changes batches as on the CPU', (kind) => {
    tidy(() => {
      const settings =
        kind === 'ada'
          ? { ada: { initial: 0.8, target: 0.6 } }
          : { diffAugment: ['colour', 'translation', 'cutout'] };
      const config = tinyConfig('-', settings);
      const images = rand([8, 3, 64, 64], { dtype: 'float64' }).mul(2).sub(1);
      const [cuda, cpu] = (['cuda', 'cpu'] as const).map((device) => {
        const leaf = on(device, images).requiresGrad_();
        const changed = makeAugment(config)!(leaf, new Random(4));
        const [gradient] = grad([changed.square().mean()], [leaf]);
        return { changed: changed.detach(), gradient: gradient! };
      });
      compare(cuda!, cpu!, 1e-9);
    });
  });

  it('scores pairs of images as on the CPU', () => {
    tidy(() => {
      const [x, y] = [
        rand([6, 3, 192, 192], { dtype: 'float64' }),
        rand([6, 3, 192, 192], { dtype: 'float64' }),
      ];
      const near = x.mul(0.9).add(y.mul(0.1));
      for (const { id, score } of FULL_REFERENCE_METRICS) {
        const [cuda, cpu] = (['cuda', 'cpu'] as const).map((device) =>
          score(on(device, x), on(device, near)),
        );
        expect(distance(cuda!, cpu!), id).toBeLessThan(1e-9);
      }
    });
  });

  const ganOf = (settings: object): GanConfig =>
    tinyConfig(join(folder, 'phantoms'), {
      steps: 7,
      flips: true,
      logEvery: 1,
      sampleEvery: 100,
      checkpointEvery: 3,
      monitorEvery: 0,
      emaDecay: 0.9,
      device: 'cuda',
      ...settings,
    });

  async function trained(
    dir: string,
    config: GanConfig,
    stopAfter?: number,
  ): Promise<Record<string, string>> {
    let polls = 0;
    const interrupt = { ...neverInterrupted, poll: async () => ++polls === stopAfter };
    const run = createRun(dir, { kind: 'gan', config });
    const work = trainGan(run, config, { interrupt });
    if (stopAfter === undefined) await work;
    else await expect(work).rejects.toThrow(InterruptedError);
    run.close();
    if (stopAfter !== undefined) {
      const resumed = openRun(dir, { kind: 'gan' });
      await trainGan(resumed, config);
      resumed.close();
    }
    return lastState(dir);
  }

  it.each([
    ['sngan', { architecture: 'sngan', generatorWidth: 64, discriminatorWidth: 64, batchSize: 8 }],
    [
      'wgan-gp',
      {
        objective: 'wasserstein',
        gradientPenalty: { kind: 'wgan-gp', weight: 10, every: 1 },
        discriminatorNorm: 'none',
      },
    ],
    ['diffAugment', { diffAugment: ['colour', 'translation', 'cutout'] }],
    ['bfloat16', { precision: 'bfloat16' }],
    ['float16', { precision: 'float16' }],
  ])('%s, stopped and resumed, ends bit-identical', async (name, settings) => {
    const config = ganOf(settings);
    const whole = await trained(join(folder, `${name}-whole`), config);
    expect(whole['random.device']).toBeDefined();
    const resumed = await trained(join(folder, `${name}-resumed`), config, 4);
    expect(Object.keys(resumed)).toEqual(Object.keys(whole));
    expect(Object.keys(whole).filter((key) => resumed[key] !== whole[key])).toEqual([]);
  });

  it('a generator that was trained on it samples the same images on the CPU', async () => {
    const dir = join(folder, 'sampled');
    await trained(dir, ganOf({}));
    const images: Tensor[] = [];
    for (const device of ['cuda', 'cpu'] as const) {
      const generator = await openGenerator(dir, { device });
      images.push(generateImages(generator, 8, { seed: 1 }).to({ dtype: 'float32' }));
      generator.network.dispose();
    }
    expect(images[0]!.shape).toEqual([8, 3, 64, 64]);
    // Rounded to 256 levels: a sum in another order may fall on the other side.
    expect(images[0]!.sub(images[1]!).abs().amax().item()).toBeLessThanOrEqual(1);
  });

  it('a classifier, stopped and resumed, ends bit-identical, and learns', async () => {
    const data = makeDisks(300);
    const config = classifierRecipeSchema.parse({
      imageSize: 32,
      batchSize: 16,
      steps: 60,
      warmupSteps: 10,
      learningRate: 3e-3,
      evaluateEvery: 20,
      augmentation: 'flips',
      logEvery: 10,
      device: 'cuda',
      seed: 3,
    });
    const whole = await trainClassifier({ config, runDir: join(folder, 'classifier'), ...data });
    expect(whole.testAuc).toBeGreaterThan(0.8);
    const runDir = join(folder, 'classifier-resumed');
    let polls = 0;
    const interrupt = { ...neverInterrupted, poll: async () => ++polls === 33 };
    await expect(trainClassifier({ config, runDir, ...data, interrupt })).rejects.toThrow(InterruptedError);
    await trainClassifier({ config, runDir, ...data, ifExists: 'continue' });
    const scores = ['classifier', 'classifier-resumed'].map((name) =>
      readScores(scoresPath(join(folder, name), 'test')),
    );
    expect(scores[1]).toEqual(scores[0]);
  });
});
