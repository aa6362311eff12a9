/** The number of threads that was asked for is the one that every library uses, whatever the environment says. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/base/index.js';
import { programEnvironment } from '../program.js';

/** SHA-256 of a product that OpenBLAS splits over its threads. */
function product(threads: number, environment: Record<string, string>): string {
  const index = join(packageRoot(), 'packages', 'torch', 'dist', 'torch', 'index.js');
  const script = `
    import { createHash } from 'node:crypto';
    import { aten, manualSeed, randn, setThreads } from ${JSON.stringify(index)};
    setThreads(${threads});
    manualSeed(1);
    const product = aten.mm(randn([501, 1003]), randn([1003, 257])).toArray();
    process.stdout.write(createHash('sha256').update(Buffer.from(product.buffer)).digest('hex'));`;
  return execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    env: programEnvironment(environment),
  });
}

test.each([1, 2])('a product on %i threads', (threads) => {
  const plain = product(threads, {});
  const environments: Record<string, string>[] = [
    { OPENBLAS_NUM_THREADS: '1' },
    { OPENBLAS_NUM_THREADS: '2', OMP_NUM_THREADS: '1' },
    { GOTO_NUM_THREADS: '2' },
  ];
  for (const environment of environments)
    expect(product(threads, environment), JSON.stringify(environment)).toBe(plain);
});
