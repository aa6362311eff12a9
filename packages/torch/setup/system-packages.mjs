/** Step: what only the system's package manager can give: libtorch, an OpenBLAS, a C++ compiler, libjpeg-turbo. */
import { existsSync, readFileSync } from 'node:fs';
import { execute, SetupError, tail } from './tools.mjs';

/** The one command that a user without the rights is asked to run, or to have run. */
export function oneCommand(packages) {
  if (process.platform === 'darwin') {
    const names = { 'libtorch-dev': 'pytorch', 'libjpeg-dev': 'jpeg-turbo' };
    const formulas = packages.map((name) => names[name]).filter(Boolean);
    const brew = formulas.length > 0 ? [`brew install ${formulas.join(' ')}`] : [];
    const compiler = packages.includes('g++') ? ['xcode-select --install'] : [];
    return [...brew, ...compiler].join(' && ');
  }
  if (isDebianLike()) return `sudo apt-get update && sudo apt-get install -y ${packages.join(' ')}`;
  if (packages.includes('libtorch-dev'))
    return 'python3 -m pip install torch   # and a C++ compiler (g++ or clang++) where there is none';
  const what = packages.includes('g++')
    ? 'g++ or clang++'
    : 'libjpeg-turbo and its headers (libjpeg-turbo-devel)';
  return `install ${what} with the package manager of this system`;
}

/**
 * Installs packages where that can be done without asking: Debian or a relative of it, as root or with a sudo that
 * asks for no password.
 * @returns {Promise<boolean>} false where it cannot be done here
 */
export async function installSystemPackages(packages, signal, step) {
  if (process.platform !== 'linux' || !isDebianLike()) return false;
  const prefix = await rootPrefix(signal);
  if (!prefix) return false;
  const apt = (...args) => {
    const quiet = [
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-qq',
      '-o',
      'DPkg::Lock::Timeout=300',
      ...args,
    ];
    const [command, ...rest] = [...prefix, 'env', ...quiet];
    return execute(command, rest, { signal });
  };
  await step(`system packages (apt-get install ${packages.join(' ')})`, async () => {
    const install = () => apt('install', '-y', '--no-install-recommends', ...packages);
    // Lists that are there may be fresh enough; where they are missing or too old, installing fails: update, retry.
    const first = await install();
    if (first.code === 0) return;
    const update = await apt('update');
    const second = await install();
    if (second.code !== 0) {
      throw new SetupError(
        `apt-get could not install ${packages.join(' ')}:\n${tail(`${update.output}\n${second.output}`)}\n` +
          'Without libtorch-dev: `pip install torch`, or set LIBTORCH to the folder of an unpacked libtorch.',
      );
    }
  });
  return true;
}

async function rootPrefix(signal) {
  if (process.getuid?.() === 0) return [];
  const { code } = await execute('sudo', ['-n', 'true'], { signal });
  return code === 0 ? ['sudo', '-n'] : null;
}

function isDebianLike() {
  if (!existsSync('/usr/bin/apt-get')) return false;
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
