import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dispose, liveTensors, setThreads } from 'graft-torch';
import { beforeAll, expect, test } from 'vitest';
import { listCheckpoints, loadCheckpoint } from '../../run/checkpoint.js';
import { createRun, openRun, readEvents, readRun } from '../../run/run-folder.js';
import { openGeneratorData } from '../data.js';
import { openGenerator } from '../open-generator.js';
import type { GanConfig } from './config.js';
import { canRollBack, rollBack } from './roll-back.js';
import type { GanSummary } from './summary.js';
import { createTinyDataset, tinyConfig } from './tiny.test-data.js';
import { trainGan } from './train.js';
import { makeState, releaseState, stateDict } from './training.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-roll-back-'));
const data = join(folder, 'phantoms');

const configOf = (settings: object = {}): GanConfig =>
  tinyConfig(data, { steps: 6, monitorEvery: 2, monitorSamples: 16, backbone: null, ...settings });

beforeAll(async () => {
  setThreads(1);
  await createTinyDataset(data);
});

test('a sick run goes back as often as it may, slower each time', async () => {
  const dir = join(folder, 'sick');
  // The first step is finite, and so healthy; what it does to the weights shows in the second.
  const config = configOf({
    architecture: 'dcgan',
    discriminatorNorm: 'none',
    objective: 'wasserstein',
    updateFirst: 'generator',
    learningRate: { generator: 1e4, discriminator: 1e4 },
    steps: 4,
    monitorEvery: 1,
    rollBacks: 2,
  });
  const run = createRun(dir, { kind: 'gan', config });
  const findings: string[] = [];
  const { rollBacks } = await trainGan(run, config, { onFinding: ({ kind }) => findings.push(kind) });
  const back = readEvents(join(dir, 'events.jsonl')).filter(({ type }) => type === 'rolled-back');
  expect(back.map(({ step, to, learningRateFactor }) => [step, to, learningRateFactor])).toEqual([
    [2, 1, 0.5],
    [2, 1, 0.25],
  ]);
  expect(rollBacks).toBe(2);
  expect(findings).toEqual(['not-finite', 'not-finite', 'not-finite']);
  // Sick to its end: the last checkpoint that a roll-back would take is still the first.
  const { meta, tensors } = loadCheckpoint(listCheckpoints(dir).at(-1)!.path);
  dispose(tensors);
  expect(meta).toMatchObject({ healthyStep: 1 });
});

test('going back restores the healthy state, slows down, draws other noise and removes what came later', async () => {
  const dir = join(folder, 'healthy');
  const config = configOf({ rollBacks: 1, steps: 6 });
  const run = createRun(dir, { kind: 'gan', config });
  await trainGan(run, config);
  const before = liveTensors();
  const ganData = await openGeneratorData(config);
  const state = makeState({ config, data: ganData, parts: {} }, 'cpu');
  const saved = listCheckpoints(dir).map(({ step }) => step);
  expect(saved).toEqual([4, 6]);
  Object.assign(state, { healthyStep: 4, step: 6 });
  const again = { event: () => {}, log: () => {}, dir } as unknown as typeof run;
  const training = { run: again, config, data: ganData, parts: {}, hooks: {}, state };
  expect(canRollBack(training)).toBe(true);
  rollBack(training, 'mode-collapse');
  expect(state.step).toBe(4);
  expect(canRollBack(training)).toBe(false);
  expect(listCheckpoints(dir).map(({ step }) => step)).toEqual([4]);
  const { tensors, meta } = loadCheckpoint(listCheckpoints(dir)[0]!.path);
  const now = stateDict(state);
  const bytes = (x: (typeof tensors)[string]) => Buffer.from(x.toArray().buffer).toString('base64');
  const differing = Object.keys(tensors).filter((key) => bytes(tensors[key]!) !== bytes(now.tensors[key]!));
  expect(differing).toEqual(['random.cpu']);
  expect(now.meta).toMatchObject({
    ...(meta as object),
    rollBacks: 1,
    seconds: 0, // the time that was lost counts, and here none was
    generatorOptimizer: { lr: 1e-4 },
    discriminatorOptimizer: { lr: 1e-4 },
  });
  dispose([tensors, now.tensors['random.cpu']]);
  releaseState(state);
  ganData.images.dispose();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(liveTensors()).toBe(before);
});

test('the best checkpoint by a declared distance is kept, named and sampled', async () => {
  const dir = join(folder, 'best');
  const config = configOf({ backbone: 'random', bestBy: 'kid', steps: 8, checkpointEvery: 1 });
  const run = createRun(dir, { kind: 'gan', config });
  const { best } = await trainGan(run, config);
  const events = readEvents(join(dir, 'events.jsonl')).filter(({ type }) => type === 'monitor');
  const lowest = events.reduce((a, b) => ((b.kid as number) < (a.kid as number) ? b : a));
  expect(best).toEqual({ step: lowest.step, metric: 'kid', value: lowest.kid });
  const generator = await openGenerator(dir, { device: 'cpu' });
  expect(generator.origin.checkpoint).toMatchObject({ file: 'best.safetensors', step: lowest.step });
  generator.network.dispose();
  expect((readRun(dir).summary as unknown as GanSummary).best).toEqual(best);
});

test('an interrupted run that goes on remembers what was measured', async () => {
  const dir = join(folder, 'remembers');
  const config = configOf({ backbone: 'random', bestBy: 'fd', steps: 8 });
  const run = createRun(dir, { kind: 'gan', config });
  let polls = 0;
  const interrupt = { requested: false, poll: async () => ++polls >= 5 };
  await expect(trainGan(run, config, { interrupt })).rejects.toThrow(/stopped after step 5/);
  run.close();
  const resumed = openRun(dir, { kind: 'gan' });
  const { best } = await trainGan(resumed, config);
  const values = readEvents(join(dir, 'events.jsonl')).flatMap(({ type, fd }) =>
    type === 'monitor' ? [fd] : [],
  );
  expect(values.length).toBe(4);
  expect(best?.value).toBe(Math.min(...(values as number[])));
});
