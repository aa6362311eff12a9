/** A network with weights from a file as the backbone of a GAN's monitor, of the choice of its checkpoint, and of its images. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, saveSafetensors, setThreads, withSeed } from 'graft-torch';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readLineage } from '../data/lineage/lineage.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { traceTraining } from '../lineage/index.js';
import { EfficientNet, encodeConventions } from '../models/index.js';
import { createRun, readEvents, readRun } from '../run/run-folder.js';
import { tinyConfig } from './adversarial/tiny.test-data.js';
import { trainGan } from './adversarial/train.js';
import { openGenerator } from './open-generator.js';
import { sampleToFolder } from './sample.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-pretrained-'));
const at = (name: string): string => join(folder, name);
const weights = at('lite0.safetensors');
const backbone = `efficientnet-lite0:${weights}`;

beforeAll(async () => {
  setThreads(1);
  await createPhantomDataset(at('data'), { count: 60, sizePx: 64, prevalence: 0.5, seed: 1 });
  const network = withSeed(1, () => new EfficientNet('lite0', { numClasses: 1 }));
  // A run of this project says its side: a small one keeps the test short.
  saveSafetensors(weights, network.stateDict(), {
    ...encodeConventions({ ...network.conventions, inputStatistics: 'half' }),
    imageSize: '32',
  });
  network.dispose();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('measures a GAN in training and chooses its checkpoint, which the run says it was made from', async () => {
  const before = liveTensors();
  const config = tinyConfig(at('data'), {
    ...{ steps: 4, monitorEvery: 2, monitorSamples: 16, checkpointEvery: 2, logEvery: 1, emaDecay: 0 },
    ...{ bestBy: 'fd', backbone },
  });
  const run = createRun(at('run'), { kind: 'gan', config });
  await trainGan(run, config);
  run.close();
  expect(liveTensors()).toBe(before);
  const measured = readEvents(join(at('run'), 'events.jsonl')).filter(({ type }) => type === 'monitor');
  expect(measured.length).toBeGreaterThanOrEqual(2);
  for (const event of measured) expect((event as { fd?: number }).fd).toBeGreaterThan(0);
  expect(readRun(at('run')).config).toMatchObject({ backbone });
  expect(traceTraining(at('run')).unknown).toMatch(/weights file lite0\.safetensors: a file from elsewhere/);
});

test('chooses among its images, whose lineage names it', async () => {
  const generator = await openGenerator(at('run'), { device: 'cpu', threads: 1 });
  try {
    const sampled = async (name: string, which: string) => {
      const choice = { policies: ['diverse'], pool: 2, backbone: which };
      await sampleToFolder(generator, { count: 4, seed: 1, out: at(name), choice });
      return readLineage(at(name));
    };
    const { choice, fitted } = await sampled('chosen', backbone);
    expect(choice?.backbone).toMatchObject({
      name: 'EfficientNet-Lite0',
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(fitted?.at(-1)).toMatchObject({ artefact: 'weights file lite0.safetensors' });
    vi.stubEnv('GRAFT_BACKBONE', backbone);
    const auto = await sampled('auto', 'auto');
    vi.unstubAllEnvs();
    expect([auto.choice, auto.fitted]).toEqual([choice, fitted]);
  } finally {
    generator.network.dispose();
  }
});
