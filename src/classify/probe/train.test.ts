/** Probes as runs: fitted, kept, opened, gone on with. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, loadSafetensors, saveSafetensors, tensor, tidy, withSeed } from 'graft-torch';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openExtractor } from '../../metrics/backbone/index.js';
import { networkEntry } from '../../models/index.js';
import { InterruptedError, neverInterrupted, readRunConfig } from '../../run/index.js';
import { type ClassifierRecipe, checkRecipe, classifierRecipeSchema } from '../config.js';
import { makeDisks, SIDE } from '../disks.test-data.js';
import { logitsOf, probability } from '../evaluate.js';
import { exportClassifier } from '../export.js';
import { modelCard } from '../model-card.js';
import { openClassifier, readClassifierConfig, readClassifierResult, weightsPath } from '../result.js';
import { trainClassifier } from '../train.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-probe-'));
afterAll(() => rmSync(folder, { recursive: true }));
const weights = join(folder, 'lite0.safetensors');
const makeWeights = (path: string, seed: number): void => {
  const network = withSeed(seed, () => networkEntry('efficientnet-lite0').make({ sidePx: SIDE }));
  saveSafetensors(path, network.stateDict(), {
    inputStatistics: 'half',
    padding: 'same',
    batchNormEps: '0.001',
  });
  network.dispose();
};
beforeAll(() => makeWeights(weights, 1));
// A store of its own for each test: what one has made another would find.
let store = 0;
beforeEach(() => vi.stubEnv('GRAFT_CACHE', join(folder, `cache-${store++}`)));
afterEach(() => vi.unstubAllEnvs());

const data = makeDisks(120);
const recipe = (more: Partial<ClassifierRecipe> = {}): ClassifierRecipe =>
  classifierRecipeSchema.parse({
    ...{ method: 'probe', architecture: 'efficientnet-lite0', weights, imageSize: SIDE, device: 'cpu' },
    ...{ augmentation: 'none', threads: 1 },
    ...more,
  });

describe('a probe', () => {
  it('learns, and its network gives the scores that the run wrote down', async () => {
    const runDir = join(folder, 'run');
    const before = liveTensors();
    const result = await trainClassifier({ config: recipe({ tta: 'symmetries' }), runDir, ...data });
    expect(liveTensors()).toBe(before);
    expect(result.testAuc).toBeGreaterThan(0.8);
    expect(result.probe).toMatchObject({ features: 1280, views: 1, neighbours: { k: 20 } });
    expect(result.probe!.curve.length).toBeGreaterThan(4);
    expect(result.probe!.neighbours.testAuc).toBeGreaterThan(0.5);
    // The last layer alone: the network below is the file that the recipe names.
    expect(Object.keys(tidy(() => loadSafetensors(weightsPath(runDir)).tensors)).sort()).toEqual([
      '_fc.bias',
      '_fc.weight',
    ]);
    const { network, config } = await openClassifier(runDir, 'cpu');
    const test = data.cache.rows.flatMap(({ split }, i) => (split === 'test' ? [i] : []));
    const logits = await logitsOf(network, data.cache.images, {
      ...{ indices: test, device: 'cpu', batchSize: 16, tta: config.tta },
    });
    network.dispose();
    for (const [i, { score }] of result.testScores.entries())
      expect(Math.abs(score - probability(logits[i]!))).toBeLessThan(1e-4);
    expect(readRunConfig(runDir).config).toMatchObject({ method: 'probe', inputStatistics: 'half' });
  });

  it('finds features that are there, whatever the seed and the fit', async () => {
    const looked: number[] = [];
    const train = (name: string, more: Partial<ClassifierRecipe> = {}) =>
      trainClassifier({
        config: recipe({
          augmentation: 'flips',
          tta: 'flips',
          probe: { ...recipe().probe, views: 3 },
          ...more,
        }),
        runDir: join(folder, name),
        ...data,
        onFeatures: (done) => looked.push(done),
      });
    const first = await train('seed-0');
    expect(looked.at(-1)).toBeGreaterThan(0);
    const count = looked.length;
    const same = await train('again');
    expect(looked).toHaveLength(count);
    expect(same.testScores).toEqual(first.testScores);
    // Other views are drawn for some images: only those are made.
    const other = await train('seed-1', { seed: 1 });
    expect(looked.length).toBeGreaterThan(count);
    expect(other.testScores).not.toEqual(first.testScores);
  });

  it('takes synthetic images, which are in every fit and scored in none', async () => {
    const side = { shape: [6, 3, SIDE, SIDE] };
    const bright = tensor(new Uint8Array(6 * 3 * SIDE * SIDE).fill(250), side.shape);
    const synthetic = [{ images: bright, label: 1 as const, source: 'bright' }];
    const config = recipe({ probe: { ...recipe().probe, folds: 3 } });
    const result = await trainClassifier({ config, runDir: join(folder, 'mixed'), ...data, synthetic });
    bright.dispose();
    expect(result.images).toMatchObject({ real: 72, synthetic: 6, syntheticPositive: 6 });
  });

  it('stops between batches and goes on to the same end', async () => {
    const runDir = join(folder, 'stopped');
    const config = recipe({ augmentation: 'flips' });
    let polls = 0;
    const interrupt = { ...neverInterrupted, poll: async () => ++polls > 3 };
    const before = liveTensors();
    await expect(trainClassifier({ config, runDir, ...data, interrupt })).rejects.toThrow(InterruptedError);
    expect(liveTensors()).toBe(before);
    const resumed = await trainClassifier({ config, runDir, ...data, ifExists: 'continue' });
    const whole = await trainClassifier({ config, runDir: join(folder, 'whole'), ...data });
    expect(resumed.testScores).toEqual(whole.testScores);
    expect(await trainClassifier({ config, runDir, ...data, ifExists: 'continue' })).toEqual(resumed);
  });

  it('is of use to others: an export with the network in it, a card that says how it was fitted', async () => {
    const runDir = join(folder, 'use');
    await trainClassifier({ config: recipe(), runDir, ...data });
    const exported = await exportClassifier(runDir, join(folder, 'probe.onnx'), 'onnx');
    expect(exported.check).toMatchObject({ checked: true });
    const state = await exportClassifier(runDir, join(folder, 'probe.safetensors'), 'safetensors');
    expect(Object.keys(tidy(() => loadSafetensors(state.path).tensors)).length).toBeGreaterThan(200);
    const { testScores: _t, valScores: _v, curve: _c, ...summary } = readClassifierResult(runDir);
    const card = modelCard({
      ...{ run: 'use', graft: '0', config: readClassifierConfig(runDir), summary, finished: null },
      ...{ dataset: null, synthetic: [], evaluation: null },
    });
    expect(card).toMatch(/the network stays as it is; logistic regression on its 1280 features/);
    expect(card).not.toMatch(/learning rate/);
    // Its features are nobody's but the network's below.
    await expect(openExtractor(runDir, { device: 'cpu' })).rejects.toThrow(
      `is a probe, whose features are those of the network that it looks through; name that: efficientnet-lite0:${weights}`,
    );
  });

  it('is refused, or says what is missing, where its weights are not those it was fitted on', async () => {
    const own = join(folder, 'own.safetensors');
    makeWeights(own, 2);
    const runDir = join(folder, 'moved');
    await trainClassifier({ config: recipe({ weights: own }), runDir, ...data });
    makeWeights(own, 3);
    await expect(openClassifier(runDir, 'cpu')).rejects.toThrow(
      /own\.safetensors, are another file by now; /,
    );
    rmSync(own);
    await expect(openClassifier(runDir, 'cpu')).rejects.toThrow(
      /own\.safetensors, are gone; .*classify export/,
    );
    // What has finished needs nothing any more.
    const config = recipe({ weights: own });
    expect(existsSync(own)).toBe(false);
    expect((await trainClassifier({ config, runDir, ...data, ifExists: 'continue' })).probe).toBeDefined();
  });

  it('makes features anew where the store is damaged', async () => {
    const config = recipe();
    const first = await trainClassifier({ config, runDir: join(folder, 'sound'), ...data });
    const root = join(process.env.GRAFT_CACHE!, 'features');
    const parts = readdirSync(root, { recursive: true }).filter((name) => `${name}`.endsWith('.safetensors'));
    expect(parts.length).toBeGreaterThan(0);
    for (const part of parts) {
      const path = join(root, `${part}`);
      const bytes = readFileSync(path);
      bytes[bytes.length - 40]! ^= 255;
      writeFileSync(path, bytes);
    }
    const warnings: string[] = [];
    const again = await trainClassifier({
      ...{ config, runDir: join(folder, 'damaged'), ...data, warn: (line: string) => warnings.push(line) },
    });
    expect(again.testScores).toEqual(first.testScores);
    const damaged = warnings.filter((line) =>
      /safetensors: damaged: .*; its features are made anew/.test(line),
    );
    expect(new Set(damaged).size).toBe(parts.length);
  });
});

describe('a recipe of a probe', () => {
  it.each([
    [{ weights: null }, /give its weights .*graft classify networks/],
    [{ mixup: 0.2 }, /mixup shapes fine-tuning/],
    [{ loss: 'focal' }, /loss shapes fine-tuning/],
    [{ frozenBlocks: 3 }, /frozenBlocks shapes fine-tuning/],
    [{ own: ['network'] }, /a network of one’s own is trained with method=fine-tuning/],
  ])('%o is refused', (more, message) => {
    expect(() => checkRecipe(recipe(more as Partial<ClassifierRecipe>))).toThrow(message);
  });

  it.each(['probe', 'fine-tuning'] as const)(
    'leaves no folder that looks like a run where the weights are of another network (%s)',
    async (method) => {
      const runDir = join(folder, `other-${method}`);
      const config = recipe({ method, architecture: 'efficientnet-lite1', warmupSteps: 0, steps: 2 });
      await expect(trainClassifier({ config, runDir, ...data })).rejects.toThrow(
        /does not hold weights of EfficientNet-Lite1/,
      );
      expect(existsSync(runDir)).toBe(false);
    },
  );

  it('does not keep features of an augmentation that a program hands in', async () => {
    const augmentation = (images: import('graft-torch').Tensor) => images.mul(1);
    await expect(
      trainClassifier({ config: recipe(), runDir: join(folder, 'handed'), ...data, augmentation }),
    ).rejects.toThrow(/put it into a module/);
  });
});
