/**
 * Makes the engine ready: finds or installs libtorch, libjpeg-turbo and a compiler, builds the addon into the user's cache
 * and notes which one to load. Plain Node, no dependency: a clone's set-up runs it before anything is installed.
 *
 * What is done already is not done again, and an interrupted set-up goes on where it was.
 */
import { accessSync, constants, existsSync, mkdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { addonKey, buildAddon } from './build-addon.mjs';
import { addonCacheDir } from './cache.mjs';
import { findCompiler } from './compiler.mjs';
import { findLibjpeg } from './libjpeg.mjs';
import { findLibtorch, isSupported, isUnchanged, MINIMUM_LIBTORCH, usesReferenceBlas } from './libtorch.mjs';
import { withLock } from './lock.mjs';
import { findEngine, isClone, packageDir, recordEngine, recordedEngine, setUpCommand } from './record.mjs';
import { installSystemPackages, oneCommand } from './system-packages.mjs';
import { execute, SetupError, tail } from './tools.mjs';

export { addonCacheDir, findEngine, isClone, SetupError, setUpCommand };

const MINIMUM_NODE = [20, 20];
/** libjpeg-turbo with its headers, on Debian and Ubuntu. */
const LIBJPEG_PACKAGE = 'libjpeg-dev';

/**
 * Everything, where it is not yet there.
 * @param {import('./engine.d.mts').SetUpOptions} options
 * @returns {Promise<import('./engine.d.mts').ReadyEngine>}
 */
export async function setUpEngine(options = {}) {
  checkNode();
  const ready = options.fresh ? null : readyEngine(options.env);
  if (ready) return { ...ready, compiled: [] };
  return provideAddon(await provideLibraries(options), options);
}

/** Throws where this Node.js is too old. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return;
  throw new SetupError(
    `Graft needs Node.js ${MINIMUM_NODE.join('.')} or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      'Install a newer one (https://nodejs.org) and run this again.',
  );
}

/**
 * The engine, where a set-up would find nothing to do. Starts no process as long as the compiler is the one that it was
 * built with; a machine that has none any more (an image of a container) keeps what was built.
 */
export function readyEngine(env = process.env) {
  const { engine, path } = findEngine(env);
  if (!engine) return null;
  const compiler = findCompiler(env, engine.compiler) ?? engine.compiler;
  const key = addonKey({ libtorch: engine.libtorch, libjpeg: findLibjpeg(), compiler }, env);
  return key === engine.key ? { engine, path } : null;
}

/** libtorch, a compiler and, where it can be had, libjpeg-turbo. */
export async function provideLibraries(options = {}) {
  const { env = process.env, fresh = false, step = plainStep, warn = console.error, signal } = options;
  const known = recordedEngine(env);
  let libtorch = fresh || !known || !isUnchanged(known.libtorch) ? findLibtorch(env) : known.libtorch;
  const find = () => findCompiler(env, known?.compiler);
  const wanted = [];
  if (!libtorch) wanted.push('libtorch-dev');
  if (!libtorch || usesReferenceBlas(libtorch)) wanted.push('libopenblas0-pthread');
  if (!find()) wanted.push('g++');
  if (wanted.length > 0) {
    const installed = await installSystemPackages(wanted, signal, step);
    if (installed) libtorch = findLibtorch(env);
    else if (libtorch && !wanted.includes('g++')) {
      warn(
        `set-up: warning: libtorch uses the reference BLAS, which is many times slower than OpenBLAS. Remedy:\n  ${oneCommand(wanted)}`,
      );
    } else throw new SetupError(missingMessage(libtorch, wanted));
  }
  if (!libtorch) throw new SetupError(missingMessage(null, ['libtorch-dev', 'libopenblas0-pthread']));
  if (!isSupported(libtorch.version)) {
    throw new SetupError(
      `libtorch ${libtorch.version} in ${libtorch.libDir} is too old: Graft needs ${MINIMUM_LIBTORCH} or newer.\n` +
        'Install a newer one (`pip install torch`, or unpack libtorch and set LIBTORCH to its folder) and run this again.',
    );
  }
  const compiler = find();
  if (!compiler) throw new SetupError(missingMessage(libtorch, ['g++']));
  const libjpeg = findLibjpeg() ?? (await provideLibjpeg({ signal, step, warn }));
  return { libtorch, libjpeg, compiler };
}

/**
 * The addon of these libraries, built where it is not in the cache, and the note which one to load.
 * @param {import('./build-addon.mjs').Parts} parts
 */
export async function provideAddon(parts, { env = process.env, step = plainStep } = {}) {
  const dir = addonCacheDir(env);
  requireWritable(dir);
  return withLock(join(dir, 'lock'), async (signal) => {
    const key = addonKey(parts, env);
    const path = join(dir, 'addons', `${key}.node`);
    const build = async () => {
      const built = await buildAddon(parts, { env, signal });
      await tryLoading(path, env, signal).catch((error) => {
        rmSync(path, { force: true }); // or the next set-up would take it for done
        throw error;
      });
      return built.compiled;
    };
    const name = `addon, against libtorch ${parts.libtorch.version}`;
    const isSound =
      existsSync(path) &&
      (await tryLoading(path, env, signal).then(
        () => true,
        () => false,
      ));
    if (!isSound) rmSync(path, { force: true });
    const compiled = isSound ? [] : await step(name, build);
    const { libtorch, libjpeg, compiler } = parts;
    const engine = {
      ...{ addon: join('addons', `${key}.node`), key, host: hostname(), env: env.LIBTORCH || null },
      ...{ libtorch, libjpeg, compiler },
    };
    recordEngine(engine, env);
    return { engine, path, compiled };
  });
}

/** What is built but cannot be loaded is better said now than by every command. */
async function tryLoading(path, env, signal) {
  const { code, output } = await execute(process.execPath, ['-e', 'require(process.argv[1])', path], {
    ...{ cwd: packageDir, env: { ...env, NODE_OPTIONS: '' }, signal },
  });
  if (code === 0) return;
  const cause = output.split('\n').find((line) => /^Error: |cannot open|undefined symbol/.test(line));
  throw new SetupError(`the addon was built, but cannot be loaded: ${cause ?? tail(output, 5)}`);
}

function requireWritable(dir) {
  try {
    mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.W_OK | constants.X_OK);
    if (existsSync(join(dir, 'records'))) accessSync(join(dir, 'records'), constants.W_OK);
  } catch (error) {
    throw new SetupError(
      `the addon's cache ${dir} cannot be written (${error.code ?? error.message}): ` +
        'set GRAFT_CACHE to a folder that can, for the set-up and for every command after it',
    );
  }
}

/** Optional: set-up goes on without it. */
async function provideLibjpeg({ signal, step, warn }) {
  await installSystemPackages([LIBJPEG_PACKAGE], signal, step).catch((error) => {
    if (!(error instanceof SetupError)) throw error;
  });
  const found = findLibjpeg();
  if (!found)
    warn(
      `set-up: no libjpeg-turbo: pixel caches of JPEGs fill two to four times slower. To have it: ${oneCommand([LIBJPEG_PACKAGE])}, then \`${setUpCommand()}\``,
    );
  return found;
}

function missingMessage(libtorch, wanted) {
  const what = [
    ...(libtorch ? [] : ["libtorch (PyTorch's C++ library)"]),
    ...(wanted.includes('g++') ? ['a C++ compiler'] : []),
  ];
  const command = oneCommand(findLibjpeg() ? wanted : [...wanted, LIBJPEG_PACKAGE]);
  return [
    `Graft needs ${what.join(' and ')}, which this machine does not have. Install with this command, then run the same again:`,
    '',
    `  ${command}`,
    ...(libtorch
      ? []
      : [
          '',
          'No administrator rights? `pip install torch`, or set LIBTORCH to the folder of an unpacked libtorch.',
        ]),
  ].join('\n');
}

/** Runs one step and says on stderr what it was and how long it took. */
export async function plainStep(name, work) {
  const started = Date.now();
  console.error(`set-up: ${name} ...`);
  const result = await work();
  console.error(`set-up: ${name}: ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return result;
}
