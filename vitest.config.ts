import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { settleEnvironment } from './test/environment.js';

// Here, in the process that starts the workers: they and their children inherit it.
settleEnvironment(process.env);

const root = fileURLToPath(new URL('packages/torch/', import.meta.url));
/** The engine's doors, from its sources: tests that look behind a door see the same modules as those in front of it. */
const torch = `${root}src/`;

// `forks`, not `threads`: OMP_WAIT_POLICY must reach the real environment before libtorch loads.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^graft-torch\/kernels$/, replacement: `${torch}torch/kernels/index.ts` },
      { find: /^graft-torch$/, replacement: `${torch}torch/index.ts` },
      { find: /^graft-torch\/setup$/, replacement: `${root}setup/engine.mjs` },
      { find: /^graft-torch\/([a-z]+)$/, replacement: `${torch}$1/index.ts` },
    ],
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
