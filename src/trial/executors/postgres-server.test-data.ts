/** A PostgreSQL server of its own under a temporary folder, for tests; reached by its socket only. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.test-data.js';

const versions = '/usr/lib/postgresql';

/** The folder of the newest server's programs. */
function programs(): string | undefined {
  const found = existsSync(versions) ? readdirSync(versions).map((name) => join(versions, name, 'bin')) : [];
  return found.filter((dir) => existsSync(join(dir, 'initdb'))).at(-1);
}

/** Why there can be no server here; undefined where there can. */
export const whyNoPostgres = (): string | undefined =>
  programs() ? undefined : `no server under ${versions}: apt-get install postgresql`;

export interface PostgresServer {
  connection: string;
  /** Runs SQL; rows as lines, columns apart by `|`. */
  query(sql: string): string[];
  start(): Promise<void>;
  /** At once, as a crash would. */
  kill(): Promise<void>;
}

/** @param dir an empty folder that other users may enter, with a short path: a socket's has 107 bytes at most */
export async function startPostgres(dir: string): Promise<PostgresServer> {
  const bin = programs()!;
  const [data, socket] = [join(dir, 'data'), join(dir, 's')];
  const owner = serverUser();
  for (const path of [data, socket]) {
    mkdirSync(path, { mode: 0o700 });
    if (owner) chownSync(path, owner.uid, owner.gid);
  }
  const options = { cwd: data, ...owner };
  const arguments_ = ['-D', data, '-U', 'graft', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'];
  execFileSync(join(bin, 'initdb'), arguments_, { ...options, stdio: 'ignore' });
  let child: ChildProcess | undefined;
  const query = (sql: string) =>
    execFileSync(join(bin, 'psql'), ['-h', socket, '-U', 'graft', '-d', 'postgres', '-Atqc', sql], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
      .trim()
      .split('\n');
  const server: PostgresServer = {
    connection: `postgresql://graft:secret@/postgres?host=${socket}`,
    query,
    async start() {
      const log = openSync(join(dir, 'log'), 'a');
      const quiet = ['-c', 'listen_addresses=', '-c', 'fsync=off', '-k', socket];
      child = spawn(join(bin, 'postgres'), ['-D', data, ...quiet], {
        ...options,
        stdio: ['ignore', log, log],
      });
      await until(() => query('SELECT 1')[0] === '1');
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((done) => child!.once('exit', done));
      // SIGQUIT is an immediate shutdown; after a SIGKILL its shared memory would be left behind.
      child.kill('SIGQUIT');
      await gone;
    },
  };
  await server.start();
  return server;
}

/** PostgreSQL refuses to run as root. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres']));
  return { uid: id('-u'), gid: id('-g') };
}
