import { Command } from 'commander';
import { ConfigError, DataError, TorchError } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { graftVersion } from '../base/index.js';
import { InterruptedError } from '../run/interrupt.js';
import type { CommandEntry } from './command-table.js';
import { collect, examples, globalOptions, integer, notice, number, output } from './common.js';
import { commandTable, main } from './main.js';

let stdout: string;
let stderr: string;
beforeEach(() => {
  stdout = '';
  stderr = '';
  const take = (add: (text: string) => void) => (chunk: unknown) => {
    add(String(chunk));
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(take((text) => (stdout += text)));
  vi.spyOn(process.stderr, 'write').mockImplementation(take((text) => (stderr += text)));
});
afterEach(() => vi.restoreAllMocks());

let loaded: string[] = [];
beforeEach(() => {
  loaded = [];
});

/** A table of three commands; `gan train` does what a test wants. */
function table(
  action: (options: Record<string, unknown>, command: Command) => void | Promise<void>,
): CommandEntry[] {
  const entry = (name: string, group: string, register: (program: Command) => void): CommandEntry => ({
    name,
    summary: `summary of ${name}`,
    group,
    load: async () => {
      loaded.push(name);
      return register;
    },
  });
  return [
    entry('data', 'Data:', (program) => void program.command('data').command('import <dir>')),
    entry('gan', 'Train:', (program) => {
      // Made apart and added, so that nothing is inherited by itself.
      const train = new Command('train')
        .description('Trains.')
        .requiredOption('--data <dir>', 'dataset')
        .option('--set <key=value>', 'overrides', collect, [])
        .option('--count <n>', 'how many', integer({ min: 1 }))
        .option('--psi <x>', 'truncation', number({ min: 0, max: 1 }))
        .action(action);
      examples(train, [['an hour', 'graft gan train --data d']]);
      program.addCommand(new Command('gan').description('GANs, in full.').addCommand(train));
    }),
    entry('doctor', 'Start:', (program) => void program.command('doctor').action(() => {})),
  ];
}
const run = (line: string, action: Parameters<typeof table>[0] = () => {}) =>
  main(line === '' ? [] : line.split(' '), table(action));

describe('help and version load no command that was not called', () => {
  test('--version', async () => {
    expect(await run('--version')).toBe(0);
    expect(stdout).toBe(`${graftVersion()}\n`);
    expect(loaded).toEqual([]);
  });

  test('--help lists every command by group, with its summary, the global options and examples', async () => {
    expect(await run('--help')).toBe(0);
    expect(loaded).toEqual([]);
    expect(stdout).toMatch(/Data:\n {2}data +summary of data\n\nTrain:\n {2}gan +summary of gan\n/);
    expect(stdout).toMatch(/Global options:\n.*--json.*--device <device>.*--seed <number>/s);
    expect(stdout).toMatch(/Examples:\n {2}# /);
    expect(stdout.indexOf('Train:')).toBeLessThan(stdout.indexOf('Global options:'));
  });

  test.each(['gan train --help', 'help gan', 'gan help train', '--device cpu gan train -h'])(
    '%s',
    async (line) => {
      expect(await run(line)).toBe(0);
      expect(loaded).toEqual(['gan']);
      expect(stdout).toContain(line === 'help gan' ? 'GANs, in full.' : '--data <dir>');
      if (line !== 'help gan')
        expect(stdout).toMatch(/Global options:.*--threads.*Examples:\n {2}# an hour\n/s);
      expect(stdout).not.toContain('--version');
    },
  );
});

test('a command answers to its other names, and help shows one', async () => {
  for (const name of ['generator', 'gan']) {
    expect(await main([name, 'train', '--help'])).toBe(0);
    expect(stdout).toMatch(/^Usage: graft generator train/);
    stdout = '';
  }
  expect(await main(['--help'])).toBe(0);
  expect(stdout).toMatch(/\n {2}generator /);
  expect(stdout).not.toMatch(/\bgan\b/);
});

test('global options are understood before and after the command, and have their defaults', async () => {
  const seen: unknown[] = [];
  const action = (options: Record<string, unknown>, command: Command): void =>
    void seen.push(globalOptions(command), options.set);
  await run('gan train --data d', action);
  expect(seen.splice(0)).toEqual([
    {
      json: false,
      quiet: false,
      color: true,
      debug: false,
      device: undefined,
      threads: undefined,
      seed: undefined,
    },
    [],
  ]);
  await run(
    '--json --seed 3 gan train --data d --device cuda:1 --threads 2 --quiet --set a=1 --set b=2',
    action,
  );
  expect(seen[0]).toMatchObject({ json: true, quiet: true, device: 'cuda:1', threads: 2, seed: 3 });
  expect(seen[1]).toEqual(['a=1', 'b=2']);
});

test('results go to stdout as text or JSON, notices to stderr unless quiet', async () => {
  const action = (_options: unknown, command: Command): void => {
    notice(command, 'careful');
    output(command, { json: { auc: 0.5 }, text: () => 'AUC 0.5' });
  };
  expect(await run('gan train --data d', action)).toBe(0);
  expect([stdout, stderr]).toEqual(['AUC 0.5\n', 'careful\n']);
  stdout = stderr = '';
  await run('gan train --data d --json --quiet', action);
  expect([JSON.parse(stdout), stderr]).toEqual([{ auc: 0.5 }, '']);
});

describe('wrong usage ends with 2, says what is wrong and where help is', () => {
  test.each<[string, RegExp, string]>([
    ['', /Usage: graft/, ''],
    ['gna', /^graft: unknown command 'gna'\n\(Did you mean gan\?\)/, 'graft'],
    ['gan trian', /^graft: unknown command 'trian'\n\(Did you mean train\?\)/, 'graft gan'],
    ['gan train', /^graft: required option '--data <dir>' not specified/, 'graft gan train'],
    [
      'gan train --data d --sed 1',
      /unknown option '--sed'\n\(Did you mean (one of )?--se[et]d?/,
      'graft gan train',
    ],
    ['gan train --data d extra', /^graft: too many arguments/, 'graft gan train'],
    ['gan train --data d --count 0', /'0' is invalid. Expected an integer ≥ 1\./, 'graft gan train'],
    ['gan train --data d --count 1.5', /Expected an integer/, 'graft gan train'],
    ['gan train --data d --psi 1.5', /Expected a number ≥ 0 and ≤ 1\./, 'graft gan train'],
    ['gan train --data d --device tpu', /Expected cpu, cuda, cuda:<number> or mps\./, 'graft'],
    ['gan train --data d --threads 0', /Expected an integer ≥ 1 and ≤ 1024\./, 'graft'],
    ['gan train --data d --seed x', /Expected an integer ≥ 0\./, 'graft'],
  ])('graft %s', async (line, message, help) => {
    expect(await run(line)).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    if (help !== '') expect(stderr).toContain(`see: ${help} --help\n`);
  });
});

describe('errors of a command', () => {
  const failing = (error: unknown) => () => {
    throw error;
  };
  test.each<[string, unknown, number]>([
    [
      'my.yaml:3: steps: expected an integer ≥ 1',
      new ConfigError('my.yaml:3: steps: expected an integer ≥ 1'),
      2,
    ],
    ['manifest.csv, row 7: no id', new DataError('manifest.csv, row 7: no id'), 1],
    ['conv2d: shapes', new TorchError('conv2d: shapes'), 1],
    ['state saved; resume with: …', new InterruptedError('state saved; resume with: …'), 130],
    [
      '/data/x: too many files are open (open); raise the limit (ulimit -n 65536)',
      Object.assign(new Error("EMFILE: too many open files, open '/data/x'"), {
        code: 'EMFILE',
        syscall: 'open',
        path: '/data/x',
      }),
      1,
    ],
    [
      "EACCES: permission denied, open '/x'",
      Object.assign(new Error("EACCES: permission denied, open '/x'"), { code: 'EACCES', syscall: 'open' }),
      1,
    ],
  ])('%s: one line', async (message, error, code) => {
    expect(await run('gan train --data d', failing(error))).toBe(code);
    expect(stderr).toBe(`graft: ${message}\n`);
  });

  test('--debug adds the stack and the cause', async () => {
    const error = new DataError('bad row', { cause: new Error('short read') });
    expect(await run('gan train --data d --debug', failing(error))).toBe(1);
    expect(stderr).toMatch(/^graft: bad row\n +at .*main\.test\.ts/);
    expect(stderr).toContain('cause: Error: short read');
  });

  test('an unexpected error says that it is a bug, where, and what to do', async () => {
    expect(await run('gan train --data d', failing(new TypeError('x is undefined')))).toBe(1);
    expect(stderr).toMatch(
      /^graft: unexpected TypeError: x is undefined\nThis is a bug in Graft; run it again with --debug and report what it prints\.\n +at .*main\.test\.ts.*\n$/,
    );
    stderr = '';
    expect(await run('gan train --data d', failing('a string'))).toBe(1);
    expect(stderr).toContain('graft: unexpected error: a string');
  });

  test('promises that a command returns are waited for', async () => {
    const action = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new DataError('late');
    };
    expect(await run('gan train --data d', action)).toBe(1);
    expect(stderr).toBe('graft: late\n');
  });
});

describe('the real commands', () => {
  test.each(commandTable.map((entry) => [entry.name, entry] as const))(
    '%s registers itself, describes everything, and takes no global option for itself',
    async (_name, entry) => {
      const made = async (called: string[]): Promise<Command> => {
        const program = new Command('graft');
        await (await entry.load())(program, called);
        return program.commands.find((one) => one.name() === entry.name)!;
      };
      const command = await made([]);
      const check = (one: Command): void => {
        expect(one.description(), one.name()).not.toBe('');
        for (const option of one.options) {
          expect(option.description, `${one.name()} ${option.flags}`).not.toBe('');
          expect([
            '--json',
            '--quiet',
            '--no-color',
            '--debug',
            '--device',
            '--threads',
            '--seed',
          ]).not.toContain(option.long);
        }
        one.commands.forEach(check);
      };
      check(command);
      // Those below a group stand there by name alone until they are called.
      for (const { name } of command.commands.map((one) => ({ name: one.name() }))) check(await made([name]));
    },
  );
});

test('no secret of the environment or the command line is told, and no control character of a name', async () => {
  vi.stubEnv('PGPASSWORD', 'wr0ngSECRET');
  const argv = process.argv;
  process.argv = ['node', 'graft', '--queue', 'postgresql://a:t0psecret@db/x'];
  try {
    const message = 'pool: wr0ngSECRET and t0psecret in \u001b[2J.png';
    expect(
      await run('gan train --data d --debug', (_, command) => {
        notice(command, message);
        output(command, { json: null, text: 'name\u001b]0;x\u0007' });
        throw new Error(message, { cause: new Error(message) });
      }),
    ).toBe(1);
    expect(await run('gan train --data d --password=t0psecret')).toBe(2);
  } finally {
    process.argv = argv;
    vi.unstubAllEnvs();
  }
  expect(stderr).toContain('pool: … and … in \\u001b[2J.png');
  expect(stderr).not.toMatch(/wr0ng|SECR|t0ps|cret/);
  expect(stdout).toBe('name\\u001b]0;x\\u0007\n');
});
