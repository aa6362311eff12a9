/**
 * Makes a fresh clone ready: the engine (libtorch, libjpeg-turbo, a compiler, the addon), `npm ci`, the TypeScript. Plain
 * Node, no dependency.
 *
 * Each step first asks whether it is already done, so a second start costs a fraction of a second, an interrupted
 * set-up goes on where it was, and two at the same time wait for each other. What of it belongs to the machine, not to
 * this clone, is packages/torch/setup/engine.mjs's.
 *
 *   npm run setup -- --fresh    looks for libtorch again instead of keeping the one that an earlier set-up took
 */
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  checkNode,
  provideAddon,
  provideLibraries,
  readyEngine,
  SetupError,
  plainStep as step,
} from '../packages/torch/setup/engine.mjs';
import { withLock } from '../packages/torch/setup/lock.mjs';
import { compileTypeScript, typeScriptIsCurrent } from './compile.mjs';
import { installNodeModules, nodeModulesAreCurrent } from './node-modules.mjs';

const fresh = process.argv.includes('--fresh');
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Runs what is not yet done. Prints one short line a step that had work to do, and nothing else. */
async function setUp() {
  checkNode();
  if (!fresh && everythingIsCurrent()) return;
  mkdirSync(join(root, 'build'), { recursive: true });
  await withLock(join(root, 'build', 'setup.lock'), async (signal) => {
    if (!fresh && everythingIsCurrent()) return; // another set-up did it while this one waited
    const started = Date.now();
    // First what may be missing: nobody shall wait for npm to be told of it.
    const isReady = !fresh && nodeModulesAreCurrent(root) && readyEngine() !== null;
    const libraries = isReady ? null : await provideLibraries({ fresh, signal });
    if (!nodeModulesAreCurrent(root)) {
      await step('npm packages (npm ci)', () => installNodeModules(root, signal));
    }
    if (libraries) await provideAddon(libraries);
    if (!typeScriptIsCurrent(root)) await step('TypeScript', () => compileTypeScript(root, signal));
    console.error(`set-up: done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  });
}

/** The cheap look: no process is started. The engine's last: Node-API's headers lie in node_modules. */
function everythingIsCurrent() {
  return nodeModulesAreCurrent(root) && typeScriptIsCurrent(root) && readyEngine() !== null;
}

try {
  await setUp();
} catch (error) {
  if (error?.name === 'AbortError') process.exit(130);
  console.error(error instanceof Error ? error.message : error);
  if (!(error instanceof SetupError) && process.env.DEBUG) console.error(error);
  process.exit(1);
}
