/** The fuzz itself: what it calls a fault, that its sound files are read, and its hostile ones refused. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GraftError, Random } from 'graft-torch/base';
import { afterAll, describe, expect, test } from 'vitest';
import { Fault, type FileKind, fileKinds } from './file-kinds.js';
import { mutate } from './mutate.js';
import { judgeCommand, refused } from './outcome.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-fuzz-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('a command’s end', () => {
  const ended = { status: 1, signal: null, stderr: 'graft: x.csv: no such file\n', timedOut: false };
  test.each([
    ['done', { status: 0, stderr: '' }, 'read'],
    ['refused', {}, 'refused'],
    [
      'refused, with a warning and where help is',
      { stderr: 'graft: warning: a\ngraft: b\nsee: graft data --help\n' },
      'refused',
    ],
    ['hung', { timedOut: true, signal: 'SIGKILL' as const, status: null }, 'fault'],
    ['killed by a signal', { signal: 'SIGSEGV' as const, status: null }, 'fault'],
    ['aborted', { status: 134 }, 'fault'],
    ['silent', { stderr: '' }, 'fault'],
    ['a bug', { stderr: 'graft: unexpected TypeError: x\nThis is a bug in Graft\n' }, 'fault'],
    ['several lines', { stderr: 'graft: a\nb\n' }, 'fault'],
    ['the system’s own words', { stderr: 'graft: ENOSPC: no space left on device, write\n' }, 'fault'],
    ['a dump', { stderr: `graft: ${'x'.repeat(5000)}\n` }, 'fault'],
  ])('%s', (_, change, kind) => {
    expect(judgeCommand({ ...ended, ...change }).kind).toBe(kind);
  });
});

test('a seed decides every change', () => {
  const bytes = Buffer.from('a,b\n1,2\n');
  const changed = (seed: number): string =>
    Array.from({ length: 20 }, (_, i) =>
      mutate(bytes, new Random(seed).fork(i), { isText: true }).toString('hex'),
    ).join();
  expect(changed(1)).toBe(changed(1));
  expect(changed(1)).not.toBe(changed(2));
});

describe.each(fileKinds.map((kind): [string, FileKind] => [kind.name, kind]))('%s', (_, kind) => {
  const own = join(dir, kind.name.replaceAll(' ', '-'));
  const place = (name: string, bytes: Buffer): string => {
    const path = join(own, `0-${name}`);
    writeFileSync(path, bytes);
    return path;
  };

  test('sound files are read', async () => {
    mkdirSync(own);
    const seeds = Object.entries(await kind.seeds(own));
    expect(seeds).not.toEqual([]);
    for (const [name, bytes] of seeds) await kind.read(place(name, bytes));
  });

  test('what must be refused is, in one line', async () => {
    // Bombs go off in a process of their own: `npm run fuzz`.
    const hostile = kind.name === 'pth' ? {} : (kind.hostile?.(new Random(1)) ?? {});
    for (const [name, bytes] of Object.entries(hostile)) {
      if (!name.startsWith('!')) continue;
      const error: unknown = await kind.read(place(name.slice(1), bytes)).catch((thrown: unknown) => thrown);
      expect(error, name).toBeInstanceOf(GraftError);
      expect(error, name).not.toBeInstanceOf(Fault);
      expect(refused((error as Error).message).kind, name).toBe('refused');
    }
  });

  if (!kind.isSealed) return;
  test('a changed bit anywhere is noticed', async () => {
    const [[name, bytes]] = Object.entries(await kind.seeds(join(own, 'again'))) as [[string, Buffer]];
    for (let at = 0; at < bytes.length; at += 97) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 4;
      await expect(kind.read(place(name, changed)), `byte ${at}`).rejects.toThrow(GraftError);
    }
  });
});
