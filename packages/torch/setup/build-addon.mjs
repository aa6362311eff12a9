/**
 * Compiles the addon: native/*.cc → build/native/graft.node, only what has changed.
 *
 *   node setup/build-addon.mjs            what is out of date
 *   node setup/build-addon.mjs engine.cc  that file in any case, then what is out of date
 *
 * No CMake and no node-gyp: a handful of files, one compiler call each, need neither.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, freemem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findLibjpeg } from './libjpeg.mjs';
import { findLibtorch } from './libtorch.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const sourceDir = join(root, 'native');
const outDir = join(root, 'build', 'native');
const addon = join(outDir, 'graft.node');

/** A compiler process at the heaviest file of this folder takes about this much memory. */
const COMPILER_BYTES = 1.5e9;
/** No compiler writes on one file for so long: a temporary file older than this belongs to nobody. */
const FORGOTTEN_MS = 600_000;

/** The C++ compiler: $CXX, else the first at hand; null where there is none. */
export function findCompiler(env = process.env) {
  for (const name of env.CXX ? [env.CXX] : ['c++', 'g++', 'clang++']) {
    if (spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) return name;
  }
  return null;
}

/** Whether build/native/graft.node is what the sources and these libraries make. Takes a few milliseconds. */
export function addonIsCurrent(libtorch, libjpeg = findLibjpeg()) {
  return existsSync(addon) && readStamp(addon) === addonKey(libtorch, libjpeg);
}

/** Changes with everything that the addon depends on: sources, flags, libtorch, whether there is a libjpeg-turbo. */
export function addonKey(libtorch, libjpeg) {
  return linkKey(plan(libtorch, libjpeg));
}

/**
 * Builds what is out of date. Interrupted, it leaves no half file under a final name and goes on where it was.
 * @param {import('./libtorch.mjs').Libtorch} libtorch
 * @param {{ compiler?: string, libjpeg?: import('./libjpeg.mjs').Libjpeg | null, force?: string[],
 *   onFile?: (name: string) => void, signal?: AbortSignal }} options `libjpeg`: default the one that is found
 * @returns {Promise<number>} number of files compiled
 */
export async function buildAddon(libtorch, options = {}) {
  const compiler = options.compiler ?? findCompiler();
  if (!compiler) throw new Error('no C++ compiler found: install g++ or clang++, or name one in $CXX');
  mkdirSync(outDir, { recursive: true });
  const build = plan(libtorch, options.libjpeg === undefined ? findLibjpeg() : options.libjpeg);
  const force = new Set(options.force ?? []);
  const stale = build.units.filter(
    (u) => force.has(u.name) || !existsSync(u.object) || readStamp(u.object) !== u.key,
  );

  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / COMPILER_BYTES)));
  const queue = [...stale];
  const worker = async () => {
    for (let unit = queue.shift(); unit; unit = queue.shift()) {
      options.onFile?.(unit.name);
      await produce(unit.object, unit.key, (path) =>
        execute(compiler, [...unit.flags, '-c', unit.source, '-o', path], options.signal),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, stale.length) }, worker));

  removeOrphans(build);
  if (stale.length === 0 && existsSync(addon) && readStamp(addon) === linkKey(build)) return 0;
  await produce(addon, linkKey(build), (path) =>
    execute(compiler, [...build.units.map((u) => u.object), ...build.linkFlags, '-o', path], options.signal),
  );
  return stale.length;
}

/** What to compile and how: everything that a file's object depends on goes into its key. */
function plan(libtorch, libjpeg) {
  const names = readdirSync(sourceDir).sort();
  const headers = names
    .filter((name) => name.endsWith('.h'))
    .map((name) => readFileSync(join(sourceDir, name)));
  const flags = compileFlags(libtorch);
  const common = digest([...headers, libtorch.identity, process.env.CXX ?? '']);
  // Only one file asks for libjpeg-turbo: nothing else is compiled anew when it appears.
  const flagsOf = (name) => (name === 'jpeg.cc' ? [...flags, ...jpegFlags(libjpeg)] : flags);
  const units = names
    .filter((name) => name.endsWith('.cc'))
    .map((name) => ({
      name,
      source: join(sourceDir, name),
      object: join(outDir, `${name}.o`),
      flags: flagsOf(name),
      key: digest([common, flagsOf(name).join('\0'), readFileSync(join(sourceDir, name))]),
    }));
  return { units, linkFlags: linkFlags(libtorch, libjpeg) };
}

/** The macro's value takes the version into the object's key. */
function jpegFlags(libjpeg) {
  if (!libjpeg) return [];
  // -idirafter: system folders, which the compiler mostly knows, keep their place.
  return [`-DGRAFT_JPEG="${libjpeg.version}"`, ...libjpeg.includeDirs.flatMap((dir) => ['-idirafter', dir])];
}

function compileFlags(libtorch) {
  const [major = 0, minor = 0] = libtorch.version.split('.').map(Number);
  // 1.13's headers are C++17; the newest ask for C++20, which those of some versions before already take.
  const standard = major > 2 || (major === 2 && minor >= 6) ? 'gnu++20' : 'gnu++17';
  return [
    `-std=${standard}`,
    '-O2',
    '-fno-math-errno', // a square root that must set errno is not vectorised
    '-fPIC',
    '-DNAPI_VERSION=8',
    '-DNODE_GYP_MODULE_NAME=graft',
    ...(libtorch.cxx11Abi === null ? [] : [`-D_GLIBCXX_USE_CXX11_ABI=${libtorch.cxx11Abi ? 1 : 0}`]),
    `-I${nodeHeaders()}`,
    // -isystem: warnings in libtorch's headers are not ours. /usr/include may not be named: GCC's own wrappers break.
    ...libtorch.includeDirs.filter((dir) => dir !== '/usr/include').flatMap((dir) => ['-isystem', dir]),
    ...words(process.env.CXXFLAGS),
  ];
}

function linkFlags(libtorch, libjpeg) {
  const mac = process.platform === 'darwin';
  const ownDir = libtorch.source !== 'system' || mac;
  return [
    ...(mac ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-pthread']),
    `-L${libtorch.libDir}`,
    ...(ownDir ? [`-Wl,-rpath,${libtorch.libDir}`] : []),
    // No symbol of ours names libtorch_cuda, yet its kernels register only when it is loaded: keep it linked.
    ...(mac ? [] : ['-Wl,--no-as-needed']),
    ...(libtorch.cuda ? ['-ltorch_cuda', '-lc10_cuda'] : []),
    '-ltorch',
    '-ltorch_cpu',
    '-lc10',
    ...(libjpeg ? [libjpeg.library] : []),
    ...words(process.env.LDFLAGS),
  ];
}

/** Node-API's headers: the npm package's, else those that came with Node. */
function nodeHeaders() {
  const candidates = [...packagedHeaders(), resolve(dirname(process.execPath), '..', 'include', 'node')];
  const found = candidates.find((dir) => existsSync(join(dir, 'node_api.h')));
  if (!found) throw new Error('node_api.h not found: run `npm ci` (package node-api-headers) first');
  return found;
}

function packagedHeaders() {
  try {
    return [
      join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include'),
    ];
  } catch {
    return [];
  }
}

/** Makes a file under a temporary name, then moves it and its stamp into place. */
async function produce(path, key, make) {
  if (existsSync(path) && readStamp(path) === key) rmSync(`${path}.key`);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await make(temporary);
    renameSync(temporary, path);
    writeFileSync(`${path}.key`, key);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Objects whose source is gone, and what a killed compiler left. */
function removeOrphans(build) {
  const wanted = new Set(build.units.map((unit) => unit.object));
  for (const name of readdirSync(outDir)) {
    const path = join(outDir, name);
    const object = path.replace(/\.key$/, '');
    const orphan = object.endsWith('.o') && !wanted.has(object);
    const forgotten = name.endsWith('.tmp') && Date.now() - statSync(path).mtimeMs > FORGOTTEN_MS;
    if (orphan || forgotten) rmSync(path, { force: true });
  }
}

function execute(command, args, signal) {
  return new Promise((done, fail) => {
    // Killed where the caller gives up; output is gathered so that two compilers do not write across each other.
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], signal });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', fail);
    child.on('close', (code) => {
      const text = Buffer.concat(output).toString().trim();
      if (code === 0) {
        if (text) process.stderr.write(`${text}\n`);
        done();
      } else fail(new Error(`${command} failed (exit ${code}):\n${text}`));
    });
  });
}

function linkKey(build) {
  return digest([...build.units.map((unit) => `${unit.name}:${unit.key}`), build.linkFlags.join('\0')]);
}

function readStamp(path) {
  try {
    return readFileSync(`${path}.key`, 'utf8');
  } catch {
    return null;
  }
}

function digest(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

function words(text) {
  return text?.split(/\s+/).filter(Boolean) ?? [];
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const libtorch = findLibtorch();
  if (!libtorch) {
    console.error('libtorch not found: run `npm run setup`.');
    process.exit(1);
  }
  const started = Date.now();
  try {
    const force = process.argv.slice(2).map((name) => name.replace(/^native\//, ''));
    const compiled = await buildAddon(libtorch, { force, onFile: (name) => console.log(`  ${name}`) });
    console.log(`graft.node: ${compiled} files compiled in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
