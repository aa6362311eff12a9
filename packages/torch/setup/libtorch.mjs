/**
 * Finds libtorch, PyTorch's C++ library: $LIBTORCH, then the `torch` package of Python, then the system's.
 *
 * No dependency but Node: this runs before anything is installed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SetupError } from './tools.mjs';

/** The oldest libtorch that the native code is written for. */
export const MINIMUM_LIBTORCH = '1.13';

const library = process.platform === 'darwin' ? 'libtorch_cpu.dylib' : 'libtorch_cpu.so';
const dispatcherHeader = join('ATen', 'core', 'dispatch', 'Dispatcher.h');

/**
 * @typedef {object} Libtorch
 * @property {'LIBTORCH' | 'python' | 'system'} source where it was found
 * @property {string} version as far as its files say, such as `1.13.1`
 * @property {string[]} includeDirs to be searched for headers, in this order
 * @property {string} libDir holds `libtorch_cpu`
 * @property {boolean} cuda whether `libtorch_cuda` lies beside it
 * @property {boolean | null} cxx11Abi GCC's string layout it was built with; null where there is only one (macOS)
 * @property {string} identity changes whenever another libtorch takes its place
 */

/**
 * The first libtorch found, or null. A set but unusable $LIBTORCH is an error: the user meant that one.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Libtorch | null}
 */
export function findLibtorch(env = process.env) {
  if (env.LIBTORCH) {
    const found = describe('LIBTORCH', env.LIBTORCH);
    if (found) return found;
    throw new SetupError(
      `LIBTORCH is set to ${env.LIBTORCH}, but there is no lib/${library} and include/${dispatcherHeader} in it. ` +
        'Point it at an unpacked libtorch or at the folder of a Python torch package, or unset it.',
    );
  }
  for (const dir of pythonPackages()) {
    const found = describe('python', dir);
    if (found) return found;
  }
  return findSystemLibtorch();
}

/** A wheel's folder and an unpacked libtorch look alike: `lib/` and `include/`. */
function describe(source, dir) {
  const file = join(dir, 'lib', library);
  const include = join(dir, 'include');
  if (!existsSync(file) || !existsSync(join(include, dispatcherHeader))) return null;
  // Debian's python3-torch only links to the system's files, which come and go with another package.
  const real = realpathSync(file);
  const own = real.startsWith(realpathSync(dir));
  if (!own) return findSystemLibtorch();
  return assemble(source, include, join(dir, 'lib'), dir);
}

/** Debian's multiarch folders, then what other distributions and Homebrew use. */
function findSystemLibtorch() {
  const prefixes =
    process.platform === 'darwin'
      ? ['/opt/homebrew/opt/pytorch', '/usr/local/opt/pytorch', '/opt/homebrew', '/usr/local']
      : ['/usr', '/usr/local'];
  for (const prefix of prefixes) {
    const include = join(prefix, 'include');
    if (!existsSync(join(include, dispatcherHeader))) continue;
    for (const libDir of [
      ...multiarchDirs(join(prefix, 'lib')),
      join(prefix, 'lib64'),
      join(prefix, 'lib'),
    ]) {
      if (existsSync(join(libDir, library))) return assemble('system', include, libDir, null);
    }
  }
  return null;
}

/** The folders of this architecture in `lib` or `include`, as Debian names them. */
export function multiarchDirs(lib) {
  const cpu = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i386', riscv64: 'riscv64', ppc64: 'powerpc64le' }[
    process.arch
  ];
  try {
    return readdirSync(lib)
      .filter((name) => name.includes('-linux-gnu') && name.startsWith(cpu ?? process.arch))
      .map((name) => join(lib, name));
  } catch {
    return [];
  }
}

/** Folders of the `torch` packages of the Pythons at hand, found without importing torch (which takes seconds). */
function pythonPackages() {
  const code =
    "import importlib.util as u; s = u.find_spec('torch'); print(s.origin if s and s.origin else '')";
  const dirs = [];
  for (const python of ['python3', '/usr/bin/python3']) {
    try {
      const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 };
      const origin = execFileSync(python, ['-c', code], options).trim();
      if (origin) dirs.push(dirname(origin));
    } catch {
      // No such Python, or a broken one: not a place to look.
    }
  }
  return [...new Set(dirs)];
}

function assemble(source, include, libDir, dir) {
  return {
    source,
    version: readVersion(include, dir),
    // `torch/csrc/api/include` must come second: it holds headers named like the plain ones.
    includeDirs: [include, join(include, 'torch', 'csrc', 'api', 'include')].filter((path) =>
      existsSync(path),
    ),
    libDir,
    cuda: existsSync(join(libDir, 'libtorch_cuda.so')),
    cxx11Abi: readCxx11Abi(libDir),
    identity: readIdentity(libDir),
  };
}

function readIdentity(libDir) {
  const file = realpathSync(join(libDir, library));
  const { size, mtimeMs } = statSync(file);
  // Whole seconds: archives and images of containers keep no more.
  return [file, size, Math.floor(mtimeMs / 1000)].join('|');
}

/** Whether a libtorch that was found earlier is still the same files. */
export function isUnchanged(libtorch) {
  try {
    return readIdentity(libtorch.libDir) === libtorch.identity;
  } catch {
    return false;
  }
}

function readVersion(include, dir) {
  if (dir && existsSync(join(dir, 'build-version')))
    return readFileSync(join(dir, 'build-version'), 'utf8').trim();
  if (dir && existsSync(join(dir, 'version.py'))) {
    const match = /__version__(?:\s*:\s*\w+)?\s*=\s*['"]([^'"]+)/.exec(
      readFileSync(join(dir, 'version.py'), 'utf8'),
    );
    if (match) return match[1];
  }
  for (const header of ['torch/headeronly/version.h', 'torch/csrc/api/include/torch/version.h']) {
    const path = join(include, header);
    if (!existsSync(path)) continue;
    const text = readFileSync(path, 'utf8');
    const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
      (part) => new RegExp(`define TORCH_VERSION_${part} (\\d+)`).exec(text)?.[1],
    );
    if (parts.every((part) => part !== undefined)) return parts.join('.');
  }
  return 'unknown';
}

/** GCC has two layouts of std::string; symbols of libc10 tell which one this libtorch speaks. */
function readCxx11Abi(libDir) {
  if (process.platform === 'darwin') return null;
  const symbols = readFileSync(join(libDir, 'libc10.so'), 'latin1');
  return /_ZN3c105ErrorC[12]E\w*__cxx11/.test(symbols);
}

/** Whether this version may be used; an unknown one may. */
export function isSupported(version) {
  const [major, minor] = version.split('.').map(Number);
  const [minMajor, minMinor] = MINIMUM_LIBTORCH.split('.').map(Number);
  if (!Number.isInteger(major) || !Number.isInteger(minor)) return true;
  return major > minMajor || (major === minMajor && minor >= minMinor);
}

/** Whether Debian's `libblas.so.3`, which its libtorch multiplies matrices with, is the slow reference BLAS. */
export function usesReferenceBlas(libtorch) {
  if (libtorch.source !== 'system' || process.platform !== 'linux') return false;
  try {
    return /\/blas\/libblas\.so/.test(realpathSync(join(libtorch.libDir, 'libblas.so.3')));
  } catch {
    return false;
  }
}
