/**
 * One process a run folder. The file `lock` names the process that writes; it appears complete (a hard link
 * of a finished file), so a reader never sees half of it. A lock whose process is gone, or whose process id
 * now belongs to another process, is stale and is taken over: after a kill -9 nobody has to clean up by hand.
 *
 * Where the folder is shared by several machines, one cannot look for the process of another. So whoever holds a lock
 * touches it now and then, and a lock on another host that has not been touched for its whole lease is stale too. The
 * machines' clocks must agree within a fraction of the lease. A process that was frozen for longer than that finds its
 * lock gone soon after it wakes up, and ends.
 */
import { linkSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { GraftError } from '../errors.js';
import { whileWriting } from '../files.js';

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

/** A taking-over that is older than this belongs to a process that died in the middle of it. */
const takeoverLimitMs = 10_000;

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
  const path = join(dir, 'lock');
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
    if (Number.isInteger(owner.pid) && typeof owner.host === 'string') return { ...owner, touchedMs };
  } catch {}
  return { pid: 0, host: hostname(), started: 'unreadable', since: '' };
}

/** Another process writes the folder. */
export class LockedError extends GraftError {
  override name = 'LockedError';
}

/**
 * Takes the folder's lock, and keeps it fresh.
 * @param options.onLost called when the lock was taken over by another host; default: says so and ends the process, for
 * two processes that write one run would ruin it
 * @returns a function that gives it back.
 * @throws LockedError naming the process that holds it.
 */
export function takeLock(
  dir: string,
  options: { onLost?: () => void; touchEveryMs?: number } = {},
): () => void {
  const path = join(dir, 'lock');
  const mine: LockOwner = {
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
    since: new Date().toISOString(),
    leaseMs,
  };
  const text = `${JSON.stringify(mine)}\n`;
  if (!tryCreate(path, text)) {
    const owner = readLock(dir);
    if (owner !== undefined) refuseIfHeld(dir, owner);
    takeOver(dir, text);
  }
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
    `graft: ${dir}: this process lost its lock (it stood still for minutes, or the lock was removed); it ends here, and whoever holds the run now goes on\n`,
  );
  process.exit(1);
}

function refuseIfHeld(dir: string, owner: LockOwner): void {
  const alive = ownerIsAlive(owner);
  if (alive === false) return;
  const who = `process ${owner.pid} on ${owner.host}, since ${owner.since}`;
  if (alive) throw new LockedError(`${dir}: another process is writing this run (${who})`);
  throw new LockedError(`${dir}: locked by ${who}; if it no longer runs there, remove ${join(dir, 'lock')}`);
}

/** Replaces a stale lock. A second lock around it keeps two newcomers from both replacing it. */
function takeOver(dir: string, text: string): void {
  const path = join(dir, 'lock');
  const guard = join(dir, 'lock.takeover');
  try {
    if (Date.now() - statSync(guard).mtimeMs > takeoverLimitMs) rmSync(guard, { force: true });
  } catch {}
  const busy = new LockedError(`${dir}: another process is just opening this run; try again`);
  if (!tryCreate(guard, text)) throw busy;
  try {
    const owner = readLock(dir);
    if (owner !== undefined) refuseIfHeld(dir, owner);
    rmSync(path, { force: true });
    if (!tryCreate(path, text)) throw busy;
  } finally {
    rmSync(guard, { force: true });
  }
}

/** Makes a file with its whole content at once; false when it exists. */
function tryCreate(path: string, text: string): boolean {
  const temporary = `${path}.${process.pid}`;
  try {
    whileWriting(path, () => writeFileSync(temporary, text));
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
    rmSync(temporary, { force: true });
  }
}
