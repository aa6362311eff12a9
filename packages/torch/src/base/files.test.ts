import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataError } from './errors.js';
import {
  readJson,
  readText,
  removeTemporaryFiles,
  replaceFile,
  replaceFileAsync,
  sha256,
  sha256File,
  writeFileAtomic,
  writeJson,
} from './files.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-files-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('writes whole files, makes missing folders, replaces what was there, leaves nothing beside it', () => {
  const path = join(dir, 'a', 'b', 'c.txt');
  writeFileAtomic(path, 'one');
  writeFileAtomic(path, new Uint8Array([0x74, 0x77, 0x6f]));
  expect(readFileSync(path, 'utf8')).toBe('two');
  expect(readdirSync(join(dir, 'a', 'b'))).toEqual(['c.txt']);
});

test('a writer that fails leaves the old file and no temporary one', async () => {
  const path = join(dir, 'kept.txt');
  writeFileAtomic(path, 'old');
  expect(() =>
    replaceFile(path, (temporary) => {
      writeFileSync(temporary, 'half');
      throw new Error('disk full');
    }),
  ).toThrow('disk full');
  await expect(
    replaceFileAsync(path, async (temporary) => {
      writeFileSync(temporary, 'half');
      throw new Error('disk full');
    }),
  ).rejects.toThrow('disk full');
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(dir)).toEqual(['kept.txt']);
});

test('the final name appears only when the content is complete', () => {
  const path = join(dir, 'late.bin');
  let seen: string[] = [];
  replaceFile(path, (temporary) => {
    writeFileSync(temporary, 'x');
    seen = readdirSync(dir);
  });
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatch(/^\.late\.bin\.[0-9a-f]{12}\.tmp$/);
  expect(readdirSync(dir)).toEqual(['late.bin']);
});

test('temporary files of a killed process are found and removed, other files are not', () => {
  let left = '';
  try {
    replaceFile(join(dir, 'x.bin'), (temporary) => {
      writeFileSync(temporary, 'x');
      left = temporary;
      throw new Error();
    });
  } catch {}
  writeFileSync(left, 'x');
  writeFileSync(join(dir, '.hidden.tmp'), 'mine');
  expect(removeTemporaryFiles(dir)).toBe(1);
  expect(readdirSync(dir)).toEqual(['.hidden.tmp']);
});

test('JSON errors name the file and the reason', () => {
  writeJson(join(dir, 'good.json'), { a: [1, 'ä'] });
  expect(readJson(join(dir, 'good.json'))).toEqual({ a: [1, 'ä'] });
  writeFileSync(join(dir, 'bom.json'), '\ufeff{"a":1}');
  expect(readJson(join(dir, 'bom.json'))).toEqual({ a: 1 });
  writeFileSync(join(dir, 'bad.json'), '{"a":');
  expect(() => readJson(join(dir, 'bad.json'))).toThrow(/bad\.json: not valid JSON/);
  expect(() => readJson(join(dir, 'none.json'))).toThrow(new DataError(`${dir}/none.json: no such file`));
  expect(() => readText(dir)).toThrow(/is a folder/);
});

test('SHA-256 agrees with the standard vectors, streamed and in memory (FIPS 180-4)', async () => {
  const vectors: [string, string][] = [
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
    ['a'.repeat(3_000_000), sha256('a'.repeat(3_000_000))],
  ];
  for (const [text, digest] of vectors) {
    writeFileSync(join(dir, 'data'), text);
    expect(sha256(text)).toBe(digest);
    expect(await sha256File(join(dir, 'data'))).toBe(digest);
  }
  await expect(sha256File(join(dir, 'none'))).rejects.toThrow(/none: no such file/);
});
