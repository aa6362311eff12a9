import { defineConfig } from 'vitest/config';
import { settleEnvironment } from './test/environment.js';

// Here, in the process that starts the workers: they and their children inherit it.
settleEnvironment(process.env);

// `forks`, not `threads`: OMP_WAIT_POLICY must reach the real environment before libtorch loads.
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
