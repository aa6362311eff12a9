/** Networks and augmentations that come from outside. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, type Tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { Conv2d, Linear, Module } from 'graft-torch/nn';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { TRUST_VARIABLE } from '../base/index.js';
import { traceTraining } from '../lineage/index.js';
import { openExtractor } from '../metrics/backbone/index.js';
import { InterruptedError } from '../run/interrupt.js';
import { readRunConfig } from '../run/run-folder.js';
import { type ClassifierRecipe, classifierRecipeSchema } from './config.js';
import { makeDisks, SIDE } from './disks.test-data.js';
import { logitsOf, probability } from './evaluate.js';
import { explain } from './explain/index.js';
import { exportClassifier } from './export.js';
import { layerRateFactors } from './layer-rates.js';
import {
  architectureTitle,
  type ClassifierModule,
  type NetworkContext,
  networkTitle,
  openModule,
} from './own.js';
import { openClassifier, readClassifierConfig, weightsPath } from './result.js';
import { type TrainClassifierOptions, trainClassifier } from './train.js';

class Small extends Module implements ClassifierModule {
  readonly stages: Conv2d[];
  readonly head: Linear;

  constructor({ logits, channels }: NetworkContext) {
    super();
    this.stages = [channels, 8].map((width, i) =>
      this.child(`conv${i}`, new Conv2d(width, 8, 3, { stride: 2, padding: 1 })),
    );
    this.head = this.child('head', new Linear(8, logits));
  }

  override forward(x: Tensor): Tensor {
    return tidy(() =>
      this.head.forward(this.stages.reduce((y, stage) => stage.forward(y).relu(), x).mean([2, 3])),
    );
  }
}
/** Without stages. */
class Bare extends Module implements ClassifierModule {
  readonly inner: Small;

  constructor(context: NetworkContext) {
    super();
    this.inner = this.child('inner', new Small(context));
  }

  override forward(x: Tensor): Tensor {
    return this.inner.forward(x);
  }
}
const network = (context: NetworkContext): ClassifierModule => new Small(context);

/** The same in a file; `FACTOR` is what is changed about it. */
const MODULE = `
import { Conv2d, Linear, Module } from 'graft-torch/nn';
class Small extends Module {
  constructor({ logits, channels }) {
    super();
    this.stages = [channels, 8].map((width, i) =>
      this.child('conv' + i, new Conv2d(width, 8, 3, { stride: 2, padding: 1 })));
    this.head = this.child('head', new Linear(8, logits));
  }
  forward(x) {
    return this.head.forward(this.stages.reduce((y, stage) => stage.forward(y).relu(), x).mean([2, 3]));
  }
}
export default { network: (context) => new Small(context), fitted: [] };
`;

const recipe = (changes: Partial<ClassifierRecipe> = {}): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({
    imageSize: SIDE,
    batchSize: 16,
    steps: 4,
    warmupSteps: 1,
    evaluateEvery: 2,
    learningRate: 0.01,
    device: 'cpu',
    threads: 1,
    seed: 3,
  }),
  ...changes,
});

let dir: string;
let file: string;
const data = makeDisks(120);
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-own-'));
  file = join(dir, 'small.mjs');
  writeFileSync(file, MODULE);
});
afterAll(() => {
  data.cache.images.dispose();
  rmSync(dir, { recursive: true, force: true });
});
const train = (name: string, changes: Partial<TrainClassifierOptions> = {}) =>
  trainClassifier({ config: recipe(), runDir: join(dir, name), ...data, ...changes });

// Whoever writes a module here trusts it.
beforeEach(() => void vi.stubEnv(TRUST_VARIABLE, '1'));
afterEach(() => void vi.unstubAllEnvs());

it('calls a network of Graft as its paper does', () => {
  const titles = ['efficientnet-b0', 'efficientnet-lite0', 'resnet-50', 'vit-small-16'].map(
    architectureTitle,
  );
  expect(titles).toEqual(['EfficientNet-B0', 'EfficientNet-Lite0', 'ResNet-50', 'ViT-S/16']);
});

describe('a network from a program', () => {
  it('trains like Graft’s own; whoever opens the run hands it in again', async () => {
    await train('first', { network }); // what the engine keeps is there from now on
    const live = liveTensors();
    const result = await train('given', { network });
    expect(result.parameters).toBe(8 * 3 * 9 + 8 + 8 * 8 * 9 + 8 + 9);
    const config = readClassifierConfig(join(dir, 'given'));
    expect(config.own).toEqual(['network']);
    expect(networkTitle(config)).toBe('a network of one’s own');
    await expect(openClassifier(join(dir, 'given'), 'cpu')).rejects.toThrow(/handed in by a program/);
    const opened = await openClassifier(join(dir, 'given'), 'cpu', { network });
    const test = data.cache.rows.flatMap(({ split }, i) => (split === 'test' ? [i] : []));
    const logits = await logitsOf(opened.network, data.cache.images, {
      indices: test,
      device: 'cpu',
      batchSize: 7,
    });
    logits.forEach((logit, i) => {
      expect(probability(logit)).toBeCloseTo(result.testScores[i]!.score, 5);
    });
    opened.network.dispose();
    expect(liveTensors()).toBe(live);
  });

  it('ends bit-identical after a stop and a resume', async () => {
    await train('whole', { network });
    const stop = new AbortController();
    const onStep = (step: number): void => void (step === 3 && stop.abort());
    const stopped = train('parts', { network, onStep, signal: stop.signal });
    await expect(stopped).rejects.toThrow(InterruptedError);
    await train('parts', { network, ifExists: 'continue' });
    expect(readFileSync(weightsPath(join(dir, 'parts')))).toEqual(
      readFileSync(weightsPath(join(dir, 'whole'))),
    );
  });

  it.each([
    [
      { network: (c: NetworkContext) => new Small({ ...c, logits: 3 }) },
      {},
      /gives \[2, 3\] for 2 images.*\[2, 1\]/,
    ],
    [{ network: () => ({}) as ClassifierModule }, {}, /is no Module with a forward/],
    [{ network }, { weights: 'w.pth' }, /weights and frozenBlocks are for the architectures of Graft/],
  ])('refuses what does not fit: %#', async (parts, changes, why) => {
    await expect(train('refused', { ...parts, config: recipe(changes) })).rejects.toThrow(why);
    rmSync(join(dir, 'refused'), { recursive: true, force: true });
  });

  it('slows its stages down by layerDecay, the lower the more; without stages that is refused', () => {
    const own = new Small({ logits: 1, classes: [], channels: 3, imageSize: SIDE });
    expect(layerRateFactors(own, own.parameters(), 0.5)).toEqual([0.25, 0.25, 0.5, 0.5, 1, 1]);
    own.dispose();
    const bare = new Bare({ logits: 1, classes: [], channels: 3, imageSize: SIDE });
    expect(() => layerRateFactors(bare, bare.parameters(), 0.5)).toThrow(/names no `stages`/);
    bare.dispose();
  });
});

describe('a network from a module', () => {
  it('is the one that a program hands in, and its run says which it was', async () => {
    await train('module', { config: recipe({ module: file }) });
    if (!existsSync(join(dir, 'whole'))) await train('whole', { network });
    const { config } = readRunConfig(join(dir, 'module'));
    const { keys } = await openModule({ module: file });
    expect(config).toMatchObject(keys);
    expect(keys).toMatchObject({ module: file, moduleFitted: [], own: ['network'] });
    const of = async (name: string) => (await openClassifier(join(dir, name), 'cpu', { network })).network;
    const [mine, theirs] = [await of('module'), await of('whole')];
    const values = (one: Module) => Object.values(one.stateDict()).map((value) => value.toArray());
    expect(values(mine)).toEqual(values(theirs));
    mine.dispose();
    theirs.dispose();
  });

  it('is explained at its stages, and exported', async () => {
    const { network: opened, config, parts } = await openClassifier(join(dir, 'module'), 'cpu');
    const images = tidy(() => data.cache.images.narrow(0, 0, 4).to({ dtype: 'float32' }).div(255));
    const how = {
      config,
      parts,
      device: 'cpu',
      threshold: 0.5,
      integralSteps: 4,
      perturbationSteps: 4,
    } as const;
    const { explanation, heat } = await explain(opened, images, how);
    expect(explanation.layer).toBe('stage 1');
    expect(explanation.methods.map(({ mapSide }) => mapSide)).toEqual([8, 8, SIDE]);
    for (const one of heat.values()) one.dispose();
    await expect(explain(opened, images, { ...how, layer: '7' })).rejects.toThrow(/has stage 0 to 1/);
    opened.dispose();
    const bare = new Bare({ logits: 1, classes: [], channels: 3, imageSize: SIDE });
    const given = { ...how, parts: { network: (context: NetworkContext) => new Bare(context) } };
    await expect(explain(bare, images, given)).rejects.toThrow(/names no `stages` that make maps/);
    const alone = await explain(bare, images, { ...given, methods: ['integrated-gradients'] });
    expect(alone.explanation.layer).toBeNull();
    for (const one of [...alone.heat.values(), images]) one.dispose();
    bare.dispose();
    const { check } = await exportClassifier(join(dir, 'module'), join(dir, 'small.onnx'), 'onnx');
    expect(check).toMatchObject({ checked: true });
  });

  it('must be the one that the run began with; a finished run does not need it', async () => {
    const stop = new AbortController();
    const config = recipe({ module: file });
    const run = { config, onStep: () => stop.abort(), signal: stop.signal };
    await expect(train('changed', run)).rejects.toThrow(InterruptedError);
    writeFileSync(file, `${MODULE}// another\n`);
    await expect(train('changed', { config, ifExists: 'continue' })).rejects.toThrow(
      /small\.mjs: is not the module that the run was begun with/,
    );
    await expect(openClassifier(join(dir, 'module'), 'cpu')).rejects.toThrow(
      /is not the module that the run was begun with/,
    );
    expect((await train('module', { config, ifExists: 'continue' })).steps).toBe(4);
    writeFileSync(file, MODULE);
    expect((await train('changed', { config, ifExists: 'continue' })).steps).toBe(4);
  });

  it('is unknown to the lineage unless it says what it was fitted to', async () => {
    expect(traceTraining(join(dir, 'module')).unknown).toBeNull();
    const silent = join(dir, 'silent.mjs');
    writeFileSync(silent, MODULE.replace(', fitted: []', ''));
    await train('silent', { config: recipe({ module: silent, steps: 2 }) });
    expect(traceTraining(join(dir, 'silent')).unknown).toMatch(/module silent\.mjs: it does not say what/);
    const heir = join(dir, 'heir.mjs');
    writeFileSync(heir, MODULE.replace('fitted: []', `fitted: [${JSON.stringify(join(dir, 'module'))}]`));
    await train('heir', { config: recipe({ module: heir, steps: 2 }) });
    const { steps } = traceTraining(join(dir, 'heir'));
    expect(steps.map(({ via }) => via.length)).toEqual([0, 1]);
    await expect(openExtractor(join(dir, 'silent'))).rejects.toThrow(/network of its own/);
  });

  it.each([
    ['export default { other: 1 };', /exports other; its default export/],
    ['export default { network: 1 };', /`network` must be a function/],
    ['export default { augmentation: "flips" };', /`augmentation` must be a function/],
    ['export default { network: () => 1, fitted: "x" };', /`fitted` must list/],
  ])('that holds something else is refused: %s', async (text, why) => {
    const path = join(dir, `wrong-${why.source.length}.mjs`);
    writeFileSync(path, text);
    await expect(openModule({ module: path })).rejects.toThrow(why);
  });
});

describe('an augmentation of one’s own', () => {
  it('sees batches in [0, 1] and a stream a sample, and replaces the recipe’s', async () => {
    const seen: number[][] = [];
    const augmentation = (images: Tensor, randoms: readonly Random[]): Tensor => {
      seen.push([...images.shape, randoms.length, images.amax().item() <= 1 ? 1 : 0]);
      return images.flip([3]);
    };
    await train('augmented', { augmentation, config: recipe({ steps: 2 }) });
    expect(seen).toEqual(Array(2).fill([16, 3, SIDE, SIDE, 16, 1]));
    expect(readClassifierConfig(join(dir, 'augmented')).own).toEqual(['augmentation']);
    // The network is Graft's: nothing need be handed in.
    (await openClassifier(join(dir, 'augmented'), 'cpu')).network.dispose();
    const cropped = (images: Tensor): Tensor => images.narrow(2, 0, 16);
    await expect(train('cropped', { augmentation: cropped })).rejects.toThrow(/their shape must stay/);
  });
});
