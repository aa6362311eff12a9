/**
 * Reading of files that somebody names: a regular file is opened, whatever else bears the name is refused by name.
 * Opening a named pipe waits for a writer that may never come, and a device such as /dev/zero has no end.
 */
import {
  close,
  closeSync,
  constants,
  fstat,
  fstatSync,
  open,
  openSync,
  read,
  readFile,
  readFileSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { DataError } from './errors.js';

/** Node reads no larger file at once. */
const mostBytes = 2 ** 31 - 1;

/** Without waiting: what turns out to be no file is closed again. Windows knows no such flag, and no pipes in folders. */
const readOnly = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Pipes that a shell hands over by a path, as in `--key <(pass show key)`: somebody writes into them. */
const handedOver = /^\/(dev\/(stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/;

/** What a path leads to instead of a file, in words; undefined for a file. */
export function specialKind(stat: Stats): string | undefined {
  if (stat.isFile()) return undefined;
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a named pipe';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
}

/** The error for something that is no file, or that cannot be opened. */
function openError(path: string, cause: unknown): DataError {
  return cause instanceof DataError ? cause : new DataError(`${path}: ${reason(cause)}`, { cause });
}

function refuseSpecial(path: string, stat: Stats): void {
  const kind = specialKind(stat);
  if (kind === undefined || (stat.isFIFO() && handedOver.test(path))) return;
  throw new DataError(`${path}: is ${kind}, not a file`);
}

/**
 * Opens a file for reading; the caller closes it.
 * @throws DataError naming the path when it is missing, may not be read, or is a folder, pipe, socket or device
 */
export function openFile(path: string): number {
  let file: number | undefined;
  try {
    refuseSpecial(path, statSync(path)); // opening some devices does things: a tape winds back
    file = openSync(path, handedOver.test(path) ? 'r' : readOnly);
    refuseSpecial(path, fstatSync(file)); // whatever took the name in between
    return file;
  } catch (cause) {
    if (file !== undefined) closeSync(file);
    throw openError(path, cause);
  }
}

/** For libraries that open a path themselves. @throws DataError as {@link openFile} */
export function requireFile(path: string): void {
  try {
    refuseSpecial(path, statSync(path));
  } catch (cause) {
    throw openError(path, cause);
  }
}

/** A whole file. @throws DataError as {@link openFile}, and for 2 GiB or more */
export function readBytes(path: string): Buffer {
  const file = openFile(path);
  try {
    refuseHuge(path, fstatSync(file));
    return readFileSync(file);
  } catch (cause) {
    throw openError(path, cause);
  } finally {
    closeSync(file);
  }
}

// Fewer steps, each a change of threads, than those of node:fs/promises.
const later = {
  open: promisify(open),
  fstat: promisify(fstat),
  read: promisify(read),
  readFile: promisify(readFile),
  close: promisify(close),
};

/** {@link readBytes} without blocking. */
export async function readBytesAsync(path: string): Promise<Buffer> {
  let file: number | undefined;
  try {
    file = await later.open(path, readOnly);
    const stat = await later.fstat(file);
    refuseSpecial(path, stat);
    refuseHuge(path, stat);
    const bytes = Buffer.allocUnsafe(stat.size);
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await later.read(file, bytes, done, bytes.length - done, done);
      if (bytesRead === 0) break; // it became shorter meanwhile
      done += bytesRead;
    }
    return stat.size > 0 ? bytes.subarray(0, done) : await later.readFile(file);
  } catch (cause) {
    throw openError(path, cause);
  } finally {
    if (file !== undefined) await later.close(file);
  }
}

/** The first bytes of a file; fewer where it is shorter. @throws DataError as {@link openFile} */
export function readStart(path: string, length: number): Buffer {
  const file = openFile(path);
  try {
    const start = Buffer.alloc(length);
    return start.subarray(0, readSync(file, start, 0, length, 0));
  } catch (cause) {
    throw openError(path, cause);
  } finally {
    closeSync(file);
  }
}

function refuseHuge(path: string, { size }: Stats): void {
  if (size > mostBytes)
    throw new DataError(
      `${path}: has ${(size / 2 ** 30).toFixed(1)} GiB; files from 2 GiB on are not read at once`,
    );
}

/** Why something cannot be read, in words. */
function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'is a folder, not a file';
  if (code === 'ENXIO') return 'is a socket or a device, not a file';
  if (code === 'ELOOP') return 'is a link that leads in a circle';
  if (code === 'ENAMETOOLONG') return 'the name is longer than names of files may be';
  return message;
}
