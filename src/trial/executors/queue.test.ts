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
import { packageRoot, takeLock } from '../../base/index.js';
import { type Claim, type JobOutcome, type JobSource, LOST, type WorkOptions, work } from '../work.js';
import { folderOfJobs, markDone } from './jobs.test-data.js';
import { type PostgresServer, startPostgres, whyNoPostgres } from './postgres-server.test-data.js';
import { type QueueOptions, queueJobs } from './queue.js';
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
      queueJobs({ connection: 'postgresql://h/d', trialDir: folder, load });
    await expect(open(missing)).rejects.toThrow(ConfigError);
    await expect(open(missing)).rejects.toThrow(
      /needs pg-boss, which is not installed: npm install pg-boss@12$/,
    );
    for (const other of [{ default: class {} }, { PgBoss: class {} }])
      await expect(open(async () => other)).rejects.toThrow(/another version is installed: npm install/);
  });
});

describe('a connection that fails', () => {
  const open = (connection: string) =>
    queueJobs({
      connection,
      trialDir: folder,
      patienceMs: 0,
      // What a library says of a connection that it does not understand.
      load: async () => ({
        PgBoss: class {
          touch() {}
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
    queueJobs({ connection: server.connection, trialDir, leaseSeconds: 10, pollMs: 50, ...more });
  /** The next of these jobs, which the folder has for open. */
  const take = (queue: JobSource, ...ids: string[]): Promise<Claim | undefined> => {
    const states = new Map(ids.map((id) => [id, 'open' as const]));
    return queue.take(states, async () => states);
  };
  /** As if the holder of a job had been silent for long. */
  const silence = (job: string) =>
    server.query(
      `UPDATE graft_12.job SET heartbeat_on = now() - interval '1 hour' WHERE state = 'active' AND data->>'job' = '${job}'`,
    );
  const rows = (job: string) =>
    server.query(`SELECT state, retry_count, retry_limit FROM graft_12.job WHERE data->>'job' = '${job}'`);
  const worker = async (
    dir: string,
    ids: readonly string[],
    doJob: (id: string, stop: AbortSignal) => Promise<JobOutcome>,
    more: Partial<QueueOptions & WorkOptions> = {},
  ) => {
    const trial = folderOfJobs(dir, ids);
    return await work(trial, {
      parallel: 1,
      worker: 'w',
      until: 'final',
      source: await open(dir, more),
      place: {
        refresh: async () => {},
        around: async ({ id }, stop) => {
          const outcome = await doJob(id, stop);
          if (outcome === 'done') markDone(dir, id);
          return outcome;
        },
      },
      ...more,
    });
  };

  it('queues a job once, whoever offers it and how often', async () => {
    const trialDir = newTrial();
    const queue = await open(trialDir);
    const other = await open(trialDir);
    try {
      const jobs = await Promise.all([take(queue, 'a', 'b'), take(other, 'b', 'a')]);
      expect(jobs.map((job) => job?.id).sort()).toEqual(['a', 'b']);
      expect(await take(other, 'a', 'b')).toBeUndefined();
      const [first] = jobs;
      await first!.end('done');
      expect(await take(queue)).toBeUndefined();
      // The folder says it is open all the same: somebody has removed the run.
      expect((await take(queue, 'a', 'b'))?.id).toBe(first!.id);
    } finally {
      await queue.close!();
      await other.close!();
    }
  });

  it('many workers may open it at the same moment', async () => {
    server.query('DROP SCHEMA IF EXISTS graft_12 CASCADE');
    for (let round = 0; round < 3; round++) {
      const trialDir = newTrial();
      const queues = await Promise.all(Array.from({ length: 8 }, () => open(trialDir)));
      const jobs = await Promise.all(queues.map((queue) => take(queue, 'a')));
      expect(jobs.filter((job) => job !== undefined)).toHaveLength(1);
      await Promise.all(queues.map((queue) => queue.close!()));
    }
  });

  it('a job that was given back is free at once and no death; one that is somebody’s waits', async () => {
    const queue = await open(newTrial(), { busySeconds: 1 });
    try {
      for (let k = 0; k < 3; k++) await (await take(queue, 'back'))!.end('stopped');
      expect(rows('back')).toEqual(['created|0|5']);
      await (await take(queue, 'back'))!.end('busy');
      expect(await take(queue, 'back')).toBeUndefined();
      await until(async () => (await take(queue, 'back'))?.id === 'back', 5000);
    } finally {
      await queue.close!();
    }
  });

  it('a silent worker loses its job to another, and learns it; a beating heart keeps it', async () => {
    const queue = await open(newTrial());
    try {
      const held = [await take(queue, 'silent', 'beating'), await take(queue, 'silent', 'beating')];
      expect(held.map((job) => job?.id).sort()).toEqual(['beating', 'silent']);
      const [beating, silent] = held.sort((a, b) => (a!.id < b!.id ? -1 : 1));
      silence('silent');
      let taken: Claim | undefined;
      await until(async () => {
        expect(await beating!.keep!.again()).toBe('ours');
        taken = await take(queue, 'silent', 'beating');
        return taken !== undefined;
      }, 20_000);
      expect(taken?.id).toBe('silent');
      expect(await silent!.keep!.again()).toBe('lost');
      expect(await taken!.keep!.again()).toBe('ours');
      // Late words of the first holder change nothing.
      await silent!.end('stopped');
      await silent!.end('done');
      expect(await taken!.keep!.again()).toBe('ours');
      // A death, which stays counted when the job is given back.
      expect(rows('silent')).toEqual(['active|1|5']);
      await taken!.end('stopped');
      expect(rows('silent')).toEqual(['created|0|4']);
    } finally {
      await queue.close!();
    }
  }, 30_000);

  it('a job that its workers die over is given up, and said', async () => {
    const dir = newTrial();
    const queue = await open(dir, { mostDeaths: 1 });
    try {
      const givenUp = async (): Promise<string> => {
        while (true) {
          await take(queue, 'deadly').catch((error: Error) => Promise.reject(error.message));
          silence('deadly');
          await sleep(200);
        }
      };
      await expect(givenUp()).rejects.toMatch(
        /^1 jobs are given up, .* died over them: deadly; .*start some again$/,
      );
      // A worker that is started anew tries once more; and then nothing is left in the database.
      const done: string[] = [];
      const ended = await worker(dir, ['deadly'], async (id) => {
        done.push(id);
        return 'done';
      });
      expect([ended, done]).toEqual(['finished', ['deadly']]);
      expect(rows('deadly')).toEqual(['']);
    } finally {
      await queue.close!();
    }
  }, 40_000);

  it('what the folder says is over is not done; what runs there waits', async () => {
    const dir = newTrial();
    const queue = await open(dir);
    try {
      // Their worker dies; of one the end was not told, the other's lock in the folder is fresh for a while longer.
      await take(queue, 'over', 'locked');
      await take(queue, 'over', 'locked');
      silence('over');
      silence('locked');
      markDone(dir, 'over');
      mkdirSync(join(dir, 'locked'), { recursive: true });
      const release = takeLock(join(dir, 'locked'));
      setTimeout(release, 6000);
      const begun: string[] = [];
      const ended = await worker(
        dir,
        ['over', 'locked'],
        async (id) => {
          begun.push(id);
          expect(existsSync(join(dir, 'locked', 'lock'))).toBe(false);
          return 'done';
        },
        { busySeconds: 1 },
      );
      expect([ended, begun]).toEqual(['finished', ['locked']]);
    } finally {
      await queue.close!();
    }
  }, 40_000);

  it('asked to stop, a worker lets its job save and gives it back', async () => {
    const dir = newTrial();
    let requested = false;
    const interrupt = {
      get requested() {
        return requested;
      },
      poll: async () => requested,
    };
    const ended = worker(
      dir,
      ['long'],
      (_, stop) =>
        new Promise((done) => {
          stop.addEventListener('abort', () => done('stopped'));
          requested = true;
        }),
      { interrupt },
    );
    expect(await ended).toBe('stopped');
    const queue = await open(dir);
    expect((await take(queue, 'long'))?.id).toBe('long');
    await queue.close!();
  });

  it('a job that was lost is told so, and is not given back', async () => {
    const dir = newTrial();
    let reason: unknown;
    const ended = await worker(dir, ['long', 'last'], async (id, stop) => {
      if (id !== 'long' || existsSync(join(dir, 'long', 'ready.json'))) return 'done';
      server.query(`UPDATE graft_12.job SET retry_count = 3 WHERE data->>'job' = 'long'`);
      await until(() => stop.aborted, 8000);
      reason = stop.reason;
      // Somebody else does it.
      markDone(dir, 'long');
      return 'stopped';
    });
    expect(ended).toBe('finished');
    expect(reason).toBe(LOST);
  }, 30_000);

  it('a server that is away for a moment ends nothing', async () => {
    const dir = newTrial();
    const warnings: string[] = [];
    const ended = await worker(
      dir,
      ['a', 'b'],
      async (id) => {
        if (id === 'a') {
          await server.kill();
          setTimeout(() => server.start(), 500);
        }
        return 'done';
      },
      { warn: (text) => warnings.push(text) },
    );
    expect(ended).toBe('finished');
    expect(warnings.join('\n')).toMatch(/is PostgreSQL running there\?/);
    expect(warnings.join('\n')).not.toContain('secret');
  }, 30_000);

  it('a worker that is asked to stop does not wait for a server that is away', async () => {
    let requested = false;
    const interrupt = {
      get requested() {
        return requested;
      },
      poll: async () => requested,
    };
    const begun = Date.now();
    const ended = await worker(
      newTrial(),
      ['a'],
      async (_, stop) => {
        await server.kill();
        setTimeout(() => {
          requested = true;
        }, 800);
        await until(() => stop.aborted);
        return 'stopped';
      },
      { interrupt },
    );
    expect(ended).toBe('stopped');
    expect(Date.now() - begun).toBeLessThan(10_000);
    await server.start();
  }, 30_000);

  it('says in a line what the database refuses', async () => {
    const wrong = (connection: string) => queueJobs({ connection, trialDir: folder, patienceMs: 0 });
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
      const dir = newTrial();
      const script = join(folder, 'worker.mjs');
      const built = (path: string) => pathToFileURL(join(packageRoot(), 'dist', 'src', path)).href;
      writeFileSync(script, workerScript(built));
      const start = (name: string) => {
        const child = spawn(process.execPath, [script, dir, server.connection, name], { stdio: 'inherit' });
        children.push(child);
        return child;
      };
      const [first] = [start('one'), start('two'), start('three')];
      const words = () => readdirSync(dir).filter((name) => name.endsWith('.words'));
      const said = () => words().flatMap((name) => readFileSync(join(dir, name), 'utf8').trim().split('\n'));
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
      expect(words()).toHaveLength(10);
      expect(counts('end')).toBe(10);
      // One was begun again, by somebody else.
      expect(counts('begin')).toBe(11);
      const again = words().map((name) => readFileSync(join(dir, name), 'utf8').trim().split('\n'));
      const twice = again.filter((lines) => lines.length === 3);
      expect(twice).toHaveLength(1);
      expect(twice[0]![0]).toBe('begin one');
      expect(twice[0]![2]).toMatch(/^end (two|three)$/);
      expect(
        server.query(`SELECT count(*) FROM graft_12.queue WHERE name LIKE '%${trialLabel(dir)}'`),
      ).toEqual(['0']);
    }, 90_000);
  });
});

/** Ten jobs of which the last waits for all others; each is fenced by its folder's lock, as a trial's are. */
const workerScript = (built: (path: string) => string) => `
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeLock } from '${built('base/lock.js')}';
import { folderOfJobs, markDone } from '${built('trial/executors/jobs.test-data.js')}';
import { queueJobs } from '${built('trial/executors/queue.js')}';
import { work } from '${built('trial/work.js')}';
const [dir, connection, worker] = process.argv.slice(2);
const early = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
const trial = folderOfJobs(dir, [...early, 'last'], { last: early });
await work(trial, {
  parallel: 1,
  worker,
  until: 'final',
  source: await queueJobs({ connection, trialDir: dir, leaseSeconds: 10, pollMs: 100, busySeconds: 1 }),
  place: {
    refresh: async () => {},
    async around({ id }) {
      mkdirSync(join(dir, id), { recursive: true });
      let release;
      try {
        release = takeLock(join(dir, id));
      } catch {
        return 'busy';
      }
      const say = (word) => appendFileSync(join(dir, id + '.words'), word + ' ' + worker + '\\n');
      say('begin');
      await sleep(300);
      say('end');
      markDone(dir, id);
      release();
      return 'done';
    },
  },
});
`;
