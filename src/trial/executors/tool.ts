/** An engine's own program, such as `sbatch` or `kubectl`: its output, or in one line what it complains of. */
import { execFile } from 'node:child_process';
import { ConfigError } from 'graft-torch/base';

export interface ToolCall {
  args: readonly string[];
  /** For its standard input. */
  input?: string;
  environment?: NodeJS.ProcessEnv | undefined;
  /** What to do where there is no such program. */
  absent: string;
  /** Makes the error of what the program said on stderr. */
  failure(stderr: string, error: Error): Error;
}

/** @throws ConfigError where the program is not on PATH; else what `failure` makes */
export function runTool(program: string, call: ToolCall): Promise<string> {
  const { args, input = '', environment = process.env, absent, failure } = call;
  const options = { env: environment, timeout: 120_000, maxBuffer: 2 ** 28 };
  return new Promise((done, fail) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) done(stdout);
      else if (error.code === 'ENOENT') fail(new ConfigError(`${program}: not found on PATH; ${absent}`));
      else fail(failure(stderr, error));
    });
    // A program that refuses its options does not read its input.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** The last line that says something, without what it begins with. */
export function lastLine(stderr: string, prefix: RegExp): string | undefined {
  const lines = stderr.split('\n').map((line) => line.replace(prefix, '').trim());
  return lines.filter((line) => line !== '').at(-1);
}
