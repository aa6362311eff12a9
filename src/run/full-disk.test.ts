/** Writing on a disk that is full or read-only: what stood there stays whole, and one line says what to do. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tidy, zeros } from 'graft-torch';
import { WriteError, writeFailure } from 'graft-torch/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mountSmallDisk, noSmallDisk, type SmallDisk } from '../../test/small-disk.js';
import { writeGridPng } from '../image/grid.js';
import { latestCheckpoint, resumeCheckpoint, saveCheckpoint, verifyCheckpoint } from './checkpoint.js';
import { createRun, openRun, type Run, readEvents, runStatus } from './run-folder.js';

let base: string;
let disk: SmallDisk | null;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'graft-full-'));
  disk = mountSmallDisk(join(base, 'disk'), 256);
});
afterEach(() => {
  disk?.unmount();
  rmSync(base, { recursive: true, force: true });
});

/** The one line of a WriteError that `write` must throw. */
function refusal(write: () => void): string {
  try {
    write();
  } catch (error) {
    expect(error).toBeInstanceOf(WriteError);
    const { message } = error as Error;
    expect(message).not.toContain('\n');
    return message;
  }
  throw new Error('it was written');
}

const save = (run: Run, step: number): string =>
  tidy(() => saveCheckpoint(run, step, { tensors: { weight: zeros([10_000]) }, meta: null }));
const temporaryFiles = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'));
const full =
  /: not written: the disk is full \((\d+|\d\.\d kB|\d+ kB)( bytes)? of 262 kB free\); make room there, then resume the run or repeat the command$/;

test('a checkpoint: the one before stays, no temporary file is left, and the run goes on when there is room', ({
  skip,
}) => {
  if (!disk) return skip(noSmallDisk);
  const dir = join(disk.dir, 'run');
  const run = createRun(dir, { kind: 'gan', config: { steps: 40 } });
  run.event('train', 10);
  const last = save(run, 10);
  run.event('train', 20);
  disk.fill(20_480); // half a checkpoint
  const message = refusal(() => save(run, 20));
  expect(message).toMatch(/run\/checkpoints\/step-000020\.safetensors: not written/);
  expect(message).toMatch(full);
  expect(temporaryFiles(dir)).toEqual([]);
  expect(readdirSync(join(dir, 'checkpoints'))).toEqual(['step-000010.safetensors']);
  verifyCheckpoint(last);
  disk.clear();
  run.close();
  expect(runStatus(dir)).toBe('resumable');
  const again = openRun(dir);
  const checkpoint = tidy(() => {
    const { step, events } = resumeCheckpoint(again, () => expect.unreachable())!;
    return { step, events };
  });
  expect(checkpoint).toEqual({ step: 10, events: 1 });
  save(again, 20);
  expect(latestCheckpoint(dir, () => {})?.step).toBe(20);
  again.close();
});

test('an event: none or all of its line is in the log', ({ skip }) => {
  if (!disk) return skip(noSmallDisk);
  const dir = join(disk.dir, 'run');
  const run = createRun(dir, { kind: 'gan', config: {} });
  run.event('train', 1);
  disk.fill(8192);
  // Longer than what is left, so that its first part is written before the disk is full.
  const long = { text: 'x'.repeat(20_000) };
  expect(refusal(() => run.event('train', 2, long))).toMatch(/events\.jsonl: not written: the disk is full/);
  expect(run.eventCount).toBe(1);
  expect(readFileSync(join(dir, 'events.jsonl'), 'utf8')).toMatch(/^[^\n]*\n$/);
  disk.clear();
  run.event('train', 2, long);
  run.close();
  expect(readEvents(join(dir, 'events.jsonl')).map(({ step }) => step)).toEqual([1, 2]);
});

test('a picture, the summary, the lock: each is named, and nothing half stays', async ({ skip }) => {
  if (!disk) return skip(noSmallDisk);
  const dir = join(disk.dir, 'run');
  const run = createRun(dir, { kind: 'gan', config: {} });
  disk.fill();
  const images = { data: new Uint8Array(3 * 64 * 64), n: 1, height: 64, width: 64 };
  const picture = await writeGridPng(images, run.samplePath(5)).catch((error: Error) => error);
  expect(picture).toBeInstanceOf(WriteError);
  expect((picture as Error).message).toMatch(/samples\/step-000005\.png: not written: the disk is full/);
  expect(refusal(() => run.finish({ text: 'x' }))).toMatch(/summary\.json: not written/);
  expect(existsSync(join(dir, 'summary.json'))).toBe(false);
  expect(temporaryFiles(dir)).toEqual([]);
  run.close();
  disk.fill(); // the lock has gone, and with it a page
  expect(refusal(() => openRun(dir))).toMatch(/run\/lock: not written/);
  expect(readdirSync(dir).filter((name) => name.startsWith('lock'))).toEqual([]);
  disk.clear();
  openRun(dir).finish({ text: 'x' });
  expect(runStatus(dir)).toBe('finished');
});

test('a disk that has become read-only is told from a full one', ({ skip }) => {
  if (!disk) return skip(noSmallDisk);
  const dir = join(disk.dir, 'run');
  const run = createRun(dir, { kind: 'gan', config: {} });
  save(run, 10);
  run.close();
  disk.remount('ro');
  expect(refusal(() => openRun(dir))).toMatch(
    /run\/lock: not written: the disk is read-only; mount it for writing/,
  );
  disk.remount('rw');
  const again = openRun(dir);
  expect(latestCheckpoint(dir, () => {})?.step).toBe(10);
  again.close();
});

test('each cause has its remedy; what has nothing to do with the file is left alone', () => {
  const path = join(base, 'a', 'b.json');
  const errno = (code: string, about?: string): Error =>
    Object.assign(new Error(`${code}: something`), { code, syscall: 'write', ...(about && { path: about }) });
  for (const [code, what] of [
    ['EDQUOT', 'the disk quota is used up'],
    ['EFBIG', 'larger than files may be'],
    ['EIO', 'the disk reports an error'],
    ['EACCES', 'permission denied'],
    ['EPERM', 'permission denied'],
  ] as const) {
    const cause = errno(code);
    const error = writeFailure(path, cause) as Error;
    expect(error).toBeInstanceOf(WriteError);
    expect(error.message).toContain(`${path}: not written: `);
    expect(error.message).toContain(what);
    expect(error.cause).toBe(cause);
  }
  for (const error of [
    errno('ENOENT', join(base, 'source')), // so is this one
    errno('EACCES', '/elsewhere/source'), // a file that the writer reads
    new Error('no code'),
    undefined,
  ]) {
    expect(writeFailure(path, error)).toBe(error);
  }
  expect(writeFailure(path, errno('EACCES', join(base, 'a')))).toBeInstanceOf(WriteError);
});
