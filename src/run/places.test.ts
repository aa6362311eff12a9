import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { locatePaths, wholePaths } from './places.js';

const root = mkdtempSync(join(tmpdir(), 'graft-places-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a backbone’s file behind its form is a path like any other, in a GAN and in a trial', () => {
  mkdirSync(join(root, 'a', 'run'), { recursive: true });
  const file = join(root, 'a', 'w.pth');
  writeFileSync(file, '');
  const here = relative(process.cwd(), file);
  const gan = { backbone: `inception:${here}` };
  expect(wholePaths('gan', gan)).toEqual({ backbone: `inception:${file}` });
  expect(wholePaths('trial', { gans: { x: { set: gan } } })).toEqual({
    gans: { x: { set: { backbone: `inception:${file}` } } },
  });
  expect(wholePaths('gan', { backbone: `efficientnet-lite0:${here}` })).toEqual({
    backbone: `efficientnet-lite0:${file}`,
  });
  for (const backbone of ['auto', 'random', 'efficientnet-lite0:hf:a/b/c.pth'])
    expect(wholePaths('gan', { backbone })).toEqual({ backbone });
  renameSync(join(root, 'a'), join(root, 'b'));
  const places = { dir: join(root, 'b', 'run'), folder: join(root, 'a', 'run') };
  expect(locatePaths('gan', { backbone: `inception:${file}` }, places)).toEqual({
    backbone: `inception:${join(root, 'b', 'w.pth')}`,
  });
  expect(locatePaths('gan', { backbone: `efficientnet-lite0:${file}` }, places)).toEqual({
    backbone: `efficientnet-lite0:${join(root, 'b', 'w.pth')}`,
  });
});
