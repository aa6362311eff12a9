import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openThreads } from './threads.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-threads-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** What a compiled file with `serve` is: the pool's data and one answer a task. */
function workerFile(name: string, answer: string): URL {
  const path = join(dir, `${name}.mjs`);
  const head = `import { parentPort, threadId, workerData } from 'node:worker_threads';`;
  writeFileSync(
    path,
    `${head}\nparentPort.on('message', async (task) => parentPort.postMessage(${answer}));\n`,
  );
  return pathToFileURL(path);
}

const start = (data: number) => (task: number) => data * task;
const never = () => (): number => {
  throw new Error('the pool was to work');
};

test('each result belongs to its task, and all threads work', async () => {
  const file = workerFile('times', '[workerData * task, threadId]');
  const pool = openThreads<number, number, [number, number]>(file, never as never, { data: 3, threads: 3 });
  const results = await Promise.all(Array.from({ length: 200 }, (_, task) => pool.run(task)));
  await pool.close();
  expect(results.map(([product]) => product)).toEqual(Array.from({ length: 200 }, (_, task) => 3 * task));
  expect(pool.threads).toBe(3);
  expect(new Set(results.map(([, thread]) => thread)).size).toBe(3);
});

test.each([
  ['throws', `(() => { throw new Error('task ' + task + ' failed') })()`, /task \d failed/],
  ['ends', 'process.exit(0)', /thread has ended/],
])('a thread that %s fails every task, those to come as well', async (name, answer, message) => {
  const pool = openThreads<number, number, number>(workerFile(name, answer), never, { data: 0, threads: 2 });
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map((task) => pool.run(task)));
  for (const result of results)
    expect(result).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(message) } });
  await expect(pool.run(6)).rejects.toThrow(message);
  await pool.close();
});

test('closing fails what has not been done', async () => {
  const pool = openThreads<number, number, number>(workerFile('slow', 'await new Promise(() => {})'), never, {
    data: 0,
    threads: 2,
  });
  const task = pool.run(1);
  const failed = expect(task).rejects.toThrow();
  await pool.close();
  await failed;
});

test.each([
  ['one thread is asked for', 'times', 1],
  ['there is no compiled file', 'missing', 4],
])('this thread does the work where %s', async (_, name, threads) => {
  const file = pathToFileURL(join(dir, `${name}.mjs`));
  const taker = openThreads(file, start, { data: 3, threads });
  expect(taker.threads).toBe(1);
  expect(await Promise.all([1, 2, 3].map((task) => taker.run(task)))).toEqual([3, 6, 9]);
  const failing = openThreads(file, never, { data: 3, threads: 1 });
  await expect(failing.run(1)).rejects.toThrow('the pool was to work');
});
