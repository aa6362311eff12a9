/**
 * SQL of a mapping that somebody wrote, in a process of its own with a limit on time and memory. DuckDB's own limits do
 * not reach into an expression: `repeat('x', 3000000000)` takes gigabytes, and is not interrupted.
 */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ConfigError, DataError } from 'graft-torch/base';
import type { Metadata } from './metadata.js';

export interface GuardedTask {
  paths: readonly string[];
  mapping: string;
  limits: Limits;
}

export interface Limits {
  cpuSeconds: number;
  bytes: number;
}

export type GuardedAnswer =
  | { metadata: Metadata }
  | { error: string; kind: 'ConfigError' | 'DataError' | 'Error' }
  | { over: 'time' | 'memory' }
  | { ended: string };

/** Tables are read and mapped at 5 to 20 MB a second, in some ten times their size. */
function limitsFor(tableBytes: number): Limits {
  return { cpuSeconds: 5 + Math.ceil(tableBytes / 1e6), bytes: 1.2e9 + 30 * tableBytes };
}

async function bytesOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : 64e6; // a folder of descriptions
}

/**
 * The compiled file of the process: beside this one, or in dist/ where the sources themselves run.
 * @returns undefined where nothing is compiled
 */
function processFile(): string | undefined {
  const beside = fileURLToPath(new URL('./guarded-process.js', import.meta.url));
  return [beside, beside.replace(/([\\/])src([\\/]data[\\/]metadata)/, '$1dist$1src$2')].find(existsSync);
}

/**
 * Reads metadata as `readMetadata` does, elsewhere.
 * @returns undefined where there is no process to do it
 * @throws ConfigError where the mapping's SQL takes too much time or memory; what `readMetadata` throws
 */
export async function readGuarded(
  paths: readonly string[],
  mapping: string,
  options: { limits?: Limits } = {},
): Promise<Metadata | undefined> {
  const file = processFile();
  if (file === undefined) return undefined;
  const bytes = (await Promise.all(paths.map(bytesOf))).reduce((sum, size) => sum + size, 0);
  const limits = options.limits ?? limitsFor(bytes);
  const answer = await answerOf(file, { paths, mapping, limits });
  if ('metadata' in answer) return answer.metadata;
  if ('over' in answer)
    throw new ConfigError(
      `${mapping}: its sql takes more than ${answer.over === 'time' ? `${limits.cpuSeconds} s` : `${(limits.bytes / 1e9).toFixed(1)} GB`} over ${paths.join(', ')}; expected an expression that looks at one row at a time`,
    );
  if ('ended' in answer)
    throw new ConfigError(`${mapping}: its sql broke the engine (${answer.ended}); write it otherwise`);
  if (answer.kind === 'ConfigError') throw new ConfigError(answer.error);
  throw answer.kind === 'DataError' ? new DataError(answer.error) : new Error(answer.error);
}

function answerOf(file: string, task: GuardedTask): Promise<GuardedAnswer> {
  return new Promise((resolve, reject) => {
    const child = fork(file, { serialization: 'advanced', execArgv: [] });
    let answered = false;
    child.on('message', (answer: GuardedAnswer) => {
      answered = true;
      child.kill('SIGKILL'); // it may still be working on what was too much
      resolve(answer);
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      // Nobody but the system for want of memory kills it.
      if (!answered) resolve(signal === 'SIGKILL' ? { over: 'memory' } : { ended: String(signal ?? code) });
    });
    child.send(task);
  });
}
