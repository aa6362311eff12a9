/**
 * TFRecord, the file format of TensorFlow's logs: records one after the other, each guarded by checksums.
 *
 *   uint64 length | uint32 mask(crc32c(length)) | bytes | uint32 mask(crc32c(bytes))      little endian
 *   mask(c) = rotate right(c, 15) + 0xa282ead8
 *
 * The checksum is CRC-32C (Castagnoli), not the CRC-32 of zip. Source:
 * https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */

/** Of CRC-32C, bits reversed. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  return remainder;
});

/** CRC-32C of pieces that follow one another, as an unsigned number. */
export function crc32c(...pieces: readonly Uint8Array[]): number {
  let crc = 0xffffffff;
  for (const piece of pieces) for (const byte of piece) crc = TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A checksum of data that holds checksums would be weak; hence the mask. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** The pieces of one record. @param pieces of its content */
export function tfRecord(pieces: readonly Uint8Array[]): Uint8Array[] {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(pieces.reduce((sum, { length }) => sum + length, 0)));
  head.writeUInt32LE(masked(crc32c(head.subarray(0, 8))), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(masked(crc32c(...pieces)));
  return [head, ...pieces, tail];
}
