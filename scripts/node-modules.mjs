/** Step: the npm packages that package-lock.json names. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, SetupError } from '../packages/torch/setup/tools.mjs';

/**
 * Whether node_modules holds what package-lock.json names. npm writes node_modules/.package-lock.json at the very
 * end of an installation, so an interrupted one does not count. Packages for other platforms may be absent.
 */
export function nodeModulesAreCurrent(root) {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    const present = JSON.parse(
      readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8'),
    ).packages;
    return Object.entries(wanted).every(
      ([path, entry]) =>
        !path.startsWith('node_modules/') ||
        (present[path] ? present[path].version === entry.version : entry.optional || entry.devOptional),
    );
  } catch {
    return false;
  }
}

export async function installNodeModules(root, signal) {
  // Under `npm run` the very npm that was called stands in npm_execpath.
  const cli = process.env.npm_execpath;
  const [command, ...prefix] = cli && /npm-cli\.c?js$/.test(cli) ? [process.execPath, cli] : ['npm'];
  const args = [...prefix, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, output } = await execute(command, args, { cwd: root, signal });
  if (code === -1)
    throw new SetupError('npm is not installed. It comes with Node.js; on Debian install `npm`.');
  if (code !== 0) {
    // npm names the cause first and ends with its usage and the path of a log.
    const cause = output.trim().split('\n').slice(0, 15).join('\n');
    throw new SetupError(
      `npm ci failed (exit ${code}):\n${cause}\nRemove the cause (the network?), then run the same again.`,
    );
  }
}
