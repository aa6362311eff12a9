/** A command of the program, called in the test's own process: what it leaks and prints can be looked at there. */
import { Command } from 'commander';
import { vi } from 'vitest';
import type { Registration } from './command-table.js';
import { addGlobalOptions } from './common.js';
import { commandTable, main } from './main.js';

/** @returns a caller of `graft NAME …`, on one CPU thread, that gives what was printed on stdout; an error carries it as `printed` */
export const inProcess =
  (name: string, register: Registration) =>
  async (...args: string[]): Promise<string> => {
    let printed = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += text;
      return true;
    });
    const program = new Command();
    addGlobalOptions(program);
    await register(program, args);
    await program
      .parseAsync([name, ...args, '--quiet', '--device', 'cpu', '--threads', '1'], { from: 'user' })
      .catch((error: Error) => {
        throw Object.assign(error, { printed });
      });
    return printed;
  };

export interface Said {
  stdout: string;
  stderr: string;
  /** What the command ended with; undefined: well. */
  error: Error | undefined;
}

/** The same with what was said on stderr, and the error as a value. */
export const inProcessAloud =
  (name: string, register: Registration) =>
  async (...args: string[]): Promise<Said> => {
    const said = { stdout: '', stderr: '' };
    const listen = (stream: 'stdout' | 'stderr') =>
      vi.spyOn(process[stream], 'write').mockImplementation((text) => {
        said[stream] += text;
        return true;
      });
    const spies = [listen('stdout'), listen('stderr')];
    const program = new Command();
    addGlobalOptions(program);
    await register(program, args);
    try {
      await program.parseAsync([name, ...args, '--device', 'cpu', '--threads', '1'], { from: 'user' });
      return { ...said, error: undefined };
    } catch (error) {
      return { ...said, error: error as Error };
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  };

/** The whole program as it is started, in this process: what `graft NAME …` prints, and its exit code. */
export const wholeProgram =
  (name: string) =>
  async (args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    const text = { stdout: '', stderr: '' };
    const spies = (['stdout', 'stderr'] as const).map((stream) =>
      vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
        text[stream] += chunk;
        return true;
      }),
    );
    try {
      const table = commandTable.filter((command) => command.name === name);
      return { code: await main([name, ...args], table), ...text };
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  };
