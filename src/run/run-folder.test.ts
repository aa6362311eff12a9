import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, DataError, GraftError } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { compileProgram } from '../../test/program.js';
import { graftVersion, packageRoot } from '../base/index.js';
import { ownerIsAlive, readLock, takeLock } from '../base/lock.js';
import { readLastEvents } from './events.js';
import { decodeJson, encodeJson } from './json.js';
import {
  createRun,
  openRun,
  readEvents,
  readRun,
  runStatus,
  withdrawRefused,
  withoutWall,
} from './run-folder.js';

let base: string;
let dir: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'graft-run-'));
  dir = join(base, 'run');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const config = { steps: 400, seed: 7, optimizer: { lr: 2e-4, betas: [0.5, 0.999] }, name: null };
const start = () => createRun(dir, { kind: 'gan', config });

test('a new run: resolved config with kind and version, log, folders; read back as it was', () => {
  const run = start();
  run.event('train', 10, { loss: { d: 1.25, g: 0.5 } }, { imagesPerSecond: 31.5 });
  run.event('diverged', 11, { loss: Number.NaN, bound: Number.NEGATIVE_INFINITY });
  writeFileSync(run.samplePath(10), 'png');
  writeFileSync(run.samplePath(5), 'png');
  run.log('hello\n');
  expect(runStatus(dir)).toBe('running');
  run.close();

  const record = readRun(dir);
  expect(record).toMatchObject({ kind: 'gan', graft: graftVersion(), config, status: 'resumable', step: 11 });
  expect(record.samples.map((s) => s.step)).toEqual([5, 10]);
  expect(record.events.map(withoutWall)).toEqual([
    { type: 'train', step: 10, loss: { d: 1.25, g: 0.5 } },
    { type: 'diverged', step: 11, loss: Number.NaN, bound: Number.NEGATIVE_INFINITY },
  ]);
  expect(record.events[0]!.wall.imagesPerSecond).toBe(31.5);
  expect(Number.isNaN(Date.parse(record.events[0]!.wall.time))).toBe(false);
  expect(readFileSync(join(dir, 'log.txt'), 'utf8')).toMatch(
    /^\d{4}-\S+Z {2}started: graft .*\n\S+ {2}hello\n$/,
  );
  expect(readFileSync(join(dir, 'config.yaml'), 'utf8')).toMatch(
    /^kind: gan\ngraft: \S+\nfolder: \/.*\nsteps: 400\n/,
  );
});

test('status goes from empty over running and resumable to finished; a finished run is not opened again', () => {
  expect(runStatus(dir)).toBe('empty');
  start().close();
  expect(runStatus(dir)).toBe('resumable');
  const run = openRun(dir, { kind: 'gan' });
  expect(runStatus(dir)).toBe('running');
  run.finish({ auc: 0.5, worst: Number.NaN });
  expect(runStatus(dir)).toBe('finished');
  expect(existsSync(join(dir, 'lock'))).toBe(false);
  expect(readRun(dir).summary).toMatchObject({ kind: 'gan', auc: 0.5, worst: Number.NaN });
  expect(() => openRun(dir)).toThrow(/has finished; there is nothing to resume/);
  expect(existsSync(join(dir, 'lock'))).toBe(false);
});

test('an existing run or other files are never overwritten, and the message says what to do', () => {
  start().close();
  expect(start).toThrow(
    `${dir}: already holds a gan run that stopped after step 0; resume it, or choose another folder`,
  );
  openRun(dir).finish({});
  expect(start).toThrow(/that has finished; choose another folder/);

  const other = join(base, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'thesis.tex'), '');
  expect(() => createRun(other, { kind: 'gan', config })).toThrow(/holds other files \(thesis\.tex\)/);
  expect(readdirSync(other)).toEqual(['thesis.tex']);
});

test('a run killed before its config stood can be started again', () => {
  mkdirSync(join(dir, 'checkpoints'), { recursive: true });
  mkdirSync(join(dir, 'samples'));
  writeFileSync(join(dir, '.config.yaml.0123456789ab.tmp'), 'half');
  writeFileSync(
    join(dir, 'lock'),
    JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), started: '', since: '' }),
  );
  const run = start();
  run.close();
  expect(runStatus(dir)).toBe('resumable');
});

test('opening names what is wrong: no run, another kind, a spoiled config', () => {
  expect(() => openRun(dir)).toThrow(new DataError(`${dir}: not a run folder (it has no config.yaml)`));
  start().close();
  expect(() => openRun(dir, { kind: 'classifier' })).toThrow(/is a gan run, expected a classifier run/);
  writeFileSync(join(dir, 'config.yaml'), 'kind: gin\n');
  expect(() => readRun(dir)).toThrow(ConfigError);
  expect(() => readRun(dir)).toThrow(/kind: expected one of gan, classifier, trial, got "gin"/);
});

test('a half-written last line is cut on opening, ignored by readers, and the next event is whole', () => {
  const run = start();
  run.event('train', 1);
  run.event('train', 2);
  run.close();
  const path = join(dir, 'events.jsonl');
  appendFileSync(path, '{"type":"train","step":3,"lo');
  expect(readEvents(path).map((e) => e.step)).toEqual([1, 2]);
  const again = openRun(dir);
  expect(again.eventCount).toBe(2);
  again.event('train', 3);
  again.close();
  expect(readEvents(path).map((e) => e.step)).toEqual([1, 2, 3]);
});

test('keepEvents goes back exactly and refuses to go forward', () => {
  const run = start();
  for (const step of [1, 2, 2, 3]) run.event('train', step, { label: 'ä' });
  run.keepEvents(3);
  run.event('train', 9);
  expect(readEvents(run.path('events.jsonl')).map((e) => e.step)).toEqual([1, 2, 2, 9]);
  expect(() => run.keepEvents(5)).toThrow(/has 4 events, but the checkpoint was written after 5/);
  run.keepEvents(0);
  expect(readFileSync(run.path('events.jsonl'), 'utf8')).toBe('');
  run.close();
});

test('a spoiled line in the middle of the log is reported with its number', () => {
  const run = start();
  run.event('train', 1);
  run.close();
  const path = join(dir, 'events.jsonl');
  appendFileSync(path, 'garbage\n{"type":"train","step":2}\n');
  expect(() => readEvents(path)).toThrow(/events\.jsonl, line 2: not an event/);
});

test('reserved fields are refused', () => {
  const run = start();
  expect(() => run.event('train', 1, { wall: 1 })).toThrow(/"wall" is reserved/);
  run.close();
  expect(() => createRun(join(base, 'x'), { kind: 'gan', config: { kind: 'y' } })).toThrow(/reserved/);
});

test('the last events of a long log are read without the rest of it', () => {
  const run = start();
  for (let step = 1; step <= 2000; step++) run.event('losses', step, { loss: 1 / step });
  const all = readEvents(run.path('events.jsonl'));
  const last = readLastEvents(run.path('events.jsonl'));
  expect(last.length).toBeGreaterThan(100);
  expect(last.length).toBeLessThan(1000);
  expect(last).toEqual(all.slice(-last.length));
  run.close();
  expect(readLastEvents(join(base, 'nowhere.jsonl'))).toEqual([]);
});

test.each([
  ['removed', (from: string) => rmSync(from, { recursive: true })],
  ['moved', (from: string) => renameSync(from, `${from}-elsewhere`)],
])('a folder that is %s while it is written ends the run, and is not made anew', (_, harm) => {
  const run = start();
  run.event('losses', 1);
  harm(dir);
  const told = /^[^\n]*run: not written: the run folder was removed or moved while the run was writing it/;
  expect(() => run.event('losses', 2)).toThrow(told);
  expect(() => run.samplePath(2)).toThrow(told);
  expect(() => run.sync()).toThrow(told);
  expect(() => run.log('x')).toThrow(/log\.txt: not written: its folder is gone/);
  expect(() => run.finish({})).toThrow(told);
  run.close();
  expect(existsSync(dir)).toBe(false);
});

test('two writers: the second is refused with the process that holds the lock', () => {
  const run = start();
  expect(() => openRun(dir)).toThrow(
    new RegExp(`another process is writing this run \\(process ${process.pid} on`),
  );
  expect(start).toThrow(/is being written; choose another folder/);
  run.close();
  openRun(dir).close();
});

test('the lock of a killed process is stale, of a live one is not, of another host undecided', async () => {
  mkdirSync(dir);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const pid = child.pid!;
  const owner = { pid, host: hostname(), started: '', since: 'now' };
  writeFileSync(join(dir, 'lock'), JSON.stringify(owner));
  expect(() => takeLock(dir)).toThrow(GraftError);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  const release = takeLock(dir);
  expect(readLock(dir)!.pid).toBe(process.pid);
  release();
  expect(readdirSync(dir)).toEqual([]);

  writeFileSync(join(dir, 'lock'), JSON.stringify({ ...owner, host: 'elsewhere' }));
  expect(ownerIsAlive(readLock(dir)!)).toBeUndefined();
  expect(() => takeLock(dir)).toThrow(/locked by process \d+ on elsewhere, since now; .* remove .*lock/);
  writeFileSync(join(dir, 'lock'), '{"pid":'); // cut off by a power failure
  takeLock(dir)();
});

test.runIf(existsSync('/proc/self/stat'))(
  'a process id that was given to another process does not hold the lock',
  () => {
    mkdirSync(dir);
    const lock = { pid: process.pid, host: hostname(), started: 'boot:1', since: '' };
    writeFileSync(join(dir, 'lock'), JSON.stringify(lock));
    takeLock(dir)();
  },
);

test('a lock of another host is stale once nobody has touched it for its lease', () => {
  mkdirSync(dir);
  const path = join(dir, 'lock');
  writeFileSync(
    path,
    JSON.stringify({ pid: 1, host: 'elsewhere', started: '', since: 'now', leaseMs: 60_000 }),
  );
  expect(() => takeLock(dir)).toThrow('another process is writing this run (process 1 on elsewhere');
  const late = new Date(Date.now() - 60_500);
  utimesSync(path, late, late);
  const release = takeLock(dir);
  expect(readLock(dir)?.pid).toBe(process.pid);
  release();
});

test('a held lock is touched, and its loss is noticed', async () => {
  mkdirSync(dir);
  let lost = 0;
  const release = takeLock(dir, { touchEveryMs: 20, onLost: () => lost++ });
  const path = join(dir, 'lock');
  const early = new Date(Date.now() - 3_600_000);
  utimesSync(path, early, early);
  await vi.waitFor(() => expect(Date.now() - readLock(dir)!.touchedMs!).toBeLessThan(60_000));
  expect(lost).toBe(0);
  writeFileSync(path, '{"pid":1,"host":"elsewhere"}');
  await vi.waitFor(() => expect(lost).toBe(1));
  release();
  expect(existsSync(path)).toBe(true); // it is another's now
});

test('of several processes that race for a stale lock exactly one wins', async () => {
  await compileProgram();
  mkdirSync(dir);
  writeFileSync(
    join(dir, 'lock'),
    JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), started: '', since: '' }),
  );
  // All are there before one begins, and the winner lives until all have tried, however slow the machine is.
  const script = `
    import { once } from 'node:events';
    import { takeLock } from ${JSON.stringify(join(packageRoot(), 'dist', 'src', 'base', 'lock.js'))};
    process.stdout.write('ready\\n');
    await once(process.stdin, 'data');
    try { takeLock(${JSON.stringify(dir)}); process.stdout.write('won'); } catch (e) { process.stdout.write(e.message); }
    process.stdin.once('end', () => process.exit());`;
  const racers = Array.from({ length: 5 }, () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    const racer = { child, text: '' };
    child.stdout.on('data', (chunk) => {
      racer.text += chunk;
    });
    return racer;
  });
  await vi.waitUntil(() => racers.every(({ text }) => text === 'ready\n'), 60_000);
  for (const { child } of racers) child.stdin.write('go');
  await vi.waitUntil(() => racers.every(({ text }) => text.length > 'ready\n'.length), 60_000);
  const ended = racers.map(({ child }) => new Promise((resolve) => child.once('exit', resolve)));
  for (const { child } of racers) child.stdin.end();
  await Promise.all(ended);
  const outputs = racers.map(({ text }) => text.slice('ready\n'.length));
  expect(outputs.filter((text) => text === 'won')).toHaveLength(1);
  expect(outputs.filter((text) => /another process is/.test(text))).toHaveLength(4);
});

test('JSON keeps NaN and infinities, and leaves alone what only looks like them', () => {
  const value = { a: [Number.NaN, Infinity, -Infinity, 1e-9], b: 'NaN', c: { $number: 'x', d: 1 }, e: null };
  expect(decodeJson(encodeJson(value))).toEqual(value);
});

describe('a new run that was refused', () => {
  const begun = (name: string): string => {
    const dir = join(base, name);
    createRun(dir, { kind: 'gan', config: {} }).close();
    return dir;
  };

  test('leaves no folder', () => {
    for (const error of [new ConfigError('no'), new DataError('no')]) {
      const dir = begun(`refused-${error.name}`);
      withdrawRefused(dir, error);
      expect(existsSync(dir)).toBe(false);
    }
  });

  test('keeps it where something else went wrong, or something is saved or finished', () => {
    const failed = begun('failed');
    withdrawRefused(failed, new GraftError('the loss is NaN'));
    expect(existsSync(failed)).toBe(true);
    const saved = begun('saved');
    writeFileSync(join(saved, 'checkpoints', 'step-00000010.safetensors'), '');
    withdrawRefused(saved, new DataError('no'));
    expect(existsSync(saved)).toBe(true);
    const finished = join(base, 'whole');
    createRun(finished, { kind: 'gan', config: {} }).finish({});
    withdrawRefused(finished, new DataError('no'));
    expect(existsSync(finished)).toBe(true);
  });
});
