/**
 * A trial's open jobs as a queue in PostgreSQL, through pg-boss 10 (https://github.com/timgit/pg-boss; 11 and later need
 * a newer Node.js). A job has one row for good: its id follows from its name, so nobody queues it twice.
 *
 * pg-boss makes the tables, hands each row to one worker, gives it to another when its lease runs out, and gives it up
 * after some deaths. Three things it cannot do stand here as SQL: prolong a lease, hand a row back without counting a
 * failure, and open a row again.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, GraftError, sha256 } from 'graft-torch/base';
import { hiddenParts, hideSecrets, shownAddress } from '../../base/index.js';
import type { Interrupt } from '../../run/index.js';
import { sleepUnless, trialLabel } from './workers.js';

export interface QueueOptions {
  /** `postgresql://USER@HOST/DATABASE`; what it leaves out comes from PGHOST, PGPASSWORD and so on. */
  connection: string;
  trialDir: string;
  /** Names the trial among all in the database; default: the path of its folder decides. */
  label?: string;
  /** A worker that is silent for so long is dead. */
  leaseSeconds?: number;
  /** How many workers may die over one job before it is given up. */
  mostDeaths?: number;
  /** How long the database may be away, ms. */
  patienceMs?: number;
  /** Asked to stop, it waits no longer. */
  interrupt?: Interrupt;
  warn?: (message: string) => void;
  /** Imports the package. */
  load?: (name: string) => Promise<unknown>;
}

/** A job in a worker's hands. */
export interface HeldJob {
  id: string;
  /** Tells this holding of the job from an earlier or later one. */
  token: string;
}

export interface Offered {
  /** Of the jobs that were offered, those that too many workers died over. */
  givenUp: string[];
  /** Jobs of the trial that are queued or in somebody's hands. */
  live: number;
}

export interface TrialQueue {
  /**
   * Queues jobs that may be begun, once each. A job that the queue holds for finished is opened again; one that was
   * given up only when `again` says so.
   */
  offer(ids: readonly string[], options?: { again?: boolean }): Promise<Offered>;
  /** The next job, held for `leaseSeconds`; undefined when there is none now. */
  take(worker: string): Promise<HeldJob | undefined>;
  /** Prolongs the lease; false when the job has gone to somebody else. Tries once. */
  hold(job: HeldJob): Promise<boolean>;
  /** Gives a job back, for whoever comes first after `delaySeconds`. Tries once. */
  release(job: HeldJob, delaySeconds?: number): Promise<void>;
  complete(job: HeldJob): Promise<void>;
  /** Forgets the trial; as far as that is possible. */
  remove(): Promise<void>;
  close(): Promise<void>;
  readonly leaseSeconds: number;
}

/** What is used of pg-boss. */
interface PgBoss {
  start(): Promise<unknown>;
  stop(options: { graceful: boolean }): Promise<void>;
  on(event: 'error', handler: (error: Error) => void): unknown;
  createQueue(name: string, options: { name: string; policy: 'standard' }): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  send(name: string, data: object, options: object): Promise<string | null>;
  fetch(name: string): Promise<{ id: string; data: { job: string } }[]>;
  complete(name: string, id: string): Promise<unknown>;
  getDb(): { executeSql(text: string, values: unknown[]): Promise<{ rows: Record<string, unknown>[] }> };
}

/** Not pg-boss's own default, which another program may use with another version of it. */
const schema = 'graft';
const table = `${schema}.job`;

/** @throws ConfigError when pg-boss is not installed, or the database refuses; GraftError when it cannot be reached */
export async function openQueue(options: QueueOptions): Promise<TrialQueue> {
  const {
    connection,
    trialDir,
    leaseSeconds = 60,
    mostDeaths = 5,
    patienceMs = 600_000,
    interrupt,
    warn,
  } = options;
  const name = `trial-${options.label ?? trialLabel(trialDir)}`;
  if (!/^(postgres(ql)?|socket):/i.test(connection))
    throw new ConfigError(
      '--queue: expected postgresql://USER@HOST:PORT/DATABASE; the password may stand in PGPASSWORD',
    );
  const database = { address: shownAddress(connection), hidden: hiddenParts(connection) };
  const Boss = await loadPgBoss(options.load);
  const told = new Set<string>();
  const tell = (message: string) => {
    if (!told.has(message)) warn?.(message);
    told.add(message);
  };
  const open = async (): Promise<PgBoss> => {
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
      maintenanceIntervalSeconds: Math.max(1, Math.round(leaseSeconds / 4)),
      archiveFailedAfterSeconds: 365 * 86_400,
    });
    // Its timers' errors: what matters comes up again in the next call.
    boss.on('error', (error) => tell(databaseError(database, error).message));
    try {
      await boss.start();
      await boss.createQueue(name, { name, policy: 'standard' });
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
  const once = async (text: string, values: unknown[]) => (await boss.getDb().executeSql(text, values)).rows;
  const sql = (text: string, values: unknown[]) => patiently(() => once(text, values));
  const sending = { expireInSeconds: leaseSeconds, retryLimit: mostDeaths, retentionDays: 365 };
  const row = 'WHERE name = $1 AND id = $2';
  const mine = `${row} AND state = 'active' AND output->>'token' = $3`;

  const queue: TrialQueue = {
    leaseSeconds,
    async offer(ids, { again = false } = {}) {
      const rows = await sql(`SELECT id, state FROM ${table} WHERE name = $1`, [name]);
      const states = new Map(rows.map(({ id, state }) => [id, String(state)]));
      const over = again ? ['completed', 'cancelled', 'failed'] : ['completed', 'cancelled'];
      for (const job of ids) {
        const id = rowId(job);
        const state = states.get(id);
        if (state !== undefined && !over.includes(state)) continue;
        states.set(id, 'created');
        if (state === undefined) await patiently(() => boss.send(name, { job }, { id, ...sending }));
        else
          await sql(
            `UPDATE ${table} SET state = 'created', started_on = NULL, completed_on = NULL, retry_count = 0,
               start_after = now(), output = NULL ${row} AND state::text = ANY($3)`,
            [name, id, over],
          );
      }
      return {
        givenUp: ids.filter((job) => states.get(rowId(job)) === 'failed'),
        live: [...states.values()].filter((state) => ['created', 'retry', 'active'].includes(state)).length,
      };
    },
    async take(worker) {
      // pg-boss takes any error here for "no job"; `offer` meets the lasting ones.
      const [next] = await patiently(() => boss.fetch(name));
      if (!next) return undefined;
      const job = { id: next.data.job, token: randomUUID() };
      const rows = await sql(
        `UPDATE ${table} SET started_on = now(), output = $3::jsonb ${row} AND state = 'active' RETURNING id`,
        [name, next.id, JSON.stringify({ token: job.token, worker })],
      );
      return rows.length > 0 ? job : undefined;
    },
    async hold({ id, token }) {
      const values = [name, rowId(id), token];
      const prolong = () => once(`UPDATE ${table} SET started_on = now() ${mine} RETURNING id`, values);
      // A database that is away gives the job to nobody else.
      return await prolong().then(
        (rows) => rows.length > 0,
        () => true,
      );
    },
    async release({ id, token }, delaySeconds = 0) {
      // Without a start the next fetch counts no retry. Where it fails, the lease runs out.
      const back = `UPDATE ${table} SET state = 'created', started_on = NULL, output = NULL,
        start_after = now() + $4 * interval '1 second' ${mine}`;
      await once(back, [name, rowId(id), token, delaySeconds]).catch((error) =>
        tell(databaseError(database, error).message),
      );
    },
    async complete({ id }) {
      await patiently(() => boss.complete(name, rowId(id)));
    },
    async remove() {
      // Only an empty queue can go. Another worker may be removing it just now: what stays then is an empty table.
      const remove = async () => {
        await once(`DELETE FROM ${table} WHERE name = $1`, [name]);
        await boss.deleteQueue(name);
      };
      await remove().catch(() => {});
    },
    close: () => boss.stop({ graceful: false }),
  };
  return queue;
}

/** The row of a job: a UUID that follows from its name. */
function rowId(job: string): string {
  const hex = sha256(job);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

type Constructor = new (options: object) => PgBoss;

async function loadPgBoss(load: QueueOptions['load'] = (name) => import(name)): Promise<Constructor> {
  let loaded: { default: Constructor & { states?: unknown } };
  try {
    loaded = (await load('pg-boss')) as typeof loaded;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new ConfigError(
      'the PostgreSQL queue needs pg-boss, which is not installed: npm install pg-boss@10',
    );
  }
  // 11 and later export the class by name, and have another table.
  if (typeof loaded.default !== 'function')
    throw new ConfigError(
      'the PostgreSQL queue needs pg-boss 10, another version is installed: npm install pg-boss@10',
    );
  return loaded.default;
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
