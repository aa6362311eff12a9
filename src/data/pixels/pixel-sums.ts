/**
 * Checksums of a pixel cache, one an image: CRC-32, base64 of little-endian uint32, in the cache's JSON. Read through
 * once when a cache is opened, so that nothing trains on pixels that a disk has changed.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** The checksums of images as they are written. */
export class PixelSums {
  readonly #sums: Uint32Array;

  constructor(count: number) {
    this.#sums = new Uint32Array(count);
  }

  add(index: number, pixels: Uint8Array): void {
    this.#sums[index] = crc32(pixels);
  }

  toString(): string {
    const bytes = new DataView(new ArrayBuffer(4 * this.#sums.length));
    for (const [i, sum] of this.#sums.entries()) bytes.setUint32(4 * i, sum, true);
    return Buffer.from(bytes.buffer).toString('base64');
  }
}

/** Images are read in pieces of about so many bytes. */
const pieceBytes = 1 << 22;

/**
 * What is wrong with a file of pixels.
 * @param sums of each image, as `PixelSums.toString` gives them
 * @returns null where nothing is
 */
export async function pixelDamage(
  path: string,
  { sums, imageBytes }: { sums: string; imageBytes: number },
): Promise<string | null> {
  const expected = Buffer.from(sums, 'base64');
  const count = expected.length / 4;
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size !== count * imageBytes) return `has ${size} bytes instead of ${count * imageBytes}`;
    const perPiece = Math.max(1, Math.floor(pieceBytes / imageBytes));
    const piece = Buffer.allocUnsafe(perPiece * imageBytes);
    let changed = 0;
    for (let first = 0; first < count; first += perPiece) {
      const here = Math.min(perPiece, count - first);
      if (!(await readWhole(file, piece.subarray(0, here * imageBytes), first * imageBytes)))
        return 'was cut short';
      for (let i = 0; i < here; i++) {
        const sum = crc32(piece.subarray(i * imageBytes, (i + 1) * imageBytes));
        if (sum !== expected.readUInt32LE(4 * (first + i))) changed++;
      }
    }
    return changed === 0 ? null : `${changed} of ${count} images are not as they were written`;
  } finally {
    await file.close();
  }
}

async function readWhole(file: FileHandle, into: Buffer, position: number): Promise<boolean> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}
