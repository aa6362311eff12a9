/**
 * Bit for bit against PyTorch on this very machine: where `/usr/bin/python3` has torch, the golden scripts run
 * again here, and if both processes load the same libtorch every float32 tensor must be equal in every bit. EfficientNet
 * trains in float32 through operators of its own, which round in another order (src/nn has their tests): it is compared in
 * float64, where it is made of PyTorch's.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { engineInfo, setThreads, threads } from 'graft-torch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES } from './cases.js';
import { readGolden } from './goldens.js';

const PYTHON = '/usr/bin/python3';
const SCRIPTS = fileURLToPath(new URL('../goldens/torch/', import.meta.url));

function hasTorch(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import torch, numpy'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The libtorch this process has loaded, links resolved; empty where /proc does not say. */
function ownLibtorch(): string {
  engineInfo();
  try {
    const path = readFileSync('/proc/self/maps', 'utf8').match(/\S*libtorch_cpu\S*/)?.[0];
    return path ? realpathSync(path) : '';
  } catch {
    return '';
  }
}

const present = hasTorch();
if (!present) console.log(`live comparison skipped: ${PYTHON} has no torch (Debian: python3-torch)`);

describe.skipIf(!present)('live PyTorch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'graft-live-'));
  let before = 1;
  beforeAll(() => {
    before = threads();
    setThreads(1);
  });
  afterAll(() => {
    setThreads(before);
    rmSync(folder, { recursive: true });
  });

  it.each(Object.keys(CASES) as (keyof typeof CASES)[])('%s', (name) => {
    const output = execFileSync(PYTHON, ['-B', join(SCRIPTS, `${name}.py`), folder], {
      encoding: 'utf8',
      // Recent Pythons' torch may print notes on stderr; the environment is the one the engine runs in.
      stdio: ['ignore', 'pipe', 'ignore'],
      // The engine's threads are OpenBLAS's, too; PyTorch in Python leaves those alone.
      env: { ...process.env, OPENBLAS_NUM_THREADS: '1' },
    });
    const same = output.trim() !== '' && output.trim() === ownLibtorch();
    const dtype = name === 'efficientnet' ? 'float64' : 'float32';
    const golden = readGolden(join(folder, `${name}.${dtype}.json`));
    const result = CASES[name](dtype).check(golden, same ? 0 : 1e-4, (key) => same || !/end\./.test(key));
    console.log(
      `${name}: ${result.equal} of ${result.compared} tensors bit-equal to torch ${golden.about.torch}` +
        (same ? ' (the same libtorch)' : ` (another libtorch, worst ${result.worst.toExponential(1)})`),
    );
    if (same) expect(result.equal).toBe(result.compared);
  });
});
