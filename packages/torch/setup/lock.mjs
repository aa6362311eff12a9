/** One set-up at a time in a checkout, one build at a time in a cache: a lock file that a dead or silent owner loses. */
import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const HEARTBEAT_MS = 2_000;
/** An owner on another host, or one whose process id was reused, counts as gone after this long without a sign. */
const SILENCE_MS = 60_000;

/** What this process holds, the innermost last: a signal ends the work under all of them and releases each. */
const held = [];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs `work` while holding the lock; waits for another owner first. SIGINT, SIGTERM and SIGHUP abort the signal
 * handed to `work`, release the lock and end the process.
 * @template T
 * @param {string} path
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, work) {
  const token = `${process.pid} ${hostname()} ${process.hrtime.bigint()}`;
  await acquire(path, token);
  const heartbeat = setInterval(() => touch(path), HEARTBEAT_MS);
  const abort = new AbortController();
  const release = () => {
    clearInterval(heartbeat);
    if (read(path) === token) rmSync(path, { force: true });
  };
  const lock = { abort, release };
  if (held.push(lock) === 1) for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(abort.signal);
  } finally {
    held.splice(held.indexOf(lock), 1);
    if (held.length === 0) for (const name of SIGNALS) process.off(name, onSignal);
    release();
  }
}

function onSignal(name) {
  for (const { abort, release } of held.toReversed()) {
    abort.abort();
    release();
  }
  process.exit(name === 'SIGINT' ? 130 : 143);
}

async function acquire(path, token) {
  for (let waited = false; ; waited = true) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, token);
      closeSync(file);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = read(path);
    if (owner !== null && isGone(path, owner)) {
      takeAway(path, owner);
      continue;
    }
    if (!waited)
      console.error(`set-up: waiting for another one (process ${owner?.split(' ')[0] || 'unknown'}) ...`);
    await sleep(300);
  }
}

function isGone(path, owner) {
  try {
    if (Date.now() - statSync(path).mtimeMs > SILENCE_MS) return true;
  } catch {
    return false; // released meanwhile: the next round gets it
  }
  const [pid, host] = owner.split(' ');
  if (!host || host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Moves a dead owner's lock aside; what was moved may be a living one's by then, and goes back. */
function takeAway(path, owner) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (read(aside) !== owner) linkSync(aside, path);
  } catch {
    // Another waiter was first.
  }
  rmSync(aside, { force: true });
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function touch(path) {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Taken away by someone who held us for dead: nothing to refresh.
  }
}
