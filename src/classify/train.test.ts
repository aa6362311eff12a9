import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dispose, liveTensors, loadSafetensors, tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bestCheckpointPath, listCheckpoints } from '../run/checkpoint.js';
import { InterruptedError } from '../run/interrupt.js';
import { readEvents, readRun, withoutWall } from '../run/run-folder.js';
import { auc } from '../stats/roc.js';
import { type ClassifierRecipe, classifierRecipeSchema } from './config.js';
import { drawDisk, makeDisks, SIDE } from './disks.test-data.js';
import { logitsOf, scoreSplit } from './evaluate.js';
import { openClassifier, readClassifierResult, scoresPath, weightsPath } from './result.js';
import { aucOf, readScores } from './scores.js';
import { type TrainClassifierOptions, trainClassifier } from './train.js';

const recipe = (changes: Partial<ClassifierRecipe> = {}): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({
    imageSize: SIDE,
    batchSize: 16,
    steps: 6,
    warmupSteps: 2,
    evaluateEvery: 3,
    logEvery: 2,
    device: 'cpu',
    seed: 3,
  }),
  ...changes,
});

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-classify-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const small = makeDisks(80);
const train = (name: string, changes: Partial<TrainClassifierOptions> = {}) =>
  trainClassifier({ config: recipe(), runDir: join(dir, name), ...small, ...changes });

describe('trainClassifier', () => {
  // A run that nothing disturbs, to compare with.
  let wholeDir: string;
  beforeAll(async () => {
    wholeDir = mkdtempSync(join(tmpdir(), 'graft-classify-'));
    await trainClassifier({ config: recipe(), runDir: join(wholeDir, 'whole'), ...small });
  });
  afterAll(() => rmSync(wholeDir, { recursive: true, force: true }));
  const folderOf = (name: string): string => join(name === 'whole' ? wholeDir : dir, name);

  it('learns an easy set, and its files say the same as its result', async () => {
    const data = makeDisks(300);
    const runDir = join(dir, 'run');
    const config = recipe({
      steps: 40,
      evaluateEvery: 20,
      warmupSteps: 10,
      learningRate: 3e-3,
      augmentation: 'flips',
    });
    const result = await trainClassifier({ config, runDir, ...data });
    expect(result.testAuc).toBeGreaterThan(0.7); // 0.871 to 1.000 over 20 seeds
    expect(result.curve.map((point) => point.step)).toEqual([20, 40]);
    expect(result.curve.at(-1)!.trainLoss!).toBeLessThan(result.curve[0]!.trainLoss!);
    expect(result.valAuc).toBeCloseTo(Math.max(...result.curve.map((point) => point.valAuc)), 12);
    expect(result.bestStep).toBe(result.curve.find((point) => point.valAuc === result.valAuc)!.step);

    // Whole test split, in its order, at its natural prevalence, with full precision on the disk.
    const test = data.cache.rows.filter((row) => row.split === 'test');
    expect(result.testScores.map(({ id }) => id)).toEqual(test.map(({ id }) => id));
    expect(result.testScores.filter(({ label }) => label === 1)).toHaveLength(21);
    expect(readScores(scoresPath(runDir, 'test'))).toEqual(result.testScores);
    expect(aucOf(result.testScores)).toBe(result.testAuc);
    const { low, high } = result.testAucInterval!;
    expect(low < result.testAuc && result.testAuc < high).toBe(true);
    expect(readRun(runDir)).toMatchObject({ status: 'finished', kind: 'classifier', step: 40 });
    expect(readClassifierResult(runDir)).toEqual(result);

    // The stored network is the one that made the scores; checkpoints are gone.
    const { network } = await openClassifier(runDir, 'cpu');
    const again = await scoreSplit(
      network,
      { ...data.cache, positive: 'malignant' },
      { split: 'test', device: 'cpu', batchSize: 7 },
    );
    again.forEach(({ score }, i) => {
      expect(score).toBeCloseTo(result.testScores[i]!.score, 5);
    });
    network.dispose();
    expect(readdirSync(join(runDir, 'checkpoints'))).toEqual([]);
    data.cache.images.dispose();
  });

  it('ends bit-identical after a stop and a resume, and leaves no tensors behind', async () => {
    const live = liveTensors();
    // Stopped after 4 of 6 steps: between two validations, within a window of the log.
    const controller = new AbortController();
    const stopped = train('parts', {
      signal: controller.signal,
      onStep: (step) => {
        if (step === 4) controller.abort();
      },
    });
    await expect(stopped).rejects.toThrow(InterruptedError);
    expect(readRun(join(dir, 'parts'))).toMatchObject({ status: 'resumable', step: 4 });
    await expect(train('parts')).rejects.toThrow(/already holds a classifier run that stopped after step 4/);
    await train('parts', { ifExists: 'continue' });

    const weights = (name: string): Buffer => readFileSync(weightsPath(folderOf(name)));
    expect(weights('parts').equals(weights('whole'))).toBe(true);
    for (const split of ['val', 'test'] as const) {
      const text = (name: string): string => readFileSync(scoresPath(folderOf(name), split), 'utf8');
      expect(text('parts')).toBe(text('whole'));
    }
    const events = (name: string) =>
      readEvents(join(folderOf(name), 'events.jsonl'))
        .filter(({ type, step }) => !(type === 'checkpoint' && step === 4)) // the stop's own
        .map(withoutWall);
    expect(events('parts')).toEqual(events('whole'));
    // A finished run is read, not repeated.
    const before = readFileSync(join(wholeDir, 'whole', 'summary.json'), 'utf8');
    await train('whole', { runDir: folderOf('whole'), ifExists: 'continue' });
    expect(readFileSync(join(wholeDir, 'whole', 'summary.json'), 'utf8')).toBe(before);
    expect(liveTensors()).toBe(live);
  });

  it('goes back to the last checkpoint after a kill', async () => {
    // A kill between two checkpoints: the loop never gets to save (an error stands for it).
    const killed = train('killed', {
      onStep: (step) => {
        if (step === 5) throw new Error('killed');
      },
    });
    await expect(killed).rejects.toThrow('killed');
    expect(listCheckpoints(join(dir, 'killed')).map(({ step }) => step)).toEqual([3]);
    await train('killed', { ifExists: 'continue' });
    const read = (name: string, file: string): string => readFileSync(join(folderOf(name), file), 'utf8');
    expect(read('killed', 'scores-test.csv')).toBe(read('whole', 'scores-test.csv'));
    const events = (name: string) => readEvents(join(folderOf(name), 'events.jsonl')).map(withoutWall);
    expect(events('killed')).toEqual(events('whole'));
  });

  it('refuses to continue with other data or another config', async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(train('run', { signal: stop.signal })).rejects.toThrow(InterruptedError);
    await expect(train('run', { ifExists: 'continue', config: recipe({ seed: 4 }) })).rejects.toThrow(
      /seed is 4, was \d/,
    );
    const other = makeDisks(80, 2);
    await expect(train('run', { ifExists: 'continue', ...other })).rejects.toThrow(/data have changed/);
    other.cache.images.dispose();
  });

  it('goes on from another working directory, and where it was moved with its synthetic images', async () => {
    const home = process.cwd();
    const images = tensor(new Uint8Array(8 * 3 * SIDE * SIDE), [8, 3, SIDE, SIDE]);
    const part = (source: string, runDir: string, stopAt?: number) => {
      const controller = new AbortController();
      const onStep = (step: number) => (step === stopAt ? controller.abort() : undefined);
      const synthetic = [{ images, label: 1, source } as const];
      const { signal } = controller;
      return train('', { runDir, synthetic, ifExists: 'continue', signal, onStep });
    };
    try {
      process.chdir(dir);
      mkdirSync('demo/trial/synthetic', { recursive: true });
      await expect(part('demo/trial/synthetic', 'demo/trial/run', 2)).rejects.toThrow(InterruptedError);
      process.chdir('demo');
      await expect(part('trial/synthetic', 'trial/run', 4)).rejects.toThrow(InterruptedError);
      cpSync('trial', 'copy', { recursive: true });
      renameSync('trial', 'moved');
      expect((await part('moved/synthetic', 'moved/run')).steps).toBe(6);
      expect((await part('copy/synthetic', 'copy/run')).steps).toBe(6);
      await expect(part('moved', 'copy/run')).rejects.toThrow(/synthetic is/);
    } finally {
      process.chdir(home);
      images.dispose();
    }
  });

  it('adds synthetic images to training only', async () => {
    const random = new Random(8);
    const pixels = new Uint8Array(20 * 3 * SIDE * SIDE);
    for (let i = 0; i < 20; i++) pixels.set(drawDisk(random, true), i * 3 * SIDE * SIDE);
    const images = tensor(pixels, [20, 3, SIDE, SIDE]);
    const result = await train('run', { synthetic: [{ images, label: 1, source: 'samples' }] });
    expect(result.images).toEqual({ real: 48, realPositive: 21, synthetic: 20, syntheticPositive: 20 });
    expect(result.testScores).toHaveLength(16);
    expect(readRun(join(dir, 'run')).config).toMatchObject({ synthetic: ['samples'], data: 'in-memory' });
    expect(images.disposed).toBe(false);
    images.dispose();
    const wrong = tensor(new Uint8Array(3 * 16 * 16), [1, 3, 16, 16]);
    const refused = train('wrong', { synthetic: [{ images: wrong, label: 1, source: 'samples' }] });
    await expect(refused).rejects.toThrow(/same size/);
    wrong.dispose();
  });

  it('refuses a training split smaller than a batch', async () => {
    const config = recipe({ batchSize: 64 });
    await expect(train('run', { config })).rejects.toThrow(/48 training images .* batchSize=48/);
  });

  it('stops early when the validation AUC has stalled', async () => {
    // A rate of nearly nothing: the running statistics settle, the ranking does not improve for long.
    const config = recipe({
      steps: 40,
      evaluateEvery: 1,
      patience: 2,
      learningRate: 1e-12,
      sampler: 'balanced',
    });
    const result = await train('run', { config });
    expect(result.stoppedEarly).toBe(true);
    expect(result.steps).toBe(result.bestStep + 2);
  });

  it('stops at a loss that is not finite, with the step, the loss and advice', async () => {
    const config = recipe({ steps: 30, learningRate: 1e30, warmupSteps: 0, evaluateEvery: 30 });
    await expect(train('run', { config })).rejects.toThrow(
      /step \d+: the loss is (NaN|Infinity).*learningRate=/,
    );
    const last = readEvents(join(dir, 'run', 'events.jsonl')).at(-1)!;
    expect(last).toMatchObject({ type: 'failed', reason: 'not finite', figure: 'loss' });
  });

  it('refuses splits that lack a class', async () => {
    const rows = small.cache.rows.map((row) => (row.split === 'test' ? { ...row, label: 'benign' } : row));
    await expect(train('run', { cache: { ...small.cache, rows } })).rejects.toThrow(
      /test split.*both classes/,
    );
  });
});

describe('evaluation', () => {
  it('does not average the AUC over batches', async () => {
    const { network } = await openUntrained();
    const indices = Array.from({ length: 80 }, (_, i) => i);
    const labels = small.cache.rows.map((row) => (row.label === 'malignant' ? 1 : 0));
    const options = { device: 'cpu' as const };
    const whole = await logitsOf(network, small.cache.images, { ...options, indices, batchSize: 80 });
    const batched = await logitsOf(network, small.cache.images, { ...options, indices, batchSize: 20 });
    batched.forEach((logit, i) => {
      expect(logit).toBeCloseTo(whole[i]!, 4);
    });
    // The whole split at once; the mean of four batches' AUCs is another number on these scores.
    const rows = await scoreSplit(
      network,
      { ...small.cache, positive: 'malignant' },
      { split: 'train', ...options, batchSize: 10 },
    );
    const split = indices.slice(0, 48);
    const scores = split.map((i) => whole[i]!);
    expect(aucOf(rows)).toBeCloseTo(auc(labels.slice(0, 48), scores), 2);
    const parts = [0, 1, 2, 3].map((k) =>
      auc(
        labels.slice(12 * k, 12 * k + 12).concat([0, 1]),
        scores.slice(12 * k, 12 * k + 12).concat([-9, 9]),
      ),
    );
    expect(Math.abs(parts.reduce((sum, value) => sum + value, 0) / 4 - aucOf(rows))).toBeGreaterThan(1e-3);
    expect(network.training).toBe(false);
    network.dispose();
  });

  async function openUntrained() {
    const stop = new AbortController();
    const run = join(dir, 'untrained');
    const config = recipe({ evaluateEvery: 1, steps: 2, warmupSteps: 0 });
    const onStep = (): void => stop.abort();
    await expect(train('untrained', { config, signal: stop.signal, onStep })).rejects.toThrow(
      InterruptedError,
    );
    tidy(() => {
      const { tensors } = loadSafetensors(bestCheckpointPath(run));
      expect(Object.keys(tensors).some((key) => key.startsWith('network._fc'))).toBe(true);
      dispose(tensors);
    });
    return await openClassifier(run, 'cpu');
  }
});
