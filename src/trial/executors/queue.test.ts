import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { ConfigError } from 'graft-torch/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileProgram } from '../../../test/program.js';
import { packageRoot } from '../../base/index.js';
import { type PostgresServer, startPostgres, whyNoPostgres } from './postgres-server.test-data.js';
import { openQueue, type QueueOptions } from './queue-pgboss.js';
import { type QueuedTrial, workFromQueue } from './queue-worker.js';
import { until } from './until.test-data.js';
import { trialLabel } from './workers.js';

// Short, for the server's socket.
const folder = mkdtempSync('/tmp/graft-q-');
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const newTrial = () => mkdtempSync(join(folder, 'trial-'));

describe('what goes wrong before there is a queue', () => {
  it('pg-boss is not installed, or another version is', async () => {
    const missing = () => Promise.reject(Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' }));
    const open = (load: QueueOptions['load']) =>
      openQueue({ connection: 'postgresql://h/d', trialDir: folder, load });
    await expect(open(missing)).rejects.toThrow(ConfigError);
    await expect(open(missing)).rejects.toThrow(
      /needs pg-boss, which is not installed: npm install pg-boss@10$/,
    );
    await expect(open(async () => ({ PgBoss: class {} }))).rejects.toThrow(
      /another version is installed: npm install/,
    );
  });
});

describe('a connection that fails', () => {
  const open = (connection: string) =>
    openQueue({
      connection,
      trialDir: folder,
      patienceMs: 0,
      // What a library says of a connection that it does not understand.
      load: async () => ({
        default: class {
          on() {}
          async start() {
            throw new Error(`Invalid URL: ${connection}`);
          }
          async stop() {}
        },
      }),
    });

  it.each([
    ['postgresql://graft:wr0ng@SEC@RET@127.0.0.1:5544/graft', /^postgresql:\/\/…: Invalid URL/],
    ['postgresql://graft@127.0.0.1:5544/graft?password=wr0ng@SEC@RET', /^postgresql:\/\/…: Invalid URL/],
    [
      'postgresql://graft@127.0.0.1/graft?password=wr0ngSECRET',
      /^postgresql:\/\/graft@127\.0\.0\.1\/graft: /,
    ],
    ['postgresql://graft:wr0ng%40SECRET@db/graft', /^postgresql:\/\/graft@db\/graft: Invalid URL/],
    ['postgresql://graft:wr/0ng SECRET@db/graft', /^postgresql:\/\/…: Invalid URL/],
    ['host=127.0.0.1 user=graft password=wr0ngSECRET dbname=graft', /^--queue: expected postgresql:/],
    ['graft:wr0ngSECRET@127.0.0.1:5544/graft', /^--queue: expected postgresql:/],
  ])('tells nothing of its password: %s', async (connection, told) => {
    const { message } = (await open(connection).catch((error: Error) => error)) as Error;
    expect(message).toMatch(told);
    for (const piece of ['wr0ng', '0ng ', 'SECR', 'SEC@', '@RET']) expect(message).not.toContain(piece);
  });
});

const hasPgBoss = await import('pg-boss' as string).then(
  () => true,
  () => false,
);
const reason = whyNoPostgres() ?? (hasPgBoss ? undefined : 'pg-boss is not installed');

describe.skipIf(reason)(`the queue${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let server: PostgresServer;
  beforeAll(async () => {
    const dir = join(folder, 'pg');
    mkdirSync(dir);
    server = await startPostgres(dir);
  });
  afterAll(() => server?.kill());

  const open = (trialDir: string, more: Partial<QueueOptions> = {}) =>
    openQueue({ connection: server.connection, trialDir, leaseSeconds: 2, ...more });

  it('queues a job once, whoever offers it and how often', async () => {
    const trialDir = newTrial();
    const queue = await open(trialDir);
    const other = await open(trialDir);
    try {
      await Promise.all([queue.offer(['a', 'b']), other.offer(['b', 'a'])]);
      const jobs = [await queue.take('w1'), await other.take('w2'), await other.take('w2')];
      expect(jobs.map((job) => job?.id).sort()).toEqual(['a', 'b', undefined]);
      expect(await queue.offer(['a', 'b'])).toEqual({ givenUp: [], live: 2 });
      expect(await other.take('w2')).toBeUndefined();

      const [first] = jobs;
      await queue.complete(first!);
      expect((await queue.offer([])).live).toBe(1);
      // The folder says it is open all the same: somebody has removed the run.
      await queue.offer([first!.id]);
      expect((await queue.take('w1'))?.id).toBe(first!.id);
    } finally {
      await queue.close();
      await other.close();
    }
  });

  it('many workers may open it at the same moment', async () => {
    server.query('DROP SCHEMA IF EXISTS graft CASCADE');
    for (let round = 0; round < 3; round++) {
      const trialDir = newTrial();
      const queues = await Promise.all(Array.from({ length: 8 }, () => open(trialDir)));
      await queues[0]!.offer(['a']);
      expect((await queues[7]!.take('w'))?.id).toBe('a');
      await Promise.all(queues.map((queue) => queue.close()));
    }
  });

  it('a released job is free at once and no death; one that waits is not', async () => {
    const queue = await open(newTrial());
    try {
      await queue.offer(['a']);
      for (let k = 0; k < 3; k++) await queue.release((await queue.take('w'))!);
      // pg-boss counts a fetch of what was begun before as a retry.
      expect(server.query(`SELECT max(retry_count) FROM graft.job WHERE state = 'created'`)).toEqual(['0']);
      const job = (await queue.take('w'))!;
      await queue.release(job, 1);
      expect(await queue.take('w')).toBeUndefined();
      await until(async () => (await queue.take('w'))?.id === 'a', 5000);
    } finally {
      await queue.close();
    }
  });

  it('a silent worker loses its job to another, and learns it; a beating heart keeps it', async () => {
    const queue = await open(newTrial());
    try {
      await queue.offer(['silent', 'beating']);
      const [silent, beating] = [await queue.take('w1'), await queue.take('w1')];
      expect([silent?.id, beating?.id]).toEqual(['silent', 'beating']);
      let taken: Awaited<ReturnType<typeof queue.take>>;
      await until(async () => {
        expect(await queue.hold(beating!)).toBe(true);
        taken = await queue.take('w2');
        return taken !== undefined;
      }, 15_000);
      expect(taken?.id).toBe('silent');
      expect(await queue.hold(silent!)).toBe(false);
      expect(await queue.hold(taken!)).toBe(true);
      // Late words of the first holder change nothing.
      await queue.release(silent!);
      expect(await queue.hold(taken!)).toBe(true);
    } finally {
      await queue.close();
    }
  });

  it('a job that its workers die over is given up, and said', async () => {
    const trialDir = newTrial();
    const queue = await open(trialDir, { mostDeaths: 1, leaseSeconds: 1 });
    try {
      await queue.offer(['deadly']);
      await until(async () => {
        await queue.take('w');
        return (await queue.offer(['deadly'])).givenUp.length > 0;
      }, 15_000);
      const done: string[] = [];
      let looks = 0;
      const trial: QueuedTrial = {
        // Open only after the worker's first look: given up while it is there.
        open: () => (looks++ === 0 ? [] : ['deadly']),
        isOver: () => false,
        isUnfinished: () => done.length === 0,
        run: async (job) => {
          done.push(job);
          return 'done';
        },
      };
      const options = { connection: server.connection, trialDir, worker: 'w', pollMs: 50 };
      await expect(workFromQueue(trial, options)).rejects.toThrow(
        /^1 jobs are given up, .* died over them: deadly; .*start some again$/,
      );
      // A worker that is started anew tries once more; and then nothing is left in the database.
      expect(await workFromQueue(trial, options)).toBe('finished');
      expect(done).toEqual(['deadly']);
      expect(server.query(`SELECT count(*) FROM graft.job WHERE data->>'job' = 'deadly'`)).toEqual(['0']);
    } finally {
      await queue.close();
    }
  });

  it('what the folder says is over is not done; what runs there waits, and its deaths stay counted', async () => {
    const trialDir = newTrial();
    const queue = await open(trialDir, { leaseSeconds: 1 });
    try {
      await queue.offer(['over', 'locked']);
      // Its worker dies; its lock in the folder is fresh for a while longer.
      expect([(await queue.take('w1'))?.id, (await queue.take('w1'))?.id]).toEqual(['over', 'locked']);
      const begun: string[] = [];
      // Longer than the lease and pg-boss's look for such, so that the queue hands it out too early.
      const unlocked = Date.now() + 4000;
      const trial: QueuedTrial = {
        open: () => (Date.now() < unlocked ? [] : ['locked'].filter((job) => !begun.includes(job))),
        isOver: (job) => job === 'over',
        isUnfinished: () => begun.length === 0,
        run: async (job) => {
          begun.push(job);
          const rows = server.query(`SELECT data->>'job', state, retry_count FROM graft.job ORDER BY 1`);
          expect(rows).toEqual(expect.arrayContaining(['locked|active|1', 'over|completed|1']));
          return 'done';
        },
      };
      const options = { connection: server.connection, trialDir, worker: 'w2', leaseSeconds: 1, mostJobs: 1 };
      expect(await workFromQueue(trial, { ...options, busySeconds: 1, pollMs: 200 })).toBe('finished');
      expect(begun).toEqual(['locked']);
    } finally {
      await queue.close();
    }
  });

  it('asked to stop, a worker lets its job save and gives it back', async () => {
    const trialDir = newTrial();
    let requested = false;
    const interrupt = {
      get requested() {
        return requested;
      },
      poll: async () => requested,
    };
    const trial: QueuedTrial = {
      open: () => ['long'],
      isOver: () => false,
      isUnfinished: () => true,
      run: (_, stop) =>
        new Promise((done) => {
          stop.addEventListener('abort', () => done('stopped'));
          requested = true;
        }),
    };
    const work = workFromQueue(trial, { connection: server.connection, trialDir, worker: 'w', interrupt });
    expect(await work).toBe('stopped');
    const queue = await open(trialDir);
    expect((await queue.take('w2'))?.id).toBe('long');
    await queue.close();
  });

  it('a job that outlasts its lease stays with its worker; one that is lost all the same is stopped', async () => {
    const trialDir = newTrial();
    const queue = await open(trialDir, { leaseSeconds: 1 });
    let unfinished = true;
    const run: QueuedTrial['run'] = async (_, stop) => {
      for (const end = Date.now() + 3000; Date.now() < end; await sleep(100))
        expect(await queue.take('thief')).toBeUndefined();
      expect(stop.aborted).toBe(false);
      server.query(`UPDATE graft.job SET output = '{"token": "thief"}' WHERE data->>'job' = 'long'`);
      await until(() => stop.aborted, 5000);
      unfinished = false;
      return 'stopped';
    };
    const trial: QueuedTrial = {
      open: () => ['long'],
      isOver: () => false,
      isUnfinished: () => unfinished,
      run,
    };
    const options = { connection: server.connection, trialDir, worker: 'w', leaseSeconds: 1 };
    expect(await workFromQueue(trial, options)).toBe('finished');
    // Not given back: it is the thief's.
    const left = server.query(`SELECT state, output->>'token' FROM graft.job WHERE data->>'job' = 'long'`);
    expect(left).toContain('active|thief');
    await queue.close();
  });

  it('a server that is away for a moment ends nothing', async () => {
    const trialDir = newTrial();
    const done = new Set<string>();
    const warnings: string[] = [];
    const trial: QueuedTrial = {
      open: () => ['a', 'b'].filter((job) => !done.has(job)),
      isOver: () => false,
      isUnfinished: () => done.size < 2,
      async run(job) {
        if (job === 'a') {
          await server.kill();
          setTimeout(() => server.start(), 500);
        }
        done.add(job);
        return 'done';
      },
    };
    const options = { connection: server.connection, trialDir, worker: 'w', pollMs: 100 };
    expect(await workFromQueue(trial, { ...options, warn: (text) => warnings.push(text) })).toBe('finished');
    expect(warnings.join('\n')).toMatch(/is PostgreSQL running there\?/);
    expect(warnings.join('\n')).not.toContain('secret');
  });

  it('a worker that is asked to stop does not wait for a server that is away', async () => {
    const trialDir = newTrial();
    let requested = false;
    const interrupt = {
      get requested() {
        return requested;
      },
      poll: async () => requested,
    };
    const trial: QueuedTrial = {
      open: () => ['a'],
      isOver: () => false,
      isUnfinished: () => true,
      async run(_, stop) {
        await server.kill();
        setTimeout(() => {
          requested = true;
        }, 800);
        await until(() => stop.aborted);
        return 'stopped';
      },
    };
    const begun = Date.now();
    const options = { connection: server.connection, trialDir, worker: 'w', leaseSeconds: 1 };
    expect(await workFromQueue(trial, { ...options, interrupt })).toBe('stopped');
    expect(Date.now() - begun).toBeLessThan(10_000);
    await server.start();
  });

  it('says in a line what the database refuses', async () => {
    const wrong = (connection: string) => openQueue({ connection, trialDir: folder, patienceMs: 0 });
    const lost = server.connection.replace('/postgres?', '/nowhere?');
    await expect(wrong(lost)).rejects.toThrow(/"nowhere" does not exist; create the database: createdb NAME/);
    await expect(wrong(lost)).rejects.not.toThrow(/secret/);
    await expect(wrong('postgresql://a:secret@127.0.0.1:1/d')).rejects.toThrow(
      /^postgresql:\/\/a@127.0.0.1:1\/d: .*ECONNREFUSED.*; is PostgreSQL running there\?$/,
    );
  });

  describe('workers that are killed', () => {
    beforeAll(() => compileProgram(), 300_000);
    const children: ChildProcess[] = [];
    afterAll(() => {
      for (const child of children) child.kill('SIGKILL');
    });

    it('no job is lost, and none is done twice', async () => {
      const trialDir = newTrial();
      const built = (path: string) => pathToFileURL(join(packageRoot(), 'dist', 'src', path)).href;
      const script = join(folder, 'worker.mjs');
      writeFileSync(script, workerScript(built));
      const start = (name: string) => {
        const child = spawn(process.execPath, [script, trialDir, server.connection, name], {
          stdio: 'inherit',
        });
        children.push(child);
        return child;
      };
      const [first] = [start('one'), start('two'), start('three')];
      const words = () => readdirSync(trialDir).filter((name) => name.endsWith('.words'));
      const said = () =>
        words().flatMap((name) => readFileSync(join(trialDir, name), 'utf8').trim().split('\n'));
      // In the middle of a job of its own.
      await until(() => {
        const mine = said().filter((line) => line.endsWith(' one'));
        return mine.length > 0 && mine.at(-1)!.startsWith('begin');
      });
      first!.kill('SIGKILL');
      const ends = await Promise.all(
        children.slice(1).map((child) => new Promise((done) => child.once('exit', done))),
      );
      expect(ends).toEqual([0, 0]);

      const counts = (word: string) => said().filter((line) => line.startsWith(`${word} `)).length;
      expect(readdirSync(trialDir).filter((name) => name.endsWith('.done'))).toHaveLength(10);
      expect(words()).toHaveLength(10);
      expect(counts('end')).toBe(10);
      // One was begun again, by somebody else.
      expect(counts('begin')).toBe(11);
      const again = words().map((name) => readFileSync(join(trialDir, name), 'utf8').trim().split('\n'));
      const twice = again.filter((lines) => lines.length === 3);
      expect(twice).toHaveLength(1);
      expect(twice[0]![0]).toBe('begin one');
      expect(twice[0]![2]).toMatch(/^end (two|three)$/);
      expect(existsSync(join(trialDir, 'last.done'))).toBe(true);
      expect(
        server.query(`SELECT count(*) FROM graft.queue WHERE name LIKE '%${trialLabel(trialDir)}'`),
      ).toEqual(['0']);
    }, 60_000);
  });
});

/** Ten jobs of which the last waits for all others; each is fenced by its folder's lock, as a trial's are. */
const workerScript = (built: (path: string) => string) => `
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeLock } from '${built('base/lock.js')}';
import { workFromQueue } from '${built('trial/executors/queue-worker.js')}';
const [dir, connection, worker] = process.argv.slice(2);
const early = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
const isDone = (job) => existsSync(join(dir, job + '.done'));
const trial = {
  open: () => (early.every(isDone) ? ['last'] : early).filter((job) => !isDone(job)),
  isOver: isDone,
  isUnfinished: () => !isDone('last'),
  async run(job) {
    mkdirSync(join(dir, job), { recursive: true });
    let release;
    try {
      release = takeLock(join(dir, job));
    } catch {
      return 'busy';
    }
    if (isDone(job)) return release(), 'done';
    const say = (word) => appendFileSync(join(dir, job + '.words'), word + ' ' + worker + '\\n');
    say('begin');
    await sleep(300);
    say('end');
    writeFileSync(join(dir, job + '.done'), '');
    release();
    return 'done';
  },
};
await workFromQueue(trial, { connection, trialDir: dir, worker, leaseSeconds: 2, pollMs: 100, busySeconds: 1 });
`;
