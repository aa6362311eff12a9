/**
 * `npm run bench:classifier`: an epoch of EfficientNet-B0 and -B3 at 128 px from JPEG files on disk, against a plain PyTorch
 * script of the original's recipe (`classifier_peer.py`) on the same libtorch.
 *
 * - first epoch: ours decodes the files into the pixel cache and trains; the peer's starts its workers;
 * - epochs after it: ours reads the cache, the peer decodes again, each in its turn;
 * - compute alone: forward, backward and the optimiser's step on one random batch.
 *
 * Both sides: batches of 64, Adam at 1e-4, the original's list of augmentations, dropout and stochastic depth, symmetric
 * padding. The peer runs at its best: passive OpenMP waiting, the faster memory layout, the best of several numbers of
 * workers and threads, searched first. Turns alternate and only one side works at a time; each turn's ratio is taken
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
  randn,
  setThreads,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { F } from 'graft-torch/nn';
import { Adam } from 'graft-torch/optim';
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
const BATCH = 64;
const RATE = 1e-4;
/** Parts of the peer's time to stay below. */
const BARS = { epoch: 0.5, compute: 0.85 } as const;
const MODELS = ['b0', 'b3'] as const;
type Model = (typeof MODELS)[number];

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** Images an epoch; whole batches of 64 are trained on. */
    images: { type: 'string', default: '256' },
    turns: { type: 'string', default: '5' },
    /** Steps a turn of compute alone. */
    steps: { type: 'string', default: '2' },
    /** Only one of b0 and b3. */
    only: { type: 'string' },
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
    architecture: `efficientnet-${model}`,
    imageSize: SIZE_PX,
    padding: 'symmetric',
    batchNormEps: 1e-5,
    inputStatistics: 'imagenet',
    augmentation: 'standard',
    batchSize: BATCH,
    optimizer: 'adam',
    learningRate: RATE,
    device: 'cpu',
  });

interface Ours {
  /** Photographs to a trained epoch: import left out, the cache made. */
  first: Turn;
  epoch(): Promise<Turn>;
  compute(steps: number): Promise<Turn>;
  dispose(): void;
}

async function openOurs(model: Model, dataset: Dataset, dir: string): Promise<Ours> {
  manualSeed(0);
  const recipe = recipeOf(model);
  const { network } = makeNetwork(recipe, 'cpu');
  const optimizer = new Adam(network.parameters(), { lr: RATE, fused: true });
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
  const images = randn([BATCH, 3, SIZE_PX, SIZE_PX]);
  const labels = tensor(
    Float32Array.from({ length: BATCH }, (_, i) => i % 2),
    [BATCH, 1],
  );
  return {
    first,
    epoch: () => timed(train),
    compute: (steps) => {
      computeStep(network, optimizer, images, labels);
      return timed(async () => {
        for (let i = 0; i < steps; i++) computeStep(network, optimizer, images, labels);
        return steps * BATCH;
      });
    },
    dispose: () => {
      loader.dispose();
      training.dispose();
      for (const one of [cache.images, images, labels, network, optimizer]) one.dispose();
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
}

class Peer extends PythonPeer {
  constructor() {
    super('classifier_peer.py', {
      python: args.python,
      environment: { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' },
      needs: 'torch, torchvision, Pillow and numpy (Debian: python3-torchvision)',
    });
  }

  compute(model: Model, setting: PeerSetting, steps: number): Promise<Turn> {
    return this.ask(JSON.stringify({ op: 'compute', model, ...setting, steps }));
  }

  open(model: Model, setting: PeerSetting, dir: string): Promise<{ images: number }> {
    return this.ask(JSON.stringify({ op: 'open', model, ...setting, dir }));
  }

  epoch(): Promise<Turn> {
    return this.ask(JSON.stringify({ op: 'epoch' }));
  }

  /** The faster layout first; then the workers and threads whose second epoch takes least. */
  async best(model: Model, dir: string, cores: number): Promise<PeerSetting> {
    const alone = { workers: 0, threads: cores };
    const layouts = [];
    for (const channelsLast of [false, true])
      layouts.push({ channelsLast, ...(await this.compute(model, { ...alone, channelsLast }, 1)) });
    const { channelsLast } = layouts.reduce((a, b) => (b.seconds < a.seconds ? b : a));
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
  images: number;
  first: Comparison;
  epoch: Comparison;
  compute: Comparison;
}

async function measure(model: Model, peer: Peer, data: { dataset: Dataset; dir: string }): Promise<Result> {
  const photographs = join(data.dir, 'photographs');
  const setting = await peer.best(model, photographs, availableParallelism());
  await peer.open(model, setting, photographs);
  const ours = await openOurs(model, data.dataset, data.dir);
  const first = [ours.first, await peer.epoch()] as const;
  const live = liveTensors();
  const epochs: [Turn, Turn][] = [];
  const computes: [Turn, Turn][] = [];
  const [turns, steps] = [Number(args.turns), Number(args.steps)];
  for (let turn = 0; turn < turns; turn++) {
    epochs.push([await ours.epoch(), await peer.epoch()]);
    computes.push([await ours.compute(steps), await peer.compute(model, setting, steps)]);
    const [a, b] = epochs.at(-1)!;
    if (a.images !== b.images) throw new Error(`${a.images} images against ${b.images}`);
    note(`${model}, turn ${turn + 1}/${turns}: ${a.seconds.toFixed(1)} s, peer ${b.seconds.toFixed(1)} s`);
  }
  if (liveTensors() !== live) throw new Error(`${model}: ${liveTensors() - live} tensors were left behind`);
  ours.dispose();
  const { images } = first[0];
  return {
    model,
    peer: setting,
    images,
    first: compare([first]),
    epoch: compare(epochs),
    compute: compare(computes),
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

async function main(): Promise<void> {
  const models = MODELS.filter((model) => args.only === undefined || args.only === model);
  if (models.length === 0) throw new Error(`--only ${args.only}: expected ${MODELS.join(' or ')}`);
  const count = Number(args.images);
  if (!(count >= BATCH))
    throw new Error(`--images ${args.images}: an epoch needs a batch of ${BATCH} at least`);
  const cores = availableParallelism();
  const loadAverage = loadAtStart();
  setThreads(cores);
  // The peer reads every photograph of its folder.
  const dir = join(args.dir, `${count}-${args.photographs}`);
  const dataset = await openPhotographs(dir, count, parseSize(args.photographs));
  const peer = new Peer();
  try {
    const versions = await peer.answer<{ torch: string; torchvision: string; pillow: string }>();
    const results: Result[] = [];
    for (const model of models) results.push(await measure(model, peer, { dataset, dir }));
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
          { ...about, sizePx: SIZE_PX, batch: BATCH, photographs: args.photographs, bars: BARS, results },
          null,
          2,
        ),
      );
    } else {
      console.log(
        `${SIZE_PX} px from ${args.photographs}, batches of ${BATCH}, ${cores} cores of ${about.processor}, libtorch ${about.libtorch}`,
      );
      for (const { model, images, peer: setting, first, epoch, compute } of results) {
        const { workers, threads, channelsLast } = setting;
        const layout = channelsLast ? 'channels last' : 'contiguous';
        console.log(
          `EfficientNet-${model.toUpperCase()}, ${images} images an epoch; peer with ${workers} workers, ${threads} threads, ${layout}`,
        );
        console.log(line('first epoch', first));
        console.log(line('later epochs', epoch, BARS.epoch));
        console.log(line(`compute alone, ${args.steps} steps`, compute, BARS.compute));
      }
    }
    const missed = results.some(
      ({ epoch, compute }) => epoch.ratio > BARS.epoch || compute.ratio > BARS.compute,
    );
    if (args.check && missed) process.exitCode = 1;
  } finally {
    peer.stop();
  }
}

await main();
