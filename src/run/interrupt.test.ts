import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GraftError } from 'graft-torch/base';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../base/index.js';
import { InterruptedError, neverInterrupted, withInterrupt } from './interrupt.js';

let dir: string;
beforeAll(() => {
  // The child processes run the real interrupt.ts, compiled into a folder of its own.
  dir = mkdtempSync(join(tmpdir(), 'graft-interrupt-'));
  mkdirSync(join(dir, 'run'));
  const source = readFileSync(join(packageRoot(), 'src', 'run', 'interrupt.ts'), 'utf8');
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  writeFileSync(join(dir, 'run', 'interrupt.js'), ts.transpileModule(source, { compilerOptions }).outputText);
  symlinkSync(join(packageRoot(), 'node_modules'), join(dir, 'node_modules'));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs a loop of synchronous 20 ms steps in a child process and signals it at each 'ready'. */
async function child(body: string, signal: NodeJS.Signals) {
  const script = `
    import { withInterrupt } from ${JSON.stringify(join(dir, 'run/interrupt.js'))};
    const step = () => { const end = Date.now() + 20; while (Date.now() < end); };
    ${body}`;
  const process_ = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let [stdout, stderr] = ['', ''];
  process_.stdout.on('data', (chunk) => {
    stdout += chunk;
    if (String(chunk).includes('ready')) process_.kill(signal);
  });
  process_.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve) => process_.once('exit', resolve));
  return { code, stdout, stderr };
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'the first %s lets a synchronous loop end its step and save',
  async (signal) => {
    const { code, stdout, stderr } = await child(
      `await withInterrupt(async (interrupt) => {
       process.stdout.write('ready\\n');
       while (!(await interrupt.poll())) step();
       process.stdout.write('saved ' + interrupt.requested);
     });
     process.exitCode = 7;`,
      signal,
    );
    expect(stdout).toBe('ready\nsaved true');
    expect(stderr).toBe(
      '\ngraft: stopping after this step and saving the state; once more to stop at once\n',
    );
    expect(code).toBe(7);
  },
);

test('the second ends the process at once with 130', async () => {
  const { code, stdout } = await child(
    `await withInterrupt(async (interrupt) => {
       process.stdout.write('ready\\n');
       while (!(await interrupt.poll())) step();
       process.stdout.write('ready again\\n');
       for (let i = 0; i < 200; i++) { step(); await interrupt.poll(); }
       process.stdout.write('never');
     });`,
    'SIGINT',
  );
  expect(stdout).toBe('ready\nready again\n');
  expect(code).toBe(130);
});

test('a second one at once is the first again, where that is asked for', async () => {
  const { code, stdout } = await child(
    `await withInterrupt(async (interrupt) => {
       process.stdout.write('ready\\n');
       while (!(await interrupt.poll())) step();
       process.stdout.write('ready again\\n');
       for (let i = 0; i < 10; i++) { step(); await interrupt.poll(); }
       process.stdout.write('saved');
     }, 'stopping', { repeatMs: 60_000 });`,
    'SIGTERM',
  );
  expect(stdout).toBe('ready\nready again\nsaved');
  expect(code).toBe(0);
});

test('the handlers are gone afterwards, also after a failure', async () => {
  const before = process.listenerCount('SIGINT');
  await expect(
    withInterrupt(async () => {
      expect(process.listenerCount('SIGINT')).toBe(before + 1);
      throw new InterruptedError('state saved');
    }),
  ).rejects.toBeInstanceOf(GraftError);
  expect(process.listenerCount('SIGINT')).toBe(before);
  expect(await neverInterrupted.poll()).toBe(false);
});
