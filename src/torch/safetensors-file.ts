/**
 * The frame of a safetensors file, without tensors and without the engine: 8 bytes of header length (little
 * endian), a JSON header with a dtype, shape and byte range a tensor, then the bytes.
 * Source: https://github.com/huggingface/safetensors#format.
 *
 * Files of Graft carry a CRC-32 of all their bytes, so that one changed bit is noticed wherever it is. It stands
 * first in the header's `__metadata__`, at a fixed place: it is known only when the last byte has been written, and
 * is then put over the zeros that held its place (which are what it is computed with). Why CRC-32: it sees every
 * single changed byte, and costs half of SHA-256 where the processor has instructions for both.
 */
import { fstatSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DataError } from '../errors.js';

/** What the header says of a tensor. */
export interface TensorEntry {
  /** `F32`, `I64`, … */
  dtype: string;
  shape: number[];
  /** Its bytes, counted from the end of the header. */
  data_offsets: [start: number, end: number];
}

export interface SafetensorsFrame {
  entries: Record<string, TensorEntry>;
  /** Without the checksum. */
  metadata: Record<string, string>;
  /** Position of the first tensor's bytes. */
  dataStart: number;
  sizeBytes: number;
  /** 8 hex digits; undefined in files of other programs. */
  checksum: string | undefined;
}

const checksumKey = 'graft.crc32';
const opening = `{"__metadata__":{"${checksumKey}":"`;
const blank = '00000000';
const headerLimitBytes = 100_000_000; // as in the reference reader
const pieceBytes = 1 << 20; // fits a processor's cache

/** Where the checksum's digits stand in a file of Graft. */
export const checksumPosition = 8 + opening.length;

export const checksumText = (sum: number): string => sum.toString(16).padStart(blank.length, '0');

/** Header length and header, with zeros for the checksum. */
export function encodeHeader(
  entries: Record<string, TensorEntry>,
  metadata: Record<string, string> = {},
): Buffer {
  // Put together by hand: JavaScript moves keys that are numbers ahead of those given before them.
  const members = (object: object): string =>
    Object.entries(object)
      .map(([key, value]) => `,${JSON.stringify(key)}:${JSON.stringify(value)}`)
      .join('');
  const { [checksumKey]: _, ...rest } = metadata;
  const json = `${opening}${blank}"${members(rest)}}${members(entries)}}`;
  const padding = ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8);
  const header = Buffer.from(`${blank}${json}${padding}`);
  header.writeBigUInt64LE(BigInt(header.length - 8));
  return header;
}

/**
 * Reads the frame of an open file and checks that the file is as long as its header says.
 * @throws DataError naming the file when it is cut, too long, or no safetensors file
 */
export function readFrame(file: number, path: string): SafetensorsFrame {
  const sizeBytes = fstatSync(file).size;
  if (sizeBytes < 8) throw new DataError(`${path}: not a safetensors file, or cut off: ${sizeBytes} bytes`);
  const headerBytes = Number(readBytes(file, 8, 0).readBigUInt64LE());
  if (headerBytes > headerLimitBytes || 8 + headerBytes > sizeBytes) {
    throw new DataError(`${path}: not a safetensors file, or cut off inside its header`);
  }
  const text = readBytes(file, headerBytes, 8).toString('utf8');
  const { __metadata__: metadata = {}, ...entries } = parseHeader(path, text);
  let dataBytes = 0;
  for (const [name, entry] of Object.entries(entries)) {
    if (!isEntry(entry))
      throw new DataError(`${path}: damaged: its header does not describe tensor '${name}'`);
    dataBytes = Math.max(dataBytes, entry.data_offsets[1]);
  }
  const dataStart = 8 + headerBytes;
  if (dataStart + dataBytes !== sizeBytes) {
    const what = dataStart + dataBytes > sizeBytes ? 'truncated' : 'too long';
    throw new DataError(`${path}: ${what}: ${sizeBytes} bytes where ${dataStart + dataBytes} belong`);
  }
  // Anywhere else it would not be ours.
  const hasChecksum = text.startsWith(opening);
  const { [checksumKey]: checksum, ...rest } = metadata as Record<string, string>;
  return {
    entries: entries as Record<string, TensorEntry>,
    metadata: rest,
    dataStart,
    sizeBytes,
    checksum: hasChecksum ? checksum : undefined,
  };
}

/**
 * Reads an open file from its first byte to its last and compares its checksum; nothing to compare is no fault.
 * @throws DataError naming the file when a byte has changed since it was written
 */
export function verifyChecksum(file: number, path: string, frame: SafetensorsFrame): void {
  const { sizeBytes, checksum } = frame;
  if (checksum === undefined) return;
  const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, sizeBytes));
  let sum = 0;
  for (let position = 0; position < sizeBytes; ) {
    const piece = buffer.subarray(0, Math.min(pieceBytes, sizeBytes - position));
    readInto(file, piece, position);
    if (position === 0) piece.write(blank, checksumPosition, 'latin1');
    sum = crc32(piece, sum);
    position += piece.length;
  }
  if (checksumText(sum) !== checksum) {
    throw new DataError(
      `${path}: damaged: bytes have changed since it was written (checksum ${checksumText(sum)}, not ${checksum})`,
    );
  }
}

/** `count` bytes from `position`; the caller has checked that the file holds them. */
export function readBytes(file: number, count: number, position: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(count);
  readInto(file, bytes, position);
  return bytes;
}

function readInto(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const got = readSync(file, bytes, done, bytes.length - done, position + done);
    if (got === 0) throw new DataError('the file became shorter while it was read');
    done += got;
  }
}

function parseHeader(path: string, text: string): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(text);
    if (typeof header === 'object' && header !== null) return header as Record<string, unknown>;
  } catch {}
  throw new DataError(`${path}: not a safetensors file, or damaged: its header is not JSON`);
}

function isEntry(value: unknown): value is TensorEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Partial<TensorEntry>;
  return (
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every((offset) => Number.isSafeInteger(offset) && offset >= 0)
  );
}
