/** A folder of files for the tests of metadata. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import type { Metadata } from './index.js';

/** Removed after the test file's last test. */
export const dir = mkdtempSync(join(tmpdir(), 'graft-metadata-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** Writes a file and gives its path. */
export function put(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** A mapping of one table. */
export function putMapping(table: string, rest = ''): string {
  const indented = table.trim().replaceAll('\n', '\n    ');
  return put('own.yaml', `description: own\n${rest}\ntables:\n  table:\n    ${indented}\n`);
}

export const column = (metadata: Metadata, name: string): (string | undefined)[] =>
  metadata.rows.map((row) => row.cells[name]);
