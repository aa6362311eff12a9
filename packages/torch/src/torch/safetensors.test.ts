import { mkdtempSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { DataError } from '../base/errors.js';
import {
  liveTensors,
  loadSafetensors,
  loadWeights,
  saveSafetensors,
  type Tensor,
  tensor,
  tidy,
} from './index.js';

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
  expect(() => loadSafetensors(path)).toThrow(/c\.safetensors: truncated: \d+ bytes where \d+ belong/);
  writeFileSync(path, 'hello world, no tensors');
  expect(() => loadSafetensors(path)).toThrow(/not a safetensors file/);
});

/** A file as other programs write it: no checksum. */
function foreignFile(path: string, header: object, data: Uint8Array): void {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(path, Buffer.concat([length, json, data]));
}

test('files without a checksum are read as before', () => {
  const path = join(folder, 'foreign.safetensors');
  const data = new Uint8Array(Float32Array.of(1.5, -2).buffer);
  // Names that are numbers come first in JavaScript objects, and `__metadata__` may be missing.
  for (const metadata of [{}, { __metadata__: { 'graft.crc32': 'not at its place' } }]) {
    foreignFile(path, { 0: { dtype: 'F32', shape: [2], data_offsets: [0, 8] }, ...metadata }, data);
    const { tensors } = tidy(() => {
      const loaded = loadSafetensors(path);
      expect([...loaded.tensors['0']!.toArray()]).toEqual([1.5, -2]);
      return { tensors: Object.keys(loaded.tensors), metadata: loaded.metadata };
    });
    expect(tensors).toEqual(['0']);
  }
});

test('tensors whose names are numbers are checked, too, and metadata can be written again', () => {
  const path = join(folder, 'numbers.safetensors');
  const again = join(folder, 'again.safetensors');
  tidy(() => {
    saveSafetensors(path, { 1: tensor([1], [1]), 0: tensor([2], [1]) }, { 7: 'seven' });
    const { tensors, metadata } = loadSafetensors(path);
    expect(metadata).toEqual({ 7: 'seven' });
    expect(tensors[1]!.item()).toBe(1);
    saveSafetensors(again, tensors, { ...metadata, 'graft.crc32': 'of another file' });
    expect(readFileSync(again).equals(readFileSync(path))).toBe(true);
  });
  writeSync(openSync(path, 'r+'), 'x', readFileSync(path).length - 1);
  expect(() => loadSafetensors(path)).toThrow(/numbers\.safetensors: damaged: bytes have changed/);
});

test('the checksum is the CRC-32 of the file with zeros in its place', () => {
  const path = join(folder, 'sum.safetensors');
  tidy(() => saveSafetensors(path, { x: tensor([1, 2, 3], [3]) }, { note: 'é' }));
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as {
    __metadata__: Record<string, string>;
  };
  const sum = header.__metadata__['graft.crc32']!;
  expect(sum).toMatch(/^[0-9a-f]{8}$/);
  bytes.write('00000000', bytes.indexOf(sum));
  expect(bitwiseCrc32(bytes)).toBe(Number.parseInt(sum, 16));
});

test('a file of ours is refused whichever byte was changed, the name of its checksum included', () => {
  const path = join(folder, 'ours.safetensors');
  tidy(() => saveSafetensors(path, { x: tensor([1, 2], [2]) }, { architecture: 'b0' }));
  const bytes = readFileSync(path);
  const changed = join(folder, 'changed.safetensors');
  for (let i = 0; i < bytes.length; i++) {
    for (const bits of [0x01, 0x02, 0x20]) {
      const copy = Buffer.from(bytes);
      copy[i]! ^= bits;
      writeFileSync(changed, copy);
      expect(() => loadSafetensors(changed), `byte ${i} ^ ${bits}`).toThrow(DataError);
    }
  }
  const length = Number(bytes.readBigUInt64LE());
  const { __metadata__: metadata, ...entries } = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const rewritten = (own: object): void =>
    foreignFile(changed, { __metadata__: own, ...entries }, bytes.subarray(8 + length));
  for (const key of ['graft.crc31', 'Graft.crc32', 'x']) {
    const { 'graft.crc32': sum, ...rest } = metadata;
    rewritten({ [key]: sum, ...rest });
    expect(() => loadSafetensors(changed)).toThrow(/damaged: its checksum is gone/);
  }
  const { 'graft.crc32': _, ...rest } = metadata;
  rewritten(rest);
  expect(() => loadSafetensors(changed)).toThrow(/damaged: its checksum is gone/);
  // One stretch of damage from the first key into the second.
  for (const left of [
    { 'graft.crc3tttttttttttthecked': 'crc32' },
    { tttttttecked: 'crc32' },
    { 'graft.ctt': 'x' },
  ]) {
    rewritten(left);
    expect(() => loadSafetensors(changed)).toThrow(/damaged: its checksum is gone/);
  }
});

/** By the definition: the remainder of a division of polynomials (IEEE 802.3, bits reflected). */
function bitwiseCrc32(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  }
  return ~rest >>> 0;
}

describe('16-bit floats', () => {
  const goldens = new URL('../../../../test/goldens/safetensors/', import.meta.url);
  /** All NaNs are one: which of their bits are kept is the version's of libtorch, and means nothing. */
  const bitsOf = (t: Tensor): number[] => {
    const values = t.toArray() as Float32Array;
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    return [...bits].map((value, i) => (Number.isNaN(values[i]) ? 0x7fc00000 : value));
  };

  test('become the float32 that torch makes of them, to the bit', () => {
    const expected = JSON.parse(readFileSync(new URL('expected.json', goldens), 'utf8')) as Record<
      string,
      { shape: number[]; bits: number[] }
    >;
    const before = liveTensors();
    tidy(() => {
      const { tensors, metadata } = loadSafetensors(fileURLToPath(new URL('half.safetensors', goldens)));
      expect(metadata).toEqual({ format: 'pt' });
      expect(Object.keys(tensors)).toEqual(Object.keys(expected));
      for (const [name, { shape, bits }] of Object.entries(expected)) {
        expect(tensors[name]!.dtype, name).toBe('float32');
        expect(tensors[name]!.shape, name).toEqual(shape);
        expect(bitsOf(tensors[name]!), name).toEqual(bits);
      }
      // They can be written again, as what they are now.
      const again = join(folder, 'whole.safetensors');
      saveSafetensors(again, tensors, metadata);
      expect(bitsOf(loadSafetensors(again).tensors['half.weight']!)).toEqual(expected['half.weight']!.bits);
    });
    expect(liveTensors()).toBe(before);
  });

  test('of a length that does not fit, and floats of 8 bits, are refused by name', () => {
    const path = join(folder, 'bad-half.safetensors');
    foreignFile(path, { w: { dtype: 'BF16', shape: [3], data_offsets: [0, 4] } }, new Uint8Array(4));
    expect(() => loadSafetensors(path)).toThrow(/bad-half\.safetensors: damaged: tensor 'w'/);
    foreignFile(path, { w: { dtype: 'F8_E4M3', shape: [4], data_offsets: [0, 4] } }, new Uint8Array(4));
    expect(() => loadSafetensors(path)).toThrow(/tensor 'w' has dtype F8_E4M3, .*convert it to F32/);
  });
});

describe('the reference reader', () => {
  const goldens = fileURLToPath(new URL('../../../../test/goldens/safetensors/', import.meta.url));
  const cases = JSON.parse(readFileSync(join(goldens, 'reader.json'), 'utf8')) as Record<
    string,
    { file: string; tensors?: Record<string, number[]>; error?: string }
  >;
  /** Read there, refused here: names that stand there twice (the last one wins), and types that libtorch 1.13 lacks. */
  const stricter: Record<string, RegExp> = {
    'dup same': /the key "a" stands there twice/,
    'dup covered': /the key "a" stands there twice/,
    'dup in metadata': /the key "a" stands there twice/,
    U16: /tensor 'a' has dtype U16, which is not read/,
    U32: /tensor 'a' has dtype U32, which is not read/,
    U64: /tensor 'a' has dtype U64, which is not read/,
    C64: /tensor 'a' has dtype C64, which is not read/,
  };

  test.each(Object.entries(cases))('%s', (name, { file, tensors, error }) => {
    const path = join(folder, 'case.safetensors');
    writeFileSync(path, Buffer.from(file, 'base64'));
    const before = liveTensors();
    const read = (): Record<string, number[]> =>
      tidy(() =>
        Object.fromEntries(
          Object.entries(loadSafetensors(path).tensors).map(([key, { shape }]) => [key, shape]),
        ),
      );
    if (error !== undefined || Object.hasOwn(stricter, name)) {
      expect(read).toThrow(DataError);
      expect(read).toThrow(/^[^\n]*case\.safetensors: [^\n]{10,300}$/);
      if (Object.hasOwn(stricter, name)) expect(read).toThrow(stricter[name]);
    } else {
      // As entries: toEqual takes {'__proto__': x} for {}.
      expect(Object.entries(read())).toEqual(expect.arrayContaining(Object.entries(tensors!)));
      expect(Object.keys(read())).toHaveLength(Object.keys(tensors!).length);
      // Whatever its first bytes look like.
      expect(tidy(() => Object.keys(loadWeights(path).tensors))).toEqual(Object.keys(read()));
    }
    expect(liveTensors()).toBe(before);
  });

  test.each([
    ['overlap', /tensor '[ab]' shares bytes with another tensor/],
    ['hole', /tensor 'b' has 4 bytes before it that belong to none/],
    ['negative', /tensor 'a' has no shape of whole numbers from 0 up/],
    ['string shape', /tensor 'a' has no shape/],
    ['float shape', /"a": 2\.0 where a whole number belongs/],
    ['shape overflow', /tensor 'a' has a shape \[1099511627776,1099511627776\] larger than any memory/],
    ['offsets backwards', /tensor 'a' has no data_offsets/],
    ['dup in entry', /"a": the key "dtype" stands there twice/],
    ['meta number', /its __metadata__ holds something else than text/],
    ['unknown dtype', /tensor 'a' has dtype F33, which is not read/],
    ['deep', /nested more than 100 deep/],
  ])('%s is refused by name', (name, message) => {
    const path = join(folder, 'named.safetensors');
    writeFileSync(path, Buffer.from(cases[name]!.file, 'base64'));
    expect(() => loadSafetensors(path)).toThrow(message);
  });
});

test('a header of any length that begins as pickles do is no pickle', () => {
  const path = join(folder, 'lengths.pth');
  for (const length of [128, 384, 640, 896, 1152, 1408, 0x10080, 0x04034b50 % 2 ** 22]) {
    const json = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.padEnd(length);
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(length));
    writeFileSync(path, Buffer.concat([start, Buffer.from(json), Buffer.alloc(4)]));
    expect(Object.keys(tidy(() => loadWeights(path).tensors))).toEqual(['a']);
  }
});
