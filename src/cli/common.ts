/**
 * What every command shares: the global options, results on stdout, errors on stderr with an exit code, examples
 * in the help. Loads nothing heavy: `graft --help` goes through here.
 */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Device } from 'graft-torch';
import { bestDevice, requireDevice, setThreads } from 'graft-torch';
import { ConfigError, GraftError, oneLine, systemProblem, visible } from 'graft-torch/base';
import { findEngine } from 'graft-torch/setup';
import pc from 'picocolors';
import type { z } from 'zod';
import { givenSecrets, hideSecrets, trustCode } from '../base/index.js';
import type { ConfigSources, RunKind } from '../run/index.js';
import {
  configToYaml,
  InterruptedError,
  interruptedExitCode,
  moduleOf,
  resolveConfig,
} from '../run/index.js';

/** The options that every command understands, wherever they stand on the line. */
export interface GlobalOptions {
  /** Print the result as JSON, and nothing else, on stdout. */
  json: boolean;
  /** No progress and no notices on stderr. */
  quiet: boolean;
  color: boolean;
  /** Errors with their stack. */
  debug: boolean;
  /** 'cpu', 'cuda', 'cuda:1', 'mps'; undefined = the best there is. */
  device: string | undefined;
  /** Threads of the engine; undefined = all cores. */
  threads: number | undefined;
  /** Undefined = the config's. */
  seed: number | undefined;
}

/** Exit codes: done, failed, wrong usage or config, interrupted with the state saved. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: interruptedExitCode } as const;

/** Adds the global options to the program; commander then takes them before and after a command's name. */
export function addGlobalOptions(program: Command): void {
  program
    .optionsGroup('Global options:')
    .option('--json', 'print the result as JSON on stdout, nothing else')
    .option('--quiet', 'no progress, no notices')
    .option('--no-color', 'no colours (also: NO_COLOR=1)')
    .option('--debug', 'errors with their stack')
    .option('--device <device>', 'cpu, cuda, cuda:1 or mps (default: the best there is)', parseDevice)
    .option('--threads <count>', 'threads of the engine (default: all cores)', integer({ min: 1, max: 1024 }))
    .option('--seed <number>', 'decides weights, order, augmentation and noise', integer({ min: 0 }));
}

/** The global options as given for this command. */
export function globalOptions(command: Command): GlobalOptions {
  const { json = false, quiet = false, color = true, debug = false, ...rest } = command.optsWithGlobals();
  return { json, quiet, color, debug, device: rest.device, threads: rest.threads, seed: rest.seed };
}

/**
 * Loads the engine and sets its threads as the command line says.
 * @returns the device to compute on: --device, else the best there is.
 * @throws GraftError when the engine is not built, or does not have the device.
 */
export async function startEngine(command: Command): Promise<Device> {
  const { device, threads } = globalOptions(command);
  setThreads(threads);
  return device === undefined ? bestDevice() : requireDevice(device as Device);
}

/**
 * Before a command that will need the engine makes a folder. Loads nothing.
 * @throws GraftError that names the set-up, where there was none
 */
export function requireEngine(): void {
  const { problem } = findEngine();
  if (problem !== undefined) throw new GraftError(problem);
}

/** The global options that say where and with how many threads is computed: a run that goes on may change them. */
export function conditionFlags(command: Command): NonNullable<ConfigSources['flags']> {
  const { device, threads } = globalOptions(command);
  return [
    { flag: '--device', key: 'device', value: device },
    { flag: '--threads', key: 'threads', value: threads },
  ];
}

export interface CommandConfigOptions<Config> {
  recipe: string;
  set: string[];
  dryRun?: boolean;
  /** Decides what the configuration leaves to the machine, such as threads. */
  settle?: (config: Config) => Config;
}

/**
 * The configuration of a command that trains: recipe or file, --set, the command's own flags, the global ones.
 * With --dry-run it is printed, and null comes back.
 * @throws ConfigError as `resolveConfig`
 */
export async function commandConfig<Schema extends z.ZodType>(
  command: Command,
  schema: Schema,
  kind: RunKind,
  options: CommandConfigOptions<z.output<Schema>>,
  flags: NonNullable<ConfigSources['flags']>,
): Promise<z.output<Schema> | null> {
  const { seed } = globalOptions(command);
  const resolved = resolveConfig(schema, {
    recipe: options.recipe,
    sets: options.set,
    kind,
    flags: [...flags, ...conditionFlags(command), { flag: '--seed', key: 'seed', value: seed }],
  });
  const config = options.settle?.(resolved) ?? resolved;
  if (!options.dryRun) return config;
  output(command, { json: config, text: () => configToYaml(config as object, { kind, schema }) });
  return null;
}

/** Flag and text of `--part`, for commands that take a file of weights. */
export const partOption = [
  '--part <name>',
  'of a weights file that holds several state dicts, which: netG, model_ema; or what its names begin with',
] as const;

/** `--module`: whoever names a file there trusts its code. @param what the module may hold */
export const moduleOption = (what: string) =>
  [
    '--module <file>',
    `${what}: a .js file (.ts where this Node runs it)`,
    (path: string) => {
      trustCode(path);
      return path;
    },
  ] as const;

/** `--trust-code`, for commands that may open a TorchScript file or a module. Jobs in processes of their own inherit it. */
export const addTrustOption = (command: Command): Command =>
  command
    .option(
      '--trust-code',
      'run the code of TorchScript files (FILE.pt) and modules that are named: they are programs',
    )
    .hook('preAction', (_, called) => {
      if (called.opts().trustCode) trustCode();
    });

/** Name of a recipe, or of a file without folder and ending: what default folders are called after. */
export const recipeTitle = (recipe: string): string => recipe.replace(/^.*\//, '').replace(/\.ya?ml$/, '');

/**
 * Prints a command's result on stdout: JSON with --json, else the text.
 * @param result.text already laid out; without it the JSON is printed in either case.
 */
export function output(command: Command, result: { json: unknown; text?: string | (() => string) }): void {
  const { json, text } = result;
  const isJson = globalOptions(command).json || text === undefined;
  const content = isJson ? printedJson(json) : visible(typeof text === 'function' ? text() : text);
  process.stdout.write(content.endsWith('\n') ? content : `${content}\n`);
}

/** As JSON allows it, with the codes of characters that a terminal would obey. */
const printedJson = (json: unknown): string =>
  JSON.stringify(json, null, 2).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A message for stderr: no secret that this process was given, no character that a terminal obeys. */
export const shown = (text: string): string =>
  visible(hideSecrets(text, givenSecrets(process.argv.slice(2), process.env)));

/** Prints a warning on stderr, also with --quiet. */
export function warning(message: string): void {
  process.stderr.write(`graft: warning: ${shown(oneLine(message))}\n`);
}

/** Prints a notice on stderr, unless --quiet. */
export function notice(command: Command, message: string): void {
  if (!globalOptions(command).quiet) process.stderr.write(`${shown(message)}\n`);
}

/** Colours for a stream: none when it is not a terminal, with --no-color or with NO_COLOR. */
export function colorsFor(stream: NodeJS.WriteStream): ReturnType<typeof pc.createColors> {
  return pc.createColors(hasColors(stream));
}

function hasColors(stream: NodeJS.WriteStream): boolean {
  const { env, argv } = process;
  if (argv.includes('--no-color') || (env.NO_COLOR ?? '') !== '') return false;
  return (env.FORCE_COLOR ?? '') !== '' || (stream.isTTY === true && env.TERM !== 'dumb');
}

/**
 * Appends examples to a command's help.
 * @param lines pairs of what it is for and the command line.
 */
export function examples(
  command: Command,
  lines: readonly (readonly [purpose: string, line: string])[],
): void {
  command.addHelpText('after', () => {
    const { bold, dim } = colorsFor(process.stdout);
    const text = lines.map(([purpose, line]) => `  ${dim(`# ${purpose}`)}\n  ${line}`);
    return `\n${bold('Examples:')}\n${text.join('\n\n')}`;
  });
}

/** Collects a repeatable option: `.option('--set <key=value>', '…', collect, [])`. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** Parser for an integer option within bounds (both inclusive). */
export function integer(bounds: { min?: number; max?: number } = {}): (text: string) => number {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = bounds;
  return (text) => {
    const value = Number(text);
    if (/^[+-]?\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected an integer${boundsText(min, max)}.`);
  };
}

/** Parser for a number option within bounds (both inclusive). */
export function number(bounds: { min?: number; max?: number } = {}): (text: string) => number {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = bounds;
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a number${boundsText(min, max)}.`);
  };
}

function boundsText(min: number, max: number): string {
  const parts: string[] = [];
  if (min > Number.MIN_SAFE_INTEGER) parts.push(`≥ ${min}`);
  if (max < Number.MAX_SAFE_INTEGER) parts.push(`≤ ${max}`);
  return parts.length === 0 ? '' : ` ${parts.join(' and ')}`;
}

function parseDevice(text: string): string {
  if (/^(cpu|mps|cuda(:\d+)?)$/.test(text)) return text;
  throw new InvalidArgumentError('Expected cpu, cuda, cuda:<number> or mps.');
}

/**
 * Reports an error on stderr and says with which code to exit: one red line for what the user can act on, the
 * stack as well with `debug` or when it is a fault of Graft.
 */
export function reportError(error: unknown, options: { debug: boolean }): number {
  const { red, dim, yellow } = colorsFor(process.stderr);
  const written = systemProblem(error) ?? (error instanceof Error ? error.message : String(error));
  const message = oneLine(hideSecrets(written, givenSecrets(process.argv.slice(2), process.env)));
  const stack =
    error instanceof Error ? (error.stack ?? '').split('\n').slice(written.split('\n').length) : [];
  const lines: string[] = [];
  if (error instanceof InterruptedError) lines.push(yellow(`graft: ${message}`));
  else if (error instanceof GraftError || isSystemError(error)) lines.push(red(`graft: ${message}`));
  else if (moduleOf(error)) lines.push(red(`graft: ${moduleOf(error)}: fails in its own code: ${message}`));
  else {
    const name = error instanceof Error ? error.name : 'error';
    lines.push(red(`graft: unexpected ${name}: ${message}`));
    const advice = options.debug ? '' : '; run it again with --debug and report what it prints';
    lines.push(`This is a bug in Graft${advice}.`);
    if (!options.debug && stack[0] !== undefined) lines.push(dim(shown(stack[0])));
  }
  if (options.debug) {
    lines.push(...stack.map((line) => dim(shown(line))));
    if (error instanceof Error && error.cause !== undefined)
      lines.push(dim(`  cause: ${shown(String(error.cause))}`));
  }
  process.stderr.write(`${lines.join('\n')}\n`);
  if (error instanceof InterruptedError) return exitCodes.interrupted;
  return error instanceof ConfigError ? exitCodes.usage : exitCodes.failed;
}

/** A full disk, a missing permission, a busy port: Node's message names the file; it is nobody's bug. */
function isSystemError(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return typeof code === 'string' && typeof syscall === 'string';
}
