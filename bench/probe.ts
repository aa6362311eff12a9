/**
 * `npm run bench:probe`: a probe with the choice of its strength on 2,800 × 1,280 features, against scikit-learn
 * (`probe_peer.py`) on the same rows, folds and strengths: nine values of C by five folds of whole groups, then the fit at
 * the best one. Both standardise the columns and weigh classes alike; fits of folds stop at a gradient of 1e-4, the last one
 * at 1e-8 (the peer's L-BFGS stops before that, where its objective stands still).
 *
 * Turns alternate within one run, and only one process works at a time; each turn's ratio is taken against the turn beside
 * it, and the median over turns is the result. The peer runs at its best: all cores in each product, or a process a core.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  engineInfo,
  liveTensors,
  manualSeed,
  randn,
  setThreads,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { fitLogistic } from '../src/classify/probe/logistic.js';
import { chooseStrength } from '../src/classify/probe/strength.js';
import { loadAtStart, median, note, PythonPeer } from './peer.js';

/** Part of the peer's time to stay below. */
const BAR = 0.5;
/** Lets the threads of the process that has just worked go to sleep before the next one starts. */
const PAUSE_MS = 300;
const FOLDS = 5;

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rows: { type: 'string', default: '2800' },
    columns: { type: 'string', default: '1280' },
    classes: { type: 'string', default: '2' },
    turns: { type: 'string', default: '3' },
    python: { type: 'string', default: '/usr/bin/python3' },
    /** Exit with 1 if the bar is missed, or the two sides do not agree. */
    check: { type: 'boolean', default: false },
  },
});
const [rows, columns, classes] = [args.rows, args.columns, args.classes].map(Number) as [
  number,
  number,
  number,
];

interface Answer {
  strength: number;
  /** Log loss out of fold of each strength. */
  curve: number[];
  seconds: number;
}

interface Rows {
  features: Tensor;
  targets: number[];
  groups: string[];
}

/** Features as networks make them: correlated, with few strong directions, none below 0. */
function makeRows(): Rows {
  manualSeed(0);
  return tidy(() => {
    const hidden = randn([rows, columns]);
    const decay = Float32Array.from({ length: columns }, (_, i) => (i + 1) ** -0.7);
    const spread = hidden.mul(rowOf(decay));
    const scale = Math.sqrt(decay.reduce((sum, it) => sum + it * it, 0));
    const mixed = spread.matmul(randn([columns, columns])).div(scale);
    const features = mixed
      .add(0.3)
      .add(randn([rows, columns]).mul(0.05))
      .relu();
    const logits = hidden
      .narrow(1, 0, 40)
      .matmul(randn([40, classes]))
      .div(4)
      .add(rowOf(Float32Array.from({ length: classes }, (_, k) => -0.8 * k)));
    const noisy = logits.add(randn([rows, classes]).mul(0.8));
    const targets = Array.from(noisy.argmax(1).toArray(), Number);
    // Two images a patient, of one class as a rule.
    const groups = targets.map((_, i) => `patient ${i >> 1}`);
    return { features, targets, groups };
  });
}

const rowOf = (values: Float32Array): Tensor => tensor(values, [1, values.length]);

async function main(): Promise<void> {
  const cores = availableParallelism();
  setThreads(cores);
  const load = loadAtStart();
  const { features, targets, groups } = makeRows();
  const folder = mkdtempSync(join(tmpdir(), 'graft-bench-probe-'));
  const path = join(folder, 'features');
  writeFileSync(path, features.toFloat32Array());
  const shared = { standardise: true, classWeights: 'balanced', classes } as const;
  const live = liveTensors();
  const ourTurn = (): Answer & { foldOf: number[]; grid: number[] } =>
    tidy(() => {
      const start = performance.now();
      const { strength, curve, foldOf } = chooseStrength(features, targets, {
        ...shared,
        groups,
        seed: 0,
        folds: FOLDS,
      });
      fitLogistic(features, targets, { ...shared, strength, tolerance: 1e-8 });
      const seconds = (performance.now() - start) / 1000;
      return {
        strength,
        curve: curve.map(({ mean }) => mean),
        grid: curve.map((point) => point.strength),
        foldOf,
        seconds,
      };
    });
  const first = ourTurn();
  const job = join(folder, 'job.json');
  writeFileSync(job, JSON.stringify({ ...first, targets, path, rows, columns }));
  const peer = new PythonPeer('probe_peer.py', {
    python: args.python,
    args: [job],
    environment: { ...process.env, OPENBLAS_NUM_THREADS: String(cores), OMP_NUM_THREADS: String(cores) },
    needs: 'numpy and scikit-learn',
  });
  try {
    const versions = await peer.answer<Record<string, string>>();
    const timed = new Map<number, number>();
    for (const jobs of new Set([1, cores])) timed.set(jobs, (await peer.ask<Answer>(String(jobs))).seconds);
    const jobs = [...timed].reduce((a, b) => (b[1] < a[1] ? b : a))[0];
    const pairs: [Answer, Answer][] = [];
    for (let turn = 0; turn < Number(args.turns); turn++) {
      await sleep(PAUSE_MS);
      const ours = ourTurn();
      await sleep(PAUSE_MS);
      pairs.push([ours, await peer.ask<Answer>(String(jobs))]);
      const [a, b] = pairs.at(-1)!;
      note(`turn ${turn + 1}: ${a.seconds.toFixed(2)} s; peer ${b.seconds.toFixed(2)} s`);
    }
    if (liveTensors() !== live) throw new Error(`${liveTensors() - live} tensors were left behind`);
    const ratios = pairs.map(([a, b]) => a.seconds / b.seconds);
    const [ours, theirs] = pairs.at(-1)!;
    const apart = Math.max(...ours.curve.map((it, i) => Math.abs(it - theirs.curve[i]!)));
    const result = {
      seconds: median(pairs.map(([a]) => a.seconds)),
      peerSeconds: median(pairs.map(([, b]) => b.seconds)),
      ratio: median(ratios),
      low: Math.min(...ratios),
      high: Math.max(...ratios),
      strength: ours.strength,
      peerStrength: theirs.strength,
      /** Of the log losses out of fold, over the grid. */
      largestDifference: apart,
    };
    const about = { processor: cpus()[0]?.model, cores, libtorch: engineInfo().libtorch, ...versions, load };
    if (args.json) console.log(JSON.stringify({ about, rows, columns, classes, ...result }, null, 2));
    else {
      console.log(
        Object.entries(about)
          .map(([name, value]) => `${name} ${value}`)
          .join(', '),
      );
      console.log(
        `${rows} × ${columns}, ${classes} classes, ${first.grid.length} strengths × ${FOLDS} folds and the last fit: ${result.seconds.toFixed(2)} s, peer ${result.peerSeconds.toFixed(2)} s (${jobs} jobs): ratio ${result.ratio.toFixed(2)} (${result.low.toFixed(2)} – ${result.high.toFixed(2)}; bar ${BAR})`,
      );
      console.log(
        `C ${result.strength.toPrecision(3)}, peer ${result.peerStrength.toPrecision(3)}; log losses differ by ${apart.toExponential(1)} at most`,
      );
    }
    const differ = apart > 1e-3 || Math.abs(ours.strength / theirs.strength - 1) > 1e-9;
    if (differ) note('the two sides do not agree');
    if (args.check && (differ || result.ratio > BAR)) process.exitCode = 1;
  } finally {
    peer.stop();
    rmSync(folder, { recursive: true });
  }
}

await main();
