/**
 * A whole trial over machines that share a PostgreSQL server and an object store, and no file system: each worker has a
 * folder of its own and the dataset in another place.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setThreads } from 'graft-torch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileProgram, program, programEnvironment } from '../../../test/program.js';
import { packageRoot } from '../../base/index.js';
import { createPhantomDataset } from '../../data/phantom/dataset.js';
import { createRun } from '../../run/run-folder.js';
import { type TrialConfig, trialConfigSchema } from '../config.js';
import { writeReport } from '../report/index.js';
import { runTrial, type TrialOptions } from '../run.js';
import type { TrialSummary } from '../summary.js';
import { openTrial } from '../trial.js';
import { elsewhere as watched } from './elsewhere.js';
import { openObjectStore } from './object-store.js';
import { type PostgresServer, startPostgres, whyNoPostgres } from './postgres-server.test-data.js';
import { type S3Server, startS3 } from './s3-server.test-data.js';
import { coordinatedStore, openCopy, openMirror } from './stored-trial.js';
import { until } from './until.test-data.js';
import { placeLabel } from './workers.js';

const has = (name: string): Promise<boolean> =>
  import(name).then(
    () => true,
    () => false,
  );
const reason =
  whyNoPostgres() ??
  ((await has('pg-boss')) && (await has('aws4fetch')) ? undefined : 'pg-boss or aws4fetch is not installed');

// Short, for the server's socket.
const folder = mkdtempSync('/tmp/graft-s-');
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('names a trial by its place', () => {
  expect(placeLabel('s3://bucket/some/Melanoma 64 px')).toMatch(/^melanoma-64-px-[0-9a-f]{10}$/);
  expect(placeLabel('s3://bucket/a/x')).not.toBe(placeLabel('s3://bucket/b/x'));
});

describe.skipIf(reason)(`an object store${reason ? ` (skipped: ${reason})` : ''}`, () => {
  const data = join(folder, 'phantoms');
  const elsewhere = join(folder, 'elsewhere', 'the same phantoms');
  const url = 's3://graft/trials/small';
  let postgres: PostgresServer;
  let s3: S3Server;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    setThreads(1);
    await compileProgram();
    await createPhantomDataset(data, { count: 120, sizePx: 64, prevalence: 0.3, seed: 1 });
    cpSync(data, elsewhere, { recursive: true });
    mkdirSync(join(folder, 'pg'));
    postgres = await startPostgres(join(folder, 'pg'));
    s3 = await startS3('graft', 50);
  }, 300_000);
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await postgres?.kill();
    await s3?.stop();
  });

  const config: TrialConfig = trialConfigSchema.parse({
    name: 'small',
    data,
    arms: ['real', 'real+synthetic'],
    seeds: [0, 1],
    gans: {
      sngan: {
        set: {
          steps: 3,
          batchSize: 4,
          latentSize: 8,
          generatorWidth: 4,
          discriminatorWidth: 4,
          sampleCount: 4,
        },
      },
    },
    classifier: { set: { imageSize: 32, steps: 60, batchSize: 8, evaluateEvery: 5, warmupSteps: 1 } },
    threads: 1,
    device: 'cpu',
  });
  async function trial(name: string, options: TrialOptions): Promise<TrialSummary> {
    const run = createRun(join(folder, name), { kind: 'trial', config });
    try {
      return await runTrial(run, openTrial(run.dir), options);
    } finally {
      run.close();
    }
  }
  const scoresOf = ({ runs }: TrialSummary) =>
    runs.map(({ arm, fold, seed, testScores }) => ({ arm, fold, seed, testScores }));
  const start = (
    args: string[],
  ): { child: ChildProcess; ended: Promise<number | null>; said: () => string } => {
    const child = spawn(process.execPath, args, {
      env: programEnvironment(s3.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let text = '';
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (text += chunk));
    return { child, ended: new Promise((done) => child.once('exit', done)), said: () => text };
  };
  const puts = (pattern: RegExp): string[] =>
    s3.requests.flatMap((line) => (line.startsWith('PUT ') && pattern.test(line) ? [line.slice(4)] : []));

  it('a worker without a trial, a queue, a dataset or a folder of its own is told what to do', async () => {
    const none = openCopy(await openObjectStore('s3://graft/none', { env: s3.env }), join(folder, 'none'));
    await expect(none).rejects.toThrow(/^s3:\/\/graft\/none: holds no trial; begin one with/);
    const { ended, said } = start([program, 'trial', 'work', 's3://graft/none']);
    expect(await ended).toBe(2);
    expect(said()).toMatch(/^graft: s3:\/\/graft\/none: a trial in an object store needs --queue postgresql/);
  });

  it('one that is killed loses no job, another takes over its run, and the verdict is that of one machine', async () => {
    const undisturbed = await trial('local', { parallel: 2 });

    const mirror = openMirror(await openObjectStore(url, { env: s3.env }), join(folder, 'stored'));
    const summary = trial('stored', {
      executor: watched({ place: coordinatedStore(mirror), pollMs: 200 }),
    });
    // Its lease is short, so that it is soon known to be dead.
    const built = (path: string) => pathToFileURL(join(packageRoot(), 'dist', 'src', path)).href;
    const script = join(folder, 'worker.mjs');
    writeFileSync(script, workerScript(built));
    await until(() => s3.objects.has('trials/small/schedule.json'), 60_000);
    const first = start([script, url, postgres.connection, join(folder, 'first')]);
    // In the middle of a classifier's run, whose checkpoint is in the store.
    const isCheckpoint = /trials\/small\/(runs\/.*)\/checkpoints\//;
    await until(() => puts(isCheckpoint).length > 0, 120_000);
    first.child.kill('SIGKILL');
    const run = isCheckpoint.exec(puts(isCheckpoint)[0]!)![1]!;
    expect(s3.objects.has(`trials/small/${run}/summary.json`)).toBe(false);
    await first.ended;

    const scratch = join(folder, 'second');
    const work = [program, 'trial', 'work', url, '--queue', postgres.connection, '--scratch', scratch];
    const lost = start([...work.slice(0, -1), join(folder, 'third'), '--data', join(folder, 'nowhere')]);
    expect(await lost.ended).toBe(2);
    expect(lost.said()).toMatch(
      /nowhere: there is no such dataset on this machine; say where it is with --data/,
    );
    const second = start([...work, '--data', elsewhere]);
    await until(() => existsSync(join(scratch, 'lock')), 60_000);
    const rival = start([...work, '--data', elsewhere]);
    expect(await rival.ended).toBe(2);
    expect(rival.said()).toMatch(/another worker has its copy there; give this one a folder with --scratch/);

    expect(await second.ended, second.said()).toBe(0);
    expect(scoresOf(await summary)).toEqual(scoresOf(undisturbed));
    expect(second.said()).toMatch(/^[1-9]\d? jobs done, finished$/m);
    // Each done once, and the one that was interrupted gone on with.
    for (const job of [
      'gans/sngan/fold-1',
      run,
      'runs/fold-1/real/seed-0',
      'runs/fold-1/real+synthetic/seed-1',
    ])
      expect(puts(new RegExp(`/${job.replace('+', '\\+')}/summary\\.json$`)), job).toHaveLength(1);
    expect(
      s3.requests.filter((line) => line.startsWith('GET ') && line.includes(`${run}/checkpoints/`)),
    ).not.toEqual([]);
    expect(readFileSync(join(folder, 'stored', run, 'log.txt'), 'utf8')).toMatch(/resum/i);
    // Folds and their images stay where they are; a lock is nobody else's business.
    expect([...s3.objects.keys()].filter((key) => /\/data\/|\/lock$/.test(key))).toEqual([]);
    // What the report shows has come.
    const report = writeReport(await summary, join(folder, 'stored'));
    expect(existsSync(report.html)).toBe(true);
  }, 900_000);
});

/** As `graft trial work`, with the shortest lease there is. */
const workerScript = (built: (path: string) => string) => `
import { workOn } from '${built('trial/executors/worker.js')}';
const [url, queue, scratch] = process.argv.slice(2);
await workOn(url, {
  ...{ queue, scratch, worker: 'first', parallel: 1 },
  ...{ pushEveryMs: 100, leaseSeconds: 10, pollMs: 100, busySeconds: 1 },
});
`;
