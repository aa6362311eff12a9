import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DataError } from './errors.js';
import { readText, sha256File } from './files.js';
import { openFile, readBytes, readBytesAsync, readStart, requireFile } from './reading.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-reading-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Every way in. None may wait for a pipe, or read what has no end: the test would never come back. */
const ways: Record<string, (path: string) => unknown> = {
  openFile,
  requireFile,
  readBytes,
  readBytesAsync,
  readText,
  sha256File,
  readStart: (path) => readStart(path, 8),
};
const attempt = (way: string, path: string) => (async () => ways[way]!(path))();

describe.each(Object.keys(ways))('%s', (way) => {
  test('reads a file', async () => {
    const path = join(dir, 'file');
    writeFileSync(path, 'content');
    await expect(attempt(way, path)).resolves.not.toThrow();
  });

  test('refuses a named pipe, a device, a folder, a socket, a link in a circle, a link to nowhere, by name', async () => {
    const at = (name: string): string => join(dir, `${way}-${name}`);
    execFileSync('mkfifo', [at('pipe')]);
    symlinkSync('/dev/zero', at('zero'));
    mkdirSync(at('folder'));
    symlinkSync(at('loop'), at('loop'));
    symlinkSync(at('nowhere'), at('dangling'));
    const server = createServer().listen(at('socket'));
    const reasons = {
      pipe: 'is a named pipe, not a file',
      zero: 'is a device, not a file',
      folder: 'is a folder, not a file',
      loop: 'is a link that leads in a circle',
      dangling: 'no such file',
    };
    for (const [name, reason] of Object.entries(reasons))
      await expect(attempt(way, at(name)), name).rejects.toThrow(new DataError(`${at(name)}: ${reason}`));
    await expect(attempt(way, at('socket'))).rejects.toThrow(/is a socket/);
    server.close();
  });
});

test('what a shell hands over by a path is read', () => {
  const script = `import('${new URL('../../dist/base/files.js', import.meta.url)}').then(({ readText }) => console.log(readText(process.argv[1])))`;
  const printed = execFileSync('bash', ['-c', `"$0" -e "$1" <(echo secret)`, process.execPath, script], {
    encoding: 'utf8',
  });
  expect(printed.trim()).toBe('secret');
});

test('a file too large to be read at once is refused before memory is taken', async () => {
  const path = join(dir, 'huge');
  execFileSync('truncate', ['-s', '5G', path]);
  expect(() => readBytes(path)).toThrow(/has 5\.0 GiB/);
  await expect(readBytesAsync(path)).rejects.toThrow(/has 5\.0 GiB/);
  expect(readStart(path, 4)).toEqual(Buffer.alloc(4));
});
