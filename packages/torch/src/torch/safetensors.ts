/**
 * Tensors in safetensors files (`safetensors-file.ts` has the format). Written as a stream and checked as a whole:
 * a file of Graft with one changed byte is refused.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DataError, oneLine, openFile, replaceFile } from '../base/index.js';
import { type DType, WIDTHS } from './dtype.js';
import { fromBytes } from './from-bytes.js';
import { guarded, native } from './native.js';
import {
  checksumPosition,
  checksumText,
  encodeHeader,
  readBytes,
  readFrame,
  type TensorEntry,
  verifyChecksum,
} from './safetensors-file.js';
import { tidy } from './scope.js';
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
/** What is read besides, and never written. */
const READ_ONLY: readonly [string, DType][] = [
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
];
const DTYPES = new Map<string, DType>([
  ...Object.entries(NAMES).map(([dtype, name]): [string, DType] => [name, dtype as DType]),
  ...READ_ONLY,
]);

/**
 * Writes tensors to a file, which is replaced as a whole or not at all.
 *
 * @throws DataError for a dtype that the format, or JavaScript, cannot hold; WriteError when the disk is full
 */
export function saveSafetensors(
  path: string,
  tensors: Record<string, Tensor>,
  metadata: Record<string, string> = {},
): void {
  const entries: Record<string, TensorEntry> = {};
  let offset = 0;
  for (const [name, value] of Object.entries(tensors)) {
    const dtype = NAMES[value.dtype];
    if (!dtype)
      throw new DataError(
        `${path}: tensor '${name}' is ${value.dtype}, which is not stored; convert it to float32`,
      );
    const end = offset + value.sizeBytes;
    entries[name] = { dtype, shape: value.shape, data_offsets: [offset, end] };
    offset = end;
  }
  replaceFile(path, (temporary) => {
    const file = openSync(temporary, 'wx');
    try {
      let sum = 0;
      const write = (bytes: Uint8Array): void => {
        if (bytes.length === 0) return; // zlib takes an empty piece for the order to start anew
        sum = crc32(bytes, sum);
        for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done);
      };
      write(encodeHeader(entries, metadata));
      for (const value of Object.values(tensors)) {
        write(new Uint8Array(guarded(() => native.read(value.handle || -1))));
      }
      writeSync(file, checksumText(sum), checksumPosition);
    } finally {
      closeSync(file);
    }
  });
}

/**
 * Reads every tensor of a file, on the CPU. 16-bit floats (F16, BF16) become float32, exactly.
 *
 * @throws DataError when the file is truncated or damaged, has a dtype that is not read, or is no safetensors file
 */
export function loadSafetensors(path: string): {
  tensors: Record<string, Tensor>;
  metadata: Record<string, string>;
} {
  const file = openFile(path);
  try {
    const frame = readFrame(file, path);
    verifyChecksum(file, path, frame);
    const tensors = new Map<string, Tensor>();
    for (const [name, entry] of Object.entries(frame.entries)) {
      const dtype = DTYPES.get(entry.dtype);
      if (!dtype) {
        throw new DataError(
          `${path}: tensor '${oneLine(name, 120)}' has dtype ${oneLine(entry.dtype, 40)}, which is not read; convert it to F32`,
        );
      }
      const [start, end] = entry.data_offsets;
      const expected = entry.shape.reduce((product, size) => product * size, 1) * WIDTHS[dtype];
      if (end - start !== expected)
        throw new DataError(
          `${path}: damaged: tensor '${oneLine(name, 120)}' does not fit its shape [${entry.shape}]`,
        );
      const bytes = readBytes(file, end - start, frame.dataStart + start);
      tensors.set(
        name,
        tidy(() => fromBytes(bytes, dtype).reshape(entry.shape)),
      );
    }
    // Built from entries, so that a tensor may be called __proto__.
    return { tensors: Object.fromEntries(tensors), metadata: frame.metadata };
  } finally {
    closeSync(file);
  }
}
