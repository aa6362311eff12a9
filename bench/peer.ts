/** What the benchmarks share: the Python process they are held against, medians of turns, notes on stderr. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

export const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** The load of the machine as the benchmark begins; a note where it is not idle. */
export function loadAtStart(): number {
  const load = loadavg()[0]!;
  if (load > 0.5)
    note(`warning: other work runs on this machine (load ${load.toFixed(1)}): figures will be off`);
  return load;
}

export interface PeerOptions {
  python: string;
  /** Arguments of the script. */
  args?: readonly (string | number)[];
  /** Of the interpreter, before the script. */
  flags?: readonly string[];
  environment?: NodeJS.ProcessEnv;
  /** What must be installed: told when the process ends. */
  needs: string;
}

/** A Python process that works when asked to: a line in, a line of JSON out. */
export class PythonPeer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #trouble: string;

  /** @param script file name in this folder */
  constructor(script: string, { python, args = [], flags = [], environment, needs }: PeerOptions) {
    const path = fileURLToPath(new URL(`../../bench/${script}`, import.meta.url));
    this.#trouble = `the peer (${script}) ended; is ${needs} installed for ${python}?`;
    this.#child = spawn(python, ['-B', ...flags, path, ...args.map(String)], { env: environment });
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line it writes. */
  async answer<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(this.#trouble);
    return JSON.parse(value as string) as T;
  }

  ask<T>(line: string): Promise<T> {
    this.#child.stdin.write(`${line}\n`);
    return this.answer<T>();
  }

  stop(): void {
    this.#child.stdin.end();
  }
}
