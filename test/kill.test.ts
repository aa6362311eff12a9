/**
 * Runs that the machine stops: kill -9 at random points, a full disk, a limit of the file size. Each is resumed, and
 * must end as the run that nothing disturbed. The compiled program in child processes; the GAN is tiny.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from 'graft-torch/base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPhantomDataset } from '../src/data/phantom/dataset.js';
import { readCheckpointHeader, verifyCheckpoint } from '../src/run/checkpoint.js';
import { readEvents, readRun, runStatus, withoutWall } from '../src/run/run-folder.js';
import { compileProgram, program, programEnvironment, runProgram } from './program.js';
import { mountSmallDisk, noSmallDisk } from './small-disk.js';

const steps = 80;
let base: string;
const folder = (name: string): string => join(base, name);

/** Options of a tiny GAN that saves at every other step: half its time goes into writing checkpoints. */
const train = (out: string): string[] => [
  ...['gan', 'train', '--data', folder('phantoms'), '--class', 'malignant', '--out', out],
  ...['--threads', '1', '--quiet'],
  ...[
    `steps=${steps}`,
    'logEvery=1',
    'sampleEvery=8',
    'checkpointEvery=2',
    'monitorEvery=0',
    'batchSize=4',
    'sampleCount=4',
  ]
    .concat(['generatorWidth=4', 'discriminatorWidth=4', 'latentSize=8'])
    .flatMap((set) => ['--set', set]),
];
const resume = (out: string): string[] => ['gan', 'resume', out, '--quiet'];
/** A few images are warned of, rightly; that is no concern here. */
const withoutWarnings = (stderr: string): string => stderr.replace(/^graft: warning: .* are few: .*\n/gm, '');
const graft = (args: string[]): { status: number | null; stderr: string } => {
  const { status, stderr } = runProgram(args, { cwd: base });
  return { status, stderr: withoutWarnings(stderr) };
};

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'graft-kill-'));
  await createPhantomDataset(folder('phantoms'), { count: 60, sizePx: 64, prevalence: 0.4, seed: 1 });
  await compileProgram();
  const { status, stderr } = graft(train(folder('straight')));
  expect(stderr).toBe('');
  expect(status).toBe(0);
}, 300_000);
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Everything of a finished run that does not depend on the clock. */
function resultOf(dir: string): Record<string, unknown> {
  const { status, events, samples, checkpoints } = readRun(dir);
  const last = checkpoints.at(-1)!.path;
  verifyCheckpoint(last);
  const { meta, step } = readCheckpointHeader(last);
  const { seconds: _, ...plain } = meta as Record<string, unknown>;
  const bytes = readFileSync(last);
  return {
    status,
    step,
    meta: plain,
    weights: bytes.subarray(8 + Number(bytes.readBigUInt64LE())).toString('base64'),
    events: events.map(withoutWall),
    samples: samples.map((sample) => [sample.step, readFileSync(sample.path).toString('base64')]),
  };
}

const temporaryFiles = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'));

/** Kills a run at a random point, again and again. */
class Killer {
  /** What happened, for the message when a test fails. */
  readonly story: string[] = [];
  halfCheckpoints = 0;
  readonly #random: Random;

  constructor(
    readonly dir: string,
    readonly seed: number,
  ) {
    this.#random = new Random(seed);
  }

  async kill(index: number): Promise<void> {
    // Killed before its config.yaml stood, there is no run yet to go on with.
    const args = runStatus(this.dir) === 'empty' ? train(this.dir) : resume(this.dir);
    const child = spawn(process.execPath, [program, ...args], {
      cwd: base,
      stdio: 'ignore',
      env: programEnvironment(),
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const delayMs = await [this.#whileTraining, this.#whileSaving, this.#whileOpening][index % 3]!.call(
      this,
      child,
    );
    const half = this.#isSaving();
    child.kill('SIGKILL');
    await ended;
    expect(child.signalCode, `${this}: it ended before it was killed`).toBe('SIGKILL');
    if (half) this.halfCheckpoints += 1;
    this.story.push(
      `${args[1]}: killed ${delayMs.toFixed(1)} ms later, step ${this.#step()}${half ? ', saving' : ''}`,
    );
  }

  toString(): string {
    return `seed ${this.seed}: ${this.story.join('; ')}`;
  }

  /** From the moment it has the folder: loading, decoding, reading the checkpoint, cutting the log. */
  async #whileOpening(child: ChildProcess): Promise<number> {
    await this.#until(child, () => this.#holdsLock(child));
    return this.#wait(150);
  }

  /** After some steps, and then somewhere within one, or within what is written after it. */
  async #whileTraining(child: ChildProcess): Promise<number> {
    await this.#until(child, () => this.#holdsLock(child));
    const target = this.#step() + 1 + this.#random.int(10);
    await this.#until(child, () => this.#step() >= target);
    return this.#wait(12);
  }

  /** With a checkpoint half written. */
  async #whileSaving(child: ChildProcess): Promise<number> {
    await this.#until(child, () => this.#holdsLock(child) && this.#isSaving());
    return this.#wait(2);
  }

  #holdsLock(child: ChildProcess): boolean {
    const lock = join(this.dir, 'lock');
    return existsSync(lock) && readFileSync(lock, 'utf8').includes(`"pid":${child.pid},`);
  }

  #step(): number {
    return readEvents(join(this.dir, 'events.jsonl')).at(-1)?.step ?? 0;
  }

  #isSaving(): boolean {
    const checkpoints = join(this.dir, 'checkpoints');
    return existsSync(checkpoints) && temporaryFiles(checkpoints).length > 0;
  }

  async #until(child: ChildProcess, condition: () => boolean): Promise<void> {
    while (child.exitCode === null && !condition()) await sleep(1);
  }

  async #wait(limitMs: number): Promise<number> {
    const delayMs = this.#random.uniform(0, limitMs);
    const end = performance.now() + delayMs;
    // A timer is too coarse for the last millisecond.
    if (delayMs > 2) await sleep(delayMs - 2);
    while (performance.now() < end);
    return delayMs;
  }
}

describe('kill -9', () => {
  test('twenty times at random points, resumed each time: bit-equal to a run left alone', async () => {
    // Two runs side by side, ten kills each: most of the time goes into starting the program.
    const killers = [1, 2].map((seed) => new Killer(folder(`killed-${seed}`), seed));
    await Promise.all(
      killers.map(async (killer) => {
        for (let i = 0; i < 10; i++) await killer.kill(i);
      }),
    );
    const straight = resultOf(folder('straight'));
    for (const killer of killers) {
      const { status, stderr } = graft(resume(killer.dir));
      expect(stderr, `${killer}`).toBe('');
      expect(status, `${killer}`).toBe(0);
      expect(resultOf(killer.dir), `${killer}`).toEqual(straight);
      expect(temporaryFiles(killer.dir)).toEqual([]);
      expect(killer.halfCheckpoints, `${killer}`).toBeGreaterThan(0);
    }
    console.log(killers.map(String).join('\n'));
  }, 120_000);
});

describe('a folder of images in the making', () => {
  const sample = (seed: number, count: number): string[] => [
    ...['gan', 'sample', folder('straight'), '--seed', `${seed}`, '--count', `${count}`],
    ...['--out', folder('images'), '--threads', '1', '--quiet'],
  ];
  /** Starts sampling and waits until its first images lie in the hidden folder. */
  async function begun(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [program, ...sample(1, 5000)], {
      cwd: base,
      stdio: 'ignore',
      env: programEnvironment(),
    });
    const building = folder('.images.making/folder');
    while (child.exitCode === null && !(existsSync(building) && readdirSync(building).length > 0))
      await sleep(2);
    return child;
  }
  const ended = (child: ChildProcess): Promise<unknown> =>
    new Promise((settle) => child.once('exit', settle));
  const beside = (): string[] => readdirSync(base).filter((name) => name.includes('images'));

  test('kill -9 leaves it hidden, and the next call tidies up; a second one beside it is refused', async () => {
    const first = await begun();
    const second = graft(sample(2, 3));
    expect(second.stderr).toMatch(/images: another process is making this folder \(process \d+ on .*\)\n$/);
    expect(second.status).toBe(1);
    first.kill('SIGKILL');
    await ended(first);
    expect(beside()).toEqual(['.images.making']);
    expect(graft(sample(2, 3)).status).toBe(0);
    expect(beside()).toEqual(['images']);
    expect(readdirSync(folder('images'))).toHaveLength(4);
    rmSync(folder('images'), { recursive: true });
  });

  test('Ctrl-C leaves nothing', async () => {
    const child = await begun();
    child.kill('SIGINT');
    expect(await ended(child)).toBe(130);
    expect(beside()).toEqual([]);
  });

  test('what is laid in it meanwhile stays, and the images are kept whole beside it', async () => {
    mkdirSync(folder('images'));
    const child = spawn(process.execPath, [program, ...sample(1, 200)], {
      cwd: base,
      env: programEnvironment(),
    });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    while (child.exitCode === null && !existsSync(folder('.images.making/folder'))) await sleep(2);
    writeFileSync(folder('images/notes.txt'), 'mine');
    expect(await ended(child)).toBe(1);
    expect(stderr).toMatch(
      /^graft: .*images: something else was put there meanwhile.*kept in .*images\.result: move it/,
    );
    expect(readFileSync(folder('images/notes.txt'), 'utf8')).toBe('mine');
    expect(readdirSync(folder('images.result'))).toHaveLength(201);
    expect(beside().sort()).toEqual(['images', 'images.result']);
  });
});

describe('a disk that takes no more', () => {
  test('full: one line says so, the last checkpoint is whole, and with room the run ends as if nothing had been', ({
    skip,
  }) => {
    const disk = mountSmallDisk(folder('disk'), 1100); // room for two checkpoints and some
    if (!disk) return skip(noSmallDisk);
    try {
      const dir = join(disk.dir, 'run');
      const first = graft(train(dir));
      expect(first.stderr).toMatch(
        /^graft: .*\/step-000006\.safetensors: not written: the disk is full \(.* of 1\.1 MB free\); make room there, then resume the run or repeat the command\n$/,
      );
      expect(first.status).toBe(1);
      // Resumed with the disk as full as it was, it costs nothing more.
      const second = graft(resume(dir));
      expect(second.stderr).toMatch(/^graft: .*not written: the disk is full.*\n$/);
      expect(second.status).toBe(1);
      const { status, checkpoints } = readRun(dir);
      expect(status).toBe('resumable');
      expect(checkpoints.map(({ step }) => step)).toEqual([2, 4]);
      for (const { path } of checkpoints) verifyCheckpoint(path);
      expect(temporaryFiles(dir)).toEqual([]);

      disk.remount('size=16m');
      expect(graft(resume(dir))).toMatchObject({ status: 0, stderr: '' });
      expect(resultOf(dir)).toEqual(resultOf(folder('straight')));
    } finally {
      disk.unmount();
    }
  });

  test('a limit of the file size (ulimit -f): the same, with the limit named', ({ skip }) => {
    if (process.platform === 'win32') return skip('there is no ulimit on Windows');
    const dir = folder('limited');
    // 300 blocks of 512 or 1024 bytes: enough for everything but a checkpoint.
    const line = 'ulimit -f 300; exec "$0" "$@"';
    const { status, stderr } = spawnSync('sh', ['-c', line, process.execPath, program, ...train(dir)], {
      encoding: 'utf8',
      cwd: base,
    });
    expect(withoutWarnings(stderr)).toMatch(
      /^graft: .*\/step-000002\.safetensors: not written: it would be larger than files may be; raise the limit \(ulimit -f unlimited\).*\n$/,
    );
    expect(status).toBe(1);
    expect(runStatus(dir)).toBe('resumable');
    expect(readRun(dir).checkpoints).toEqual([]);
    expect(temporaryFiles(dir)).toEqual([]);
  });
});
