/** Steps in which the head learns alone, and what comes behind them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  dispose,
  liveTensors,
  loadSafetensors,
  manualSeed,
  noGrad,
  saveSafetensors,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { Conv2d, Linear, Module } from 'graft-torch/nn';
import { Adam } from 'graft-torch/optim';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networkEntry } from '../models/index.js';
import { listCheckpoints } from '../run/checkpoint.js';
import { InterruptedError } from '../run/interrupt.js';
import { readEvents, withoutWall } from '../run/run-folder.js';
import { toNetworkInput } from './batch.js';
import { type ClassifierRecipe, checkRecipe, classifierRecipeSchema } from './config.js';
import { makeDisks, SIDE } from './disks.test-data.js';
import { headOf } from './head-warmup.js';
import { classificationLoss } from './losses.js';
import { makeNetwork } from './network.js';
import type { ClassifierModule } from './own.js';
import { scoresPath, weightsPath } from './result.js';
import { makeStep } from './step.js';
import { type TrainClassifierOptions, trainClassifier } from './train.js';
import type { TrainingSet } from './training-set.js';

const HEAD_STEPS = 3;
let dir: string;
let weights: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-head-warmup-'));
  weights = join(dir, 'weights.safetensors');
  manualSeed(1);
  const network = networkEntry('efficientnet-b0').make({ sidePx: SIDE, numClasses: 5 });
  saveSafetensors(weights, network.stateDict(), { architecture: 'efficientnet-b0' });
  network.dispose();
});
afterAll(() => rmSync(dir, { recursive: true }));

const recipe = (changes: Partial<ClassifierRecipe> = {}): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({
    imageSize: SIDE,
    batchSize: 16,
    steps: 8,
    headWarmupSteps: HEAD_STEPS,
    headLearningRate: 2e-3,
    warmupSteps: 2,
    evaluateEvery: 2,
    logEvery: 1,
    learningRate: 1e-3,
    device: 'cpu',
    seed: 3,
  }),
  ...changes,
});

const data = makeDisks(80);
afterAll(() => data.cache.images.dispose());
const train = (name: string, changes: Partial<TrainClassifierOptions> = {}) =>
  trainClassifier({
    config: recipe({ weights, emaDecay: 0.9 }),
    runDir: join(dir, name),
    ...data,
    ...changes,
  });

const copyOf = (network: Module): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(network.stateDict()).map(([key, value]) => [key, value.clone()]));
const labels = Uint8Array.from(data.cache.rows, ({ label }) => (label === 'malignant' ? 1 : 0));
const training: TrainingSet = {
  images: data.cache.images,
  indices: [...labels.keys()],
  labels,
  classCounts: [52, 28],
  counts: { real: 80, realPositive: 28, synthetic: 0, syntheticPositive: 0 },
  dispose: () => {},
};

/** Keys that a step changes. @param number steps made before */
function changedBy(
  network: ClassifierModule,
  config: ClassifierRecipe,
  number: number,
): { keys: string[]; loss: number } {
  return tidy(() => {
    const before = copyOf(network);
    const adam = (parameters: readonly Tensor[]) => new Adam(parameters, { lr: 1e-3 });
    const optimizer = adam(network.parameters().filter(({ requiresGrad }) => requiresGrad));
    const headOptimizer = adam(headOf(network).parameters);
    const step = makeStep(config, { network, optimizer, headOptimizer, ema: null, training, device: 'cpu' });
    const loss = step(data.cache.images.narrow(0, 0, 16), [...Array(16).keys()], number);
    expect(network.training).toBe(true);
    for (const one of network.parameters()) one.grad = null;
    optimizer.dispose();
    headOptimizer.dispose();
    const keys = Object.entries(network.stateDict())
      .filter(([key, value]) => value.sub(before[key]!).abs().amax().item() !== 0)
      .map(([key]) => key);
    return { keys, loss };
  });
}

describe('a step of the head alone', () => {
  it.each<[string, Partial<ClassifierRecipe>, string[]]>([
    ['EfficientNet', {}, ['_fc.weight', '_fc.bias']],
    [
      'EfficientNet with the other head',
      { head: 'normalised' },
      [
        '_head_bn.weight',
        '_head_bn.bias',
        '_head_bn.running_mean',
        '_head_bn.running_var',
        '_head_bn.num_batches_tracked',
        '_fc.weight',
        '_fc.bias',
      ],
    ],
    ['ResNet', { architecture: 'resnet-18' }, ['fc.weight', 'fc.bias']],
    ['ConvNeXt', { architecture: 'convnext-tiny' }, ['head.fc.weight', 'head.fc.bias']],
    ['ViT', { architecture: 'vit-small-16' }, ['head.weight', 'head.bias']],
  ])('leaves all else of %s as it is, statistics too', (_, changes, wanted) => {
    manualSeed(2);
    const config = recipe(changes);
    const { network } = makeNetwork(config, 'cpu');
    const live = liveTensors();
    const { keys } = changedBy(network, config, HEAD_STEPS - 1);
    expect(keys.sort()).toEqual(wanted.sort());
    expect(changedBy(network, config, HEAD_STEPS).keys.length).toBeGreaterThan(20 + wanted.length);
    expect(liveTensors()).toBe(live);
    network.dispose();
  });

  it('has the loss of what the network sees in evaluation', () => {
    manualSeed(2);
    const config = recipe({ dropout: 0, augmentation: 'none' });
    const { network } = makeNetwork(config, 'cpu');
    tidy(() => {
      network.eval();
      const input = toNetworkInput(data.cache.images.narrow(0, 0, 16), 'cpu');
      const logits = noGrad(() => network.forward(input));
      network.train();
      const targets = tensor(Float32Array.from(labels.slice(0, 16)), [16, 1]);
      const wanted = classificationLoss(logits, targets).item();
      expect(changedBy(network, config, 0).loss).toBeCloseTo(wanted, 5);
    });
    network.dispose();
  });

  it('keeps frozen blocks frozen behind it', () => {
    manualSeed(2);
    const config = recipe({ frozenBlocks: 16 });
    const { network } = makeNetwork(config, 'cpu');
    changedBy(network, config, 0);
    const { keys } = changedBy(network, config, HEAD_STEPS);
    expect(keys).not.toContain('_blocks.3._project_conv.weight');
    expect(keys).toContain('_conv_head.weight');
    network.dispose();
  });
});

class Own extends Module implements ClassifierModule {
  readonly stages: readonly Conv2d[];
  readonly head = this.child('head', new Linear(4, 1));

  constructor(named = true) {
    super();
    const conv = this.child('conv', new Conv2d(3, 4, 3));
    this.stages = named ? [conv] : [conv, this.head as unknown as Conv2d];
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => this.head.forward(this.stages[0]!.forward(x).relu().mean([2, 3])));
  }
}

it('knows the head of a network of one’s own by what lies in no stage', () => {
  const own = new Own();
  expect(changedBy(own, recipe(), 0).keys).toEqual(['head.weight', 'head.bias']);
  expect(own.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
  expect(changedBy(own, recipe(), HEAD_STEPS).keys).toHaveLength(4);
  own.dispose();
  const [bare, headless] = [new Linear(2, 1), new Own(false)];
  expect(() => headOf(bare)).toThrow(/names no `stages`.*set headWarmupSteps=0/);
  expect(() => headOf(headless)).toThrow(/nothing of the network of one’s own lies outside its `stages`/);
  bare.dispose();
  headless.dispose();
});

describe('a run that begins with its head', () => {
  const file = (path: string): string => readFileSync(path).toString('base64');

  // Within the head's steps, at their end, and behind it.
  it.each([1, HEAD_STEPS, HEAD_STEPS + 2])('ends bit-identical after a stop at step %i', async (at) => {
    const live = liveTensors();
    await train('whole', { ifExists: 'continue' });
    const controller = new AbortController();
    const stopped = train(`parts-${at}`, {
      signal: controller.signal,
      onStep: (step) => {
        if (step === at) controller.abort();
      },
    });
    await expect(stopped).rejects.toThrow(InterruptedError);
    tidy(() => {
      const { tensors } = loadSafetensors(listCheckpoints(join(dir, `parts-${at}`)).at(-1)!.path);
      const moments = Object.keys(tensors).filter((key) => key.startsWith('optimizer.')).length;
      // Of two tensors, of none, of all.
      expect(moments === 4 ? 'head' : moments === 0 ? 'none' : 'all').toBe(
        at < HEAD_STEPS ? 'head' : at === HEAD_STEPS ? 'none' : 'all',
      );
      dispose(tensors);
    });
    await train(`parts-${at}`, { ifExists: 'continue' });
    const [parts, whole] = [join(dir, `parts-${at}`), join(dir, 'whole')];
    expect(file(weightsPath(parts))).toBe(file(weightsPath(whole)));
    expect(file(scoresPath(parts, 'test'))).toBe(file(scoresPath(whole, 'test')));
    const events = (run: string) =>
      readEvents(join(run, 'events.jsonl'))
        .filter(({ type, step }) => !(type === 'checkpoint' && step === at))
        .map(withoutWall);
    expect(events(parts)).toEqual(events(whole));
    expect(liveTensors()).toBe(live);
  });

  it('goes back to the last checkpoint after a kill within the head’s steps', async () => {
    const killed = train('killed', {
      onStep: (step) => {
        if (step === HEAD_STEPS) throw new Error('killed');
      },
    });
    await expect(killed).rejects.toThrow('killed');
    await train('killed', { ifExists: 'continue' });
    expect(file(weightsPath(join(dir, 'killed')))).toBe(file(weightsPath(join(dir, 'whole'))));
  });

  it('has a rate of its own for its head, and its schedule behind it', () => {
    const rates = readEvents(join(dir, 'whole', 'events.jsonl'))
      .filter(({ type }) => type === 'losses')
      .map(({ learningRate }) => (learningRate as number) / 1e-3);
    const cosine = (done: number): number => 0.5 * (1 + Math.cos((Math.PI * done) / 3));
    const wanted = [2, 2, 2, 0.5, 1, cosine(0), cosine(1), cosine(2)];
    expect(rates).toHaveLength(wanted.length);
    rates.forEach((rate, i) => {
      expect(rate).toBeCloseTo(wanted[i]!, 10);
    });
  });

  it('does not lose patience before fine-tuning has begun', async () => {
    const config = recipe({
      ...{ weights, steps: 20, evaluateEvery: 1, headWarmupSteps: 6, warmupSteps: 0 },
      ...{ learningRate: 1e-12, headLearningRate: 1e-12, patience: 2, schedule: 'constant' },
    });
    const result = await train('patient', { config });
    // Nothing is learned: without the head's steps it would have stopped by the fourth.
    expect(result.stoppedEarly).toBe(true);
    expect(result.steps).toBeGreaterThanOrEqual(8);
  });
});

it('refuses a head on weights that know nothing, and steps that are not there', () => {
  expect(() => checkRecipe(recipe({ headWarmupSteps: 0 }))).toThrow(
    /^headLearningRate is of headWarmupSteps/,
  );
  expect(() => checkRecipe(recipe())).toThrow(/^headWarmupSteps: a head on weights that were never trained/);
  expect(() => checkRecipe(recipe({ weights: 'a.safetensors' }))).not.toThrow();
  expect(() => checkRecipe(recipe({ own: ['network'] }))).not.toThrow();
  expect(() => checkRecipe(recipe({ module: 'own.js' }))).not.toThrow();
  expect(() => checkRecipe(recipe({ weights: 'a.safetensors', headWarmupSteps: 6 }))).toThrow(
    /headWarmupSteps \(6\) and warmupSteps \(2\) leave nothing of 8 steps/,
  );
});
