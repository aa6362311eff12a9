/** Reads files in a process that may crash, hang or fill its memory, and says which. */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fault, type Outcome } from './outcome.js';
import type { ReadRequest } from './reader.js';

/** One file may take so long, and so much memory above what the process had before. */
const limitMs = 60_000; // foreign SQL has 6 s of a processor, which a busy machine makes 20 of
const limitBytes = 700 << 20;

export class Reading {
  #child: ChildProcess | undefined;

  /** What became of reading a file. */
  async read(request: ReadRequest): Promise<Outcome> {
    const child = await this.#start();
    const before = residentBytes(child.pid!);
    return new Promise((settle) => {
      let grown = 0;
      const end = (outcome: Outcome, dies = false): void => {
        clearTimeout(limit);
        clearInterval(watch);
        child.removeAllListeners();
        if (dies) this.close();
        settle(outcome);
      };
      const limit = setTimeout(() => end(fault(`it hung (${limitMs / 1000} s)`), true), limitMs);
      const watch = setInterval(() => {
        grown = Math.max(grown, residentBytes(child.pid!) - before);
        if (grown > limitBytes) end(fault(`it took ${Math.round(grown / 2 ** 20)} MiB of memory`), true);
      }, 50);
      child.once('message', (outcome: Outcome) => end(outcome));
      child.once('exit', (code, signal) => {
        this.#child = undefined;
        end(fault(`a crash: ${signal ?? `exit code ${code}`}`));
      });
      child.send(request);
    });
  }

  async #start(): Promise<ChildProcess> {
    if (this.#child) return this.#child;
    const child = fork(fileURLToPath(new URL('./reader.js', import.meta.url)), {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    await new Promise<void>((settle, reject) => {
      child.once('message', () => settle());
      child.once('exit', (code) =>
        reject(new Error(`the reader ended with code ${code}: is the program built?`)),
      );
    });
    child.removeAllListeners();
    return child;
  }

  close(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

/** 0 where the system does not tell (all but Linux). */
function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
