/** Runs with everything of fine-tuning turned on. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dispose, liveTensors, loadSafetensors, saveSafetensors, tidy } from 'graft-torch';
import { writeFileAtomic } from 'graft-torch/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { bestCheckpointPath } from '../run/checkpoint.js';
import { InterruptedError } from '../run/interrupt.js';
import { readEvents, withoutWall } from '../run/run-folder.js';
import { type ClassifierRecipe, classifierRecipeSchema } from './config.js';
import { makeDisks, SIDE } from './disks.test-data.js';
import { FINE_TUNING_OFF } from './fine-tuning.js';
import { openClassifier, scoresPath, weightsPath } from './result.js';
import { type TrainClassifierOptions, trainClassifier } from './train.js';

const recipe = (changes: Partial<ClassifierRecipe> = {}): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({
    imageSize: SIDE,
    batchSize: 16,
    steps: 5,
    warmupSteps: 1,
    evaluateEvery: 2,
    logEvery: 2,
    device: 'cpu',
    seed: 3,
  }),
  ...changes,
});
const everything = recipe({
  loss: 'focal',
  labelSmoothing: 0.1,
  classWeights: 'effective',
  mixup: 0.2,
  cutmix: 1,
  gradientClip: 1,
  layerDecay: 0.5,
  progressive: [{ until: 0.5, imageSize: 16 }],
  bestBy: 'logLoss',
  validationWindow: 2,
  emaDecay: 0.9,
});

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-fine-tuning-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const data = makeDisks(80);
const train = (name: string, changes: Partial<TrainClassifierOptions> = {}) =>
  trainClassifier({ config: everything, runDir: join(dir, name), ...data, ...changes });

describe('a run with everything turned on', () => {
  it('ends bit-identical after a stop and a resume', async () => {
    const live = liveTensors();
    await train('whole');
    const controller = new AbortController();
    const stopped = train('parts', {
      signal: controller.signal,
      onStep: (step) => {
        if (step === 3) controller.abort(); // between two validations
      },
    });
    await expect(stopped).rejects.toThrow(InterruptedError);
    await train('parts', { ifExists: 'continue' });
    const bytes = (path: string): string => readFileSync(path).toString('base64');
    expect(bytes(weightsPath(join(dir, 'parts')))).toBe(bytes(weightsPath(join(dir, 'whole'))));
    expect(bytes(scoresPath(join(dir, 'parts'), 'test'))).toBe(bytes(scoresPath(join(dir, 'whole'), 'test')));
    const events = (name: string) =>
      readEvents(join(dir, name, 'events.jsonl'))
        .filter(({ type, step }) => !(type === 'checkpoint' && step === 3)) // the stop's own
        .map(withoutWall);
    expect(events('parts')).toEqual(events('whole'));
    expect(liveTensors()).toBe(live);
  });

  it('keeps the average, not the network', async () => {
    const controller = new AbortController();
    const stopped = train('average', {
      signal: controller.signal,
      onStep: (step) => {
        if (step === 2) controller.abort(); // a validation
      },
    });
    await expect(stopped).rejects.toThrow(InterruptedError);
    const { network } = await openClassifier(join(dir, 'average'), 'cpu');
    tidy(() => {
      const { tensors } = loadSafetensors(bestCheckpointPath(join(dir, 'average')));
      const opened = network.stateDict();
      for (const key of ['_fc.weight', '_bn0.running_var']) {
        const distance = (part: string): number =>
          opened[key]!.sub(tensors[`${part}.${key}`]!).abs().amax().item();
        expect(distance('average')).toBe(0);
        expect(distance('network')).toBeGreaterThan(0);
      }
      dispose(tensors);
    });
    network.dispose();
  });

  it('shows each validation raw and smoothed, and what chose the step', async () => {
    const { curve, choice, bestStep } = await train('whole', { ifExists: 'continue' });
    const losses = curve.map(({ valLoss }) => valLoss);
    expect(curve.map(({ choice: one }) => one)).toEqual([
      { by: 'logLoss', figure: losses[0], smoothed: losses[0] },
      { by: 'logLoss', figure: losses[1], smoothed: expect.closeTo((losses[0]! + losses[1]!) / 2, 12) },
      { by: 'logLoss', figure: losses[2], smoothed: expect.closeTo((losses[1]! + losses[2]!) / 2, 12) },
    ]);
    const means = curve.slice(1).map((point) => point.choice!.smoothed);
    const best = curve.slice(1)[means.indexOf(Math.min(...means))]!;
    expect(bestStep).toBe(best.step);
    expect(choice).toEqual({ by: 'logLoss', window: 2, figure: Math.min(...means), auc: best.valAuc });
  });

  it('does not change what runs without these keys do, nor their resuming', async () => {
    const config = recipe({ steps: 2, evaluateEvery: 1, warmupSteps: 0 });
    const result = await train('plain', { config });
    // A run of before: no such keys in its configuration.
    const path = join(dir, 'plain', 'config.yaml');
    const written = parse(readFileSync(path, 'utf8'));
    for (const key of Object.keys(FINE_TUNING_OFF)) delete written[key];
    expect(written).not.toHaveProperty('validationWindow');
    writeFileAtomic(path, stringify(written));
    expect(await train('plain', { config, ifExists: 'continue' })).toEqual(result);
    const other = train('plain', { config: { ...config, mixup: 0.2 }, ifExists: 'continue' });
    await expect(other).rejects.toThrow(/mixup is 0.2, was 0/);
    const smoother = train('plain', { config: { ...config, validationWindow: 2 }, ifExists: 'continue' });
    await expect(smoother).rejects.toThrow(/validationWindow is 2, was 1/);
  });

  it('goes on with a checkpoint of before there were windows', async () => {
    const config = recipe({ steps: 3, evaluateEvery: 1 });
    const whole = await train('new', { config });
    const controller = new AbortController();
    const stopped = train('old', {
      config,
      signal: controller.signal,
      onStep: (step) => (step === 1 ? controller.abort() : undefined),
    });
    await expect(stopped).rejects.toThrow(InterruptedError);
    for (const name of ['step-000001', 'best']) {
      const path = join(dir, 'old', 'checkpoints', `${name}.safetensors`);
      const { tensors, metadata } = loadSafetensors(path);
      const [[key, text]] = Object.entries(metadata) as [[string, string]];
      const fields = JSON.parse(text);
      const { progress } = fields.meta;
      expect(progress).toMatchObject({ recent: [expect.any(Number)], best: { whole: true } });
      delete progress.recent;
      progress.best = { auc: progress.best.auc, step: progress.best.step };
      saveSafetensors(path, tensors, { [key]: JSON.stringify(fields) });
      dispose(tensors);
    }
    const resumed = await train('old', { config, ifExists: 'continue' });
    for (const key of ['curve', 'bestStep', 'steps', 'valScores', 'testScores'] as const)
      expect(resumed[key]).toEqual(whole[key]);
  });
});
