/**
 * Which addon to load: the notes that set-ups leave in the cache, one file for each content of native/.
 *
 *   addon/records/SOURCES.json   engines made of these sources, the newest first
 *   addon/addons/KEY.node        the addons
 *   addon/objects/NAME-KEY.o     what they were linked from (build-addon.mjs)
 *
 * A file lists several engines because folders are shared: a home by the nodes of a cluster and by containers, each with a
 * libtorch of its own. Reading starts no process and takes a few milliseconds: it is done whenever the engine is loaded.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonCacheDir } from './cache.mjs';
import { isUnchanged } from './libtorch.mjs';

/** The folder of graft-torch. */
export const packageDir = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const sourceDir = join(packageDir, 'native');

const DAY_MS = 86_400_000;
/** An addon that nobody has loaded for so long goes. */
const UNUSED_MS = 90 * DAY_MS;
const MOST_ENGINES = 8;

/**
 * An engine that a set-up has made.
 * @typedef {object} Engine
 * @property {string} addon the file to load, from the cache's folder
 * @property {number} sizeBytes of that file: another one is damaged
 * @property {string} key changes with everything that the addon depends on
 * @property {string} host where the set-up ran
 * @property {string | null} env the set-up's $LIBTORCH
 * @property {import('./libtorch.mjs').Libtorch} libtorch
 * @property {{ version: string } | null} libjpeg
 * @property {import('./compiler.mjs').Compiler} compiler
 */

/**
 * The engine to load, or why there is none.
 * @returns {{ engine: Engine, path: string } | { problem: string }} `problem` names the remedy
 */
export function findEngine(env = process.env) {
  const remedy = `run \`${setUpCommand()}\``;
  const engine = recordedEngine(env);
  if (!engine) {
    const where = env.LIBTORCH ? `for LIBTORCH=${env.LIBTORCH}` : 'on this machine';
    return { problem: `the engine is not set up ${where}: ${remedy}` };
  }
  if (!isUnchanged(engine.libtorch)) {
    const { version, libDir } = engine.libtorch;
    return {
      problem: `libtorch has changed since the engine was set up (it was ${version} in ${libDir}): ${remedy}`,
    };
  }
  const path = join(addonCacheDir(env), engine.addon);
  if (!existsSync(path)) return { problem: `the engine is gone from its cache (${path}): ${remedy}` };
  // Loaded, half a library ends the process without a word.
  if (statSync(path).size !== engine.sizeBytes)
    return { problem: `the engine in the cache is damaged (${path}): ${remedy}` };
  keep(recordPath(env));
  return { engine, path };
}

/**
 * What was set up for these sources: with $LIBTORCH for that one; else by the last set-up on this host; else, where this
 * host never saw one, the newest that fits what is here.
 * @returns {Engine | null} its libtorch may have changed since
 */
export function recordedEngine(env = process.env) {
  const engines = readRecord(recordPath(env)).filter(
    (engine) => !env.LIBTORCH || engine.env === env.LIBTORCH,
  );
  const own = engines.find(({ host }) => host === hostname());
  return own ?? engines.find(({ libtorch }) => isUnchanged(libtorch)) ?? engines[0] ?? null;
}

/** Puts an engine first; drops what it replaces, and what nobody has used for long. */
export function recordEngine(engine, env = process.env) {
  const path = recordPath(env);
  const others = readRecord(path).filter(
    (other) => other.key !== engine.key || other.host !== engine.host || other.env !== engine.env,
  );
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  const { size: sizeBytes } = statSync(join(addonCacheDir(env), engine.addon));
  const engines = [{ ...engine, sizeBytes }, ...others].slice(0, MOST_ENGINES);
  writeFileSync(temporary, `${JSON.stringify({ engines }, null, 2)}\n`);
  renameSync(temporary, path);
  prune(env);
}

/** Records that were not used for long, and addons that none names. */
function prune(env) {
  const dir = addonCacheDir(env);
  const wanted = new Set();
  for (const name of readdirSync(join(dir, 'records'))) {
    const path = join(dir, 'records', name);
    const isOld = Date.now() - statSync(path).mtimeMs > UNUSED_MS;
    if (isOld) rmSync(path, { force: true });
    else for (const { addon } of readRecord(path)) wanted.add(addon);
  }
  for (const name of readdirSync(join(dir, 'addons'))) {
    if (name.endsWith('.node') && !wanted.has(join('addons', name))) rmSync(join(dir, 'addons', name));
  }
}

/** The command that repairs or makes an engine, as it is called where this package lies. */
export function setUpCommand() {
  if (isClone()) return 'npm run setup';
  return existsSync(join(packageDir, '..', 'graft-gan')) ? 'npx graft setup' : 'npx graft-torch setup';
}

/** Whether this is a clone of the project, not an installed package. */
export function isClone() {
  return (
    !packageDir.split(sep).includes('node_modules') &&
    existsSync(join(packageDir, '..', '..', 'scripts', 'setup.mjs'))
  );
}

function recordPath(env) {
  return join(addonCacheDir(env), 'records', `${sourcesKey()}.json`);
}

/** @returns {Engine[]} */
function readRecord(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).engines.filter(isEngine);
  } catch {
    return []; // never written, or by a version that is no more: a set-up writes it anew
  }
}

/** Whether it is what this version writes: another one may share the file. */
const isEngine = (engine) =>
  ['addon', 'key', 'host'].every((name) => typeof engine?.[name] === 'string') &&
  Number.isInteger(engine.sizeBytes) &&
  typeof engine.libtorch?.version === 'string' &&
  typeof engine.libtorch?.libDir === 'string' &&
  typeof engine.compiler === 'object';

/** Says once a day that a record is in use. A folder that cannot be written is nobody's to prune. */
function keep(path) {
  try {
    const now = new Date();
    if (now.getTime() - statSync(path).mtimeMs > DAY_MS) utimesSync(path, now, now);
  } catch {}
}

/** Names of native/'s files with their content. */
export function readSources() {
  return readdirSync(sourceDir)
    .filter((name) => /\.(cc|h)$/.test(name))
    .sort()
    .map((name) => ({ name, content: readFileSync(join(sourceDir, name)) }));
}

const sourcesKey = () => digest(readSources().flatMap(({ name, content }) => [name, content]));

/** @param {(string | Uint8Array)[]} parts */
export function digest(parts) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\0`);
  // With their lengths, so that no two lists run together to the same bytes.
  for (const part of parts) hash.update(`${part.length}\0`).update(part);
  return hash.digest('hex').slice(0, 32);
}
