/**
 * `npm run bench:metrics-distribution`: the Fréchet distance, and precision, recall, density and coverage of two sets of
 * 10,000 × 2,048 features, against numpy and scipy (`metrics_distribution_peer.py`) on the same files.
 *
 * Turns alternate within one run, and only one process works at a time; each turn's ratio is taken against the turn
 * beside it, and the median over turns is the result. Both sides use every core. The peer's k-NN metrics hold N × N
 * matrices; `--neighbours` bounds its N where memory is short. Memory is what a task adds to that of the features.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { densityCoverage } from '../src/metrics/distribution/density-coverage.js';
import { frechetDistance } from '../src/metrics/distribution/frechet.js';
import { precisionRecall } from '../src/metrics/distribution/precision-recall.js';
import {
  engineInfo,
  fromFile,
  manualSeed,
  randn,
  setThreads,
  type Tensor,
  tidy,
} from '../src/torch/index.js';

const MIB = 1024 * 1024;
/** Ratio to stay below: the Fréchet distance's time over the peer's. */
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

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
const note = (text: string): void => void process.stderr.write(`${text}\n`);

interface Answer {
  values: Record<string, number>;
  seconds: number;
  peakBytes: number;
}

const tasks: Record<string, (first: Tensor, second: Tensor) => Record<string, number>> = {
  neighbours: (first, second) => {
    const [a, b] = [first.narrow(0, 0, nearest), second.narrow(0, 0, nearest)];
    const { precision, recall } = precisionRecall(a, b);
    const { density, coverage } = densityCoverage(a, b);
    return { precision, recall, density, coverage };
  },
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
  const load = loadavg()[0]!;
  if (load > 0.5)
    note(`warning: other work runs on this machine (load ${load.toFixed(1)}): ratios will be off`);
  const folder = mkdtempSync(join(tmpdir(), 'graft-bench-distribution-'));
  const paths = writeSets(folder);
  const script = fileURLToPath(new URL('../../bench/metrics_distribution_peer.py', import.meta.url));
  const peer = spawn(args.python, ['-B', script, ...paths, args.rows, args.columns], {
    env: {
      ...process.env,
      OMP_NUM_THREADS: String(cores),
      OPENBLAS_NUM_THREADS: String(cores),
      OMP_WAIT_POLICY: 'PASSIVE',
    },
  });
  peer.stderr.pipe(process.stderr);
  const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the peer ended; are numpy and scipy installed for ${args.python}?`);
    return JSON.parse(value as string) as T;
  };
  const [first, second] = paths.map((path) => fromFile(path, [rows, columns], 'float32')) as [Tensor, Tensor];
  try {
    const versions = await answer<Record<string, string>>();
    first.add(second, 0).dispose(); // touches every page, so that the features are counted once
    const base = process.memoryUsage.rss();
    const ourTurn = (task: string): Answer => {
      const start = performance.now();
      const values = tidy(() => tasks[task]!(first, second));
      const seconds = (performance.now() - start) / 1000;
      return { values, seconds, peakBytes: process.resourceUsage().maxRSS * 1024 - base };
    };
    const results = [];
    for (const task of Object.keys(tasks)) {
      const ratios: number[] = [];
      let [ours, theirs]: (Answer | undefined)[] = [];
      for (let turn = 0; turn < Number(args.turns); turn++) {
        ours = ourTurn(task);
        await sleep(PAUSE_MS);
        peer.stdin.write(`${task} ${task === 'neighbours' ? nearest : rows}\n`);
        theirs = await answer<Answer>();
        await sleep(PAUSE_MS);
        ratios.push(ours.seconds / theirs.seconds);
        note(`${task}, turn ${turn + 1}: ${ours.seconds.toFixed(2)} s, peer ${theirs.seconds.toFixed(2)} s`);
      }
      const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
      results.push({ task, ratio: median(ratios), low, high, ours: ours!, peer: theirs! });
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
    const missed = results.find(({ task }) => task === 'frechet')!.ratio > BAR;
    if (differ) note('the two sides do not agree');
    if (args.check && (differ || missed)) process.exitCode = 1;
  } finally {
    peer.stdin.end();
    rmSync(folder, { recursive: true });
  }
}

function print(
  about: Record<string, unknown>,
  results: { task: string; ratio: number; low: number; high: number; ours: Answer; peer: Answer }[],
): void {
  console.log(
    Object.entries(about)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  );
  for (const { task, ratio, low, high, ours, peer } of results) {
    const size = `${task === 'neighbours' ? nearest : rows} × ${columns}`;
    const side = ({ seconds, peakBytes, values }: Answer): string =>
      `${seconds.toFixed(2)} s, + ${(peakBytes / MIB).toFixed(0)} MiB at most, ${JSON.stringify(values)}`;
    console.log(`${task} (${size}): ratio ${ratio.toFixed(2)} (${low.toFixed(2)} – ${high.toFixed(2)})`);
    console.log(`  Graft ${side(ours)}\n  peer  ${side(peer)}`);
  }
}

await main();
