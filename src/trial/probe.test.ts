import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setThreads } from 'graft-torch';
import { beforeAll, expect, test } from 'vitest';
import { openDataset } from '../data/dataset/dataset.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { trialConfigSchema } from './config.js';
import { type ProbeResult, probe } from './probe.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-probe-'));
const data = join(folder, 'phantoms');

beforeAll(async () => {
  setThreads(1);
  await createPhantomDataset(data, { count: 120, sizePx: 64, prevalence: 0.3, seed: 1 });
});

function trial(name: string, settings: object = {}) {
  const gan = { batchSize: 4, latentSize: 8, generatorWidth: 4, discriminatorWidth: 4, sampleCount: 4 };
  const config = trialConfigSchema.parse({
    data,
    arms: ['real', 'real+synthetic'],
    gans: { sngan: { set: { ...gan, steps: 100_000 } } },
    classifier: { set: { imageSize: 32, steps: 100_000, batchSize: 8 } },
    threads: 1,
    device: 'cpu',
    ...settings,
  });
  mkdirSync(join(folder, name));
  return { dir: join(folder, name), config, dataset: openDataset(data), threads: 1 };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

test.each(['classifier', { gan: 'sngan' }] as const)(
  'the first steps are timed, and the run is stopped: %o',
  async (kind) => {
    const started = performance.now();
    const { secondsPerStep, peakBytes, deviceShare } = await probe(
      trial(JSON.stringify(kind).slice(0, 5)),
      kind,
    );
    const seconds = (performance.now() - started) / 1000;
    expect(secondsPerStep).toBeGreaterThan(0);
    // A second of steps, or three of them, and what came before.
    expect(3 * secondsPerStep).toBeLessThan(seconds);
    expect(seconds).toBeGreaterThan(1);
    expect(peakBytes).toBeGreaterThan(2 ** 26);
    expect(deviceShare).toBe(0);
  },
);

test('probes that meet begin together, and work on until the last has timed its steps', async () => {
  const meeting = join(folder, 'meeting');
  mkdirSync(meeting);
  const here = (phase: string) => existsSync(join(meeting, `${phase}-${process.pid}`));
  let result: ProbeResult | null = null;
  const work = probe(trial('meets'), { gan: 'sngan' }, { folder: meeting, count: 2 }).then((r) => {
    result = r;
  });
  await until(() => here('warm'));
  await sleep(1500); // longer than what is timed: nobody else is warm
  expect(here('timed')).toBe(false);
  writeFileSync(join(meeting, 'warm-other'), '');
  await until(() => here('timed'));
  await sleep(300);
  expect(result).toBeNull();
  writeFileSync(join(meeting, 'timed-other'), '');
  await work;
  // The wait for the other is no step's time.
  expect(result!.secondsPerStep).toBeLessThan(0.5);
});

test('a run of few steps is timed as far as it goes, and is waited for by nobody', async () => {
  const meeting = join(folder, 'short');
  mkdirSync(meeting);
  const short = { imageSize: 32, steps: 2, batchSize: 8, evaluateEvery: 2, warmupSteps: 1 };
  const work = probe(trial('few', { classifier: { set: short } }), 'classifier', {
    folder: meeting,
    count: 2,
  });
  await until(() => readdirSync(meeting).length > 0);
  writeFileSync(join(meeting, 'warm-other'), '');
  const { secondsPerStep } = await work;
  expect(secondsPerStep).toBeGreaterThan(0);
  expect(Number.isFinite(secondsPerStep)).toBe(true);
  expect(readdirSync(meeting).filter((name) => name.startsWith('timed'))).toEqual([`timed-${process.pid}`]);
});
