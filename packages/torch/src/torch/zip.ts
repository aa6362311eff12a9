/**
 * Zip archives of a few large entries, entry by entry: neither the archive nor two entries are ever in memory. Reads
 * stored and deflated entries, zip64 among them; writes stored ones, which is what PyTorch asks of its files.
 * Source: APPNOTE.TXT, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
 */
import { fstatSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import { byteText, DataError, oneLine, writeChunks } from '../base/index.js';

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
/** A field that says "see the zip64 record". */
const SEE_ZIP64 = 0xffffffff;
const END_BYTES = 22;
const LOCAL_BYTES = 30;
/** Tensors of zeros pack to a thousandth; those of a megabyte may. Weights hardly pack at all. */
const mostUnpacked = (packedBytes: number): number => (1 << 20) + 100 * packedBytes;
const STORED = 0;
const DEFLATED = 8;

interface Entry {
  method: number;
  crc: number;
  packedBytes: number;
  sizeBytes: number;
  offset: number;
  isEncrypted: boolean;
}

/** Bytes of an open file. @throws DataError where the file ends before */
export function readAt(file: number, position: number, length: number): Buffer {
  if (position + length > fstatSync(file).size) throw new DataError('the file is truncated');
  const buffer = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const count = readSync(file, buffer, done, length - done, position + done);
    if (count === 0) throw new DataError('the file became shorter while it was read');
    done += count;
  }
  return buffer;
}

/** The archive in an open file: its names, and `read`, which gives one entry's bytes. */
export class ZipReader {
  readonly #entries: ReadonlyMap<string, Entry>;

  /** @throws DataError when the file is truncated or no zip archive */
  constructor(readonly file: number) {
    this.#entries = readDirectory(file);
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  /** Of an entry once it is unpacked, as the directory states it. @throws DataError when there is no such entry */
  sizeBytes(name: string): number {
    return this.#entry(name).sizeBytes;
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry) throw new DataError(`the archive has no '${oneLine(name, 120)}'`);
    return entry;
  }

  /** @throws DataError when there is no such entry, or its bytes do not have the checksum that the archive states */
  read(name: string): Buffer {
    const entry = this.#entry(name);
    if (entry.isEncrypted) throw new DataError(`'${name}' is encrypted, which is not read`);
    if (entry.sizeBytes > mostUnpacked(entry.packedBytes))
      throw new DataError(
        `'${name}' unpacks from ${byteText(entry.packedBytes)} to ${byteText(entry.sizeBytes)}: an archive made to fill memory`,
      );
    if (entry.method === STORED && entry.packedBytes !== entry.sizeBytes)
      throw new DataError(`the archive is damaged: '${name}' has two lengths`);
    const local = readAt(this.file, entry.offset, LOCAL_BYTES);
    if (local.readUInt32LE() !== LOCAL) throw new DataError(`the archive is damaged at '${name}'`);
    const start = entry.offset + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28);
    const packed = readAt(this.file, start, entry.packedBytes);
    const bytes = entry.method === STORED ? packed : inflate(name, packed, entry);
    if (bytes.length !== entry.sizeBytes || crc32(bytes) !== entry.crc) {
      throw new DataError(`the archive is damaged: '${name}' does not have its checksum`);
    }
    return bytes;
  }
}

function inflate(name: string, packed: Buffer, entry: Entry): Buffer {
  if (entry.method !== DEFLATED)
    throw new DataError(`'${name}' is packed by method ${entry.method}, which is not read`);
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.sizeBytes) });
  } catch (error) {
    throw new DataError(`the archive is damaged: '${name}' cannot be unpacked (${(error as Error).message})`);
  }
}

function readDirectory(file: number): Map<string, Entry> {
  const fileBytes = fstatSync(file).size;
  const tailBytes = Math.min(fileBytes, END_BYTES + 0xffff + 20);
  const tail = readAt(file, fileBytes - tailBytes, tailBytes);
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(END);
  const end = tail.length < END_BYTES ? -1 : tail.lastIndexOf(signature, tail.length - END_BYTES);
  if (end < 0) throw new DataError('the file is truncated, or no zip archive: its directory is missing');
  let count = tail.readUInt16LE(end + 10);
  let directoryBytes = tail.readUInt32LE(end + 12);
  let offset = tail.readUInt32LE(end + 16);
  if (end >= 20 && tail.readUInt32LE(end - 20) === END64_LOCATOR) {
    const record = readAt(file, Number(tail.readBigUInt64LE(end - 12)), 56);
    if (record.readUInt32LE() !== END64) throw new DataError('the archive is damaged: bad zip64 record');
    count = Number(record.readBigUInt64LE(32));
    directoryBytes = Number(record.readBigUInt64LE(40));
    offset = Number(record.readBigUInt64LE(48));
  }
  if (offset + directoryBytes > fileBytes) throw new DataError('the file is truncated');
  const entries = parseDirectory(readAt(file, offset, directoryBytes), count);
  requireApart(entries, offset);
  return entries;
}

/** Entries whose bytes are also another's make a small file a large one. */
function requireApart(entries: ReadonlyMap<string, Entry>, directoryStart: number): void {
  const inOrder = [...entries].sort(([, a], [, b]) => a.offset - b.offset);
  for (const [i, [name, { offset, packedBytes }]] of inOrder.entries()) {
    const next = inOrder[i + 1]?.[1].offset ?? directoryStart;
    if (offset + LOCAL_BYTES + Buffer.byteLength(name) + packedBytes > next)
      throw new DataError(`the archive is damaged: '${oneLine(name, 120)}' lies over what follows it`);
  }
}

function parseDirectory(directory: Buffer, count: number): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  let at = 0;
  try {
    for (let i = 0; i < count; i++) {
      if (directory.readUInt32LE(at) !== CENTRAL) throw new RangeError();
      const nameBytes = directory.readUInt16LE(at + 28);
      const extraBytes = directory.readUInt16LE(at + 30);
      const extra = directory.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes);
      const wide = zip64Fields(extra);
      const field = (position: number): number => {
        const value = directory.readUInt32LE(position);
        return value === SEE_ZIP64 ? wide() : value;
      };
      const sizeBytes = field(at + 24);
      const packedBytes = field(at + 20);
      const name = directory.toString('utf8', at + 46, at + 46 + nameBytes);
      if (entries.has(name))
        throw new DataError(`the archive is damaged: it has '${oneLine(name, 120)}' twice`);
      entries.set(name, {
        isEncrypted: (directory.readUInt16LE(at + 8) & 1) === 1,
        method: directory.readUInt16LE(at + 10),
        crc: directory.readUInt32LE(at + 16),
        packedBytes,
        sizeBytes,
        offset: field(at + 42),
      });
      at += 46 + nameBytes + extraBytes + directory.readUInt16LE(at + 32);
    }
  } catch (error) {
    if (error instanceof RangeError) throw new DataError('the archive is damaged: its directory is cut');
    throw error;
  }
  return entries;
}

/** The wide fields of an entry's zip64 extra field (id 1), one after the other. */
function zip64Fields(extra: Buffer): () => number {
  let at = 0;
  while (at + 4 <= extra.length && extra.readUInt16LE(at) !== 1) at += 4 + extra.readUInt16LE(at + 2);
  at += 4;
  return () => {
    at += 8;
    return Number(extra.readBigUInt64LE(at - 8));
  };
}

/** PyTorch aligns every entry's data, so that a reader may map the file into memory. */
const ALIGNMENT = 64;
/** Extra field for the padding, under the id that PyTorch uses ("FB"). */
const PADDING_ID = 0x4246;

/**
 * Writes an archive of stored entries, which replaces the file as a whole or not at all. `entries` may be a generator:
 * one entry's bytes are asked for, written and dropped before the next.
 *
 * @throws DataError when the archive would need zip64 (4 GiB)
 */
export function writeZip(path: string, entries: Iterable<readonly [name: string, bytes: Uint8Array]>): void {
  writeChunks(path, archiveChunks(path, entries));
}

function* archiveChunks(
  path: string,
  entries: Iterable<readonly [name: string, bytes: Uint8Array]>,
): Generator<Uint8Array> {
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of entries) {
    const { local, central } = entryHeaders(name, bytes, offset);
    directory.push(central);
    offset += local.length + bytes.length;
    if (offset >= SEE_ZIP64)
      throw new DataError(`${path}: the weights do not fit 4 GiB; use .safetensors instead`);
    yield local;
    yield bytes;
  }
  const central = Buffer.concat(directory);
  yield central;
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(END, 0);
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  yield end;
}

function entryHeaders(name: string, bytes: Uint8Array, offset: number): { local: Buffer; central: Buffer } {
  const encoded = Buffer.from(name);
  const unpadded = offset + 30 + encoded.length + 4;
  const padding = (ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT;
  // What both headers hold from byte 4 (or 6) on: version, flags (UTF-8 name), method, time, date (1980-01-01).
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(0x0800, 2);
  common.writeUInt16LE(STORED, 4);
  common.writeUInt16LE(0x0021, 8);
  common.writeUInt32LE(crc32(bytes), 10);
  common.writeUInt32LE(bytes.length, 14);
  common.writeUInt32LE(bytes.length, 18);
  common.writeUInt16LE(encoded.length, 22);

  const extra = Buffer.alloc(4 + padding);
  extra.writeUInt16LE(PADDING_ID, 0);
  extra.writeUInt16LE(padding, 2);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(LOCAL, 0);
  common.copy(local, 4);
  local.writeUInt16LE(extra.length, 28);

  const central = Buffer.alloc(46);
  central.writeUInt32LE(CENTRAL, 0);
  central.writeUInt16LE(20, 4);
  common.copy(central, 6);
  central.writeUInt32LE(offset, 42);
  return { local: Buffer.concat([local, encoded, extra]), central: Buffer.concat([central, encoded]) };
}
