/**
 * The frame of a safetensors file, without tensors and without the engine: 8 bytes of header length (little
 * endian), a JSON header with a dtype, shape and byte range a tensor, then the bytes.
 * Source: https://github.com/huggingface/safetensors#format.
 *
 * Files of Graft carry a CRC-32 of all their bytes, so that one changed bit is noticed wherever it is. It stands
 * first in the header's `__metadata__`, at a fixed place: it is known only when the last byte has been written, and
 * is then put over the zeros that held its place (which are what it is computed with). Why CRC-32: it sees every
 * single changed byte, and costs half of SHA-256 where the processor has instructions for both. A second key says that
 * there must be a checksum: a file of ours whose first key was changed is not taken for another program's.
 */
import { fstatSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DataError, oneLine, parseJson } from '../base/index.js';

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
const markKey = 'graft.checked';
const markValue = 'crc32';
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
  const json = `${opening}${blank}"${members({ ...rest, [markKey]: markValue })}}${members(entries)}}`;
  const padding = ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8);
  const header = Buffer.from(`${blank}${json}${padding}`);
  header.writeBigUInt64LE(BigInt(header.length - 8));
  return header;
}

/**
 * Reads the frame of an open file and checks that every byte behind the header belongs to one tensor, as the format asks.
 * @throws DataError naming the file, and the tensor: cut, too long, no safetensors file, or with a header that describes
 *   a tensor in another way than the format's
 */
export function readFrame(file: number, path: string): SafetensorsFrame {
  const sizeBytes = fstatSync(file).size;
  if (sizeBytes < 8) throw new DataError(`${path}: not a safetensors file, or cut off: ${sizeBytes} bytes`);
  const headerBytes = Number(readBytes(file, 8, 0).readBigUInt64LE());
  if (headerBytes > headerLimitBytes || 8 + headerBytes > sizeBytes) {
    throw new DataError(`${path}: not a safetensors file, or cut off inside its header`);
  }
  const text = decodeHeader(readBytes(file, headerBytes, 8), path);
  const { metadata, entries } = parseHeader(text, path);
  const dataStart = 8 + headerBytes;
  requireCoverage(entries, { path, dataStart, sizeBytes });
  // Anywhere else it would not be ours.
  const hasChecksum = text.startsWith(opening);
  const { [checksumKey]: checksum, [markKey]: mark, ...rest } = metadata;
  if (!hasChecksum && (mark !== undefined || isAlmostOpening(text) || hasLeftOver(rest)))
    throw new DataError(
      `${path}: damaged: its checksum is gone, so its header was changed since Graft wrote it; take the file from a copy`,
    );
  return {
    entries,
    metadata: rest,
    dataStart,
    sizeBytes,
    checksum: hasChecksum ? checksum : undefined,
  };
}

/** Whether something is left of our two keys, as where one stretch of damage runs from the one into the other. */
const hasLeftOver = (metadata: Record<string, string>): boolean =>
  Object.entries(metadata).some(([key, value]) => key.startsWith('graft.') || value === markValue);

/** Whether a header begins as ours do, but for a few changed characters. */
function isAlmostOpening(text: string): boolean {
  const changed = [...opening].filter((character, i) => text[i] !== character).length;
  return changed > 0 && changed <= 3;
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

function decodeHeader(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new DataError(`${path}: not a safetensors file, or damaged: its header is not UTF-8`);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseHeader(text: string, path: string): Pick<SafetensorsFrame, 'entries' | 'metadata'> {
  let header: unknown;
  try {
    header = parseJson(text, path, { strict: true });
  } catch (error) {
    const what = (error as Error).message.slice(path.length + 2);
    throw new DataError(`${path}: not a safetensors file, or damaged: its header: ${what}`);
  }
  if (!isRecord(header)) throw new DataError(`${path}: not a safetensors file: its header is no object`);
  const { __metadata__: found, ...entries } = header;
  const metadata = found ?? {}; // null is what some programs write for none
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    throw new DataError(`${path}: damaged: its __metadata__ holds something else than text`);
  for (const [name, entry] of Object.entries(entries)) {
    const problem = problemOf(entry);
    if (problem) throw new DataError(`${path}: damaged: tensor '${oneLine(name, 120)}' ${problem}`);
  }
  return { metadata: metadata as Record<string, string>, entries: entries as Record<string, TensorEntry> };
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** What is wrong with a tensor's entry in the header. */
function problemOf(entry: unknown): string | undefined {
  if (!isRecord(entry)) return 'is not described by its header';
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string') return 'has no dtype';
  if (!Array.isArray(shape) || !shape.every(isCount)) return `has no shape of whole numbers from 0 up`;
  if (!isCount(shape.filter((size) => size > 0).reduce((product, size) => product * size, 1)))
    return `has a shape [${shape}] larger than any memory`;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[1] < offsets[0])
    return 'has no data_offsets [start, end]';
  return undefined;
}

/** The order of tensors is free; one byte in two tensors or in none is not. */
function requireCoverage(
  entries: SafetensorsFrame['entries'],
  { path, dataStart, sizeBytes }: { path: string; dataStart: number; sizeBytes: number },
): void {
  const inOrder = Object.entries(entries).sort(
    ([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1],
  );
  const dataBytes = inOrder.reduce((most, [, { data_offsets: offsets }]) => Math.max(most, offsets[1]), 0);
  if (dataStart + dataBytes !== sizeBytes) {
    const what = dataStart + dataBytes > sizeBytes ? 'truncated' : 'too long';
    throw new DataError(`${path}: ${what}: ${sizeBytes} bytes where ${dataStart + dataBytes} belong`);
  }
  let at = 0;
  for (const [name, { data_offsets: offsets }] of inOrder) {
    const [start, end] = offsets;
    if (start !== at) {
      const what =
        start < at
          ? 'shares bytes with another tensor'
          : `has ${start - at} bytes before it that belong to none`;
      throw new DataError(`${path}: damaged: tensor '${oneLine(name, 120)}' ${what}`);
    }
    at = end;
  }
}
