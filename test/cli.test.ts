/** The command line from outside: the compiled program in child processes, as a user starts it. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../src/base/index.js';
import { commandTable } from '../src/cli/main.js';
import { readEvents, readRun, withoutWall } from '../src/run/run-folder.js';
import { compileProgram, program, programEnvironment, runProgram } from './program.js';

const root = packageRoot();
let dir: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'graft-cli-'));
  await compileProgram();
  expect(existsSync(program)).toBe(true);
}, 300_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const graft = (args: string[], options: { script?: string; env?: Record<string, string> } = {}) =>
  runProgram(args, { cwd: dir, ...options });

describe('help and version', () => {
  // Why they start at once. How long that takes is no test's business.
  test('load neither the native addon nor sharp', () => {
    // A copy without sharp, on a machine where no engine was set up: loading either would fail.
    const copy = join(dir, 'copy');
    const modules = join(copy, 'node_modules');
    cpSync(join(root, 'dist', 'src'), join(copy, 'dist', 'src'), { recursive: true });
    cpSync(join(root, 'package.json'), join(copy, 'package.json'));
    for (const part of ['dist', 'setup', 'package.json'])
      cpSync(join(root, 'packages', 'torch', part), join(modules, 'graft-torch', part), { recursive: true });
    for (const name of ['commander', 'picocolors', 'yaml', 'zod'])
      cpSync(join(root, 'node_modules', name), join(modules, name), { recursive: true });
    const script = join(copy, 'dist', 'src', 'cli', 'main.js');
    for (const args of [['--help'], ['--version'], ['nonsense']]) {
      const { status, stderr } = graft(args, { script, env: { GRAFT_ADDON_CACHE: join(dir, 'no-addon') } });
      expect(stderr).not.toMatch(/Cannot find|bug|not set up/);
      expect(status).toBe(args[0] === 'nonsense' ? 2 : 0);
    }
  });

  test('name every command, in lines that fit 100 columns, without colours outside a terminal', () => {
    const { stdout } = graft(['--help']);
    for (const { name, summary } of commandTable) {
      expect(stdout).toMatch(new RegExp(`\\n  ${name} .*  ${summary.slice(0, 20)}`));
    }
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(stdout).not.toContain('\u001b');
    expect(graft(['--help'], { env: { FORCE_COLOR: '1' } }).stdout).toContain('\u001b[');
    expect(graft(['--help'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }).stdout).not.toContain('\u001b');
    expect(graft(['--help', '--no-color'], { env: { FORCE_COLOR: '1' } }).stdout).not.toContain('\u001b');
  });

  test('work through a link, as npm installs the program', () => {
    const link = join(dir, 'graft');
    symlinkSync(program, link);
    expect(graft(['--version'], { script: link }).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each(commandTable.map(({ name }) => name))('graft %s --help is full and ends with 0', (name) => {
    const { status, stdout, stderr } = graft([name, '--help']);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: graft ${name} `));
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(110);
  });
});

describe('exit codes and where things are printed', () => {
  test('2: wrong usage and wrong config, with nothing on stdout', () => {
    for (const [args, message] of [
      [['gan', 'trian'], /^graft: unknown command 'trian'/],
      [['gan', 'train'], /^graft: required option/],
      [
        ['gan', 'train', '--data', 'd', '--class', 'c', '--set', 'stepz=5'],
        /^graft: --set stepz=5: stepz: unknown key \(did you mean "steps"\?\)\n$/,
      ],
      [
        ['gan', 'train', '--data', 'd', '--class', 'c', '--set', 'steps=none'],
        /^graft: --set steps=none: steps: expected an integer ≥ \d+, got "none"\n$/,
      ],
      [
        ['gan', 'train', '--data', 'd', '--class', 'c', '--recipe', 'sngan64'],
        /^graft: --recipe sngan64: no such recipe \(did you mean "sngan-64"\?\)\n$/,
      ],
    ] as const) {
      const { status, stdout, stderr } = graft([...args]);
      expect(stderr).toMatch(message);
      expect(stdout).toBe('');
      expect(status).toBe(2);
    }
  });

  test('1: a run folder or dataset that is none, in one line', () => {
    for (const args of [
      ['gan', 'train', '--data', 'nowhere', '--class', 'c', '--out', 'run'],
      ['gan', 'resume', 'nowhere'],
    ]) {
      const { status, stdout, stderr } = graft(args);
      expect(stderr).toMatch(/^graft: .*nowhere.*\n$/);
      expect(stdout).toBe('');
      expect(status).toBe(1);
    }
    expect(existsSync(join(dir, 'run'))).toBe(false);
  });

  test('--dry-run prints the resolved config: YAML to read, JSON for machines, the same content', () => {
    const args = [
      'gan',
      'train',
      '--data',
      'd',
      '--class',
      'c',
      '--set',
      'steps=7',
      '--seed',
      '3',
      '--dry-run',
    ];
    const text = graft(args);
    expect(text.stderr).toBe('');
    expect(text.status).toBe(0);
    const { kind, ...config } = parse(text.stdout);
    expect(kind).toBe('gan');
    expect(config).toMatchObject({ data: 'd', class: 'c', steps: 7, seed: 3 });
    expect(JSON.parse(graft([...args, '--json']).stdout)).toEqual(config);
  });

  test('a closed pipe is no error', () => {
    // `true` has ended long before the program writes.
    const line = `("$NODE" "$PROGRAM" gan train --data d --class c --dry-run; echo "code $?" >&2) | true`;
    const env = { PATH: process.env.PATH, NODE: process.execPath, PROGRAM: program };
    expect(spawnSync('sh', ['-c', line], { encoding: 'utf8', cwd: dir, env }).stderr).toBe('code 0\n');
  });
});

describe('a GAN run that is stopped in every way ends as one that never was', () => {
  const steps = 80;
  const straight = () => join(dir, 'straight');
  const stopped = () => join(dir, 'stopped');
  const train = (out: string): string[] => [
    ...[
      'gan',
      'train',
      '--data',
      join(dir, 'phantoms'),
      '--class',
      'malignant',
      '--out',
      out,
      '--threads',
      '1',
    ],
    ...['batchSize=4', 'generatorWidth=4', 'discriminatorWidth=4', 'latentSize=8', 'sampleCount=4'].flatMap(
      (set) => ['--set', set],
    ),
    ...[`steps=${steps}`, 'logEvery=1', 'sampleEvery=8', 'checkpointEvery=8'].flatMap((set) => [
      '--set',
      set,
    ]),
  ];

  beforeAll(() => {
    const args = ['data', 'phantoms', '--count', '80', '--out', join(dir, 'phantoms'), '--quiet'];
    const { status, stderr } = graft(args);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  }, 120_000);

  /** Starts the program and sends it a signal as soon as its run has reached a step. */
  async function stopAt(args: string[], step: number, signal: NodeJS.Signals) {
    const child = spawn(process.execPath, [program, ...args], { cwd: dir, env: programEnvironment() });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const reached = (): boolean => {
      const path = join(stopped(), 'events.jsonl');
      return existsSync(path) && readEvents(path).some((event) => event.step >= step);
    };
    while (!reached() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill(signal);
    return { code: await ended, stderr };
  }

  test('never stopped: the summary as JSON on stdout, nothing but progress on stderr', () => {
    const { status, stdout, stderr } = graft([...train(straight()), '--json']);
    expect(
      stderr.replace(/^(decoding|training [^:]*|graft: warning: \d+ training images are few): .*\n/gm, ''),
    ).toBe('');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ run: straight(), steps, class: 'malignant' });
    expect(readRun(straight()).status).toBe('finished');
  });

  test('the same command again does not overwrite it', () => {
    const { status, stderr } = graft(train(straight()));
    expect(stderr).toBe(
      `graft: ${straight()}: already holds a gan run that has finished; choose another folder\n`,
    );
    expect(status).toBe(1);
  });

  test('Ctrl-C saves, says how to go on, and ends with 130; SIGTERM too; kill -9 costs only steps', async () => {
    const interrupted = await stopAt(train(stopped()), 3, 'SIGINT');
    expect(interrupted.stderr).toMatch(
      /stopping after this step(.|\n)*graft: .*saved.*graft generator resume .*stopped/,
    );
    expect(interrupted.code).toBe(130);
    const { status, step, checkpoints } = readRun(stopped());
    expect(status).toBe('resumable');
    expect(checkpoints.at(-1)!.step).toBe(step);

    const terminated = await stopAt(['gan', 'resume', stopped()], step + 2, 'SIGTERM');
    expect(terminated.code).toBe(130);
    const killed = await stopAt(['gan', 'resume', stopped()], readRun(stopped()).step + 2, 'SIGKILL');
    expect(killed.code).toBeNull();
    expect(readRun(stopped()).status).toBe('resumable');

    const resumed = graft(['gan', 'resume', stopped(), '--quiet']);
    expect(resumed.stderr).toBe('');
    expect(resumed.status).toBe(0);

    const [one, other] = [readRun(straight()), readRun(stopped())];
    expect(other.events.map(withoutWall)).toEqual(one.events.map(withoutWall));
    expect(
      tensorBytes(other.checkpoints.at(-1)!.path).equals(tensorBytes(one.checkpoints.at(-1)!.path)),
    ).toBe(true);
    expect(other.samples.map(({ path }) => readFileSync(path).toString('base64'))).toEqual(
      one.samples.map(({ path }) => readFileSync(path).toString('base64')),
    );
  }, 300_000);

  /** The data of a safetensors file, without the header: that one holds seconds. */
  function tensorBytes(path: string): Buffer {
    const bytes = readFileSync(path);
    return bytes.subarray(8 + Number(bytes.readBigUInt64LE()));
  }
});
