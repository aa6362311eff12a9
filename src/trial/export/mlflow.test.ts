import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHttp, type Http, HttpError } from '../../net/index.js';
import { type WrittenTrial, writeExampleTrial } from './example.test-data.js';
import { type FakeMlflow, type FakeOptions, fakeMlflow, type StoredRun } from './fake-mlflow.test-data.js';
import { exportMlflow, type MlflowOptions } from './mlflow.js';

const picture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAADklEQVR4nGNogAEGOAsAWhQJAbISPYcAAAAASUVORK5CYII=',
  'base64',
);
let root: string;
let trial: WrittenTrial;
let server: FakeMlflow;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-mlflow-'));
  trial = writeExampleTrial(join(root, 'trial'), picture);
});
afterEach(async () => {
  trial.close();
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

const start = async (options: FakeOptions = {}): Promise<void> => {
  server = await fakeMlflow(options);
};
const send = (options: Partial<MlflowOptions> = {}) =>
  exportMlflow(trial.dir, { uri: server.uri, experiment: 'melanoma', env: {}, firstWaitMs: 1, ...options });
/** More events of the GAN than a request holds. */
function lengthen(events: number): void {
  const log = join(trial.dir, 'gan', 'events.jsonl');
  const line = readFileSync(log, 'utf8').split('\n')[0]!;
  for (let i = 0; i < events; i++)
    appendFileSync(log, `${line.replace('"step":50', `"step":${1000 + i}`)}\n`);
}
const runNamed = (name: string): StoredRun =>
  [...server.runs.values()].find((run) => run.tags['graft.run'] === name)!;
const writes = (): string[] => server.requests.filter((request) => !/get-by-name|search/.test(request));

describe('what arrives', () => {
  test('a parent for the trial and a nested run for each part, with state', async () => {
    await start();
    const result = await send();
    expect(result).toMatchObject({ created: 4, updated: 0, unchanged: 0, takesFiles: true });
    expect(server.experiments.get('melanoma')).toEqual({ id: '1', deleted: false });
    const [parentId] = [...server.runs].find(([, run]) => run.tags['graft.run'] === 'trial')!;
    expect(result.page).toBe(`${server.uri}/#/experiments/1/runs/${parentId}`);
    for (const name of ['gan', 'runs/real/seed-1', 'runs/real+standard/seed-1'])
      expect(runNamed(name).tags).toMatchObject({ 'mlflow.parentRunId': parentId, 'mlflow.runName': name });
    expect(runNamed('trial').tags['mlflow.parentRunId']).toBeUndefined();
    expect(runNamed('trial').tags['mlflow.runName']).toBe('trial');
    expect(runNamed('gan').status).toBe('FINISHED');
    expect(runNamed('gan').endTime).toBeGreaterThan(1e12);
    // Its lock is this process's: it runs.
    expect(runNamed('runs/real+standard/seed-1')).toMatchObject({ status: 'RUNNING', endTime: null });
  });

  test('settings, curves and results, under names that MLflow takes', async () => {
    await start();
    const result = await send();
    const gan = runNamed('gan');
    expect(gan.params).toMatchObject({
      architecture: 'sngan',
      'learningRate.generator': '0.0002',
      classes: 'null',
    });
    const losses = gan.metrics.filter(({ key }) => key === 'losses/discriminatorLoss');
    expect(losses.map(({ step, value }) => [step, value])).toEqual([
      [50, 1],
      [100, 1 / 2],
      [150, 1 / 3],
    ]);
    // The NaN among the generator's losses.
    expect(gan.metrics.filter(({ key }) => key === 'losses/generatorLoss').map(({ value }) => value)).toEqual(
      [1, 3],
    );
    expect(result.notFinite).toBe(1);
    expect(runNamed('trial').metrics.map(({ key }) => key)).toContain('test AUC/real_standard_synthetic');
    expect(runNamed('runs/real/seed-1').params).toMatchObject({ 'trial.arm': 'real', 'trial.seed': '1' });
    expect(result.metrics).toBe([...server.runs.values()].reduce((n, { metrics }) => n + metrics.length, 0));
  });

  test('the report and the last sample as files', async () => {
    mkdirSync(join(trial.dir, 'report', 'figures'), { recursive: true });
    writeFileSync(join(trial.dir, 'report', 'report.html'), '<p>The report');
    writeFileSync(join(trial.dir, 'report', 'figures', 'auc.svg'), '<svg/>');
    await start();
    const result = await send();
    const names = [...server.files.keys()].map((path) => path.replace(/^1\/run\d\/artifacts\//, ''));
    expect(names.sort()).toEqual([
      ...['config.yaml', 'config.yaml', 'config.yaml', 'config.yaml'],
      ...['report/figures/auc.svg', 'report/report.html', 'samples/step-000150.png'],
      ...['summary.json', 'summary.json', 'summary.json'],
    ]);
    expect(result.files).toBe(names.length);
    const sample = [...server.files].find(([path]) => path.endsWith('.png'))!;
    expect(sample[1]).toEqual(picture);
  });

  test('more than a request may hold goes in several', async () => {
    lengthen(700);
    await start();
    await send();
    const steps = runNamed('gan').metrics.filter(({ key }) => key === 'losses/discriminatorLoss');
    expect(steps).toHaveLength(703);
    expect(new Set(steps.map(({ step }) => step)).size).toBe(703);
    expect(runNamed('gan').tags['graft.events']).toBe('705');
  });

  test('a server whose files lie elsewhere gets the figures, and the answer says so', async () => {
    await start({ artifactRoot: 's3://bucket' });
    expect(await send()).toMatchObject({ created: 4, files: 0, takesFiles: false });
    expect(server.files.size).toBe(0);
    expect(runNamed('gan').metrics.length).toBeGreaterThan(0);
  });
});

describe('again', () => {
  test('a second export writes nothing', async () => {
    await start();
    await send();
    const before = JSON.stringify([...server.runs]);
    server.requests.length = 0;
    expect(await send()).toMatchObject({ created: 0, updated: 0, unchanged: 4, metrics: 0, files: 0 });
    expect(writes()).toEqual([]);
    expect(JSON.stringify([...server.runs])).toBe(before);
  });

  test('what was logged since is added, and that alone', async () => {
    await start();
    await send();
    trial.goOn();
    expect(await send()).toMatchObject({ created: 0, updated: 1, unchanged: 3, metrics: 1 });
    const { metrics } = runNamed('runs/real+standard/seed-1');
    expect(metrics.at(-1)).toMatchObject({ key: 'validation/valAuc', value: 0.75, step: 120 });
    expect(metrics.filter(({ key }) => key === 'losses/loss')).toHaveLength(3);
  });

  test('an export that breaks off anywhere goes on where it was: nothing is missing, nothing is there twice', async () => {
    lengthen(700);
    await start();
    let sound = 0;
    let posts = 0;
    const http = createHttp();
    const breaking: Http = {
      ...http,
      send: async (url, request) => {
        if (url.href.endsWith('log-batch') && ++posts > sound)
          throw new HttpError('it broke off', { passing: true });
        return http.send(url, request);
      },
    };
    // Every try gets one request further.
    let tries = 0;
    for (let done = false; !done && tries < 50; tries++) {
      [sound, posts] = [1, 0];
      await send({ http: breaking }).then(
        () => {
          done = true;
        },
        (error) => expect(String(error)).toMatch(/cannot be reached/),
      );
    }
    http.close();
    expect(tries).toBeGreaterThan(8);
    const figures = (): string[][] =>
      [...server.runs.values()].map(({ metrics }) =>
        metrics.map(({ key, step, value }) => `${key} ${step} ${value}`),
      );
    const inPieces = figures();
    await server.close();
    await start();
    await send();
    expect(inPieces).toEqual(figures());
  });

  test('a trial of the same name that began at another time is another one', async () => {
    await start();
    await send();
    trial.close();
    rmSync(trial.dir, { recursive: true });
    trial = writeExampleTrial(trial.dir, picture);
    expect(await send()).toMatchObject({ created: 4 });
    expect(server.runs.size).toBe(8);
  });
});

describe('trouble', () => {
  test('a busy server is asked again', async () => {
    await start();
    server.failures.push(429, 503);
    expect(await send()).toMatchObject({ created: 4 });
  });

  test('credentials are those of MLflow’s variables, or of the address', async () => {
    await start({ authorization: `Basic ${Buffer.from('ada:lovelace').toString('base64')}` });
    await expect(send()).rejects.toThrow(/refused \(401\); set MLFLOW_TRACKING_USERNAME/);
    const env = {
      MLFLOW_TRACKING_USERNAME: 'ada',
      MLFLOW_TRACKING_PASSWORD: 'lovelace',
      MLFLOW_TRACKING_TOKEN: 'x',
    };
    expect(await send({ env })).toMatchObject({ created: 4 });
    expect(await send({ uri: server.uri.replace('//', '//ada:lovelace@') })).toMatchObject({ unchanged: 4 });
  });

  test('a token', async () => {
    await start({ authorization: 'Bearer secret' });
    expect(await send({ env: { MLFLOW_TRACKING_TOKEN: 'secret' } })).toMatchObject({ created: 4 });
    const wrong = send({ env: { MLFLOW_TRACKING_TOKEN: 'other-token' } });
    await expect(wrong).rejects.not.toThrow(/other-token/);
  });

  test('no server, no MLflow there, a deleted experiment, an address that is none: one line with the remedy', async () => {
    await start();
    await expect(send({ uri: 'http://127.0.0.1:9' })).rejects.toThrow(
      /^http:\/\/127\.0\.0\.1:9: the MLflow server cannot be reached \(.*\); is it running/,
    );
    await expect(send({ uri: `${server.uri}/elsewhere` })).rejects.toThrow(
      /404.*is the address that of an MLflow/,
    );
    server.experiments.set('melanoma', { id: '7', deleted: true });
    await expect(send()).rejects.toThrow(/'melanoma' was deleted there; restore it .*-x 7/);
    await expect(send({ uri: 'localhost' })).rejects.toThrow(/is no address; give/);
    await expect(send({ uri: 'file:///tmp/mlruns' })).rejects.toThrow(
      /file: is no tracking server; start one/,
    );
  });
});
