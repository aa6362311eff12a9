import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listImages } from './folder.js';
import { walkFiles } from './walk.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-walk-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const put = (file: string, content: string | Uint8Array = 'x'): void => {
  mkdirSync(dirname(join(dir, file)), { recursive: true });
  writeFileSync(join(dir, file), content);
};
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

test('files at any depth; what systems leave among them is passed over', () => {
  for (const file of ['b.png', 'a/2.png', 'a/c/3', 'with\nnewline.png', 'ünï.png']) put(file);
  for (const file of [
    '.DS_Store',
    'Thumbs.db',
    'desktop.ini',
    '__MACOSX/._b.png',
    '@eaDir/b.png/SYNO.jpg',
    'a/._2.png',
  ])
    put(file);
  expect(walkFiles(dir)).toEqual({
    files: ['a/2.png', 'a/c/3', 'b.png', 'with\nnewline.png', 'ünï.png'],
    special: [],
  });
});

test('links are followed, each folder is entered once', () => {
  put('a/1.png');
  symlinkSync('..', join(dir, 'a/up'));
  symlinkSync('a', join(dir, 'b'));
  symlinkSync('a/1.png', join(dir, 'c.png'));
  expect(walkFiles(dir)).toEqual({ files: ['a/1.png', 'c.png'], special: [] });
});

test('what is no file is named, and never opened', () => {
  put('a.png');
  execFileSync('mkfifo', [join(dir, 'pipe.png')]);
  symlinkSync('/dev/zero', join(dir, 'zero.png'));
  symlinkSync('self.png', join(dir, 'self.png'));
  symlinkSync('gone', join(dir, 'to-nowhere'));
  expect(walkFiles(dir)).toEqual({
    files: ['a.png'],
    special: [
      { file: 'pipe.png', what: 'a named pipe' },
      { file: 'self.png', what: 'a link that leads in a circle' },
      { file: 'to-nowhere', what: 'a link that leads nowhere' },
      { file: 'zero.png', what: 'a device' },
    ],
  });
});

test('a name that is not UTF-8 is named', () => {
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xe9]), Buffer.from('.png')]), 'x');
  expect(walkFiles(dir).special).toEqual([
    { file: '\ufffd.png', what: 'a file whose name is not UTF-8: rename it' },
  ]);
});

test('pictures are listed by content, whatever they are called; a pipe with a picture’s name is refused', async () => {
  put('no-extension', png);
  put('wrong.txt', png);
  put('words.png', 'words');
  put('notes.md', 'words');
  expect(await listImages(dir)).toEqual(
    ['no-extension', 'words.png', 'wrong.txt'].map((name) => join(dir, name)),
  );
  execFileSync('mkfifo', [join(dir, 'notes.fifo')]);
  expect(await listImages(dir)).toHaveLength(3);
  execFileSync('mkfifo', [join(dir, 'f.jpg')]);
  await expect(listImages(dir)).rejects.toThrow(
    `${join(dir, 'f.jpg')}: is a named pipe, not a picture; remove it`,
  );
});
