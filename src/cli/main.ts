#!/usr/bin/env node
/**
 * `graft`: finds the command, loads its file, runs it, turns errors into exit codes. Only the command that is
 * called is loaded, so that help and version appear at once and also where the engine is not built yet.
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { graftVersion } from '../base/index.js';
import { type CommandEntry, registerCommands } from './command-table.js';
import { addGlobalOptions, examples, exitCodes, reportError } from './common.js';
import { styleHelp } from './help.js';

/** Every command, in the order of the help. A new one is a file beside this one and an entry here. */
export const commandTable: readonly CommandEntry[] = [
  {
    name: 'demo',
    summary: 'the whole way on procedural phantoms, a few minutes',
    group: 'Start:',
    load: async () => (await import('./demo.js')).register,
  },
  {
    name: 'setup',
    summary: 'make the engine ready on this machine, once',
    group: 'Start:',
    load: async () => (await import('./setup.js')).register,
  },
  {
    name: 'doctor',
    summary: 'what is installed, what is missing and how to get it',
    group: 'Start:',
    load: async () => (await import('./doctor.js')).register,
  },
  {
    name: 'data',
    summary: 'make a dataset of images or phantoms, look at what is in it',
    group: 'Data:',
    load: async () => (await import('./data.js')).register,
  },
  {
    name: 'generator',
    aliases: ['gan'],
    summary: 'train a generator on one class, go on with a run, sample images',
    group: 'Train:',
    load: async () => (await import('./generator.js')).register,
  },
  {
    name: 'classify',
    summary: 'train a classifier, evaluate it, score images with it',
    group: 'Train:',
    load: async () => (await import('./classify.js')).register,
  },
  {
    name: 'metrics',
    summary: 'compare synthetic with real images',
    group: 'Judge:',
    load: async () => (await import('./metrics.js')).register,
  },
  {
    name: 'trial',
    summary: 'do synthetic images help a classifier? arms × seeds → verdict',
    group: 'Judge:',
    load: async () => (await import('./trial.js')).register,
  },
  {
    name: 'verdict',
    summary: 'the trial’s statistics on a table of anyone’s scores; needs no libtorch',
    group: 'Judge:',
    load: async () => (await import('./verdict.js')).register,
  },
];

/** Global options that take a value, which is then not a command's name. */
const valueOptions = ['--device', '--threads', '--seed'];

/** The commands that a command line calls, outermost first; `graft help NAME` and `graft data help NAME` call NAME. */
function calledCommands(args: readonly string[]): string[] {
  const operands = args.filter((arg, i) => !arg.startsWith('-') && !valueOptions.includes(args[i - 1] ?? ''));
  const help = operands.indexOf('help');
  return help >= 0 && help < 2 ? operands.toSpliced(help, 1) : operands;
}

/** Builds the program with the called commands in full and the others by name. */
async function createProgram(args: readonly string[], table: readonly CommandEntry[]): Promise<Command> {
  const program = new Command('graft');
  program
    .description(
      'Grows a small, imbalanced medical image set with synthetic images of its rare class,\n' +
        'and says with statistics whether that makes a classifier better.',
    )
    .version(graftVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print help for a command')
    .exitOverride();
  addGlobalOptions(program);
  styleHelp(program);
  await registerCommands(program, table, calledCommands(args));
  for (const command of program.commands) finishCommand(command, program, `graft ${command.name()}`);
  program.showHelpAfterError('see: graft --help');
  examples(program, [
    ['see it work, from images to a verdict', 'graft demo'],
    ['why is it slow, what is missing?', 'graft doctor'],
    ['every option of one command', 'graft generator train --help'],
  ]);
  return program;
}

/** Gives a command and those below it the program's manners, however they were made. */
function finishCommand(command: Command, parent: Command, line: string): void {
  command.copyInheritedSettings(parent);
  command.showHelpAfterError(`see: ${line} --help`);
  command.helpOption('-h, --help', 'print this help');
  for (const inner of command.commands) finishCommand(inner, command, `${line} ${inner.name()}`);
}

/**
 * Runs one command line.
 * @param args without node and the script.
 * @returns the exit code; errors are reported on stderr and never thrown.
 */
export async function main(
  args: readonly string[],
  table: readonly CommandEntry[] = commandTable,
): Promise<number> {
  try {
    const program = await createProgram(args, table);
    await program.parseAsync([...args], { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    // commander has printed already: help and version end with 0, the rest is wrong usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return reportError(error, { debug: args.includes('--debug') });
  }
}

/** Whether this file is the program, also through npm's link in node_modules/.bin. */
function isProgram(): boolean {
  const script = process.argv[1];
  try {
    return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
  } catch {
    return false;
  }
}

if (isProgram()) {
  const debug = process.argv.includes('--debug');
  process.on('uncaughtException', (error) => process.exit(reportError(error, { debug })));
  // `graft … | head` closes the pipe: that is the reader's right, not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.done);
    throw error;
  });
  process.exitCode = await main(process.argv.slice(2));
  // stdout drains by itself; a forgotten timer or worker must not keep a finished command alive.
  setTimeout(() => process.exit(), 2000).unref();
}
