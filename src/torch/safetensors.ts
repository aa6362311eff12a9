/**
 * safetensors files: 8 bytes of header length (little endian), a JSON header, the raw little-endian data.
 * Source: https://github.com/huggingface/safetensors (format description).
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { DataError } from '../errors.js';
import { replaceFile } from '../files.js';
import type { DType } from './dtype.js';
import { typedArrayFor } from './dtype.js';
import { tensor } from './factories.js';
import { guarded, native } from './native.js';
import type { Tensor } from './tensor.js';

const NAMES: Partial<Record<DType, string>> = {
  float64: 'F64',
  float32: 'F32',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};
const DTYPES = new Map(Object.entries(NAMES).map(([dtype, name]) => [name, dtype as DType]));
const WIDTHS: Record<string, number> = { F64: 8, F32: 4, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 };
const MAX_HEADER_BYTES = 100 * 1024 * 1024;

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/**
 * Writes tensors to a file, which is replaced as a whole or not at all.
 *
 * @throws DataError for a dtype that the format, or JavaScript, cannot hold
 */
export function saveSafetensors(
  path: string,
  tensors: Record<string, Tensor>,
  metadata: Record<string, string> = {},
): void {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, value] of Object.entries(tensors)) {
    const dtype = NAMES[value.dtype];
    if (!dtype)
      throw new DataError(
        `${path}: tensor '${name}' is ${value.dtype}, which is not stored; convert it to float32`,
      );
    const end = offset + value.sizeBytes;
    header[name] = { dtype, shape: value.shape, data_offsets: [offset, end] };
    offset = end;
  }
  let json = JSON.stringify(header);
  json += ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));
  replaceFile(path, (temporary) => {
    const file = openSync(temporary, 'wx');
    try {
      const write = (bytes: Uint8Array): void => {
        for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done);
      };
      write(prefix);
      write(Buffer.from(json));
      for (const value of Object.values(tensors)) {
        write(new Uint8Array(guarded(() => native.read(value.handle || -1))));
      }
    } finally {
      closeSync(file);
    }
  });
}

/**
 * Reads every tensor of a file, on the CPU.
 *
 * @throws DataError when the file is truncated or is no safetensors file
 */
export function loadSafetensors(path: string): {
  tensors: Record<string, Tensor>;
  metadata: Record<string, string>;
} {
  const file = openSync(path, 'r');
  try {
    const sizeBytes = fstatSync(file).size;
    const read = (length: number, position: number): Buffer => {
      const buffer = Buffer.alloc(length);
      let done = 0;
      while (done < length) {
        const count = readSync(file, buffer, done, length - done, position + done);
        if (count === 0) throw new DataError(`${path}: the file is truncated (${sizeBytes} bytes)`);
        done += count;
      }
      return buffer;
    };
    const headerBytes = Number(read(8, 0).readBigUInt64LE());
    if (headerBytes > MAX_HEADER_BYTES || headerBytes + 8 > sizeBytes)
      throw new DataError(`${path}: not a safetensors file, or truncated`);
    let header: Record<string, Entry>;
    try {
      header = JSON.parse(read(headerBytes, 8).toString('utf8')) as Record<string, Entry>;
    } catch {
      throw new DataError(`${path}: not a safetensors file (its header is no JSON)`);
    }
    const { __metadata__: metadata, ...entries } = header as Record<string, Entry> & {
      __metadata__?: Record<string, string>;
    };
    const tensors: Record<string, Tensor> = {};
    for (const [name, entry] of Object.entries(entries)) {
      const dtype = DTYPES.get(entry.dtype);
      if (!dtype)
        throw new DataError(`${path}: tensor '${name}' has dtype ${entry.dtype}, which is not read`);
      const [start, end] = entry.data_offsets;
      const expected = entry.shape.reduce((product, size) => product * size, 1) * WIDTHS[entry.dtype]!;
      if (end - start !== expected || 8 + headerBytes + end > sizeBytes)
        throw new DataError(`${path}: tensor '${name}' does not fit its shape, or the file is truncated`);
      const bytes = read(end - start, 8 + headerBytes + start);
      const array = typedArrayFor(
        dtype,
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
      );
      tensors[name] = tensor(array, entry.shape, { dtype });
    }
    return { tensors, metadata: metadata ?? {} };
  } finally {
    closeSync(file);
  }
}
