/**
 * Look-up tables of a DICOM file: palettes, Modality LUT, VOI LUT (PS3.3 C.7.6.3.1.5, C.11.1, C.11.2).
 *
 * A descriptor of three numbers (entries, with 0 for 65536; the first value that is mapped; bits an entry) and data
 * of 8 or 16 bits an entry. Values below the first get the first entry, values above the last the last.
 */
import type { DataSet } from 'dicom-parser';
import { bytesOf, word } from './values.js';

export interface LookUpTable {
  /** Entry for a value. */
  at(value: number): number;
  /** Bits of an entry, as declared. */
  bits: number;
  /** The greatest entry that there is. */
  greatest: number;
}

/**
 * Reads a table.
 * @param signed how the first mapped value is to be understood where its value representation does not say
 * @returns undefined when it is absent or its data do not fit its descriptor
 */
export function readLut(
  dataSet: DataSet,
  tags: { descriptor: string; data: string },
  { signed, bigEndian }: { signed: boolean; bigEndian: boolean },
): LookUpTable | undefined {
  const element = dataSet.elements[tags.descriptor];
  const isSigned = element?.vr === 'SS' || (element?.vr !== 'US' && signed);
  const count = word(dataSet, tags.descriptor);
  const first = word(dataSet, tags.descriptor, { index: 1, signed: isSigned });
  const bits = word(dataSet, tags.descriptor, { index: 2 });
  const data = bytesOf(dataSet, tags.data);
  if (count === undefined || first === undefined || bits === undefined || !data || bits < 1 || bits > 16)
    return undefined;
  const entries = count === 0 ? 65536 : count;
  const values = readEntries(data, entries, {
    bits,
    bigEndian,
    // Bytes packed into words stand swapped in a big-endian file.
    swapped: bigEndian && dataSet.elements[tags.data]?.vr === 'OW',
  });
  if (!values) return undefined;
  return {
    at: (value) => values[Math.min(Math.max(value - first, 0), entries - 1)]!,
    bits,
    greatest: values.reduce((greatest, value) => Math.max(greatest, value), 0),
  };
}

function readEntries(
  data: Uint8Array,
  entries: number,
  { bits, bigEndian, swapped }: { bits: number; bigEndian: boolean; swapped: boolean },
): Uint16Array | undefined {
  if (data.length >= 2 * entries) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return Uint16Array.from({ length: entries }, (_, i) => view.getUint16(2 * i, !bigEndian));
  }
  if (data.length < entries || bits > 8) return undefined;
  return Uint16Array.from({ length: entries }, (_, i) => data[swapped ? i ^ 1 : i] ?? 0);
}
