import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { createRun, type Run } from '../run/run-folder.js';
import { BoardReader } from '../trial/board.js';
import { trialConfigSchema } from '../trial/config.js';
import { recordFailure } from '../trial/jobs.js';
import { jobDir, type TrialJob } from '../trial/plan.js';
import { colorsFor } from './common.js';
import { boardLines, summaryLine } from './trial-board.js';

const variant = { fold: 1, realFraction: 1 };
const arm = (name: string) =>
  ({ name, real: 'all', realFraction: 1, augmentation: 'none', balance: 'none', synthetic: null }) as const;
const run = (name: string, seed: number): TrialJob => ({
  kind: 'classifier',
  id: `runs/fold-1/${name}/seed-${seed}`,
  needs: [],
  variant,
  arm: arm(name),
  seed,
  synthetic: null,
});
const jobs: TrialJob[] = [
  { kind: 'gan', id: 'gans/sngan/fold-1', needs: [], variant, gan: 'sngan', seed: null },
  ...['real', 'real+standard'].flatMap((name) => [run(name, 0), run(name, 1)]),
];
const [gan, realOne, realTwo, standardOne] = jobs as [TrialJob, TrialJob, TrialJob, TrialJob];

let dir: string;
const open: Run[] = [];
beforeEach(() => {
  for (const one of open.splice(0)) one.close();
  dir = mkdtempSync(join(tmpdir(), 'graft-board-'));
});

/** A run that has come so far, at two steps a second by its own clock. */
function begin(job: TrialJob, step: number): Run {
  const kind = job.kind === 'gan' ? 'gan' : 'classifier';
  const begun = createRun(jobDir(dir, job.id), { kind, config: { steps: 200, batchSize: 16 } });
  open.push(begun);
  for (let at = 10; at <= step; at += 10) {
    const figures = kind === 'gan' ? { discriminatorLoss: 1.25, generatorLoss: 0.75 } : { loss: 0.5 };
    begun.event('losses', at, figures, { seconds: at / 2 });
  }
  return begun;
}

const read = () => new BoardReader(dir, trialConfigSchema.parse({ data: 'd' })).read(jobs);

test('steps, time left and figures of what runs; means of what has finished', () => {
  begin(gan, 50);
  for (const [job, testAuc] of [
    [realOne, 0.7],
    [realTwo, 0.8],
  ] as const)
    begin(job, 200).finish({ seconds: 100, testAuc });
  const board = read();
  expect(board.counts).toEqual({ waiting: 0, open: 2, running: 1, done: 2, failed: 0 });
  expect(board.running).toMatchObject([
    { title: 'GAN sngan, fold 1', step: 50, steps: 200, secondsLeft: 75, figures: { D: 1.25, G: 0.75 } },
  ]);
  expect(board.arms).toEqual([
    { arm: 'real', runs: 2, planned: 2, testAuc: expect.closeTo(0.75, 12) },
    { arm: 'real+standard', runs: 0, planned: 2, testAuc: null },
  ]);
  // 75 s of the GAN, 100 s each of two classifiers, one job at a time.
  expect(board.secondsLeft).toBe(275);
});

test('what was stopped half-way is shown as such; nothing is guessed before the first steps', () => {
  begin(standardOne, 30).close();
  const board = read();
  expect(board.running).toMatchObject([{ state: 'open', step: 30, title: 'real+standard, fold 1, seed 0' }]);
  expect(board.secondsLeft).toBeNull();
});

test('failures are named with their cause', () => {
  for (const message of ['first', 'disk full'])
    recordFailure(dir, gan.id, { time: '', worker: 'w', message });
  const board = read();
  expect(board.counts.failed).toBe(1);
  const lines = boardLines(board, { columns: 80, colors: colorsFor(process.stdout) });
  expect(lines.join('\n')).toContain('failed: GAN sngan, fold 1: disk full');
});

test('no line is wider than the terminal, whatever it holds', () => {
  begin(gan, 50);
  begin(realOne, 120);
  const board = read();
  for (const columns of [40, 80, 200])
    for (const line of boardLines(board, { columns, colors: colorsFor(process.stdout) }))
      expect(line.length, line).toBeLessThanOrEqual(columns);
  expect(summaryLine(board)).toMatch(/^0 of 5 jobs done, 2 running, ETA /);
});

test('a log that is being written is read without its last line', () => {
  begin(gan, 20);
  const path = join(jobDir(dir, gan.id), 'events.jsonl');
  mkdirSync(jobDir(dir, gan.id), { recursive: true });
  writeFileSync(path, '{"type":"losses","step":30,"wall":{"time":"","seconds":15}}\n{"type":"lo', {
    flag: 'a',
  });
  expect(read().running).toMatchObject([{ step: 30 }]);
});
