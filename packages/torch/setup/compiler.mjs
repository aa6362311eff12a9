/**
 * The C++ compiler: which one, and with which flags the addon is compiled and linked.
 *
 * No dependency but Node: this runs before anything is installed or compiled.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { SetupError } from './tools.mjs';

/**
 * @typedef {object} Compiler
 * @property {string} path
 * @property {string} version the first line that it says of itself
 * @property {string} identity changes whenever another compiler takes its place
 */

/**
 * The C++ compiler: $CXX, else the first at hand; null where there is none.
 * @param {NodeJS.ProcessEnv} env
 * @param {Compiler | null | undefined} known as an earlier set-up described it; still the same file, it is not asked again
 * @returns {Compiler | null}
 */
export function findCompiler(env = process.env, known = null) {
  for (const name of env.CXX ? [env.CXX] : ['c++', 'g++', 'clang++']) {
    const path = findProgram(name, env);
    if (!path) continue;
    const identity = identityOf(path);
    if (known?.path === path && known.identity === identity) return known;
    const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    if (status === 0) return { path, version: stdout.split('\n')[0].trim(), identity };
  }
  return null;
}

function findProgram(name, env) {
  if (name.includes('/')) return existsSync(name) ? resolve(name) : undefined;
  return (env.PATH ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .map((dir) => join(dir, name))
    .find((path) => existsSync(path));
}

function identityOf(path) {
  const file = realpathSync(path);
  const { size, mtimeMs } = statSync(file);
  return [file, size, Math.floor(mtimeMs / 1000)].join('|');
}

/** Flags that decide what an object contains. */
export function compileFlags(libtorch, env = process.env) {
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
    // -isystem: warnings in libtorch's headers are not ours. /usr/include may not be named: GCC's own wrappers break.
    ...libtorch.includeDirs.filter((dir) => dir !== '/usr/include').flatMap((dir) => ['-isystem', dir]),
    ...words(env.CXXFLAGS),
  ];
}

/** The macro's value takes the version into the object's key. */
export function jpegFlags(libjpeg) {
  if (!libjpeg) return [];
  // -idirafter: system folders, which the compiler mostly knows, keep their place.
  return [`-DGRAFT_JPEG="${libjpeg.version}"`, ...libjpeg.includeDirs.flatMap((dir) => ['-idirafter', dir])];
}

export function linkFlags(libtorch, libjpeg, env = process.env) {
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
    ...words(env.LDFLAGS),
  ];
}

/** Node-API's headers: the npm package's, else those that came with Node. */
export function nodeHeaders() {
  const candidates = [packagedHeaders(), resolve(dirname(process.execPath), '..', 'include', 'node')];
  const found = candidates.find((dir) => dir && existsSync(join(dir, 'node_api.h')));
  if (!found) throw new SetupError('node_api.h was not found: install the npm package node-api-headers');
  return found;
}

function packagedHeaders() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
  } catch {
    return null;
  }
}

function words(text) {
  return text?.split(/\s+/).filter(Boolean) ?? [];
}
