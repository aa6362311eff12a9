/**
 * One process a folder: runs, jobs of a trial, and the places where output folders are made. The file `lock` names the
 * process that writes; it appears complete (a hard link of a finished file), so a reader never sees half of it. A lock
 * whose process is gone, or whose process id now belongs to another process, is stale and is taken over: after a
 * kill -9 nobody has to clean up by hand.
 *
 * Where the folder is shared by several machines, one cannot look for the process of another. So whoever holds a lock
 * touches it now and then, and a lock on another host that has not been touched for its whole lease is stale too. The
 * machines' clocks must agree within a fraction of the lease. A process that was frozen for longer than that finds its
 * lock gone soon after it wakes up, and ends.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { GraftError, sha256, temporaryName, whileWriting } from 'graft-torch/base';

/** Who holds a lock. `started` tells two processes with the same id apart; '' where the system cannot say. */
export interface LockOwner {
  pid: number;
  host: string;
  started: string;
  since: string;
  /** Untouched for so long, the lock is stale; locks of earlier versions have none. */
  leaseMs?: number;
  /** When it was last touched, milliseconds since 1970; as read, not part of the file. */
  touchedMs?: number;
}

/** Long enough for the longest stretch in which a training loop gives timers no turn. */
const leaseMs = 180_000;
const touchEveryMs = leaseMs / 12;

/** Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat); '' where there is no /proc. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the command's name, may hold blanks and parentheses: count from the last one.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().slice(0, 8);
    return `${boot}:${ticks}`;
  } catch {
    return '';
  }
}

/**
 * Whether the owner still runs; undefined when it is on another host, where this one cannot look, and has no lease.
 */
export function ownerIsAlive(owner: LockOwner): boolean | undefined {
  if (owner.host !== hostname()) {
    if (owner.leaseMs === undefined || owner.touchedMs === undefined) return undefined;
    return Date.now() - owner.touchedMs <= owner.leaseMs;
  }
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return owner.started === '' || owner.started === startOf(owner.pid);
}

/** The owner of the folder's lock, or undefined when it has none. An unreadable lock counts as a dead process's. */
export function readLock(dir: string): LockOwner | undefined {
  return readHolder(join(dir, 'lock'))?.owner;
}

interface Holder {
  text: string;
  owner: LockOwner;
}

function readHolder(path: string): Holder | undefined {
  let text: string;
  let touchedMs: number;
  try {
    text = readFileSync(path, 'utf8');
    touchedMs = statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
  try {
    const owner = JSON.parse(text) as LockOwner;
    if (Number.isInteger(owner.pid) && typeof owner.host === 'string')
      return { text, owner: { ...owner, touchedMs } };
  } catch {}
  return { text, owner: { pid: 0, host: hostname(), started: 'unreadable', since: '' } };
}

/** Another process writes the folder. */
export class LockedError extends GraftError {
  override name = 'LockedError';
}

/**
 * Takes the folder's lock, and keeps it fresh.
 * @param options.onLost called when the lock was taken over by another host; default: says so and ends the process, for
 * two processes that write one folder would ruin it
 * @param options.task what the process that holds it is doing, for the message; default `writing this run`
 * @param options.about what the message calls the folder; default its path
 * @returns a function that gives it back.
 * @throws LockedError naming the process that holds it; ENOENT when there is no such folder.
 */
export function takeLock(
  dir: string,
  options: { onLost?: () => void; touchEveryMs?: number; task?: string; about?: string } = {},
): () => void {
  const path = join(dir, 'lock');
  const mine: LockOwner & { id: string } = {
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
    since: new Date().toISOString(),
    leaseMs,
    id: randomBytes(6).toString('hex'), // no two locks are alike: see `seize`
  };
  const text = `${JSON.stringify(mine)}\n`;
  const other = seize(path, text);
  if (other) throw refusal(path, other, { task: 'writing this run', about: dir, ...options });
  const isOurs = (): boolean => {
    try {
      return readFileSync(path, 'utf8') === text;
    } catch (error) {
      // A network file system that does not answer for a moment has not taken the lock away.
      return (error as NodeJS.ErrnoException).code !== 'ENOENT';
    }
  };
  const timer = setInterval(() => {
    if (isOurs()) {
      const now = new Date();
      try {
        utimesSync(path, now, now);
      } catch {} // the next turn tries again
      return;
    }
    clearInterval(timer);
    (options.onLost ?? (() => endWithoutLock(dir)))();
  }, options.touchEveryMs ?? touchEveryMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    // Only our own: a lock taken over meanwhile belongs to somebody else.
    try {
      if (readFileSync(path, 'utf8') === text) rmSync(path);
    } catch {}
  };
}

function endWithoutLock(dir: string): never {
  process.stderr.write(
    `graft: ${dir}: this process lost its lock (it stood still for minutes, or the folder or its lock was removed); it ends here, and whoever holds the lock now goes on\n`,
  );
  process.exit(1);
}

function refusal(
  path: string,
  owner: LockOwner,
  { task, about }: { task: string; about: string },
): LockedError {
  const who = `process ${owner.pid} on ${owner.host}, since ${owner.since}`;
  return new LockedError(
    ownerIsAlive(owner) === undefined
      ? `${about}: locked by ${who}; if it no longer runs there, remove ${path}`
      : `${about}: another process is ${task} (${who})`,
  );
}

/**
 * Makes a lock file ours, where nobody alive holds it. A stale one is removed under a second lock, named by the stale
 * one's content. As no two locks are alike, whoever holds that second lock and still finds the stale content is the only
 * one that may remove it: a slow newcomer never removes the lock of a faster one. A second lock whose process died is
 * stale in turn, and is seized in the same way.
 * @returns who holds it instead
 */
function seize(path: string, text: string): LockOwner | undefined {
  for (let attempt = 0; attempt < 10; attempt++) {
    if (tryCreate(path, text)) return undefined;
    const found = readHolder(path);
    if (!found) continue; // given back at this moment
    if (ownerIsAlive(found.owner) !== false) return found.owner;
    const guard = `${path}.${sha256(found.text).slice(0, 12)}`;
    const rival = seize(guard, text);
    if (rival) return rival;
    try {
      if (readHolder(path)?.text === found.text) rmSync(path, { force: true });
    } finally {
      rmSync(guard, { force: true });
    }
  }
  throw new LockedError(`${path}: other processes take and leave this lock all the time; try again`);
}

/** Makes a file with its whole content at once; false when it exists. */
function tryCreate(path: string, text: string): boolean {
  const temporary = temporaryName(path); // two hosts that share the folder may have the same process id
  try {
    whileWriting(path, () => writeFileSync(temporary, text, { flag: 'wx' }));
    linkSync(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // No hard links on this file system (FAT, some network mounts): an exclusive create is the next best.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
    try {
      writeFileSync(path, text, { flag: 'wx' });
      return true;
    } catch (second) {
      if ((second as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw second;
    }
  } finally {
    try {
      rmSync(temporary, { force: true });
    } catch {} // its folder went away
  }
}
