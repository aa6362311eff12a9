/** Changes to files: what disks, transfers and people do to them, and what somebody who means harm would try. */
import type { Random } from 'graft-torch/base';

/** Lengths, counts and offsets that programs trip over. */
const EDGES = [0, 1, -1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, -0x80000000, 0xfffffff0];

/** Words that mean something in a text format, or to whom a text is shown. */
const WORDS = [
  ...['NaN', 'Infinity', '-0', '1e999', '9007199254740993', '0x1f', 'null', 'true', '""', "''", '\0', '\n'],
  ...[
    '\n    NaN,\n',
    '\r',
    '\t',
    '\u00a0',
    '\u200b',
    '\ufeff',
    '\u202e',
    '\ud800',
    'e\u0301',
    '__proto__',
    '..',
  ],
  ...[
    '[',
    ']',
    '{',
    '}',
    '{"a":',
    '[[[[',
    '"',
    '\\',
    ',',
    ';',
    ':',
    '- ',
    '&a ',
    '*a',
    '!!js/function ',
    '<<: *a\n',
  ],
  ...['=1+1', '@x', '<script>', '`', '../../../etc/passwd', '/dev/zero', '%s%n', "' or 1=1 --"],
];

export const pick = <T>(items: readonly T[], random: Random): T => items[random.int(items.length)]!;

/** One to four changes of a file's bytes. `other` is another file of the kind, to put pieces of into it. */
export function mutate(
  bytes: Buffer,
  random: Random,
  options: { isText?: boolean; other?: Buffer } = {},
): Buffer {
  const { isText = false, other = bytes } = options;
  let changed: Buffer = Buffer.from(bytes);
  for (let count = 1 + random.int(4); count > 0; count--)
    changed =
      isText && random.chance(0.7) ? mutateText(changed, random) : mutateBytes(changed, random, other);
  return changed;
}

function mutateBytes(bytes: Buffer, random: Random, other: Buffer): Buffer {
  if (bytes.length === 0) return Buffer.from([random.int(256)]);
  // Headers lie at the beginning, directories of archives at the end.
  const at = random.chance(0.5)
    ? random.int(bytes.length)
    : random.chance(0.7)
      ? random.int(Math.min(256, bytes.length))
      : bytes.length - 1 - random.int(Math.min(256, bytes.length));
  const length = 1 + random.int(Math.min(bytes.length - at, pick([1, 4, 64, 4096], random)));
  const changed = Buffer.from(bytes);
  switch (random.int(8)) {
    case 0:
      changed[at]! ^= 1 << random.int(8);
      return changed;
    case 1:
      return changed.fill(random.int(256), at, at + length);
    case 2:
      for (let i = at; i < at + length; i++) changed[i] = random.int(256);
      return changed;
    case 3:
      return changed.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 6: {
      const from = random.int(Math.max(1, other.length));
      return Buffer.concat([
        bytes.subarray(0, at),
        other.subarray(from, from + length),
        bytes.subarray(at + length),
      ]);
    }
    default:
      writeEdge(changed, at, random);
      return changed;
  }
}

function writeEdge(bytes: Buffer, at: number, random: Random): void {
  const value = pick(EDGES, random);
  if (at + 8 <= bytes.length && random.chance(0.3)) bytes.writeBigInt64LE(BigInt(value), at);
  else if (at + 4 <= bytes.length)
    if (random.chance(0.5)) bytes.writeInt32LE(value | 0, at);
    else bytes.writeInt32BE(value | 0, at);
  else bytes[at] = value & 255;
}

function mutateText(bytes: Buffer, random: Random): Buffer {
  const text = bytes.toString('utf8');
  const at = random.int(text.length + 1);
  const word = pick(WORDS, random);
  const lines = text.split('\n');
  const line = random.int(lines.length);
  switch (random.int(6)) {
    case 0:
      return Buffer.from(text.slice(0, at) + word + text.slice(at));
    case 1: {
      // In the place of a value, where one stands.
      const values = [...text.matchAll(/"[^"\n]*"|[-\w.]+/g)];
      if (values.length === 0) return Buffer.from(text + word);
      const { index, 0: found } = pick(values, random);
      return Buffer.from(text.slice(0, index) + word + text.slice(index + found.length));
    }
    case 2:
      lines.splice(line, 1);
      return Buffer.from(lines.join('\n'));
    case 3:
      lines.splice(line, 0, lines[random.int(lines.length)]!);
      return Buffer.from(lines.join('\n'));
    case 4:
      return Buffer.from(text.slice(0, at) + word.repeat(1 + random.int(5000)) + text.slice(at));
    default:
      return random.chance(0.5)
        ? Buffer.from(`\ufeff${text}`, 'utf16le')
        : Buffer.from(text.replaceAll('\n', random.chance(0.5) ? '\r\n' : '\r'));
  }
}
