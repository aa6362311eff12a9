/**
 * `npm run bench:classifier`: an epoch of a classifier at 128 px from JPEG files on disk, against a plain PyTorch script of the
 * original's recipe (`classifier_peer.py`): EfficientNet-B0 and -B3 of torchvision, EfficientNet-Lite0 of timm.
 *
 * - first epoch: ours decodes the files into the pixel cache and trains; the peer's starts its workers;
 * - epochs after it: ours reads the cache, the peer decodes again, each in its turn;
 * - compute alone: forward, backward and the optimiser's step on one random batch;
 * - features: a batch to its embedding, in evaluation, at 128 and 224 px: what a probe on a frozen network costs.
 *
 * Both sides: batches of 64, learning rate 1e-4, the original's list of augmentations, dropout and stochastic depth. B0 and
 * B3: Adam, symmetric padding; Lite0: AdamW, its own padding. The peer runs at its best: passive OpenMP waiting, the faster
 * memory layout, a fused optimiser where it has one, the best of several numbers of workers and threads, searched first;
 * with `--compile` also through `torch.compile`. Turns alternate and only one side works at a time; each turn's ratio is taken
 * against the turn beside it, and the median over turns is the result. Where other work runs on the machine, the ratio of
 * processor time says more.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  backward,
  engineInfo,
  liveTensors,
  manualSeed,
  noGrad,
  randn,
  setThreads,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { F } from 'graft-torch/nn';
import { Adam, AdamW } from 'graft-torch/optim';
import { classifierRecipeSchema } from '../src/classify/config.js';
import { makeNetwork } from '../src/classify/network.js';
import { makeStep } from '../src/classify/step.js';
import { makeTrainingSet, type TrainingSet } from '../src/classify/training-set.js';
import type { Dataset } from '../src/data/dataset/dataset.js';
import { importDataset } from '../src/data/import/import.js';
import { openPixelCache, type PixelCache } from '../src/data/pixels/cache.js';
import { Loader } from '../src/data/pixels/loader.js';
import type { ImageNetwork } from '../src/models/index.js';
import { makePhotographs } from './data-images.js';
import { loadAtStart, median, note, PythonPeer } from './peer.js';

const SIZE_PX = 128;
const RATE = 1e-4;
/** Sides of the images that features are made of. */
const FEATURE_SIDES = [128, 224] as const;
const MODELS = ['efficientnet-b0', 'efficientnet-b3', 'efficientnet-lite0'] as const;
type Model = (typeof MODELS)[number];
const isLite = (model: Model): boolean => model === 'efficientnet-lite0';
/** Parts of the peer's time to stay below. */
const bars = (model: Model) => ({ epoch: 0.5, compute: isLite(model) ? 0.8 : 0.85, features: 1 });

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** Images an epoch; whole batches are trained on. */
    images: { type: 'string', default: '256' },
    turns: { type: 'string', default: '5' },
    /** Steps a turn of compute alone. */
    steps: { type: 'string', default: '2' },
    /** Images a batch. */
    batch: { type: 'string', default: '64' },
    /** Only one of MODELS. */
    only: { type: 'string' },
    /** Compute alone and features, without epochs. */
    'no-epochs': { type: 'boolean', default: false },
    /** Also against the peer's network through `torch.compile` (PyTorch 2). */
    compile: { type: 'boolean', default: false },
    /** Workers and threads of the peer, such as `1,2`; default: searched. */
    peer: { type: 'string' },
    /** Size of the photographs in pixels: the larger they are, the more the peer has to decode in each epoch. */
    photographs: { type: 'string', default: '1024x768' },
    /** Where the photographs are made, and found the next time. */
    dir: { type: 'string', default: join(tmpdir(), 'graft-bench-classifier') },
    python: { type: 'string', default: '/usr/bin/python3' },
    /** Exit with 1 if a bar is missed. */
    check: { type: 'boolean', default: false },
  },
});

const BATCH = Number(args.batch);

interface Turn {
  seconds: number;
  cpuSeconds: number;
  images: number;
}

async function timed(work: () => Promise<number>): Promise<Turn> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  const images = await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6, images };
}

/** The recipe of both sides; dropout and stochastic depth are those of the architecture. */
const recipeOf = (model: Model) =>
  classifierRecipeSchema.parse({
    architecture: model,
    imageSize: SIZE_PX,
    ...(isLite(model)
      ? { padding: 'same', batchNormEps: 1e-3, inputStatistics: 'half' }
      : { padding: 'symmetric', batchNormEps: 1e-5, inputStatistics: 'imagenet' }),
    augmentation: 'standard',
    batchSize: BATCH,
    optimizer: isLite(model) ? 'adamw' : 'adam',
    learningRate: RATE,
    device: 'cpu',
  });

/** A network, its optimiser, and one random batch. */
interface Compute {
  network: ImageNetwork;
  optimizer: Adam;
  train(steps: number): Promise<Turn>;
  /** A batch to its embeddings, in evaluation. */
  features(side: number, steps: number): Promise<Turn>;
  dispose(): void;
}

function openCompute(model: Model): Compute {
  manualSeed(0);
  const { network } = makeNetwork(recipeOf(model), 'cpu');
  const options = { lr: RATE, fused: true };
  const optimizer = isLite(model)
    ? new AdamW(network.parameters(), { ...options, weightDecay: 0.01 })
    : new Adam(network.parameters(), options);
  const images = randn([BATCH, 3, SIZE_PX, SIZE_PX]);
  const labels = tensor(
    Float32Array.from({ length: BATCH }, (_, i) => i % 2),
    [BATCH, 1],
  );
  return {
    network,
    optimizer,
    train: (steps) => {
      computeStep(network, optimizer, images, labels);
      return timed(async () => {
        for (let i = 0; i < steps; i++) computeStep(network, optimizer, images, labels);
        return steps * BATCH;
      });
    },
    features: async (side, steps) => {
      const batch = tidy(() => randn([BATCH, 3, side, side]).contiguous('channelsLast'));
      network.eval();
      const embed = (): void => noGrad(() => network.embed(batch).dispose());
      embed();
      const turn = await timed(async () => {
        for (let i = 0; i < steps; i++) embed();
        return steps * BATCH;
      });
      network.train();
      batch.dispose();
      return turn;
    },
    dispose: () => {
      for (const one of [images, labels, network, optimizer]) one.dispose();
    },
  };
}

interface Ours {
  /** Photographs to a trained epoch: import left out, the cache made. */
  first: Turn;
  epoch(): Promise<Turn>;
  dispose(): void;
}

async function openOurs(model: Model, { network, optimizer }: Compute, data: Data): Promise<Ours> {
  const { dataset, dir } = data;
  const recipe = recipeOf(model);
  let cache!: PixelCache;
  let training!: TrainingSet;
  let loader!: Loader;
  let step = 0;
  const train = async (): Promise<number> => {
    const trainStep = makeStep(recipe, { network, optimizer, ema: null, training, device: 'cpu' });
    for (let batch = 0; batch < loader.batchesPerEpoch; batch++) {
      const { images, indices } = await loader.next();
      trainStep(images, indices, step++);
      images.dispose();
    }
    return loader.batchesPerEpoch * BATCH;
  };
  const first = await timed(async () => {
    const cacheDir = join(dir, 'cache');
    rmSync(cacheDir, { recursive: true, force: true });
    cache = await openPixelCache(dataset, SIZE_PX, { cacheDir });
    training = await makeTrainingSet(cache, dataset.positive);
    const options = { batchSize: BATCH, seed: 0, shuffle: true, dropLast: true };
    loader = new Loader(training.images, training.indices, options);
    return train();
  });
  return {
    first,
    epoch: () => timed(train),
    dispose: () => {
      loader.dispose();
      training.dispose();
      cache.images.dispose();
    },
  };
}

function computeStep(network: ImageNetwork, optimizer: Adam, images: Tensor, labels: Tensor): number {
  return tidy(() => {
    network.zeroGrad();
    const loss = F.binaryCrossEntropyWithLogits(network.forward(images.contiguous('channelsLast')), labels);
    backward(loss);
    optimizer.step();
    return loss.item();
  });
}

interface PeerSetting {
  workers: number;
  threads: number;
  channelsLast: boolean;
  /** The network goes through `torch.compile`. */
  compile?: boolean;
}

class Peer extends PythonPeer {
  constructor() {
    super('classifier_peer.py', {
      python: args.python,
      environment: { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' },
      needs:
        'torch, torchvision, Pillow and numpy (Debian: python3-torchvision), timm for EfficientNet-Lite0',
    });
  }

  compute(model: Model, setting: PeerSetting, steps: number): Promise<Turn> {
    return this.ask(JSON.stringify({ op: 'compute', model, batch: BATCH, ...setting, steps }));
  }

  features(model: Model, setting: PeerSetting, of: { side: number; steps: number }): Promise<Turn> {
    return this.ask(JSON.stringify({ op: 'features', model, batch: BATCH, ...setting, ...of }));
  }

  open(model: Model, setting: PeerSetting, dir: string): Promise<{ images: number }> {
    return this.ask(JSON.stringify({ op: 'open', model, batch: BATCH, ...setting, dir }));
  }

  epoch(): Promise<Turn> {
    return this.ask(JSON.stringify({ op: 'epoch' }));
  }

  /** The faster layout first; then the workers and threads whose second epoch takes least. */
  async best(model: Model, dir: string | null, cores: number): Promise<PeerSetting> {
    const alone = { workers: 0, threads: cores };
    const layouts = [];
    for (const channelsLast of [false, true])
      layouts.push({ channelsLast, ...(await this.compute(model, { ...alone, channelsLast }, 1)) });
    const { channelsLast } = layouts.reduce((a, b) => (b.seconds < a.seconds ? b : a));
    if (dir === null) return { ...alone, channelsLast };
    if (args.peer !== undefined) {
      const [workers, threads] = args.peer.split(',').map(Number) as [number, number];
      return { workers, threads, channelsLast };
    }
    const tried: (PeerSetting & { seconds: number })[] = [];
    for (const { workers, threads } of [
      alone,
      { workers: 1, threads: cores },
      { workers: 1, threads: Math.max(1, cores - 1) },
      { workers: cores, threads: cores },
    ]) {
      const setting = { workers, threads, channelsLast };
      await this.open(model, setting, dir);
      await this.epoch();
      const { seconds } = await this.epoch();
      note(`${model}, peer with ${workers} workers and ${threads} threads: ${seconds.toFixed(1)} s an epoch`);
      tried.push({ ...setting, seconds });
    }
    const { seconds: _, ...best } = tried.reduce((a, b) => (b.seconds < a.seconds ? b : a));
    return best;
  }
}

interface Comparison {
  seconds: number;
  peerSeconds: number;
  /** Parts of the peer's time; of the clock and of the processors. */
  ratio: number;
  low: number;
  high: number;
  cpuRatio: number;
}

function compare(pairs: readonly (readonly [Turn, Turn])[]): Comparison {
  const ratios = pairs.map(([ours, peer]) => ours.seconds / peer.seconds);
  return {
    seconds: median(pairs.map(([ours]) => ours.seconds)),
    peerSeconds: median(pairs.map(([, peer]) => peer.seconds)),
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
    cpuRatio: median(pairs.map(([ours, peer]) => ours.cpuSeconds / peer.cpuSeconds)),
  };
}

interface Result {
  model: Model;
  peer: PeerSetting;
  /** With `--no-epochs` there are none. */
  epochs: { images: number; first: Comparison; later: Comparison } | null;
  compute: Comparison;
  features: { side: number; comparison: Comparison }[];
  /** Of the same turns of ours against the peer's compiled network; null without `--compile`. */
  compiled: { compute: Comparison; features: { side: number; comparison: Comparison }[] } | null;
}

interface Data {
  dataset: Dataset;
  dir: string;
}

/** Turns of compute alone and of features, ours and the peer's. */
async function measureCompute(
  model: Model,
  { ours, peer, setting }: { ours: Compute; peer: Peer; setting: PeerSetting },
): Promise<{ compute: [Turn, Turn]; features: [Turn, Turn][] }> {
  const steps = Number(args.steps);
  const compute: [Turn, Turn] = [await ours.train(steps), await peer.compute(model, setting, steps)];
  const features: [Turn, Turn][] = [];
  for (const side of FEATURE_SIDES)
    features.push([await ours.features(side, steps), await peer.features(model, setting, { side, steps })]);
  return { compute, features };
}

type ComputeTurn = Awaited<ReturnType<typeof measureCompute>>;

const compareCompute = (turns: readonly ComputeTurn[]): NonNullable<Result['compiled']> => ({
  compute: compare(turns.map(({ compute }) => compute)),
  features: FEATURE_SIDES.map((side, i) => ({
    side,
    comparison: compare(turns.map(({ features }) => features[i]!)),
  })),
});

async function measure(model: Model, peer: Peer, data: Data | null): Promise<Result> {
  const photographs = data && join(data.dir, 'photographs');
  const setting = await peer.best(model, photographs, availableParallelism());
  const ours = openCompute(model);
  if (photographs) await peer.open(model, setting, photographs);
  const trained = data && (await openOurs(model, ours, data));
  const first = trained && ([trained.first, await peer.epoch()] as const);
  await ours.train(1); // the optimiser's state is there from the first step on
  const live = liveTensors();
  const epochs: [Turn, Turn][] = [];
  const turns: ComputeTurn[] = [];
  const compiledTurns: ComputeTurn[] = [];
  const count = Number(args.turns);
  for (let turn = 0; turn < count; turn++) {
    if (trained) {
      const [a, b] = [await trained.epoch(), await peer.epoch()];
      if (a.images !== b.images) throw new Error(`${a.images} images against ${b.images}`);
      epochs.push([a, b]);
    }
    turns.push(await measureCompute(model, { ours, peer, setting }));
    if (args.compile) {
      const compiled = { ...setting, compile: true };
      compiledTurns.push(await measureCompute(model, { ours, peer, setting: compiled }));
    }
    const [a, b] = epochs.at(-1) ?? turns.at(-1)!.compute;
    note(`${model}, turn ${turn + 1}/${count}: ${a.seconds.toFixed(1)} s, peer ${b.seconds.toFixed(1)} s`);
  }
  if (liveTensors() !== live) throw new Error(`${model}: ${liveTensors() - live} tensors were left behind`);
  trained?.dispose();
  ours.dispose();
  return {
    model,
    peer: setting,
    epochs: first && { images: first[0].images, first: compare([first]), later: compare(epochs) },
    ...compareCompute(turns),
    compiled: args.compile ? compareCompute(compiledTurns) : null,
  };
}

interface PhotographSize {
  width: number;
  height: number;
}

function parseSize(text: string): PhotographSize {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (height === undefined) throw new Error(`--photographs ${text}: expected a size like 1024x768`);
  return { width: Number(width), height: Number(height) };
}

/** All of them in the training split. */
async function openPhotographs(dir: string, count: number, size: PhotographSize): Promise<Dataset> {
  const photographs = join(dir, 'photographs');
  mkdirSync(photographs, { recursive: true });
  await makePhotographs(photographs, count, {
    ...size,
    onProgress: (done, total) => {
      if (done % 100 === 0 || done === total) note(`photographs: ${done}/${total}`);
    },
  });
  const out = join(dir, 'dataset');
  rmSync(out, { recursive: true, force: true });
  const { dataset } = await importDataset(photographs, out, {
    positive: 'malignant',
    labelFromFolders: true,
    images: 'link',
  });
  return { ...dataset, rows: dataset.rows.map((row) => ({ ...row, split: 'train' })) };
}

function line(what: string, { seconds, peerSeconds, ratio, low, high, cpuRatio }: Comparison, bar?: number) {
  const asked = bar === undefined ? '' : `; bar ${bar}`;
  return `  ${what}: ${seconds.toFixed(2)} s, peer ${peerSeconds.toFixed(2)} s: ratio ${ratio.toFixed(2)} (${low.toFixed(2)} – ${high.toFixed(2)}${asked}), of processor time ${cpuRatio.toFixed(2)}`;
}

function print({ model, peer, epochs, compute, features, compiled }: Result): void {
  const { workers, threads, channelsLast } = peer;
  const layout = channelsLast ? 'channels last' : 'contiguous';
  const bar = bars(model);
  console.log(`${model}; peer with ${workers} workers, ${threads} threads, ${layout}`);
  if (epochs) {
    console.log(line(`first epoch of ${epochs.images} images`, epochs.first));
    console.log(line('later epochs', epochs.later, bar.epoch));
  }
  console.log(line(`compute alone, ${args.steps} steps`, compute, bar.compute));
  for (const { side, comparison } of features)
    console.log(line(`features at ${side} px, ${args.steps} batches`, comparison, bar.features));
  if (!compiled) return;
  console.log(line('compute alone, peer compiled', compiled.compute));
  for (const { side, comparison } of compiled.features)
    console.log(line(`features at ${side} px, peer compiled`, comparison));
}

async function main(): Promise<void> {
  const models = MODELS.filter((model) => args.only === undefined || args.only === model);
  if (models.length === 0) throw new Error(`--only ${args.only}: expected one of ${MODELS.join(', ')}`);
  const count = Number(args.images);
  if (!(BATCH >= 1)) throw new Error(`--batch ${args.batch}: expected a number of images`);
  if (!(count >= BATCH))
    throw new Error(`--images ${args.images}: an epoch needs a batch of ${BATCH} at least`);
  const cores = availableParallelism();
  const loadAverage = loadAtStart();
  setThreads(cores);
  // The peer reads every photograph of its folder.
  const dir = join(args.dir, `${count}-${args.photographs}`);
  const data = args['no-epochs']
    ? null
    : { dataset: await openPhotographs(dir, count, parseSize(args.photographs)), dir };
  const peer = new Peer();
  try {
    const versions = await peer.answer<{ torch: string; torchvision: string; pillow: string }>();
    const results: Result[] = [];
    for (const model of models) results.push(await measure(model, peer, data));
    const about = {
      processor: cpus()[0]?.model ?? 'unknown',
      cores,
      libtorch: engineInfo().libtorch,
      ...versions,
      loadAverage,
    };
    if (args.json) {
      console.log(
        JSON.stringify(
          {
            ...about,
            sizePx: SIZE_PX,
            batch: BATCH,
            photographs: args.photographs,
            results: results.map((result) => ({ ...result, bars: bars(result.model) })),
          },
          null,
          2,
        ),
      );
    } else {
      console.log(
        `${SIZE_PX} px from ${args.photographs}, batches of ${BATCH}, ${cores} cores of ${about.processor}, libtorch ${about.libtorch}, the peer's PyTorch ${about.torch}`,
      );
      for (const result of results) print(result);
    }
    const missed = results.some(({ model, epochs, compute, features }) => {
      const bar = bars(model);
      return (
        (epochs !== null && epochs.later.ratio > bar.epoch) ||
        compute.ratio > bar.compute ||
        features.some(({ comparison }) => comparison.ratio > bar.features)
      );
    });
    if (args.check && missed) process.exitCode = 1;
  } finally {
    peer.stop();
  }
}

await main();
