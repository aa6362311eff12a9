/**
 * Compiles the addon: native/*.cc → objects → one file, in the user's cache, outside every project.
 *
 * Everything is named by a key of what it was made from (sources, flags, libtorch, compiler), never by where a project
 * lies: clones, worktrees and installed packages share what is alike, editing one file compiles one file, and what is
 * there is right. No CMake and no node-gyp: a handful of files, one compiler call each, need neither.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { addonCacheDir } from './cache.mjs';
import { compileFlags, jpegFlags, linkFlags, nodeHeaders } from './compiler.mjs';
import { digest, readSources, sourceDir } from './record.mjs';
import { execute, SetupError } from './tools.mjs';

/** A compiler process at the heaviest file of this folder takes about this much memory. */
const COMPILER_BYTES = 1.5e9;
/** No compiler writes on one file for so long: a temporary file older than this belongs to nobody. */
const FORGOTTEN_MS = 600_000;
/** Objects of one source that are kept: of as many branches, libtorches or compilers as are worked with by turns. */
const KEPT_OBJECTS = 8;
const UNUSED_MS = 30 * 86_400_000;

/**
 * What an addon is made of.
 * @typedef {object} Parts
 * @property {import('./libtorch.mjs').Libtorch} libtorch
 * @property {import('./libjpeg.mjs').Libjpeg | null} libjpeg
 * @property {import('./compiler.mjs').Compiler} compiler
 */

/** Changes with everything that the addon depends on. Takes a few milliseconds. */
export function addonKey(parts, env = process.env) {
  return plan(parts, env).key;
}

/**
 * Builds what is not there. Interrupted, it leaves no half file under a final name and goes on where it was.
 * @param {Parts} parts
 * @param {{ env?: NodeJS.ProcessEnv, signal?: AbortSignal }} options
 * @returns {Promise<{ key: string, addon: string, compiled: string[] }>} `addon`: from the cache's folder; `compiled`: sources
 */
export async function buildAddon(parts, { env = process.env, signal } = {}) {
  const dir = addonCacheDir(env);
  for (const folder of ['objects', 'addons']) mkdirSync(join(dir, folder), { recursive: true });
  const { key, units, link } = plan(parts, env);
  const addon = join('addons', `${key}.node`);
  if (existsSync(join(dir, addon))) return { key, addon, compiled: [] };

  const path = ({ name, key }) => join(dir, 'objects', `${name}-${key}.o`);
  const headers = `-I${nodeHeaders()}`; // in no key: each project has its own, and they promise not to change
  const run = (args) => compile(parts.compiler.path, args, signal);
  const compileUnits = (wanted) =>
    inParallel(wanted, (unit) =>
      // By its bare name from its own folder: what the compiler writes down of paths is the same everywhere.
      produce(path(unit), (out) => run([...unit.flags, headers, '-c', unit.name, '-o', out])),
    );
  const linkAll = () => produce(join(dir, addon), (out) => run([...units.map(path), ...link, '-o', out]));

  const missing = units.filter((unit) => !existsSync(path(unit)));
  await compileUnits(missing);
  try {
    await linkAll();
  } catch (error) {
    // A machine that lost its power may have left an empty object under a right name.
    const reused = units.filter((unit) => !missing.includes(unit));
    if (signal?.aborted || reused.length === 0) throw error;
    await compileUnits(reused);
    missing.push(...reused);
    await linkAll();
  }
  prune(join(dir, 'objects'), units.map(path));
  return { key, addon, compiled: missing.map(({ name }) => name) };
}

/** What to compile and how: everything that a file's object depends on goes into its key. */
function plan({ libtorch, libjpeg, compiler }, env) {
  const sources = readSources();
  const headers = sources.filter(({ name }) => name.endsWith('.h'));
  const flags = compileFlags(libtorch, env);
  const common = digest([
    ...headers.flatMap(({ name, content }) => [name, content]),
    libtorch.identity,
    compiler.version,
  ]);
  const units = sources
    .filter(({ name }) => name.endsWith('.cc'))
    .map(({ name, content }) => {
      // Only one file asks for libjpeg-turbo: nothing else is compiled anew when it appears.
      const own = name === 'jpeg.cc' ? [...flags, ...jpegFlags(libjpeg)] : flags;
      return { name, flags: own, key: digest([common, ...own, content]) };
    });
  const link = linkFlags(libtorch, libjpeg, env);
  return { units, link, key: digest([...units.flatMap(({ name, key }) => [name, key]), ...link]) };
}

/** As many compilers at a time as cores and memory bear. */
async function inParallel(units, work) {
  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / COMPILER_BYTES)));
  const queue = [...units];
  const worker = async () => {
    for (let unit = queue.shift(); unit; unit = queue.shift()) await work(unit);
  };
  await Promise.all(Array.from({ length: Math.min(jobs, units.length) }, worker));
}

async function compile(compiler, args, signal) {
  const { code, output } = await execute(compiler, args, { cwd: sourceDir, signal });
  if (code !== 0) throw new SetupError(`${compiler} failed (exit ${code}):\n${output.trim()}`);
  if (output.trim()) process.stderr.write(output);
}

/** Makes a file under a temporary name, then moves it into place. */
async function produce(path, make) {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await make(temporary);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Objects that were not used for long or are too many of one source, and what a killed compiler left. */
function prune(dir, used) {
  const now = new Date();
  for (const path of used) utimesSync(path, now, now);
  const files = [dir, join(dirname(dir), 'addons')]
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .map((path) => ({ path, ageMs: now.getTime() - statSync(path).mtimeMs }));
  const forgotten = files.filter(({ path, ageMs }) => path.endsWith('.tmp') && ageMs > FORGOTTEN_MS);
  const objects = files.filter(({ path }) => path.endsWith('.o')).sort((a, b) => a.ageMs - b.ageMs);
  const seen = new Map();
  const old = objects.filter(({ path, ageMs }) => {
    const source = basename(path).replace(/-[0-9a-f]+\.o$/, '');
    seen.set(source, (seen.get(source) ?? 0) + 1);
    return seen.get(source) > KEPT_OBJECTS || ageMs > UNUSED_MS;
  });
  for (const { path } of [...forgotten, ...old]) rmSync(path, { force: true });
}
