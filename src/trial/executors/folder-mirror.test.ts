import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { FolderMirror } from './folder-mirror.js';
import type { ObjectStore } from './object-store.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-mirror-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** In memory, with a log of what was asked of it and in what order. */
class Memory implements ObjectStore {
  readonly url = 's3://test/memory';
  readonly objects = new Map<string, { content: Uint8Array; etag: string; modifiedMs: number }>();
  readonly log: string[] = [];
  nowMs = 1_000_000;
  beforePut: (path: string) => void = () => {};

  async list(prefix = '') {
    const found = [...this.objects].filter(([path]) => path.startsWith(prefix));
    const objects = found.map(([path, { content, ...rest }]) => [
      path,
      { ...rest, sizeBytes: content.length },
    ]);
    return {
      objects: new Map(objects as [string, { etag: string; sizeBytes: number; modifiedMs: number }][]),
      nowMs: this.nowMs,
    };
  }
  async get(path: string) {
    this.log.push(`get ${path}`);
    return this.objects.get(path)?.content;
  }
  async put(path: string, content: Uint8Array) {
    this.beforePut(path);
    this.log.push(`put ${path}`);
    const etag = Buffer.from(content).toString('hex');
    this.objects.set(path, { content: Uint8Array.from(content), etag, modifiedMs: this.nowMs });
    return { etag };
  }
  async remove(path: string) {
    this.log.push(`remove ${path}`);
    this.objects.delete(path);
  }
}

let store: Memory;
let count = 0;
const copy = () => new FolderMirror(store, join(folder, String(count++)), new Set(['summary.json']));
const write = (mirror: FolderMirror, path: string, text: string): void => {
  mkdirSync(dirname(join(mirror.dir, path)), { recursive: true });
  writeFileSync(join(mirror.dir, path), text);
};
const read = (mirror: FolderMirror, path: string): string | undefined =>
  existsSync(join(mirror.dir, path)) ? readFileSync(join(mirror.dir, path), 'utf8') : undefined;
beforeEach(() => {
  store = new Memory();
});

it('sends a folder, its checkpoints after the rest and what says that it is whole last', async () => {
  const here = copy();
  const files = ['run/summary.json', 'run/checkpoints/2.safetensors', 'run/events.jsonl', 'run/a/b.csv'];
  for (const file of [...files, 'run/lock', 'run/.x.0123456789ab.tmp', 'runs/other']) write(here, file, file);
  await here.push('run');
  expect(store.log.slice(0, 2).sort()).toEqual(['put run/a/b.csv', 'put run/events.jsonl']);
  expect(store.log.slice(2)).toEqual(['put run/checkpoints/2.safetensors', 'put run/summary.json']);
  // A second time there is nothing to send; what changed is.
  await here.push('run');
  expect(store.log).toHaveLength(4);
  write(here, 'run/events.jsonl', 'more of them');
  await here.push('run');
  expect(store.log.slice(4)).toEqual(['put run/events.jsonl']);
});

it('a checkpoint that is written while the folder is sent waits for the next time, and the one before stays so long', async () => {
  const here = copy();
  write(here, 'run/events.jsonl', '1\n2\n');
  write(here, 'run/checkpoints/2', 'two');
  await here.push('run');
  write(here, 'run/events.jsonl', '1\n2\n3\n');
  store.beforePut = () => {
    store.beforePut = () => {};
    write(here, 'run/events.jsonl', '1\n2\n3\n4\n');
    write(here, 'run/checkpoints/4', 'four');
    rmSync(join(here.dir, 'run/checkpoints/2')); // made room
  };
  await here.push('run');
  expect([...store.objects.keys()].sort()).toEqual(['run/checkpoints/2', 'run/events.jsonl']);
  await here.push('run');
  expect([...store.objects.keys()].sort()).toEqual(['run/checkpoints/4', 'run/events.jsonl']);
  expect(Buffer.from(store.objects.get('run/events.jsonl')!.content).toString()).toBe('1\n2\n3\n4\n');
  expect(store.log.slice(-3)).toEqual([
    'put run/events.jsonl',
    'put run/checkpoints/4',
    'remove run/checkpoints/2',
  ]);
});

it('brings what is new, once, and only what is wanted', async () => {
  const [here, there] = [copy(), copy()];
  write(there, 'run/summary.json', 'done');
  write(there, 'run/weights', 'large');
  await there.push('run');
  await here.pull('', (path) => path.endsWith('.json'));
  expect([read(here, 'run/summary.json'), read(here, 'run/weights')]).toEqual(['done', undefined]);
  await here.pull('run/');
  expect(read(here, 'run/weights')).toBe('large');
  expect(store.log.filter((line) => line.startsWith('get'))).toEqual([
    'get run/summary.json',
    'get run/weights',
  ]);
  // What it brought it does not send back; what it changed goes, and comes there.
  await here.push('run');
  write(here, 'run/weights', 'other');
  await here.push('run');
  expect(store.log.slice(-1)).toEqual(['put run/weights']);
  await there.pull('run/');
  expect(read(there, 'run/weights')).toBe('other');
  // A file that was lost here is brought again.
  rmSync(join(there.dir, 'run/weights'));
  await there.pull('');
  expect(read(there, 'run/weights')).toBe('other');
});

it('what is gone on one side goes on the other, and nothing else', async () => {
  const [here, there] = [copy(), copy()];
  for (const name of ['1', '2']) write(here, `run/checkpoints/${name}`, name);
  write(here, 'run-2/kept', 'x');
  await here.push('run');
  await here.push('run-2');
  await there.pull('');
  write(there, 'run/own', 'never sent');
  rmSync(join(here.dir, 'run/checkpoints/1'));
  await here.push('run');
  expect([...store.objects.keys()].sort()).toEqual(['run-2/kept', 'run/checkpoints/2']);
  await there.pull('run/');
  expect(existsSync(join(there.dir, 'run/checkpoints/1'))).toBe(false);
  expect([read(there, 'run/own'), read(there, 'run-2/kept')]).toEqual(['never sent', 'x']);
  await here.clear('run/');
  expect([...store.objects.keys()]).toEqual(['run-2/kept']);
});

it('a file that is sent while the store is being looked at is not taken for gone', async () => {
  const here = copy();
  write(here, 'run/a', 'a');
  await here.push('run');
  const list = store.list.bind(store);
  store.list = async (prefix) => {
    const result = await list(prefix);
    store.list = list;
    write(here, 'run/b', 'b');
    await here.push('run');
    return result; // older than b
  };
  await here.pull('');
  expect(read(here, 'run/b')).toBe('b');
});

it('tells what was written lately, by the store’s clock', async () => {
  const here = copy();
  write(here, 'run/a', 'a');
  await here.push('run');
  store.nowMs += 60_000;
  await here.pull('');
  expect([here.changedWithin('run', 60_000), here.changedWithin('run', 59_999)]).toEqual([true, false]);
  expect(here.changedWithin('ru', 1e9)).toBe(false);
});
