/** `graft setup`: makes the engine ready on this machine. Installed, it is the one command between `npm i` and the rest. */
import type { Command } from 'commander';
import { GraftError, visible } from 'graft-torch/base';
import { type Libtorch, SetupError, setUpEngine } from 'graft-torch/setup';
import { examples, notice, output, warning } from './common.js';

interface Step {
  name: string;
  seconds: number;
}

export function register(program: Command): void {
  const setup = program
    .command('setup')
    .description(
      'Makes the engine ready: finds libtorch, libjpeg-turbo and a C++ compiler, and compiles the addon into your cache\n' +
        '($GRAFT_CACHE, else ~/.cache/graft), where all your projects find it. On Debian and Ubuntu it installs what is\n' +
        'missing, as root or with a sudo that asks for no password; elsewhere it names the one command to run.\n' +
        'What is done already is not done again.',
    )
    .option('--fresh', 'look for libtorch again instead of keeping the one that an earlier set-up took')
    .action(async (flags: { fresh?: boolean }, command: Command) => setUp(flags.fresh ?? false, command));
  examples(setup, [
    ['once on a machine, and after an upgrade of libtorch', 'graft setup'],
    ['with another libtorch, here one with CUDA', 'LIBTORCH=/opt/libtorch graft setup'],
    ['after `pip install torch`, to take that one', 'graft setup --fresh'],
  ]);
}

/** `libtorch 2.5.1 in /opt/libtorch/lib (from $LIBTORCH)` */
const describe = ({ version, libDir, source }: Libtorch): string =>
  `libtorch ${version} in ${libDir} (from ${libtorchSources[source]})`;

/** Where a libtorch was found, for people. */
export const libtorchSources: Readonly<Record<Libtorch['source'], string>> = {
  LIBTORCH: '$LIBTORCH',
  python: "Python's torch package",
  system: 'the system',
};

async function setUp(fresh: boolean, command: Command): Promise<void> {
  const steps: Step[] = [];
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    notice(command, `${name} …`);
    const result = await work();
    const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
    steps.push({ name, seconds });
    notice(command, `${name}: ${seconds} s`);
    return result;
  };
  try {
    const { engine, path } = await setUpEngine({ fresh, step: timed, warn: warning });
    const { libtorch, libjpeg, compiler } = engine;
    output(command, {
      json: { addon: path, libtorch, libjpeg, compiler, steps },
      text: `${steps.length === 0 ? 'The engine was set up already' : 'The engine is set up'}: ${describe(libtorch)}\nSee it work: graft demo. What could be faster: graft doctor`,
    });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    // Its lines hold the command to run: as they are, not folded into one.
    process.stderr.write(`${visible(error.message)}\n`);
    throw new GraftError('the engine is not set up: see above');
  }
}
