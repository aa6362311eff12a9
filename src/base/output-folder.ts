/**
 * Output folders: whole or not there at all, and nothing of anyone else's is deleted or replaced.
 *
 * A folder grows in a hidden workplace beside it (`.NAME.making`), which one process at a time may hold, and takes its
 * name by one rename at the end. The system lets a rename replace nothing but an empty folder; so what was laid there
 * meanwhile stays, and the result is kept under a name of its own. A link to an empty folder is followed. What a kill
 * leaves in a workplace is removed by the next call to the same place.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  DataError,
  followLinks,
  hiddenName,
  isTemporaryFile,
  makeFolders,
  syncPath,
  WriteError,
  writeFailure,
} from 'graft-torch/base';
import { takeLock } from './lock.js';

/** The hidden folder beside an output folder, ours until the work ends. */
export interface Workplace {
  dir: string;
  /** Removes everything that lies in it. */
  clear(): void;
}

export interface WorkplaceOptions {
  /** What the hidden folder's name ends in; default `making`. */
  ending?: string;
  /** Names of the work's own that show that the folder is ours. */
  marks?: readonly string[];
  /** Whether what lies there stays for the next call, which goes on from it; default: never. */
  keepAfter?: (error: unknown) => boolean;
}

/** Writers that were not told yet to stop may add a file while a folder is being removed. */
const removal = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 };

/** Says that a folder is a workplace, also where a call left without its lock. */
const marker = 'unfinished';
const isHousekeeping = (name: string): boolean => name === marker || /^\.?lock(\.|$)/.test(name);

/**
 * Makes a folder: `fill` writes into a hidden one, which then takes the name.
 * @param out must not exist, or be empty; a link to an empty folder is followed
 * @throws DataError when the folder is filled, or was filled meanwhile (the result is then whole and kept beside it);
 * LockedError while another process makes the same folder; WriteError for a full disk and its like; nothing is left then
 */
export async function makeFolder<Result>(
  out: string,
  fill: (building: string) => Promise<Result>,
): Promise<Result> {
  try {
    requireFree(out);
  } catch (error) {
    if (existsSync(workplaceOf(out))) await inWorkplace(out, async () => {}).catch(() => {}); // tidies up
    throw error;
  }
  return inWorkplace(out, async ({ dir }) => {
    requireFree(out); // another process may have made it before the workplace was ours
    const building = join(dir, 'folder');
    mkdirSync(building);
    const result = await fill(building);
    publishFolder(building, out);
    return result;
  });
}

/** @throws DataError when there is something at the place of an output folder already */
export function requireFree(out: string): void {
  const target = followLinks(out);
  const stat = statSync(target, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isDirectory()) throw new DataError(`${out} is a file; give another folder with --out`);
  const files = readdirSync(target);
  if (existsSync(join(target, 'dataset.yaml')))
    throw new DataError(`${out} is a dataset already; remove it first, or give another folder with --out`);
  if (files.length > 0)
    throw new DataError(
      `${out} is not empty (it holds ${files[0]}${files.length > 1 ? ' and more' : ''}); give another folder with --out`,
    );
  if (isMountPoint(target, stat))
    throw new DataError(
      `${out} is where a disk is mounted, and cannot be replaced as a whole; give a folder in it, such as ${join(out, 'result')}`,
    );
}

/**
 * For a folder of several files that each call writes anew: it may hold an earlier one, and whatever lies beside that.
 * @param marks files by which an earlier one is told, all together
 * @param own names that a call writes: a folder that holds nothing else was left by one that was stopped
 * @throws DataError for a folder with files of somebody else's, which might be replaced
 */
export function requireOwn(out: string, { marks, own }: { marks: readonly string[]; own: RegExp }): void {
  const dir = followLinks(out);
  const stat = statSync(dir, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isDirectory()) throw new DataError(`${out} is a file; give another folder with --out`);
  const foreign = readdirSync(dir).filter((name) => !own.test(name) && !isTemporaryFile(name));
  const isEarlier =
    marks.every((name) => existsSync(join(dir, name))) && !existsSync(join(dir, 'config.yaml'));
  if (foreign.length > 0 && !isEarlier)
    throw new DataError(
      `${out} holds other files (${foreign[0]}${foreign.length > 1 ? ' and more' : ''}), which might be replaced; give a new folder with --out, such as ${join(out, 'report')}`,
    );
}

const workplaceOf = (out: string, ending = 'making'): string => hiddenName(followLinks(out), ending);

const isMountPoint = (target: string, stat: Stats): boolean =>
  dirname(target) === target || statSync(dirname(target)).dev !== stat.dev;

/**
 * Works in the hidden folder beside an output folder. It is empty at the beginning, but for what a former call of the
 * same `ending` was to keep, or was killed over while it was to keep it.
 */
export async function inWorkplace<Result>(
  out: string,
  work: (place: Workplace) => Promise<Result>,
  options: WorkplaceOptions = {},
): Promise<Result> {
  const { ending, keepAfter, marks = [] } = options;
  const dir = workplaceOf(out, ending);
  let firstMade: string | undefined;
  let release: () => void;
  const clear = (): void => {
    for (const name of readdirSync(dir)) if (!isHousekeeping(name)) rmSync(join(dir, name), removal);
  };
  try {
    firstMade = makeFolders(dirname(dir));
    release = enter(dir, { out, marks });
  } catch (error) {
    if (firstMade !== undefined) removeEmpty(dirname(dir), firstMade);
    throw writeFailure(out, error, dir);
  }
  let keep = false;
  try {
    if (!keepAfter) clear();
    return await work({ dir, clear });
  } catch (error) {
    keep = keepAfter?.(error) ?? false;
    throw writeFailure(out, error, dir);
  } finally {
    leave(dir, { clear: keep ? () => {} : clear, release });
    if (firstMade !== undefined) removeEmpty(dirname(dir), firstMade);
  }
}

/** Makes the workplace and takes its lock. */
function enter(dir: string, { out, marks }: { out: string; marks: readonly string[] }): () => void {
  const note = 'A call of graft works here, or was stopped; the next one tidies up.\n';
  for (let attempt = 0; ; attempt++) {
    let release: (() => void) | undefined;
    try {
      if (!existsSync(dir)) mkdirSync(dir);
      requireOurs(dir, marks);
      release = takeLock(dir, { about: out, task: 'making this folder' });
      writeFileSync(join(dir, marker), note);
      return release;
    } catch (error) {
      if (release) leave(dir, { clear: () => {}, release });
      else removeEmpty(dir, dir);
      // Whoever had it removed the folder as it left, between our steps.
      const isPassing = !existsSync(dir) || (error as NodeJS.ErrnoException).code === 'EEXIST';
      if (!isPassing || attempt === 10) throw error;
    }
  }
}

/** @throws DataError for a folder that has a workplace's name, and somebody else's files in it */
function requireOurs(dir: string, marks: readonly string[]): void {
  const names = lstatSync(dir).isDirectory() ? readdirSync(dir) : null;
  if (names?.length === 0 || names?.some((name) => isHousekeeping(name) || marks.includes(name))) return;
  throw new DataError(`${dir} is in the way: graft works there, but did not make it; move it away`);
}

/** Gives the lock back, and removes the folder where nothing is left in it. */
function leave(dir: string, { clear, release }: { clear: () => void; release: () => void }): void {
  try {
    clear();
    if (readdirSync(dir).every(isHousekeeping)) rmSync(join(dir, marker), { force: true });
  } catch {} // the next call tidies up
  release();
  removeEmpty(dir, dir); // refused where something was kept, or another process has come in
}

/** Removes the folders from `dir` up to `first`, as long as they are empty. */
function removeEmpty(dir: string, first: string): void {
  try {
    for (let at = dir; at.startsWith(first); at = dirname(at)) rmdirSync(at);
  } catch {}
}

/**
 * Gives a finished folder its name, in one step; its rights are those of the empty folder that was there.
 * @param content on the same disk as `out`
 * @throws DataError when there is something at `out`: `content` is then whole and kept under a name that is free
 */
export function publishFolder(content: string, out: string): void {
  const target = followLinks(out);
  try {
    const before = lstatSync(target, { throwIfNoEntry: false });
    if (process.platform === 'win32' && existsSync(target)) rmdirSync(target); // there a rename replaces nothing
    renameSync(content, target);
    if (before) takeRights(target, before);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY', 'EXDEV'].includes(code)) throw error;
    const kept = keepAside(content, `${resolve(out)}.result`);
    throw new DataError(
      `${out}: something else was put there meanwhile, and is left as it is; the result is whole and kept in ${kept}: move it where you want it, or repeat the command with another --out`,
      { cause: error },
    );
  }
  syncPath(dirname(target));
}

function takeRights(target: string, from: Stats): void {
  chmodSync(target, from.mode & 0o7777);
  const { uid, gid } = statSync(target);
  if (uid === from.uid && gid === from.gid) return;
  try {
    chownSync(target, from.uid, from.gid);
  } catch {} // only root may
}

/** Gives a folder the wished name or, where that is taken, the next one that is free. @returns that name */
export function keepAside(content: string, wished: string): string {
  for (let n = 1; n < 1000; n++) {
    const name = n === 1 ? wished : `${wished}-${n}`;
    if (lstatSync(name, { throwIfNoEntry: false })) continue;
    renameSync(content, name);
    return name;
  }
  throw new WriteError(`${wished}: not written: it is taken, and so are a thousand names like it`);
}
