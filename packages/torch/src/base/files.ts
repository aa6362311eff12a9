/**
 * Files that are whole or not there at all. A reader never meets a half-written file, and neither a kill -9 nor
 * a power cut loses one that was reported as written: the content goes to a temporary name in the same folder,
 * is synced, takes the final name by a rename, and the folder's entry is synced too.
 */
import { constants } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { DataError, WriteError } from './errors.js';
import { parseJson } from './json-text.js';
import { openFile, readBytes } from './reading.js';

// The tail covers a writer that itself writes to a temporary name beside the one it was given.
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp(\..+)?$/;

/** A name for a file that is not whole yet, in the same folder: hidden, and like no other. */
export function temporaryName(path: string): string {
  return hiddenName(path, `${randomBytes(6).toString('hex')}.tmp`);
}

/** `.NAME.ending` beside a path; a long name is cut, for the ending must fit into the 255 bytes of a file's name. */
export function hiddenName(path: string, ending: string): string {
  const name = basename(path);
  const short = Buffer.byteLength(name) <= 200 ? name : `${name.slice(0, 40)}-${sha256(name).slice(0, 12)}`;
  return join(dirname(path), `.${short}.${ending}`);
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
 * Missing folders are made. When `write` throws, the temporary file is removed and the old file stays. A link is
 * followed: what it points to is replaced, not the link.
 * @throws WriteError where the disk is full, or does not let itself be written, or where there is no plain file but a
 * folder or a device.
 */
export function replaceFile(path: string, write: (temporaryPath: string) => void): void {
  let temporary: string | undefined;
  try {
    const target = fileToReplace(path);
    temporary = temporaryName(target);
    makeFolders(dirname(target));
    write(temporary);
    putInPlace(temporary, target);
  } catch (error) {
    if (temporary !== undefined) discard(temporary);
    throw writeFailure(path, error, temporary);
  }
}

/** `replaceFile` for writers that stream or await. */
export async function replaceFileAsync(
  path: string,
  write: (temporaryPath: string) => Promise<void>,
): Promise<void> {
  let temporary: string | undefined;
  try {
    const target = fileToReplace(path);
    temporary = temporaryName(target);
    makeFolders(dirname(target));
    await write(temporary);
    putInPlace(temporary, target);
  } catch (error) {
    if (temporary !== undefined) discard(temporary);
    throw writeFailure(path, error, temporary);
  }
}

/** Where a path leads: itself, or what its links point to, which need not be there yet. */
export function followLinks(path: string): string {
  const at = resolve(path);
  if (!lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return at;
  try {
    return realpathSync(at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw writeFailure(path, error);
  }
  return followLinks(resolve(dirname(at), readlinkSync(at))); // not round in a circle: that is another error
}

/** Makes a folder and those above it. @returns the first one that was missing */
export function makeFolders(dir: string): string | undefined {
  try {
    return mkdirSync(dir, { recursive: true });
  } catch (error) {
    // Node says ENOENT of a read-only disk, too: what the system says of the first missing folder is the cause.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    let missing = resolve(dir);
    while (!existsSync(dirname(missing))) missing = dirname(missing);
    mkdirSync(missing);
    return mkdirSync(dir, { recursive: true }) ?? missing;
  }
}

/** @throws WriteError for what a rename would replace though it is no file of anyone's: /dev/null, a pipe, a folder */
function fileToReplace(path: string): string {
  const target = followLinks(path);
  const stat = lstatSync(target, { throwIfNoEntry: false });
  if (!stat || stat.isFile()) return target;
  const what = stat.isDirectory() ? 'a folder' : 'a device or a pipe, not a file';
  throw new WriteError(`${path}: not written: it is ${what}; give the name of a file`);
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
  EROFS: { what: 'the disk is read-only', remedy: 'mount it for writing, or give a place elsewhere' },
  EACCES: { what: 'permission denied', remedy: 'make its folder writable for you' },
  EPERM: { what: 'permission denied', remedy: 'make its folder writable for you' },
  ENAMETOOLONG: { what: 'its name is too long for this disk', remedy: 'give a shorter one' },
  ENOTDIR: { what: 'a part of its path is a file, not a folder', remedy: 'give another path' },
  EISDIR: { what: 'there is a folder of this name', remedy: 'give the name of a file' },
  EEXIST: { what: 'there is something of this name already', remedy: 'give another name' },
  ENOENT: { what: 'its folder is gone', remedy: 'look what removed it' },
  ELOOP: { what: 'its links go round in a circle', remedy: 'give another path' },
  EBUSY: { what: 'the system is using it', remedy: 'give another name' },
  EMFILE: { what: 'too many files are open', remedy: 'raise the limit (ulimit -n 65536)' },
  ENFILE: { what: 'too many files are open on this machine', remedy: 'close other programs' },
};

/** What only a writer is told: it need not be asked which file it is about. */
const writersOnly = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS']);

/**
 * The error to show for one that came up while `path` was written: one line with the file, the cause, the room
 * left there and the remedy. Errors with another cause come back as they are.
 * @param temporary where it was written to meanwhile: a file, or a folder
 */
export function writeFailure(path: string, error: unknown, temporary = path): unknown {
  const {
    code = '',
    path: about = path,
    dest = about,
  } = (error ?? {}) as NodeJS.ErrnoException & {
    dest?: string;
  };
  const problem = writeProblems[code];
  // A writer may read other files: their troubles are not this one's.
  const isOurs =
    writersOnly.has(code) ||
    [about, dest].some((one) =>
      [path, temporary].some((own) => isWithin(one, own) || isWithin(own, one) || isBeside(one, own)),
    );
  if (problem === undefined || !isOurs) return error;
  if (code === 'ENOENT' && existsSync(dirname(temporary))) return error; // what was looked for is another file
  const { what, remedy } = problem;
  const room = code === 'ENOSPC' || code === 'EDQUOT' ? roomAround(path) : '';
  const message = `${path}: not written: ${what}${room}; ${remedy}, then resume the run or repeat the command`;
  return new WriteError(message, { cause: error });
}

const isWithin = (path: string, folder: string): boolean =>
  resolve(path) === resolve(folder) || resolve(path).startsWith(`${resolve(folder)}${sep}`);
const isBeside = (a: string, b: string): boolean => dirname(resolve(a)) === dirname(resolve(b));

/** Makes a folder and those above it. @throws WriteError as `replaceFile` */
export function ensureFolder(dir: string): void {
  whileWriting(dir, () => makeFolders(dir));
}

/** What the system says of a file or folder, with the remedy; undefined where it names none, or another cause. */
export function systemProblem(error: unknown): string | undefined {
  const { code = '', path, syscall = '' } = (error ?? {}) as NodeJS.ErrnoException;
  const problem =
    code === 'ENOENT' ? { what: 'no such file or folder', remedy: 'check the path' } : writeProblems[code];
  return path === undefined || !problem
    ? undefined
    : `${path}: ${problem.what} (${syscall}); ${problem.remedy}`;
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
  const bytes = readBytes(path);
  if (bytes.length > constants.MAX_STRING_LENGTH)
    throw new DataError(`${path}: ${bytes.length} bytes are too many for a file of text`);
  const text = bytes.toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
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
    const stream = createReadStream(path, { fd: openFile(path), highWaterMark: 1 << 20 });
    for await (const chunk of stream) hash.update(chunk as Buffer);
  } catch (cause) {
    throw cause instanceof DataError
      ? cause
      : new DataError(`${path}: ${(cause as Error).message}`, { cause });
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
