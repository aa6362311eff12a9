import { mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadSafetensors, saveSafetensors, tensor, tidy } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-safetensors-'));

test('tensors and metadata come back', () => {
  const path = join(folder, 'a.safetensors');
  tidy(() => {
    saveSafetensors(
      path,
      {
        'a.weight': tensor([1.5, -2, 0, 4], [2, 2]),
        é: tensor([1n, 2n].map(Number), [2], { dtype: 'int64' }),
        none: tensor(new Uint8Array(0), [0, 3]),
      },
      { note: 'x "y"' },
    );
    const { tensors, metadata } = loadSafetensors(path);
    expect(metadata).toEqual({ note: 'x "y"' });
    expect(Object.keys(tensors)).toEqual(['a.weight', 'é', 'none']);
    expect(tensors['a.weight']!.shape).toEqual([2, 2]);
    expect([...(tensors['a.weight']!.toArray() as Float32Array)]).toEqual([1.5, -2, 0, 4]);
    expect(tensors.none!.shape).toEqual([0, 3]);
  });
});

test('the file is as the format says: length, JSON header, data in order', () => {
  const path = join(folder, 'b.safetensors');
  tidy(() => saveSafetensors(path, { x: tensor([1, 2], [2]) }));
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  expect(length % 8).toBe(0);
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, unknown>;
  expect(header.x).toEqual({ dtype: 'F32', shape: [2], data_offsets: [0, 8] });
  expect(bytes.length).toBe(8 + length + 8);
  expect(bytes.readFloatLE(8 + length + 4)).toBe(2);
});

test('a cut file and a strange one are refused by name', () => {
  const path = join(folder, 'c.safetensors');
  tidy(() => saveSafetensors(path, { x: tensor([1, 2], [2]) }));
  truncateSync(path, readFileSync(path).length - 1);
  expect(() => loadSafetensors(path)).toThrow(/c\.safetensors: tensor 'x' .*truncated/);
  writeFileSync(path, 'hello world, no tensors');
  expect(() => loadSafetensors(path)).toThrow(/not a safetensors file/);
});
