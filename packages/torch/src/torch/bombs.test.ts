/** Small files that ask for much memory or time: each is refused by name, within a share of what its kind used to take. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { DataError } from '../base/errors.js';
import { liveTensors, loadWeights, tidy } from './index.js';
import { Opcode as O } from './pickle.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-bombs-'));

// ——— pickles ———

const text = (value: string): Buffer =>
  Buffer.concat([Buffer.from([O.SHORT_BINUNICODE, value.length]), Buffer.from(value)]);
const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);
const pickle = (...parts: (number | Buffer)[]): Buffer =>
  Buffer.concat(
    [[O.PROTO, 2], ...parts.map((part) => (typeof part === 'number' ? [part] : part)), [O.STOP]].map((part) =>
      Buffer.from(part),
    ),
  );
const integer = (value: number): Buffer => {
  const bytes = Buffer.alloc(10);
  bytes[0] = O.LONG1;
  bytes[1] = 8;
  bytes.writeBigInt64LE(BigInt(value), 2);
  return bytes;
};

/** Tuple i holds tuple i − 1 twice; the last is on the stack. */
function laughs(depth: number): Buffer {
  const parts = [[O.EMPTY_TUPLE, O.BINPUT, 0]];
  for (let i = 1; i <= depth; i++) parts.push([O.BINGET, i - 1, O.BINGET, i - 1, O.TUPLE2, O.BINPUT, i]);
  return Buffer.from(parts.flat());
}

/** Map i holds map i − 1 under two names. */
function mapDag(depth: number): Buffer {
  const parts: Buffer[] = [Buffer.from([O.EMPTY_DICT, O.BINPUT, 0])];
  for (let i = 1; i <= depth; i++) {
    parts.push(Buffer.from([O.EMPTY_DICT]));
    for (const key of ['a', 'b']) parts.push(text(key), Buffer.from([O.BINGET, i - 1, O.SETITEM]));
    parts.push(Buffer.from([O.BINPUT, i]));
  }
  return Buffer.concat(parts);
}

function nestedMaps(depth: number): Buffer {
  const open = Buffer.concat([Buffer.from([O.EMPTY_DICT]), text('a')]);
  return Buffer.concat([
    ...Array<Buffer>(depth).fill(open),
    Buffer.from([O.NONE]),
    Buffer.alloc(depth, O.SETITEM),
  ]);
}

/** {'w': a window of a storage of 4 floats}. */
function tensorDict(shape: number[], strides: number[], count = 1, key = '0'): Buffer {
  const one = (name: string): (number | Buffer)[] => [
    ...[text(name), global('torch._utils', '_rebuild_tensor_v2'), O.MARK, O.MARK, text('storage')],
    ...[
      global('torch', 'FloatStorage'),
      text(key),
      text('cpu'),
      integer(4),
      O.TUPLE,
      O.BINPERSID,
      integer(0),
    ],
    ...[O.MARK, ...shape.map(integer), O.TUPLE, O.MARK, ...strides.map(integer), O.TUPLE],
    ...[O.NEWFALSE, O.EMPTY_DICT, O.TUPLE, O.REDUCE, O.SETITEM],
  ];
  return pickle(O.EMPTY_DICT, ...Array.from({ length: count }, (_, i) => one(`w${i}`)).flat());
}

// ——— archives ———

interface Entry {
  name: string;
  bytes: Buffer;
  /** What the directory says instead. */
  deflate?: boolean;
  sizeBytes?: number;
  offset?: number;
  flags?: number;
  /** In the zip64 field of the directory: unpacked and packed length, offset. */
  wide?: readonly bigint[];
}

function zip(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes, deflate, sizeBytes = bytes.length, offset = at, flags = 0, wide } of entries) {
    const packed = deflate ? deflateRawSync(bytes, { level: 9 }) : bytes;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(deflate ? 8 : 0, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(sizeBytes, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common]);
    const central = Buffer.concat([Buffer.from('PK\x01\x02\x14\0'), common, Buffer.alloc(14)]);
    central.writeUInt32LE(offset, 42);
    parts.push(local, Buffer.from(name), packed);
    directory.push(central, Buffer.from(name));
    if (wide) {
      const extra = Buffer.alloc(4 + 8 * wide.length);
      extra.writeUInt16LE(1);
      extra.writeUInt16LE(8 * wide.length, 2);
      for (const [i, value] of wide.entries()) extra.writeBigUInt64LE(value, 4 + 8 * i);
      central.writeUInt16LE(extra.length, 30);
      for (const place of [24, 20, 42]) central.writeUInt32LE(0xffffffff, place);
      directory.push(extra);
    }
    at += local.length + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

const four = { name: 'a/data/0', bytes: Buffer.alloc(16) };
const archive = (object: Buffer, ...others: Entry[]): Buffer =>
  zip([{ name: 'a/data.pkl', bytes: object }, ...(others.length > 0 ? others : [four])]);

const manyOf = (opcode: number, count: number): Buffer => pickle(Buffer.alloc(count, opcode));
const sound = tensorDict([2, 2], [2, 1]);

const bombs: Record<string, [file: () => Buffer, message: RegExp]> = {
  'tuples that hold tuples twice': [() => archive(pickle(laughs(40))), /holds no state dict/],
  'the same, for an argument': [
    () => archive(pickle(laughs(40), global('torch', 'device'), O.BINGET, 40, O.TUPLE1, O.REDUCE)),
    /holds no state dict .*names torch\.device/,
  ],
  'the same, for the name of a global': [
    () => archive(pickle(laughs(40), O.BINGET, 40, O.STACK_GLOBAL)),
    /not a pickle of a state dict/,
  ],
  'the same, for a shape': [
    () =>
      archive(
        pickle(
          ...[
            global('torch._utils', '_rebuild_tensor_v2'),
            O.MARK,
            O.NONE,
            integer(0),
            laughs(40),
            laughs(2),
          ],
          ...[O.TUPLE, O.REDUCE],
        ),
      ),
    /described in an unknown way/,
  ],
  'maps that hold maps twice': [() => archive(pickle(mapDag(60))), /holds no state dict/],
  'maps 100,000 deep': [() => archive(pickle(nestedMaps(100_000))), /holds no state dict/],
  'a map of tensors behind 2^30 ways': [
    () => archive(pickle(sound.subarray(2, -1), O.BINPUT, 0, mapDag(30).subarray(3))),
    /holds several state dicts|holds no state dict/,
  ],
  'an integer of 4 MB': [
    () => archive(pickle(O.LONG4, Buffer.from(Uint32Array.of(4 << 20).buffer), Buffer.alloc(4 << 20, 0x7f))),
    /holds no state dict/,
  ],
  'an integer of 4 million digits': [
    () => archive(pickle(Buffer.from(`L${'9'.repeat(4e6)}L\n`))),
    /holds no state dict/,
  ],
  'a list that is copied again and again': [
    () =>
      archive(
        pickle(
          ...[
            O.EMPTY_LIST,
            O.MARK,
            Buffer.alloc(39_999, Buffer.from([O.NONE, O.NONE, O.TUPLE2])),
            O.APPENDS,
            O.BINPUT,
            0,
          ],
          ...[global('collections', 'OrderedDict'), O.BINPUT, 1],
          Buffer.concat(
            Array<Buffer>(20_000).fill(Buffer.from([O.BINGET, 1, O.BINGET, 0, O.TUPLE1, O.REDUCE])),
          ),
        ),
      ),
    /takes more than 8000000 steps/,
  ],
  'more than eight million steps': [
    () => archive(manyOf(O.NONE, 8_100_000)),
    /takes more than 8000000 steps/,
  ],
  'more than a million maps': [
    () => archive(manyOf(O.EMPTY_DICT, 1_100_000)),
    /makes more than 1000000 lists and dictionaries/,
  ],
  'one element, expanded to 3.6 GB': [
    () => archive(tensorDict([30_000, 30_000], [0, 0])),
    /tensor 'w0' \[30000,30000\] brings its weights to 3\.6 GB, in a file of \d+ bytes/,
  ],
  'a thousand tensors of one storage': [
    () => archive(tensorDict([1000, 1000], [0, 0], 100)),
    /tensor 'w16' .* brings its weights to 68 MB/,
  ],
  'dimensions whose product overflows': [
    () => archive(tensorDict([2 ** 40, 2 ** 40], [0, 0])),
    /larger than any memory/,
  ],
  'nothing, with an endless dimension': [
    () => archive(tensorDict([0, 2 ** 50, 2 ** 50], [1, 1, 1])),
    /larger than any memory/,
  ],
  'a hundred dimensions': [
    () => archive(tensorDict(Array(100).fill(1), Array(100).fill(1))),
    /described in an unknown way/,
  ],
  'a name that climbs': [
    () => archive(tensorDict([4], [1], 1, '../../../../etc/passwd')),
    /archive has no 'a\/data\/\.\.\/\.\./,
  ],
  'a pickle that unpacks to 80 MB': [
    () =>
      zip([{ name: 'a/data.pkl', bytes: Buffer.alloc(1 << 20), deflate: true, sizeBytes: 80 << 20 }, four]),
    /data\.pkl unpacks to 84 MB, more than any state dict's/,
  ],
  'a pickle that unpacks 1000 times': [
    () => zip([{ name: 'a/data.pkl', bytes: Buffer.alloc(20 << 20), deflate: true }, four]),
    /unpacks from \d+ kB to 21 MB: an archive made to fill memory/,
  ],
  'a length of 4 GB for 16 bytes': [
    () => archive(sound, { ...four, sizeBytes: 0xfffffff0 }),
    /unpacks from 16 bytes to 4\.3 GB/,
  ],
  'two lengths for stored bytes': [
    () => archive(sound, { ...four, sizeBytes: 20 }),
    /'a\/data\/0' has two lengths/,
  ],
  'an entry twice': [() => archive(sound, four, four), /has 'a\/data\/0' twice/],
  'entries of the same bytes': [
    () => archive(sound, four, { ...four, name: 'a/data/1', offset: 40 + sound.length }),
    /lies over what follows it/,
  ],
  'a zip64 length without end': [
    () => archive(sound, { ...four, wide: [2n ** 63n, 16n, 0n] }),
    /lies over what follows it|unpacks from 16 bytes to/,
  ],
  'a zip64 place without end': [
    () => archive(sound, { ...four, wide: [16n, 16n, 2n ** 64n - 1n] }),
    /lies over what follows it/,
  ],
  'a zip64 field that is cut': [() => archive(sound, { ...four, wide: [16n] }), /its directory is cut/],
  'an encrypted entry': [() => archive(sound, { ...four, flags: 1 }), /'a\/data\/0' is encrypted/],
};

test.each(Object.entries(bombs))('%s', (name, [make, message]) => {
  const path = join(folder, `${name.replaceAll(/\W+/g, '-')}.pth`);
  writeFileSync(path, make());
  const before = liveTensors();
  let refusal: unknown;
  try {
    tidy(() => void loadWeights(path));
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(DataError);
  const { message: said } = refusal as Error;
  expect(said.startsWith(`${path}: `)).toBe(true);
  expect(said.slice(path.length)).toMatch(message);
  expect(said.length).toBeLessThan(path.length + 300);
  expect(liveTensors()).toBe(before);
});

test('what people save is within the limits: expanded, tied, packed', () => {
  const path = join(folder, 'sound.pth');
  const shapes = (file: Buffer): number[][] => {
    writeFileSync(path, file);
    return tidy(() => Object.values(loadWeights(path).tensors).map(({ shape }) => shape));
  };
  expect(shapes(archive(sound))).toEqual([[2, 2]]);
  expect(shapes(archive(tensorDict([1000, 4], [0, 1])))).toEqual([[1000, 4]]);
  expect(shapes(archive(tensorDict([4], [1], 500)))).toHaveLength(500);
  expect(
    shapes(
      zip([
        { name: 'a/data.pkl', bytes: tensorDict([4], [1], 500), deflate: true },
        { ...four, deflate: true },
      ]),
    ),
  ).toHaveLength(500);
});
