import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TRUST_VARIABLE, trustCode } from '../base/index.js';
import { loadModule, moduleOf } from './module.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-module-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

// Whoever writes a module here trusts it.
beforeEach(() => void vi.stubEnv(TRUST_VARIABLE, '1'));
afterEach(() => void vi.unstubAllEnvs());

test('gives the default export, the hash of the file and its whole path', async () => {
  const text = 'export default { answer: 42 };\n';
  const path = write('good.mjs', text);
  expect(await loadModule(path)).toEqual({
    exports: { answer: 42 },
    hash: createHash('sha256').update(text).digest('hex'),
    path,
  });
});

test('a file that has changed is loaded anew, and refused where it must be the one of before', async () => {
  const path = write('changing.mjs', 'export default { value: 1 };');
  const { hash } = await loadModule(path);
  expect((await loadModule(path, { sha256: hash })).exports).toEqual({ value: 1 });
  write('changing.mjs', 'export default { value: 2 };');
  expect((await loadModule(path)).exports).toEqual({ value: 2 });
  await expect(loadModule(path, { sha256: hash })).rejects.toThrow(
    /changing\.mjs: is not the module that the run was begun with .*put it back as it was, or start a new run/,
  );
});

test.each([
  ['missing.mjs', null, /there is no such module; name a \.js/],
  ['empty.mjs', 'export const network = 1;', /no object as its default export; write `export default/],
  ['throws.mjs', 'throw new Error("not today\\nnor tomorrow");', /cannot be loaded: not today$/],
])('%s: one line that says why', async (name, text, why) => {
  const path = text === null ? join(folder, name) : write(name, text);
  const error = await loadModule(path).then(
    () => null,
    (one: Error) => one,
  );
  expect(error).toBeInstanceOf(ConfigError);
  expect(error!.message).toMatch(why);
  expect(error!.message).not.toContain('\n');
});

test('runs nothing that nobody trusts: not the file, not one beside it', async () => {
  const path = write('stranger.mjs', 'globalThis.wasHere = true; export default { answer: 42 };');
  for (const trust of ['', `${path}.js`, write('other.mjs', '')]) {
    vi.stubEnv(TRUST_VARIABLE, trust);
    await expect(loadModule(path)).rejects.toThrow(/stranger\.mjs: a module is a program .*--trust-code/);
  }
  expect('wasHere' in globalThis).toBe(false);
  trustCode(path); // as --module does
  expect((await loadModule(path)).exports).toEqual({ answer: 42 });
});

test('knows in whose code an error came up', async () => {
  const path = write('throws.mjs', "export default { fail: () => { throw new Error('mine'); } };");
  const { exports } = await loadModule(path);
  const caught = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };
  expect(moduleOf(caught(exports.fail as () => unknown))).toBe(path);
  expect(moduleOf(new Error('ours'))).toBeUndefined();
});
