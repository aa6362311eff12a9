/**
 * Files that are whole or not there at all. A reader never meets a half-written file, and neither a kill -9 nor
 * a power cut loses one that was reported as written: the content goes to a temporary name in the same folder,
 * is synced, takes the final name by a rename, and the folder's entry is synced too.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DataError, WriteError } from './errors.js';
import { parseJson } from './json-text.js';

// The tail covers a writer that itself writes to a temporary name beside the one it was given.
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp(\..+)?$/;

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

/** Flushes a file's content, or a folder's entries, to the disk. */
export function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some file systems refuse to sync a folder (EINVAL) or a read-only descriptor (EBADF, EPERM on Windows);
    // the rename is still atomic there.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EINVAL' && code !== 'EBADF' && code !== 'EPERM') throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * Lets `write` make a file under a temporary name and then gives it its own name, atomically and durably.
 * Missing folders are made. When `write` throws, the temporary file is removed and the old file stays.
 * @throws WriteError where the disk is full, or does not let itself be written.
 */
export function replaceFile(path: string, write: (temporaryPath: string) => void): void {
  const temporary = temporaryName(path);
  try {
    mkdirSync(dirname(path), { recursive: true });
    write(temporary);
    putInPlace(temporary, path);
  } catch (error) {
    discard(temporary);
    throw writeFailure(path, error);
  }
}

/** `replaceFile` for writers that stream or await. */
export async function replaceFileAsync(
  path: string,
  write: (temporaryPath: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    mkdirSync(dirname(path), { recursive: true });
    await write(temporary);
    putInPlace(temporary, path);
  } catch (error) {
    discard(temporary);
    throw writeFailure(path, error);
  }
}

/** Removes a file where that is possible: what made the writing fail may keep it from going, too. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

function putInPlace(temporary: string, path: string): void {
  syncPath(temporary);
  renameSync(temporary, path);
  syncPath(dirname(path));
}

/** What the system says when a file cannot be written, and what helps. */
const writeProblems: Record<string, { what: string; remedy: string }> = {
  ENOSPC: { what: 'the disk is full', remedy: 'make room there' },
  EDQUOT: { what: 'the disk quota is used up', remedy: 'remove files of yours there, or ask for more' },
  EFBIG: { what: 'it would be larger than files may be', remedy: 'raise the limit (ulimit -f unlimited)' },
  EIO: { what: 'the disk reports an error', remedy: 'check it (dmesg) and move the folder to a sound one' },
  EROFS: { what: 'the disk is read-only', remedy: 'mount it for writing (dmesg says why it is not)' },
  EACCES: { what: 'permission denied', remedy: 'make its folder writable for you' },
  EPERM: { what: 'permission denied', remedy: 'make its folder writable for you' },
};

/**
 * The error to show for one that came up while `path` was written: one line with the file, the cause, the room
 * left there and the remedy. Errors with another cause come back as they are.
 */
export function writeFailure(path: string, error: unknown): unknown {
  const { code = '', path: about = path } = (error ?? {}) as NodeJS.ErrnoException;
  const problem = writeProblems[code];
  // A writer may read other files: their troubles are not this one's.
  const isOurs = dirname(about) === dirname(path) || path.startsWith(about);
  if (problem === undefined || !isOurs) return error;
  const { what, remedy } = problem;
  const message = `${path}: not written: ${what}${roomAround(path)}; ${remedy}, then resume the run or repeat the command`;
  return new WriteError(message, { cause: error });
}

/** Runs what writes `path` in place. @throws WriteError as `replaceFile` */
export function whileWriting<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw writeFailure(path, error);
  }
}

/** ` (1.2 MB of 2.0 GB free)`, of the file system that holds a path; empty where it does not say. */
function roomAround(path: string): string {
  try {
    const { bavail, blocks, bsize } = statfsSync(dirname(path));
    return ` (${byteText(bavail * bsize)} of ${byteText(blocks * bsize)} free)`;
  } catch {
    return '';
  }
}

const byteUnits = [
  { name: 'TB', bytes: 1e12 },
  { name: 'GB', bytes: 1e9 },
  { name: 'MB', bytes: 1e6 },
  { name: 'kB', bytes: 1e3 },
] as const;

/** A number of bytes for people, two digits or more: `1.2 MB`. */
export function byteText(bytes: number): string {
  const unit = byteUnits.find((one) => bytes >= one.bytes);
  if (!unit) return `${Math.round(bytes)} bytes`;
  const value = bytes / unit.bytes;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit.name}`;
}

/** Writes a whole file atomically and durably; text as UTF-8. Missing folders are made. */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  replaceFile(path, (temporary) => writeFileSync(temporary, data, { flag: 'wx' }));
}

/** `writeFileAtomic` in pieces, for what is too large to be put together in memory. */
export function writeChunks(path: string, chunks: Iterable<Uint8Array>): void {
  replaceFile(path, (temporary) => {
    const file = openSync(temporary, 'wx');
    try {
      for (const chunk of chunks)
        for (let done = 0; done < chunk.length; ) done += writeSync(file, chunk, done, chunk.length - done);
    } finally {
      closeSync(file);
    }
  });
}

/** `writeFileAtomic` of indented JSON with a newline at its end. */
export function writeJson(path: string, value: unknown): void {
  writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Reads a text file as UTF-8 without its byte order mark.
 * @throws DataError naming the file when it is missing or unreadable.
 */
export function readText(path: string): string {
  const text = readBytes(path).toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** @throws DataError naming the file when it is missing or unreadable. */
export function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new DataError(`${path}: ${reason(error)}`);
  }
}

/**
 * Reads a JSON file.
 * @throws DataError naming the file when it is missing, unreadable, not JSON, or nested too deeply.
 */
export function readJson<T = unknown>(path: string): T {
  return parseJson(readText(path), path) as T;
}

/** SHA-256 of a file as 64 hex digits, streamed, so that its size does not matter. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
      hash.update(chunk as Buffer);
  } catch (error) {
    throw new DataError(`${path}: ${reason(error)}`);
  }
  return hash.digest('hex');
}

/** SHA-256 of bytes or UTF-8 text as 64 hex digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Removes temporary files that a killed process left in a folder; returns how many there were. */
export function removeTemporaryFiles(dir: string): number {
  const left = readdirSync(dir).filter((name) => TEMPORARY.test(name));
  for (const name of left) rmSync(join(dir, name), { force: true });
  return left.length;
}

/** Whether a name is one of `replaceFile`'s temporary names. */
export function isTemporaryFile(name: string): boolean {
  return TEMPORARY.test(name);
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'EISDIR') return 'is a folder, not a file';
  return message;
}
