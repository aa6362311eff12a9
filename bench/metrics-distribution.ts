/**
 * `npm run bench:metrics-distribution`: the Fréchet distance, and precision, recall, density and coverage of two sets of
 * 10,000 × 2,048 features, against numpy and scipy (`metrics_distribution_peer.py`) on the same files.
 *
 * Turns alternate within one run, and only one process works at a time; each turn's ratio is taken against the turn
 * beside it, and the median over turns is the result, in time on the clock and in processor time (which other work on the
 * machine moves less). Both sides use every core. The peer's k-NN metrics hold N × N matrices; `--neighbours` bounds its N
 * where memory is short. Memory is what a task adds to that of the features.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { engineInfo, fromFile, manualSeed, randn, setThreads, type Tensor, tidy } from 'graft-torch';
import { frechetDistance } from '../src/metrics/distribution/frechet.js';
import { prdc } from '../src/metrics/distribution/prdc.js';
import { loadAtStart, median, note, PythonPeer } from './peer.js';

const MIB = 1024 * 1024;
/** Ratio to stay below: each task's time over the peer's. */
const BAR = 1;
/** Lets the threads of the process that has just worked go to sleep before the next one starts. */
const PAUSE_MS = 300;

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rows: { type: 'string', default: '10000' },
    columns: { type: 'string', default: '2048' },
    /** Rows of the k-NN metrics. */
    neighbours: { type: 'string', default: '10000' },
    turns: { type: 'string', default: '3' },
    python: { type: 'string', default: '/usr/bin/python3' },
    /** Exit with 1 if the bar is missed, or the two sides do not agree. */
    check: { type: 'boolean', default: false },
  },
});
const [rows, columns, nearest] = [args.rows, args.columns, args.neighbours].map(Number) as [
  number,
  number,
  number,
];

const spread = (values: readonly number[]): Spread => ({
  median: median(values),
  low: Math.min(...values),
  high: Math.max(...values),
});

interface Spread {
  median: number;
  low: number;
  high: number;
}

interface Answer {
  values: Record<string, number>;
  seconds: number;
  /** Of all threads. */
  processorSeconds: number;
  peakBytes: number;
}

const timesOf = ({ seconds, processorSeconds }: Answer): string =>
  `${seconds.toFixed(2)} s (processor ${processorSeconds.toFixed(2)} s)`;

const tasks: Record<string, (first: Tensor, second: Tensor) => Record<string, number>> = {
  neighbours: (first, second) => ({ ...prdc(first.narrow(0, 0, nearest), second.narrow(0, 0, nearest)) }),
  frechet: (first, second) => ({ frechet: frechetDistance(first, second) }),
};

/** Features as networks make them: correlated, none below 0; the second set a little wider. */
function writeSets(folder: string): [first: string, second: string] {
  manualSeed(0);
  const paths: [string, string] = [join(folder, 'first'), join(folder, 'second')];
  tidy(() => {
    const mix = randn([64, columns]);
    for (const [i, path] of paths.entries()) {
      writeFileSync(path, new Uint8Array());
      for (let start = 0; start < rows; start += 1000) {
        const bytes = tidy(() => {
          const n = Math.min(1000, rows - start);
          const values = randn([n, 64])
            .matmul(mix)
            .div(8)
            .add(randn([n, columns]))
            .mul(1 + 0.02 * i);
          return values.relu().toFloat32Array();
        });
        writeFileSync(path, bytes, { flag: 'a' });
      }
    }
  });
  return paths;
}

async function main(): Promise<void> {
  const cores = availableParallelism();
  setThreads(cores);
  const load = loadAtStart();
  const folder = mkdtempSync(join(tmpdir(), 'graft-bench-distribution-'));
  const paths = writeSets(folder);
  const peer = new PythonPeer('metrics_distribution_peer.py', {
    python: args.python,
    args: [...paths, args.rows, args.columns],
    environment: {
      ...process.env,
      OMP_NUM_THREADS: String(cores),
      OPENBLAS_NUM_THREADS: String(cores),
      OMP_WAIT_POLICY: 'PASSIVE',
    },
    needs: 'numpy and scipy',
  });
  const [first, second] = paths.map((path) => fromFile(path, [rows, columns], 'float32')) as [Tensor, Tensor];
  try {
    const versions = await peer.answer<Record<string, string>>();
    first.add(second, 0).dispose(); // touches every page, so that the features are counted once
    const base = process.memoryUsage.rss();
    const ourTurn = (task: string): Answer => {
      const start = performance.now();
      const before = process.cpuUsage();
      const values = tidy(() => tasks[task]!(first, second));
      const seconds = (performance.now() - start) / 1000;
      const { user, system } = process.cpuUsage(before);
      const peakBytes = process.resourceUsage().maxRSS * 1024 - base;
      return { values, seconds, processorSeconds: (user + system) / 1e6, peakBytes };
    };
    const results = [];
    for (const task of Object.keys(tasks)) {
      const ratios: number[] = [];
      const processorRatios: number[] = [];
      let [ours, theirs]: (Answer | undefined)[] = [];
      for (let turn = 0; turn < Number(args.turns); turn++) {
        ours = ourTurn(task);
        await sleep(PAUSE_MS);
        theirs = await peer.ask<Answer>(`${task} ${task === 'neighbours' ? nearest : rows}`);
        await sleep(PAUSE_MS);
        ratios.push(ours.seconds / theirs.seconds);
        processorRatios.push(ours.processorSeconds / theirs.processorSeconds);
        note(`${task}, turn ${turn + 1}: ${timesOf(ours)}; peer ${timesOf(theirs)}`);
      }
      const [ratio, processorRatio] = [spread(ratios), spread(processorRatios)];
      results.push({ task, ratio, processorRatio, ours: ours!, peer: theirs! });
    }
    const about = { processor: cpus()[0]?.model, cores, libtorch: engineInfo().libtorch, ...versions, load };
    if (args.json) console.log(JSON.stringify({ about, rows, columns, nearest, results }, null, 2));
    else print(about, results);
    // The peer's float32 distances move an image in a thousand over an edge.
    const differ = results.some(({ task, ours, peer: theirs }) =>
      Object.entries(theirs.values).some(
        ([name, value]) =>
          Math.abs(ours.values[name]! - value) > (task === 'frechet' ? 1e-6 * Math.abs(value) : 2e-3),
      ),
    );
    const missed = results.some(({ ratio }) => ratio.median > BAR);
    if (differ) note('the two sides do not agree');
    if (args.check && (differ || missed)) process.exitCode = 1;
  } finally {
    peer.stop();
    rmSync(folder, { recursive: true });
  }
}

function print(
  about: Record<string, unknown>,
  results: { task: string; ratio: Spread; processorRatio: Spread; ours: Answer; peer: Answer }[],
): void {
  console.log(
    Object.entries(about)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  );
  const show = ({ median: middle, low, high }: Spread): string =>
    `${middle.toFixed(2)} (${low.toFixed(2)} – ${high.toFixed(2)})`;
  for (const { task, ratio, processorRatio, ours, peer } of results) {
    const size = `${task === 'neighbours' ? nearest : rows} × ${columns}`;
    const side = (answer: Answer): string =>
      `${timesOf(answer)}, + ${(answer.peakBytes / MIB).toFixed(0)} MiB at most, ${JSON.stringify(answer.values)}`;
    console.log(`${task} (${size}): ratio ${show(ratio)}, of processor time ${show(processorRatio)}`);
    console.log(`  Graft ${side(ours)}\n  peer  ${side(peer)}`);
  }
}

await main();
