/**
 * A trial's open jobs as a queue in PostgreSQL, through pg-boss 12 (https://github.com/timgit/pg-boss), for machines that
 * reach one database. pg-boss makes the tables, hands each job to one worker, gives it to another when its holder falls
 * silent, and gives it up after some deaths.
 *
 * The trial's folder stays the truth: it says which jobs are open, done or given up, and its locks keep two from doing one
 * job even where a lease ran out over a live worker. The queue only says who does what next, at once and on any machine.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, GraftError } from 'graft-torch/base';
import { hiddenParts, hideSecrets, shownAddress } from '../../base/index.js';
import { type Interrupt, sleepUnless } from '../../run/index.js';
import type { Claim, JobOutcome, JobSource } from '../work.js';
import { trialLabel } from './workers.js';

export interface QueueOptions {
  /** `postgresql://USER@HOST/DATABASE`; what it leaves out comes from PGHOST, PGPASSWORD and so on. */
  connection: string;
  trialDir: string;
  /** Names the trial among all in the database; default: the path of its folder decides. */
  label?: string | undefined;
  /** A worker that is silent for so long is dead; 10 at least, by pg-boss. */
  leaseSeconds?: number | undefined;
  /** How many workers may die over one job before it is given up. */
  mostDeaths?: number | undefined;
  /** How long the database may be away, ms. */
  patienceMs?: number | undefined;
  /** How long a job whose folder somebody else has is left alone. */
  busySeconds?: number | undefined;
  /** Between two looks for a job, ms. */
  pollMs?: number | undefined;
  /** Asked to stop, it waits no longer. */
  interrupt?: Interrupt | undefined;
  warn?: ((message: string) => void) | undefined;
  /** Imports the package. */
  load?: (name: string) => Promise<unknown>;
}

/** A holding of a job, told from earlier and later ones by how often the job was begun. */
interface Attempt {
  id: string;
  retryCount: number;
}

interface Row extends Attempt {
  data: { job: string };
  state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed';
  retryLimit: number;
}

/** What is used of pg-boss. Of a job that was begun again meanwhile its calls change nothing. */
interface PgBoss {
  start(): Promise<unknown>;
  stop(options: { graceful: boolean }): Promise<void>;
  on(event: 'error', handler: (error: Error) => void): unknown;
  createQueue(name: string, options: { policy: 'exclusive' }): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  send(name: string, data: Row['data'], options: object): Promise<string | null>;
  findJobs(name: string, options: { limit: number }): Promise<Row[]>;
  fetch(name: string, options: { includeMetadata: true }): Promise<Row[]>;
  touch(name: string, attempt: Attempt): Promise<{ affected: number }>;
  deleteJob(name: string, jobs: Attempt | string[]): Promise<{ affected: number }>;
}

/** Not pg-boss's own default, which another program may use, and another one than that of another version. */
const schema = 'graft_12';

const YEAR_SECONDS = 365 * 86_400;
/** pg-boss lets nobody hold a job for more than a day. Shortly before, its worker saves and gives it back. */
const MOST_SECONDS = 86_400;
const ENOUGH_MS = (MOST_SECONDS - 3600) * 1000;
/** As many jobs as pg-boss lists at once. */
const MOST_JOBS = 100_000;

/**
 * @throws ConfigError when pg-boss is not installed, or the database refuses; GraftError when it cannot be reached. Its
 * `take` throws GraftError when every open job was given up.
 */
export async function queueJobs(options: QueueOptions): Promise<JobSource> {
  const {
    leaseSeconds = 60,
    mostDeaths = 5,
    patienceMs = 600_000,
    busySeconds = 15,
    pollMs = 2000,
  } = options;
  const { connection, interrupt, warn } = options;
  const name = `trial-${options.label ?? trialLabel(options.trialDir)}`;
  if (!/^(postgres(ql)?|socket):/i.test(connection))
    throw new ConfigError(
      '--queue: expected postgresql://USER@HOST:PORT/DATABASE; the password may stand in PGPASSWORD',
    );
  const database = { address: shownAddress(connection), hidden: hiddenParts(connection) };
  const Boss = await loadPgBoss(options.load);
  const told = new Set<string>();
  const tell = (message: string): void => {
    if (!told.has(message)) warn?.(message);
    told.add(message);
  };
  const open = async (): Promise<PgBoss> => {
    const everySeconds = Math.max(1, Math.round(leaseSeconds / 4));
    const boss = new Boss({
      connectionString: connection,
      schema,
      application_name: 'graft',
      max: 3,
      // A connection may die without a word.
      connectionTimeoutMillis: 10_000,
      query_timeout: 60_000,
      schedule: false,
      // Every worker looks for leases that ran out; pg-boss lets one at a time.
      superviseIntervalSeconds: everySeconds,
      monitorIntervalSeconds: everySeconds,
    });
    // Its timers' errors: what matters comes up again in the next call.
    boss.on('error', (error) => tell(databaseError(database, error).message));
    try {
      await boss.start();
      // Of each job one row at a time is queued or in somebody's hands.
      await boss.createQueue(name, { policy: 'exclusive' });
      return boss;
    } catch (error) {
      await boss.stop({ graceful: false }).catch(() => {});
      throw error;
    }
  };
  const boss = await openAmongOthers(open).catch((error) => {
    throw databaseError(database, error);
  });

  /** Waits for a database that restarts. */
  const patiently = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    for (const end = performance.now() + patienceMs; ; ) {
      try {
        return await work();
      } catch (error) {
        const failure = databaseError(database, error);
        if (!(isAway(error) || isContention(error)) || performance.now() >= end || interrupt?.requested)
          throw failure;
        tell(failure.message);
        await sleepUnless(interrupt, Math.min(1000, patienceMs));
      }
    }
  };
  const send = (job: string, more: { retryLimit: number; startAfter?: number }) =>
    boss.send(
      name,
      { job },
      {
        singletonKey: job,
        heartbeatSeconds: leaseSeconds,
        expireInSeconds: MOST_SECONDS,
        retentionSeconds: YEAR_SECONDS,
        deleteAfterSeconds: YEAR_SECONDS,
        ...more,
      },
    );

  /** Queues jobs that may be begun, once each. @throws GraftError where nothing is left but what was given up */
  const offer = async (jobs: readonly string[], again: boolean): Promise<void> => {
    const rows = await patiently(() => boss.findJobs(name, { limit: MOST_JOBS }));
    const live = new Set(rows.flatMap(({ state, data }) => (isLive(state) ? [data.job] : [])));
    const givenUp: string[] = [];
    for (const job of jobs) {
      if (live.has(job)) continue;
      const failed = rows.filter(({ data, state }) => data.job === job && state === 'failed');
      if (failed.length > 0 && !again) {
        givenUp.push(job);
        continue;
      }
      const ids = failed.map(({ id }) => id);
      if (ids.length > 0) await patiently(() => boss.deleteJob(name, ids));
      await patiently(() => send(job, { retryLimit: mostDeaths }));
      live.add(job);
    }
    // While others still run, what they finish may open more.
    if (givenUp.length > 0 && live.size === 0) throw new GraftError(givenUpMessage(givenUp));
  };

  /** For whoever comes first after so long. Its deaths stay counted. Tries once: where it fails, the lease runs out. */
  const giveBack = async (row: Row, delaySeconds: number): Promise<void> => {
    const { affected } = await boss.deleteJob(name, row);
    const retryLimit = Math.max(0, row.retryLimit - row.retryCount);
    if (affected > 0) await send(row.data.job, { retryLimit, startAfter: delaySeconds });
  };
  /** What is done the folder remembers. */
  const end = async (row: Row, outcome: JobOutcome): Promise<void> => {
    if (outcome === 'done') await patiently(() => boss.deleteJob(name, row));
    else
      await giveBack(row, outcome === 'busy' ? busySeconds : 0).catch((error) =>
        tell(databaseError(database, error).message),
      );
  };
  const claim = (row: Row): Claim => {
    const since = performance.now();
    // A database that is away gives the job to nobody else.
    const isOurs = (): Promise<boolean> =>
      boss.touch(name, row).then(
        ({ affected }) => affected > 0,
        () => true,
      );
    const again = async () =>
      performance.now() - since > ENOUGH_MS ? 'enough' : (await isOurs()) ? 'ours' : 'lost';
    return {
      id: row.data.job,
      keep: { everyMs: leaseSeconds * 250, again },
      end: (outcome) => end(row, outcome),
    };
  };

  // Somebody starts a worker: what was given up gets another chance.
  let again = true;
  return {
    pollMs: { idle: pollMs, working: pollMs },
    async take(states, look) {
      await offer(
        [...states].flatMap(([id, state]) => (state === 'open' ? [id] : [])),
        again,
      );
      again = false;
      while (true) {
        const [row] = await patiently(() => boss.fetch(name, { includeMetadata: true }));
        if (!row) return undefined;
        // Somebody may have ended it between the look and the taking.
        const state = (await look()).get(row.data.job);
        if (state === 'open') return claim(row);
        // Over: ended by somebody who died before saying so, or who does not use the queue. Else: the folder's lock of a
        // worker that was lost may outlast its lease here.
        await end(row, state === 'done' || state === 'failed' ? 'done' : 'busy');
      }
    },
    async finished() {
      // Another worker may be removing it just now: what stays then is an empty queue.
      await boss.deleteQueue(name).catch(() => {});
    },
    close: () => boss.stop({ graceful: false }),
  };
}

const isLive = (state: Row['state']): boolean => ['created', 'retry', 'active'].includes(state);

const givenUpMessage = (jobs: readonly string[]): string =>
  `${jobs.length} jobs are given up, for too many workers died over them: ${jobs.slice(0, 3).join(', ')}${jobs.length > 3 ? ', …' : ''}; see their logs, give workers more memory, then start some again`;

type Constructor = new (options: object) => PgBoss;

async function loadPgBoss(load: QueueOptions['load'] = (name) => import(name)): Promise<Constructor> {
  const install = 'npm install pg-boss@12';
  let loaded: { PgBoss?: Constructor };
  try {
    loaded = (await load('pg-boss')) as typeof loaded;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new ConfigError(`the PostgreSQL queue needs pg-boss, which is not installed: ${install}`);
  }
  // 10 and earlier export the class as the default, 11 knows no heartbeat.
  if (!loaded.PgBoss?.prototype?.touch)
    throw new ConfigError(`the PostgreSQL queue needs pg-boss 12, another version is installed: ${install}`);
  return loaded.PgBoss;
}

/** What PostgreSQL says by its codes, and what helps; these last. */
const remedies: Readonly<Record<string, string>> = {
  '28P01': 'check user and password (PGPASSWORD)',
  '28000': 'check the user, and pg_hba.conf on the server',
  '3D000': 'create the database: createdb NAME',
  '42501': 'let the user make tables there: GRANT CREATE ON DATABASE NAME TO USER',
  ENOTFOUND: 'check the host in the address',
  ENOENT: 'check the folder of the server’s socket',
};

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** Deadlock, serialisation, and something that exists already: two did the same at once. */
const isContention = (error: unknown): boolean =>
  /^(40P01|40001|23505|42P06|42P07|42710)$/.test(codeOf(error));

/** Errors of the connection, and of a server that is stopping, starting or full. */
const isAway = (error: unknown): boolean =>
  /^(08...|57P0.|53...|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOENT)$/.test(codeOf(error)) ||
  /connection (terminated|timeout|ended)/i.test((error as Error).message);

/** Many workers start at once and make the same tables: those that PostgreSQL turns away try again. */
async function openAmongOthers<Result>(open: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open();
    } catch (error) {
      if (!isContention(error) || attempt === 10) throw error;
      await sleep(100 + Math.random() * 400 * attempt);
    }
  }
}

function databaseError(
  { address, hidden }: { address: string; hidden: string[] },
  error: unknown,
): GraftError {
  if (error instanceof GraftError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const said = hideSecrets((message || code || String(error)).split('\n')[0]!, hidden);
  const remedy = remedies[code];
  if (remedy) return new ConfigError(`${address}: ${said}; ${remedy}`);
  return new GraftError(`${address}: ${said}${isAway(error) ? '; is PostgreSQL running there?' : ''}`);
}
