import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { TRUST_VARIABLE } from '../../base/index.js';
import { describeExecutor } from './choose.js';

afterEach(() => void vi.unstubAllEnvs());

const folder = mkdtempSync(join(tmpdir(), 'graft-choose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const kubernetes = { executor: 'kubernetes', image: 'graft', claim: 'shared', mount: tmpdir() } as const;

test.each([
  ['slurm', { executor: 'slurm' } as const],
  ['kubernetes', kubernetes],
])('workers of %s trust the code that the coordinator was told to trust, and no other', (_, options) => {
  vi.stubEnv(TRUST_VARIABLE, '');
  expect(describeExecutor(folder, options)).not.toContain('--trust-code');
  vi.stubEnv(TRUST_VARIABLE, '1');
  expect(describeExecutor(folder, options)).toContain('--trust-code');
});
