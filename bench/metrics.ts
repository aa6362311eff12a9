/**
 * `npm run bench:metrics`: the time of the full-reference metrics over 1,000 pairs of 128 px against PIQA 1.1.3, the
 * library that the original used, on the same libtorch (`metrics_peer.py`).
 *
 * Both are tried with several batch sizes and thread counts first, metric by metric, and run at their best. Then turns
 * alternate within one run: ours, the peer, ours, … Only one works at a time; each turn's ratio is taken against the
 * turn beside it, and the median over turns is the result. Absolute times are for this machine on this day.
 */
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { engineInfo, manualSeed, noGrad, rand, setThreads, type Tensor, tidy } from 'graft-torch';
import { FULL_REFERENCE_METRICS, type FullReferenceMetric } from '../src/metrics/full-reference/index.js';
import { loadAtStart, median, note, PythonPeer } from './peer.js';

const SIZE_PX = 128;
/** Ratio to stay below, in total. */
const BAR = 0.8;
const BATCHES = [4, 8, 16, 32] as const;
/** MS-SSIM runs with four scales on both sides, all that 128 px have room for. MS-GMSDc is not PIQA's. */
const COMPARED = ['psnr', 'ssim', 'ms-ssim', 'gmsd', 'ms-gmsd', 'mdsi', 'haarpsi'] as const;
/** Lets the threads of the process that has just worked go to sleep before the next one starts. */
const PAUSE_MS = 200;

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** Folder of PIQA's sources at version 1.1.3. */
    piqa: { type: 'string', default: process.env.PIQA_DIR ?? '' },
    pairs: { type: 'string', default: '1000' },
    turns: { type: 'string', default: '5' },
    /** Only this metric. */
    only: { type: 'string', default: '' },
    python: { type: 'string', default: '/usr/bin/python3' },
    /** Exit with 1 if the bar is missed. */
    check: { type: 'boolean', default: false },
  },
});

interface Setting {
  batch: number;
  threads: number;
}

interface Timing {
  metric: string;
  ours: Setting & { seconds: number };
  peer: Setting & { seconds: number };
  /** Median over turns of ours / peer, and their range. */
  ratio: number;
  low: number;
  high: number;
}

/** A Python process that scores pairs when asked to. */
class Peer extends PythonPeer {
  torch = '';
  piqa = '';

  constructor(folder: string) {
    super('metrics_peer.py', {
      python: args.python,
      // Without -O PIQA looks through every batch for values out of range.
      flags: ['-O'],
      args: [folder, SIZE_PX],
      environment: { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' },
      needs: 'python3-torch',
    });
  }

  async start(): Promise<this> {
    return Object.assign(this, await this.answer<{ torch: string; piqa: string }>());
  }

  /** Seconds for so many pairs. */
  async run(metric: string, { batch, threads }: Setting, pairs: number): Promise<number> {
    return (await this.ask<{ seconds: number }>(`${metric} ${batch} ${threads} ${pairs}`)).seconds;
  }
}

/** Our side: the same batch over and over, as the peer has it. */
function runOurs(metric: FullReferenceMetric, { batch, threads }: Setting, pairs: number): number {
  setThreads(threads);
  return tidy(() =>
    noGrad(() => {
      const [x, y]: Tensor[] = [rand([batch, 3, SIZE_PX, SIZE_PX]), rand([batch, 3, SIZE_PX, SIZE_PX])];
      const start = performance.now();
      for (let done = 0; done < pairs; done += batch) tidy(() => void metric.score(x!, y!).toArray());
      return (performance.now() - start) / 1000;
    }),
  );
}

/** The fastest of all batch sizes and thread counts, with a part of the pairs, twice over. */
async function best(run: (setting: Setting, pairs: number) => number | Promise<number>): Promise<Setting> {
  const cores = availableParallelism();
  const settings = BATCHES.flatMap((batch) =>
    [...new Set([1, cores])].map((threads): Setting => ({ batch, threads })),
  );
  const seconds = new Map<Setting, number>();
  for (let round = 0; round < 3; round++) {
    for (const setting of settings) {
      const time = await run(setting, 32);
      // The first round warms up.
      if (round > 0) seconds.set(setting, Math.min(time, seconds.get(setting) ?? Number.POSITIVE_INFINITY));
    }
  }
  return settings.reduce((a, b) => (seconds.get(b)! < seconds.get(a)! ? b : a));
}

async function time(
  metric: FullReferenceMetric,
  peer: Peer,
): Promise<{ timing: Timing; turns: [number, number][] }> {
  const pairs = Number(args.pairs);
  const ours = await best((setting, count) => runOurs(metric, setting, count));
  const theirs = await best((setting, count) => peer.run(metric.id, setting, count));
  const turns: [number, number][] = [];
  for (let turn = 0; turn < Number(args.turns); turn++) {
    const a = runOurs(metric, ours, pairs);
    await sleep(PAUSE_MS);
    const b = await peer.run(metric.id, theirs, pairs);
    await sleep(PAUSE_MS);
    turns.push([a, b]);
    note(`${metric.name}, turn ${turn + 1}/${args.turns}: ${a.toFixed(3)} s, ${b.toFixed(3)} s`);
  }
  const ratios = turns.map(([a, b]) => a / b);
  return {
    turns,
    timing: {
      metric: metric.name,
      ours: { ...ours, seconds: median(turns.map(([a]) => a)) },
      peer: { ...theirs, seconds: median(turns.map(([, b]) => b)) },
      ratio: median(ratios),
      low: Math.min(...ratios),
      high: Math.max(...ratios),
    },
  };
}

/** Times every metric against PIQA's. */
async function fullReference(peer: Peer): Promise<{ timings: Timing[]; total: number }> {
  const timings: Timing[] = [];
  const sums = Array.from({ length: Number(args.turns) }, () => [0, 0] as [number, number]);
  for (const id of COMPARED.filter((name) => args.only === '' || name === args.only)) {
    const metric = FULL_REFERENCE_METRICS.find((one) => one.id === id)!;
    const { timing, turns } = await time(metric, peer);
    timings.push(timing);
    for (const [i, [a, b]] of turns.entries()) {
      sums[i]![0] += a;
      sums[i]![1] += b;
    }
  }
  return { timings, total: median(sums.map(([a, b]) => a / b)) };
}

async function main(): Promise<void> {
  if (args.piqa === '') {
    throw new Error('where is PIQA 1.1.3? Give the folder of its sources: --piqa DIR, or PIQA_DIR');
  }
  manualSeed(0);
  const loadAverage = loadAtStart();
  const peer = new Peer(args.piqa);
  try {
    await peer.start();
    const { timings, total } = await fullReference(peer);
    const about = {
      processor: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      libtorch: engineInfo().libtorch,
      peerTorch: peer.torch,
      piqa: peer.piqa,
      loadAverage,
    };
    const pairs = Number(args.pairs);
    if (args.json)
      console.log(JSON.stringify({ about, sizePx: SIZE_PX, pairs, bar: BAR, total, timings }, null, 2));
    else print(about, timings, total);
    if (args.check && total > BAR) process.exitCode = 1;
  } finally {
    peer.stop();
  }
}

function print(
  about: { processor: string; cores: number; libtorch: string; peerTorch: string; piqa: string },
  timings: readonly Timing[],
  total: number,
): void {
  console.log(`${about.processor}, ${about.cores} cores`);
  console.log(`libtorch ${about.libtorch} here, torch ${about.peerTorch} and PIQA ${about.piqa} the peer's`);
  console.log(`${args.pairs} pairs of ${SIZE_PX} px; seconds (batch × threads at best)\n`);
  const side = ({ seconds, batch, threads }: Timing['ours']) =>
    `${seconds.toFixed(2)} s (${batch} × ${threads})`.padEnd(18);
  for (const { metric, ours, peer, ratio, low, high } of timings) {
    console.log(
      `${metric.padEnd(8)} ${side(ours)} peer ${side(peer)} ${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`,
    );
  }
  console.log(`\nin total ${total.toFixed(2)} of the peer's time ${total <= BAR ? '≤' : 'misses'} ${BAR}`);
}

await main();
