/**
 * Makes a fresh clone ready: libtorch, libjpeg-turbo, `npm ci`, the addon, the TypeScript. Plain Node, no dependency.
 *
 * Each step first asks whether it is already done, so a second start costs a fraction of a second, an interrupted
 * set-up goes on where it was, and two at the same time wait for each other. What was found is written to
 * build/setup.json, where `graft doctor` reads it.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findLibjpeg } from '../packages/torch/setup/libjpeg.mjs';
import {
  findLibtorch,
  isSupported,
  isUnchanged,
  MINIMUM_LIBTORCH,
  usesReferenceBlas,
} from '../packages/torch/setup/libtorch.mjs';
import { withLock } from '../packages/torch/setup/lock.mjs';
import { installSystemPackages, oneCommand } from '../packages/torch/setup/system-packages.mjs';
import { SetupError } from '../packages/torch/setup/tools.mjs';
import { compileTypeScript, typeScriptIsCurrent } from './compile.mjs';
import { installNodeModules, nodeModulesAreCurrent } from './node-modules.mjs';

const MINIMUM_NODE = [20, 20];
/** libjpeg-turbo with its headers, on Debian and Ubuntu. */
const LIBJPEG_PACKAGE = 'libjpeg-dev';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const recordPath = join(root, 'build', 'setup.json');

/** Runs what is not yet done. Prints one short line a step that had work to do, and nothing else. */
async function setUp() {
  checkNode();
  if (await everythingIsCurrent()) return;
  mkdirSync(join(root, 'build'), { recursive: true });
  await withLock(join(root, 'build', 'setup.lock'), async (signal) => {
    if (await everythingIsCurrent()) return; // another set-up did it while this one waited
    const started = Date.now();
    const libtorch = await provideLibtorch(signal);
    if (!findLibjpeg()) await provideLibjpeg(signal);
    if (!nodeModulesAreCurrent(root)) {
      await step('npm packages (npm ci)', () => installNodeModules(root, signal));
    }
    const native = await nativeBuild();
    if (!native.addonIsCurrent(libtorch)) {
      await step(`addon, against libtorch ${libtorch.version}`, () =>
        native.buildAddon(libtorch, { signal }),
      );
    }
    writeRecord(libtorch);
    if (!typeScriptIsCurrent(root)) await step('TypeScript', () => compileTypeScript(root, signal));
    console.error(`set-up: done in ${seconds(started)}`);
  });
}

/** The cheap look: no process is started. */
async function everythingIsCurrent() {
  const libtorch = recordedLibtorch();
  if (!libtorch || !nodeModulesAreCurrent(root) || !typeScriptIsCurrent(root)) return false;
  return (await nativeBuild()).addonIsCurrent(libtorch);
}

/** setup/build-addon.mjs needs nothing but Node, yet reads node_modules: imported where it is used. */
function nativeBuild() {
  return import('../packages/torch/setup/build-addon.mjs');
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return;
  throw new SetupError(
    `Graft needs Node.js ${MINIMUM_NODE.join('.')} or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      'Install a newer one (https://nodejs.org) and run this again.',
  );
}

/** What an earlier set-up found, as long as it is still there and $LIBTORCH does not name another. */
function recordedLibtorch() {
  try {
    const record = JSON.parse(readFileSync(recordPath, 'utf8'));
    const isAnother = process.env.LIBTORCH && process.env.LIBTORCH !== record.env;
    return isAnother || !isUnchanged(record.libtorch) ? null : record.libtorch;
  } catch {
    return null;
  }
}

function writeRecord(libtorch) {
  const record = { env: process.env.LIBTORCH ?? null, libtorch };
  const temporary = `${recordPath}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(temporary, recordPath);
}

async function provideLibtorch(signal) {
  let libtorch = recordedLibtorch() ?? findLibtorch();
  const wanted = [];
  if (!libtorch) wanted.push('libtorch-dev');
  if (!libtorch || usesReferenceBlas(libtorch)) wanted.push('libopenblas0-pthread');
  if (!(await nativeBuild()).findCompiler()) wanted.push('g++');
  if (wanted.length > 0) {
    const installed = await installSystemPackages(wanted, signal, step);
    if (installed) libtorch = findLibtorch();
    else if (libtorch && !wanted.includes('g++')) {
      console.error(
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
  return libtorch;
}

/** Optional: set-up goes on without it. */
async function provideLibjpeg(signal) {
  await installSystemPackages([LIBJPEG_PACKAGE], signal, step).catch((error) => {
    if (!(error instanceof SetupError)) throw error;
  });
  if (findLibjpeg()) return;
  console.error(
    `set-up: no libjpeg-turbo: pixel caches of JPEGs fill two to four times slower. To have it: ${oneCommand([LIBJPEG_PACKAGE])}, then \`npm run setup\``,
  );
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

/** Runs one step and says what it was and how long it took. */
async function step(name, work) {
  const started = Date.now();
  console.error(`set-up: ${name} ...`);
  const result = await work();
  console.error(`set-up: ${name}: ${seconds(started)}`);
  return result;
}

function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}

try {
  await setUp();
} catch (error) {
  if (error?.name === 'AbortError') process.exit(130);
  console.error(error instanceof Error ? error.message : error);
  if (!(error instanceof SetupError) && process.env.DEBUG) console.error(error);
  process.exit(1);
}
