/** What a file of weights is, by its first bytes; and what stands in its place when it is none. */
import { closeSync, readSync } from 'node:fs';
import { DataError, openFile } from '../base/index.js';

export type WeightsKind = 'safetensors' | 'zip' | 'pickle';

/** As many bytes as the kinds are told by. */
export const HEAD_BYTES = 512;

/** The first bytes of a zip archive. */
export const ZIP_MAGIC = 0x04034b50;

const starts = (head: Buffer, ...bytes: number[]): boolean => bytes.every((byte, i) => head[i] === byte);

/** Beginnings of files that take the place of weights, with what to do. */
const STAND_INS: readonly [test: (head: Buffer, text: string) => boolean, what: string][] = [
  [
    (_, text) => text.startsWith('version https://git-lfs.github.com/spec/'),
    'a pointer of Git LFS, not the file itself: fetch it with `git lfs pull` in its repository',
  ],
  [
    (_, text) => /^\s*<(!doctype|html|head|body|title|script|!--|\?xml)/i.test(text),
    'a web page that was saved in place of the file: download the file itself',
  ],
  [(head) => starts(head, 0x1f, 0x8b), 'packed with gzip: unpack it first'],
  [(head) => starts(head, 0x42, 0x5a, 0x68), 'packed with bzip2: unpack it first'],
  [(head) => starts(head, 0xfd, 0x37, 0x7a, 0x58, 0x5a), 'packed with xz: unpack it first'],
  [(head) => starts(head, 0x37, 0x7a, 0xbc, 0xaf), 'packed with 7-Zip: unpack it first'],
  [(_, text) => text.slice(257, 262) === 'ustar', 'a tar archive: unpack it first'],
  [(head) => starts(head, 0x89, 0x48, 0x44, 0x46), 'an HDF5 file (Keras?): convert it to safetensors'],
  [
    (head) => starts(head, 0x93, 0x4e, 0x55, 0x4d),
    'an array of NumPy: save the state_dict() with torch.save',
  ],
  [(_, text) => text.startsWith('GGUF'), 'a GGUF file: take the safetensors that it was made from'],
  [(_, text) => text.slice(4, 8) === 'TFL3', 'a TensorFlow Lite file: convert it to safetensors'],
  [
    (head, text) => starts(head, 0x08) && /pytorch|onnx|tf2onnx|skl2onnx/.test(text),
    'an ONNX graph: take the weights that it was exported from',
  ],
  [
    (_, text) => /^\s*[{[]\s*["{[]/.test(text),
    'JSON text: an answer of a server that was saved in place of the file?',
  ],
  [
    (head) => head.length > 0 && head.every((byte) => byte === 0),
    'nothing but zeros: a download that broke off? fetch it again',
  ],
];

/**
 * What a file is that takes the place of another: a pointer of Git LFS, a web page, an archive.
 * @returns null for anything else
 */
export function standIn(head: Buffer): string | null {
  if (head.length === 0) return 'empty: fetch it again';
  const text = head.toString('latin1');
  return STAND_INS.find(([test]) => test(head, text))?.[1] ?? null;
}

/**
 * Before a file goes to a library that would say in its own words what it is not.
 * @throws DataError naming the file when something else stands in its place
 */
export function refuseStandIn(path: string): void {
  const file = openFile(path);
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const what = standIn(head.subarray(0, readSync(file, head)));
    if (what) throw new DataError(`${path}: is ${what}`);
  } finally {
    closeSync(file);
  }
}

/**
 * @param head the first `HEAD_BYTES`, or all there are
 * @param sizeBytes of the whole file
 * @throws DataError when it is neither safetensors nor a file of `torch.save`: says what it seems to be
 */
export function weightsKind(head: Buffer, sizeBytes: number): WeightsKind {
  // First, because every number can be the length of a header: those of 128, 384, … bytes begin as pickles do.
  if (head.length >= 9) {
    const length = head.readBigUInt64LE();
    const opening = head.subarray(8).toString('latin1').trimStart()[0];
    if (opening === '{' && length > 0n && 8n + length <= BigInt(sizeBytes)) return 'safetensors';
  }
  if (head.length >= 4 && head.readUInt32LE() === ZIP_MAGIC) return 'zip';
  if (head[0] === 0x80 && head[1]! <= 5) return 'pickle';
  // Cut off within its header, perhaps: its own reader knows what to say.
  if (head[8] === 0x7b && head.readBigUInt64LE() < 100_000_000n) return 'safetensors';
  const what = standIn(head);
  throw new DataError(
    `neither a .safetensors nor a PyTorch .pth file${what ? `: it is ${what}` : '; save the state_dict() as one of them'}`,
  );
}
