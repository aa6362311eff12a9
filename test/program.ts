/** The compiled program, for tests that start it in child processes as a user does. */
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../src/base/index.js';

const root = packageRoot();

export const program = join(root, 'dist', 'src', 'cli', 'main.js');

/** The set-up's own functions: plain JavaScript, so that it needs nothing compiled. */
interface Scripts {
  withLock(path: string, work: () => Promise<void>): Promise<void>;
  typeScriptIsCurrent(root: string): boolean;
}
const scripts = async (name: string) =>
  (await import(new URL(`../${name}.mjs`, import.meta.url).href)) as Scripts;

/** Compiles what has changed. One at a time: while one test file compiles, another would start half a program. */
export async function compileProgram(): Promise<void> {
  const { withLock } = await scripts('packages/torch/setup/lock');
  const { typeScriptIsCurrent } = await scripts('scripts/compile');
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await withLock(join(root, 'build', 'setup.lock'), async () => {
    if (typeScriptIsCurrent(root)) return;
    // Its verdict belongs to the type check; here only the program counts.
    await promisify(execFile)(process.execPath, [tsc, '--build', root], { cwd: root }).catch(() => {});
  });
}

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** What the test runner puts into the environment, and what would colour the output. */
const RUNNERS =
  /^(VITEST|NODE_OPTIONS|NODE_ENV|NODE_V8|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$|FORCE_COLOR|NO_COLOR)/;

/**
 * The environment in which tests start the program: the worker's, which `environment.ts` has settled, without the test
 * runner's own variables. Every process of a test has the same one.
 */
export const programEnvironment = (extra: Record<string, string> = {}): Record<string, string> => ({
  ...(Object.fromEntries(Object.entries(process.env).filter(([name]) => !RUNNERS.test(name))) as Record<
    string,
    string
  >),
  ...extra,
});

/** Starts the program and waits. */
export function runProgram(
  args: string[],
  options: {
    cwd: string;
    script?: string;
    /** Added to the tests' environment, or instead of it. */
    env?: Record<string, string>;
    inherit?: boolean;
  },
): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [options.script ?? program, ...args], {
    cwd: options.cwd,
    encoding: 'utf8',
    env: options.inherit === false ? options.env : programEnvironment(options.env),
  });
  return { status, stdout, stderr };
}
