/** Zip archives and pickles put together by hand, as far as a file needs them to look like PyTorch's. */
import { crc32, deflateRawSync } from 'node:zlib';

/** A zip archive; `deflated` names the entries that are compressed. */
export function zip(files: Readonly<Record<string, Buffer>>, deflated: readonly string[] = []): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const packs = deflated.includes(name);
    const data = packs ? deflateRawSync(content) : content;
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(packs ? 8 : 0, 4);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    fields.copy(header, 4);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(20, 4);
    fields.copy(entry, 6);
    entry.writeUInt32LE(offset, 42);
    parts.push(header, Buffer.from(name), data);
    directory.push(entry, Buffer.from(name));
    offset += header.length + Buffer.byteLength(name) + data.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, list, end]);
}

/** Opcodes of a pickle by name. */
const OP = {
  proto: 0x80,
  stop: 0x2e,
  mark: 0x28,
  pop: 0x30,
  put: 0x71,
  get: 0x68,
  none: 0x4e,
  false: 0x89,
  emptyTuple: 0x29,
  tuple: 0x74,
  tuple1: 0x85,
  emptyDict: 0x7d,
  setItem: 0x73,
  reduce: 0x52,
  persistent: 0x51,
  stackGlobal: 0x93,
  long4: 0x8b,
} as const;

const op = (...names: (keyof typeof OP | number)[]): Buffer =>
  Buffer.from(names.map((name) => (typeof name === 'number' ? name : OP[name])));
const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);
const text = (value: string): Buffer => Buffer.from([0x55, value.length, ...Buffer.from(value)]);
const start = op('proto', 2);

const long = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(10);
  bytes.set([0x8a, 8]);
  bytes.writeBigInt64LE(value, 2);
  return bytes;
};

/** Tuples of tuples that a few bytes make 2^depth of, where each is walked anew. */
function laughs(depth: number): Buffer {
  const levels = Array.from({ length: depth }, (_, i) =>
    op('mark', 'get', i, 'get', i, 'tuple', 'put', i + 1, 'pop'),
  );
  return Buffer.concat([op('emptyTuple', 'put', 0, 'pop'), ...levels]);
}

/** A state dict of one tensor whose storage has `stored` floats. */
function tensorOf(shape: readonly bigint[], strides: readonly bigint[], stored: bigint): Buffer {
  return Buffer.concat([
    start,
    op('emptyDict'),
    text('w'),
    global('torch._utils', '_rebuild_tensor_v2'),
    op('mark', 'mark'),
    ...[text('storage'), global('torch', 'FloatStorage'), text('0'), text('cpu'), long(stored)],
    op('tuple', 'persistent'),
    long(0n),
    ...[op('mark'), ...shape.map(long), op('tuple'), op('mark'), ...strides.map(long), op('tuple')],
    op('false', 'emptyDict', 'tuple', 'reduce', 'setItem', 'stop'),
  ]);
}

const file = (pickle: Buffer, storage = Buffer.alloc(16)): Buffer =>
  zip({ 'a/data.pkl': pickle, 'a/version': Buffer.from('3\n'), 'a/data/0': storage });

/** A sound file: one tensor of four numbers. */
export const soundPth = (): Buffer =>
  file(tensorOf([2n, 2n], [2n, 1n], 4n), Buffer.from(new Float32Array(4).fill(0.5).buffer));

/** Small files that take for ever, or all memory, where work and room are not bounded by a file's size. */
export function picklesFromHell(size: number): Record<string, Buffer> {
  const depth = 24 + (size % 8);
  const dicts = Array.from({ length: depth }, (_, i) =>
    Buffer.concat([
      ...[op('emptyDict'), text('a'), op('get', i, 'setItem'), text('b'), op('get', i, 'setItem')],
      op('put', i + 1, 'pop'),
    ]),
  );
  const nested = 20_000 + size;
  const digits = Buffer.alloc(4 << 20, 0x7f);
  const length = Buffer.alloc(5);
  length[0] = OP.long4;
  length.writeInt32LE(digits.length, 1);
  return {
    laughs: file(
      Buffer.concat([
        start,
        laughs(depth),
        global('torch', 'device'),
        op('get', depth, 'tuple1', 'reduce', 'stop'),
      ]),
    ),
    names: file(Buffer.concat([start, laughs(depth), op('get', depth, 'get', depth, 'stackGlobal', 'stop')])),
    shared: file(
      Buffer.concat([start, op('emptyDict', 'put', 0, 'pop'), ...dicts, op('get', depth, 'stop')]),
    ),
    deep: file(
      Buffer.concat([
        start,
        ...Array.from({ length: nested }, () => Buffer.concat([op('emptyDict'), text('a')])),
        op('none'),
        Buffer.alloc(nested, OP.setItem),
        op('stop'),
      ]),
    ),
    tuples: file(Buffer.concat([start, op('emptyTuple'), Buffer.alloc(10 * nested, OP.tuple1), op('stop')])),
    long: file(Buffer.concat([start, length, digits, op('stop')])),
    bomb: zip({ 'a/data.pkl': Buffer.alloc(400 << 20), 'a/version': Buffer.from('3') }, ['a/data.pkl']),
    expanded: file(tensorOf([30_000n, 30_000n], [0n, 0n], 4n)),
    huge: file(tensorOf([2n ** 40n, 2n ** 40n], [0n, 0n], 4n)),
    overflow: file(tensorOf([2n ** 52n, 2n ** 52n], [2n ** 52n, 1n], 4n)),
    ranks: file(tensorOf(Array<bigint>(100).fill(1n), Array<bigint>(100).fill(1n), 4n)),
  };
}
