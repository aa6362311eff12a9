/** Starts the program as a user does, with a limit on its time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { program, programEnvironment } from '../program.js';
import type { Ended } from './outcome.js';

export interface Started {
  child: ChildProcess;
  ended: Promise<Ended & { stdout: string }>;
}

/** @param options.limitMs it is killed after so long, and has hung */
export function startGraft(
  args: readonly string[],
  options: { cwd: string; limitMs?: number; env?: Record<string, string> },
): Started {
  const { cwd, limitMs = 120_000, env } = options;
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: programEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name]!.on('data', (chunk) => (text[name] += chunk));
  let timedOut = false;
  const limit = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, limitMs);
  const ended = new Promise<Ended & { stdout: string }>((settle) => {
    child.once('close', (status, signal) => {
      clearTimeout(limit);
      settle({ status, signal, timedOut, ...text });
    });
  });
  return { child, ended };
}

export const graft = (args: readonly string[], options: Parameters<typeof startGraft>[1]): Started['ended'] =>
  startGraft(args, options).ended;
