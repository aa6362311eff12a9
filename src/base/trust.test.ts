import { expect, test } from 'vitest';
import { requireTrustIn, TRUST_VARIABLE, trustCode, trustsCode } from './trust.js';

test('one file that is named is trusted, whatever its path looks like, and no other', () => {
  const env: Record<string, string | undefined> = {};
  for (const path of ['/p:x/a.mjs', '/a b/#?%.mjs', '/a:/b.mjs']) trustCode(path, env);
  for (const path of ['/p:x/a.mjs', '/a b/#?%.mjs', '/a:/b.mjs']) expect(trustsCode(path, env)).toBe(true);
  for (const path of ['/b.mjs', '/p', 'x/a.mjs', '/a', '']) expect(trustsCode(path, env)).toBe(false);
  expect(() => requireTrustIn('/b.mjs', { what: 'a module' }, env)).toThrow(
    /^\/b\.mjs: a module .*--trust-code/,
  );
});

test('all code is trusted once that was said', () => {
  const env: Record<string, string | undefined> = {};
  trustCode('/a.mjs', env);
  trustCode(undefined, env);
  trustCode('/c.mjs', env);
  expect(env[TRUST_VARIABLE]).toBe('1');
  expect(trustsCode('/anything.pt', env)).toBe(true);
});
