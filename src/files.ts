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
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DataError } from './errors.js';

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
 */
export function replaceFile(path: string, write: (temporaryPath: string) => void): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = temporaryName(path);
  try {
    write(temporary);
    putInPlace(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** `replaceFile` for writers that stream or await. */
export async function replaceFileAsync(
  path: string,
  write: (temporaryPath: string) => Promise<void>,
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = temporaryName(path);
  try {
    await write(temporary);
    putInPlace(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function putInPlace(temporary: string, path: string): void {
  syncPath(temporary);
  renameSync(temporary, path);
  syncPath(dirname(path));
}

/** Writes a whole file atomically and durably; text as UTF-8. Missing folders are made. */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  replaceFile(path, (temporary) => writeFileSync(temporary, data, { flag: 'wx' }));
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
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new DataError(`${path}: ${reason(error)}`);
  }
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/**
 * Reads a JSON file.
 * @throws DataError naming the file when it is missing, unreadable or not JSON.
 */
export function readJson<T = unknown>(path: string): T {
  const text = readText(path);
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new DataError(`${path}: not valid JSON (${(error as Error).message})`);
  }
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
