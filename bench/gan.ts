/**
 * `npm run bench:gan`: the time of one training step of the original's four GANs at 64 and 128 px against a plain
 * PyTorch script of the same recipes on the same machine, `gan_peer.py`.
 *
 * Turns alternate within one run: ours, the peer at its best (every core, OMP_WAIT_POLICY=PASSIVE), the peer as it
 * comes (every core, no environment set), ours, … Only one works at a time; each turn's ratio is taken against the
 * turn beside it, and the median over turns is the result. Absolute times are for this machine on this day.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  type Device,
  dispose,
  engineInfo,
  keep,
  liveTensors,
  manualSeed,
  noGrad,
  rand,
  randn,
  setThreads,
  synchronize,
  type Tensor,
  threads,
  tidy,
  trace,
  usePrecision,
  type Value,
} from 'graft-torch';
import { Random } from 'graft-torch/base';
import type { Module } from 'graft-torch/nn';
import { type GanConfig, ganConfigSchema } from '../src/generate/adversarial/config.js';
import { makeAdversaries, makeGenerator } from '../src/generate/adversarial/networks.js';
import { type Adversaries, adversarialStep, type StepBatch } from '../src/generate/adversarial/step.js';
import { toLabels } from '../src/generate/data.js';
import { sampleToFolder } from '../src/generate/sample.js';
import type { TrainedGenerator } from '../src/generate/trained-generator.js';
import { resolveConfig } from '../src/run/config.js';
import { loadAtStart, median, note, PythonPeer } from './peer.js';

const MIB = 1024 * 1024;
/** Ratios to stay below, against the peer at its best; the original's WGAN-GP wastes more. */
const barOf = (architecture: Architecture): number => (architecture === 'wgan-gp' ? 0.65 : 0.75);
const ARCHITECTURES = ['dcgan', 'sngan', 'wgan-gp', 'acgan'] as const;
type Architecture = (typeof ARCHITECTURES)[number];
/** Sides in pixels, and the batches that are timed. */
const SHAPES: readonly { size: number; batch: number }[] = [
  { size: 64, batch: 16 },
  { size: 64, batch: 64 },
  { size: 128, batch: 16 },
];
/** Too much for a CPU's patience, and what a GPU is for. */
const GPU_SHAPES = [{ size: 128, batch: 64 }] as const;
const CLASSES = ['benign', 'malignant'] as const;
/** Lets the threads of the process that has just worked go to sleep before the next one starts. */
const PAUSE_MS = 300;

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** Turns a configuration. */
    turns: { type: 'string', default: '7' },
    /** Steps of the memory run; 0: none. */
    'memory-steps': { type: 'string', default: '500' },
    /** Only configurations whose name contains this, such as `sngan` or `16`. */
    only: { type: 'string', default: '' },
    /** Also times the peer as it comes, which takes most of the time. */
    plain: { type: 'boolean', default: false },
    python: { type: 'string', default: '/usr/bin/python3' },
    /** `cuda`: steps on a GPU, both in TF32, and the peer at its best fuses Adam and lets cuDNN choose by measuring. */
    device: { type: 'string', default: 'cpu' },
    /** Exit with 1 if a bar is missed. */
    check: { type: 'boolean', default: false },
  },
});

const device = args.device as Device;
const onGpu = device !== 'cpu';
const SGEMM_SIDE = onGpu ? 8192 : 2048;
/** A GPU's kernels are loaded, and chosen, in the first steps. */
const WARM_UP_STEPS = onGpu ? 10 : 1;

/** A Python process that runs steps when asked to. */
class Peer extends PythonPeer {
  torch = '';

  constructor(
    readonly name: string,
    private readonly threadCount: number,
    environment: NodeJS.ProcessEnv,
  ) {
    const given = [threadCount, device, ...(name === 'at its best' ? ['best'] : [])];
    super('gan_peer.py', { python: args.python, args: given, environment, needs: 'python3-torch' });
  }

  async start(): Promise<this> {
    const hello = await this.answer<{ torch: string; threads: number }>();
    if (hello.threads !== this.threadCount) throw new Error(`the peer runs ${hello.threads} threads`);
    this.torch = hello.torch;
    return this;
  }

  /** Median seconds of a step. */
  async run({ architecture, size, batch }: Setting, steps: number): Promise<number> {
    const line = `${architecture} ${size} ${batch} ${steps}`;
    return median((await this.ask<{ seconds: number[] }>(line)).seconds);
  }
}

interface Setting {
  architecture: Architecture;
  size: number;
  batch: number;
}

const titleOf = ({ architecture, size, batch }: Setting): string => `${architecture}-${size}, batch ${batch}`;

const configOf = ({ architecture, size, batch }: Setting): GanConfig =>
  resolveConfig(ganConfigSchema, {
    recipe: `${architecture}-${size}`,
    kind: 'gan',
    flags: [
      { flag: '', key: 'data', value: '-' },
      { flag: '', key: 'class', value: architecture === 'acgan' ? [...CLASSES] : CLASSES[0] },
      { flag: '', key: 'batchSize', value: batch },
      { flag: '', key: 'precision', value: onGpu ? 'tf32' : 'float32' },
    ],
  });

/** Our side: what `graft generator train --recipe` builds, one step, and its two losses read as the peer reads them. */
class Ours {
  readonly adversaries: Adversaries;
  private readonly batches: StepBatch[];
  private steps = 0;

  constructor(setting: Setting) {
    manualSeed(0);
    const { architecture, size, batch } = setting;
    const config = configOf(setting);
    usePrecision(device, config.precision);
    this.adversaries = makeAdversaries(config, device);
    const labels = Array.from({ length: batch }, (_, i) => i % CLASSES.length);
    this.batches = Array.from({ length: config.criticSteps }, () =>
      keep({
        images: tidy(() => rand([batch, 3, size, size], { device }).mul(2).sub(1)),
        labels: architecture === 'acgan' ? toLabels(labels, device) : null,
      }),
    );
  }

  step(): void {
    tidy(() => {
      const random = new Random(this.steps);
      const discriminatorSteps = this.batches.length * this.steps++;
      const losses = adversarialStep(this.adversaries, this.batches, { random, discriminatorSteps });
      losses.discriminatorLoss.item();
      losses.generatorLoss.item();
    });
  }

  /** Median seconds of a step. */
  run(steps: number): number {
    const seconds = Array.from({ length: steps }, () => {
      const start = performance.now();
      this.step();
      return (performance.now() - start) / 1000;
    });
    return median(seconds);
  }

  /**
   * Floating-point operations that a step cannot do without, in its convolutions and matrix products (2 a
   * multiply-add). A pass through a network, its weights' gradient and its input's cost about the same each, but that
   * the input's gradient of the first layer is only needed where one trains through it.
   *
   * D: real and fake forward, weights and inputs; G's step: forward and inputs, through the first layer. A gradient
   * penalty: forward, inputs, and the derivative of that by weights and by the inner gradients. G: forward in each
   * critic step, weights and inputs once.
   */
  flops(): number {
    const { generator, discriminator, regulariser } = this.adversaries;
    // Counted on the CPU, where a transposed convolution is traced as what it is made of.
    for (const network of [generator, discriminator]) network.to({ device: 'cpu' });
    const [images, labels] = [this.batches[0]!.images, this.batches[0]!.labels].map((value) =>
      value ? value.to({ device: 'cpu' }) : null,
    ) as [Tensor, Tensor | null];
    const critic = this.batches.length;
    const d = forwardMacs(discriminator, (x) => discriminator.judge(x).logits, [images]);
    const z = randn([images.shape[0]!, generator.latent]);
    const g = forwardMacs(generator, (input) => generator.forward(input, labels), [z]);
    dispose([z, images, labels]);
    const discriminatorStep = 6 * d.all - 2 * d.first + (regulariser ? 4 * d.all : 0);
    return 2 * (critic * (discriminatorStep + g.all) + 2 * d.all + 2 * g.all - g.first);
  }

  dispose(): void {
    const { generator, discriminator, generatorOptimizer, discriminatorOptimizer } = this.adversaries;
    for (const it of [generator, discriminator, generatorOptimizer, discriminatorOptimizer]) it.dispose();
    dispose(this.batches);
  }
}

/** Multiply-adds of a forward pass, in all and in its first layer: of every convolution and matrix product in its trace. */
function forwardMacs(
  network: Module,
  forward: (...inputs: Tensor[]) => Tensor,
  inputs: Tensor[],
): { all: number; first: number } {
  network.eval();
  const graph = trace(forward, inputs, { names: network.stateDict() });
  network.train();
  dispose(graph.constants);
  const numel = (value: Value): number => (value.shape as number[]).reduce((a, b) => a * b, 1);
  const macs = graph.nodes.flatMap(({ schema, arguments: given, outputs }) => {
    const [name, argument] = [schema.name.replace('aten::', ''), (key: string) => given[key] as Value];
    const perChannel = (): number => numel(argument('weight')) / (argument('weight').shape[0] as number);
    if (name === 'conv2d') return [numel(outputs[0]!) * perChannel()];
    if (name === 'convolution_backward') return [numel(argument('grad_output')) * perChannel()];
    if (name === 'linear') return [numel(argument('input')) * (argument('weight').shape[0] as number)];
    if (name === 'matmul') return [numel(argument('self')) * (argument('other').shape[1] as number)];
    return [];
  });
  return { all: macs.reduce((a, b) => a + b), first: macs[0]! };
}

/** Best of several products of two square matrices; asked again after each configuration. */
function sgemmGflops(): number {
  const n = SGEMM_SIDE;
  return tidy(() =>
    noGrad(() => {
      const [a, b] = [randn([n, n], { device }), randn([n, n], { device })];
      synchronize(device);
      const seconds = Array.from({ length: 8 }, () =>
        tidy(() => {
          const start = performance.now();
          a.matmul(b);
          synchronize(device);
          return (performance.now() - start) / 1000;
        }),
      );
      return (2 * n ** 3) / Math.min(...seconds) / 1e9;
    }),
  );
}

interface Timing {
  name: string;
  bar: number;
  ourSeconds: number;
  bestSeconds: number;
  plainSeconds: number;
  /** Median over turns of ours / peer, and their range. */
  best: { ratio: number; low: number; high: number };
  plain: { ratio: number; low: number; high: number };
  gflops: number;
}

async function time(setting: Setting, peers: { best: Peer; plain: Peer }): Promise<Timing> {
  const name = titleOf(setting);
  const ours = new Ours(setting);
  const warmUp = ours.run(WARM_UP_STEPS);
  const steps = Math.max(1, Math.min(onGpu ? 50 : 5, Math.round(2 / warmUp)));
  const turns = Number(args.turns);
  const seconds: { ours: number[]; best: number[]; plain: number[] } = { ours: [], best: [], plain: [] };
  for (let turn = -1; turn < turns; turn++) {
    const a = ours.run(turn < 0 ? WARM_UP_STEPS : steps);
    await sleep(PAUSE_MS);
    const b = await peers.best.run(setting, turn < 0 ? WARM_UP_STEPS : steps);
    await sleep(PAUSE_MS);
    const c = args.plain ? await peers.plain.run(setting, turn < 0 ? WARM_UP_STEPS : steps) : Number.NaN;
    await sleep(PAUSE_MS);
    if (turn < 0) continue; // the first turn warms everything up
    seconds.ours.push(a);
    seconds.best.push(b);
    seconds.plain.push(c);
    note(`${name}, turn ${turn + 1}/${turns}: ${[a, b, c].map((s) => `${s.toFixed(3)} s`).join(', ')}`);
  }
  const flops = ours.flops();
  ours.dispose();
  const against = (peer: number[]) => {
    const ratios = seconds.ours.map((s, i) => s / peer[i]!);
    return { ratio: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
  };
  const ourSeconds = median(seconds.ours);
  return {
    name,
    bar: barOf(setting.architecture),
    ourSeconds,
    bestSeconds: median(seconds.best),
    plainSeconds: median(seconds.plain),
    best: against(seconds.best),
    plain: against(seconds.plain),
    gflops: flops / ourSeconds / 1e9,
  };
}

/** Resident memory of this process over many steps, after a tenth of them to fill allocators and caches. */
function memory(steps: number) {
  const ours = new Ours({ architecture: 'dcgan', size: 64, batch: 16 });
  const warmUp = Math.ceil(steps / 10);
  let startBytes = 0;
  let peakBytes = 0;
  let live = 0;
  for (let step = 0; step < steps; step++) {
    ours.step();
    if (step + 1 < warmUp) continue;
    const rss = process.memoryUsage.rss();
    if (step + 1 === warmUp) {
      startBytes = rss;
      live = liveTensors();
    }
    peakBytes = Math.max(peakBytes, rss);
    if (step % 50 === 49) note(`memory, step ${step + 1}/${steps}: ${(rss / MIB).toFixed(0)} MiB`);
  }
  const leaked = liveTensors() - live;
  ours.dispose();
  return { steps, startBytes, endBytes: process.memoryUsage.rss(), peakBytes, leakedTensors: leaked };
}

/** Bars and size of the sampling run. */
const SAMPLING = { count: 1000, imagesPerSecond: 200 } as const;

/** Images a second that `graft generator sample` makes and writes as PNG files: sngan-64, median of three. */
async function sampling(): Promise<number> {
  const config = configOf({ architecture: 'sngan', size: 64, batch: 16 });
  const folder = mkdtempSync(join(tmpdir(), 'graft-bench-sample-'));
  const generator: TrainedGenerator = {
    config,
    network: makeGenerator(config).to({ device }).eval(),
    discriminator: null,
    device,
    origin: {
      graft: '-',
      run: '-',
      checkpoint: { file: '-', step: 0, sha256: '-' },
      weights: 'raw',
      standing: 0,
      imageSize: 64,
      framing: null,
      class: CLASSES[0],
      dataset: { name: '-', hash: '-' },
      trainingGroups: [],
      unknownTraining: null,
    },
  };
  try {
    const rates: number[] = [];
    for (let turn = 0; turn < 4; turn++) {
      const start = performance.now();
      await sampleToFolder(generator, { count: SAMPLING.count, seed: turn, out: join(folder, String(turn)) });
      if (turn > 0) rates.push((1000 * SAMPLING.count) / (performance.now() - start));
    }
    return median(rates);
  } finally {
    generator.network.dispose();
    rmSync(folder, { recursive: true });
  }
}

async function main(): Promise<void> {
  const cores = availableParallelism();
  setThreads(cores);
  const loadAverage = loadAtStart();
  const { OMP_WAIT_POLICY: _, ...environment } = process.env; // loading the engine has set it for ours
  const peers = {
    best: new Peer('at its best', cores, { ...environment, OMP_WAIT_POLICY: 'PASSIVE' }),
    plain: new Peer('as it comes', cores, environment),
  };
  try {
    await Promise.all([peers.best.start(), peers.plain.start()]);
    let sgemm = sgemmGflops();
    const timings: Timing[] = [];
    for (const shape of [...SHAPES, ...(onGpu ? GPU_SHAPES : [])]) {
      for (const architecture of ARCHITECTURES) {
        const setting = { architecture, ...shape };
        if (!titleOf(setting).includes(args.only)) continue;
        timings.push(await time(setting, peers));
        sgemm = Math.max(sgemm, sgemmGflops());
      }
    }
    const steps = Number(args['memory-steps']);
    const used = steps > 0 ? memory(steps) : null;
    const sampled = await sampling();
    const about = {
      device,
      processor: cpus()[0]?.model ?? 'unknown',
      threads: threads(),
      libtorch: engineInfo().libtorch,
      peerTorch: peers.best.torch,
      sgemmGflops: sgemm,
      loadAverage,
    };
    const missed = timings.filter((t) => t.best.ratio > t.bar);
    if (args.json)
      console.log(
        JSON.stringify(
          { about, timings, memory: used, sampling: { ...SAMPLING, measured: sampled } },
          null,
          2,
        ),
      );
    else print(about, timings, used, sampled);
    if (args.check && (missed.length > 0 || sampled < SAMPLING.imagesPerSecond)) process.exitCode = 1;
  } finally {
    peers.best.stop();
    peers.plain.stop();
  }
}

function print(
  about: {
    device: string;
    processor: string;
    threads: number;
    libtorch: string;
    peerTorch: string;
    sgemmGflops: number;
  },
  timings: Timing[],
  used: ReturnType<typeof memory> | null,
  sampled: number,
): void {
  const ratio = (r: Timing['best'], bar?: number) =>
    `${r.ratio.toFixed(2)} (${r.low.toFixed(2)}–${r.high.toFixed(2)})${bar ? ` ${r.ratio <= bar ? '≤' : 'misses'} ${bar}` : ''}`;
  console.log(`${about.device}, ${about.processor}, ${about.threads} threads`);
  console.log(`libtorch ${about.libtorch} here, torch ${about.peerTorch} the peer's`);
  console.log(`SGEMM ${SGEMM_SIDE}³ in this run: ${about.sgemmGflops.toFixed(0)} GFLOP/s\n`);
  for (const t of timings) {
    console.log(`${t.name}`);
    console.log(
      `  step ${t.ourSeconds.toFixed(3)} s, ${t.gflops.toFixed(0)} GFLOP/s in convolutions, ` +
        `${((100 * t.gflops) / about.sgemmGflops).toFixed(0)} % of SGEMM`,
    );
    console.log(`  of the peer at its best (${t.bestSeconds.toFixed(3)} s): ${ratio(t.best, t.bar)}`);
    if (args.plain)
      console.log(`  of the peer as it comes (${t.plainSeconds.toFixed(3)} s): ${ratio(t.plain)}`);
  }
  if (used) {
    const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;
    console.log(
      `\nmemory over ${used.steps} steps (dcgan-64, batch 16): ${mib(used.startBytes)} after a tenth, ` +
        `peak ${mib(used.peakBytes)}, end ${mib(used.endBytes)}; live tensors ${used.leakedTensors === 0 ? 'constant' : `+${used.leakedTensors}`}`,
    );
  }
  console.log(
    `\nsampling (sngan-64, PNG files): ${sampled.toFixed(0)} images/s, bar ≥ ${SAMPLING.imagesPerSecond}`,
  );
}

await main();
