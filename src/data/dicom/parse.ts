/**
 * A DICOM file's bytes → its elements, by dicom-parser, up to the pixel data (DICOM PS3.10, PS3.5 chapter 7).
 *
 * The loop over the top level is ours, for three things dicom-parser's own lacks: the 64-bit value representations
 * of 2019 (an Extended Offset Table would derail it), a check that every element ends inside the file, and a stop
 * at the pixel data, so that what follows cannot hurt and a header can be read from a file's beginning.
 */
import { inflateRawSync } from 'node:zlib';
import dicomParser, { type ByteStream, type DataSet, type Element } from 'dicom-parser';
import { DataError } from 'graft-torch/base';
import { type TransferSyntax, transferSyntax } from './syntax.js';

export interface DicomFile {
  /** What errors and warnings call the file. */
  name: string;
  syntax: TransferSyntax;
  /** Data set and file meta information, without the pixel data. */
  dataSet: DataSet;
  /** What `dataSet`'s and `pixelData`'s offsets point into: the file, or what was inflated from it. */
  bytes: Uint8Array;
  /** Where the pixel data begins; its length may reach past the end of a file that was cut off. */
  pixelData: Element | undefined;
}

const pixelDataTag = 'x7fe00010';

/** dicom-parser's typings have the class as an interface. */
const makeDataSet = (
  dicomParser as unknown as {
    DataSet: new (parser: unknown, bytes: Uint8Array, elements: DataSet['elements']) => DataSet;
  }
).DataSet;

/** Deflated files grow up to a thousandfold: no picture is as large as this. */
const maxInflatedBytes = 1 << 29;

/** 128 bytes of anything, then `DICM` (PS3.10, 7.1). */
const hasPreamble = (bytes: Uint8Array): boolean =>
  bytes.length >= 132 &&
  bytes[128] === 0x44 &&
  bytes[129] === 0x49 &&
  bytes[130] === 0x43 &&
  bytes[131] === 0x4d;

/**
 * Whether bytes begin like a DICOM file; also like a data set without a preamble, or without meta information altogether,
 * as it was before 1993 and as some devices still write.
 */
export function isDicom(bytes: Uint8Array): boolean {
  return hasPreamble(bytes) || bareElements(bytes) !== undefined;
}

/** Elements that a data set begins with: lengths of groups 2 and 8, version, character set, image type, date, UIDs. */
const firstTags = [
  ...[0x0002_0000, 0x0002_0001, 0x0008_0000, 0x0008_0001, 0x0008_0005, 0x0008_0008, 0x0008_0012, 0x0008_0016],
  0x0008_0018,
];

/** How the first two elements are written, where two follow each other as they must; else undefined. */
function bareElements(bytes: Uint8Array): 'explicit' | 'implicit' | undefined {
  if (bytes.length < 20) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tagAt = (at: number): number => view.getUint16(at, true) * 0x1_0000 + view.getUint16(at + 2, true);
  const first = tagAt(0);
  if (!firstTags.includes(first)) return undefined;
  const vr = String.fromCharCode(bytes[4]!, bytes[5]!);
  const isExplicit = ['UL', 'CS', 'UI', 'DA', 'OB'].includes(vr);
  const [length, valueAt] = !isExplicit
    ? [view.getUint32(4, true), 8]
    : vr === 'OB'
      ? [view.getUint32(8, true), 12]
      : [view.getUint16(6, true), 8];
  const next = valueAt + length;
  if (length % 2 !== 0 || length > 96 || next + 4 > bytes.length) return undefined;
  const second = tagAt(next);
  return second > first && second < 0x0011_0000 ? (isExplicit ? 'explicit' : 'implicit') : undefined;
}

const bareSyntaxes = { explicit: '1.2.840.10008.1.2.1', implicit: '1.2.840.10008.1.2' } as const;

/**
 * Parses a file's elements up to its pixel data.
 * @param bytes the file, or its beginning at least up to the pixel data
 * @throws DataError when it is not DICOM, or its structure is broken or cut off
 */
export function parseDicom(bytes: Uint8Array, name: string): DicomFile {
  if (!isDicom(bytes))
    throw new DataError(
      `${name}: not a DICOM file (no 'DICM' at byte 128, and no data set without it); get it again from its source`,
    );
  try {
    return parse(bytes, name);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    // dicom-parser throws strings, and whatever JavaScript throws when garbage nests too deep.
    const reason = (cause instanceof Error ? cause.message : String(cause))
      .replace(/^dicomParser\.?[\w.]*:? ?(- )?/, '')
      .replace(/\s*\n\s*/g, '; ');
    throw new DataError(`${name}: damaged DICOM file (${reason}); get it again from its source`, { cause });
  }
}

function parse(file: Uint8Array, name: string): DicomFile {
  const { littleEndianByteArrayParser, bigEndianByteArrayParser } = dicomParser;
  const meta: DataSet['elements'] = {};
  const metaStream = streamAt(littleEndianByteArrayParser, file, hasPreamble(file) ? 132 : 0);
  // The meta information is Explicit VR Little Endian whatever follows, and ends where group 2 does.
  while (left(metaStream) >= 8 && groupAt(metaStream) === 0x0002)
    keep(meta, readExplicit(metaStream, []), { bytes: file, name });
  // Without any, the data set itself shows how it is written; its pixels are bare.
  const bare = metaStream.position === 0 ? bareElements(file) : undefined;
  const uid = bare
    ? bareSyntaxes[bare]
    : new makeDataSet(littleEndianByteArrayParser, file, meta).string('x00020010');
  if (!uid || !/^[0-9.]+$/.test(uid))
    throw new DataError(
      `${name}: no valid transfer syntax (0002,0010), so it cannot be known how to read it; rewrite it with dcmtk's \`dcmconv in.dcm out.dcm\``,
    );
  const syntax = transferSyntax(uid);

  const bytes = syntax.deflated ? inflate(file.subarray(metaStream.position), name) : file;
  const parser = syntax.bigEndian ? bigEndianByteArrayParser : littleEndianByteArrayParser;
  const stream = streamAt(parser, bytes, syntax.deflated ? 0 : metaStream.position);
  const elements: DataSet['elements'] = {};
  const warnings: string[] = [];
  let pixelData: Element | undefined;
  // Fewer than eight bytes are no element: padding at the end.
  while (left(stream) >= 8) {
    const element = syntax.explicit
      ? readExplicit(stream, warnings)
      : dicomParser.readDicomElementImplicit(stream, pixelDataTag);
    if (element.tag === pixelDataTag) {
      pixelData = element;
      break;
    }
    keep(elements, element, { bytes, name });
  }
  // The meta information's offsets point into the file, which deflated data sets are not part of.
  const ofFile = syntax.deflated ? {} : meta;
  return {
    name,
    syntax,
    dataSet: new makeDataSet(parser, bytes, { ...ofFile, ...elements }),
    bytes,
    pixelData,
  };
}

function streamAt(parser: dicomParser.ByteArrayParser, bytes: Uint8Array, position: number): ByteStream {
  const stream = new dicomParser.ByteStream(parser, bytes, 0);
  stream.position = position;
  return stream;
}

const left = (stream: ByteStream): number => stream.byteArray.length - stream.position;

const groupAt = (stream: ByteStream): number =>
  stream.byteArrayParser.readUint16(stream.byteArray, stream.position);

function keep(
  elements: DataSet['elements'],
  element: Element,
  { bytes, name }: { bytes: Uint8Array; name: string },
): void {
  const end = element.dataOffset + element.length;
  if (!element.hadUndefinedLength && end > bytes.length)
    throw new DataError(
      `${name}: cut off in element ${tagName(element.tag)}: ${element.length} bytes expected, ${Math.max(0, bytes.length - element.dataOffset)} found; get the file again from its source`,
    );
  elements[element.tag] = element;
}

/** `x00280010` → `(0028,0010)`. */
const tagName = (tag: string): string => `(${tag.slice(1, 5)},${tag.slice(5)})`.toUpperCase();

/** Value representations with a 32-bit length that dicom-parser takes for such with a 16-bit one. */
const longVrs: readonly string[] = ['OV', 'SV', 'UV'];

function readExplicit(stream: ByteStream, warnings: string[]): Element {
  const start = stream.position;
  const vr = String.fromCharCode(stream.byteArray[start + 4]!, stream.byteArray[start + 5]!);
  if (!longVrs.includes(vr)) return dicomParser.readDicomElementExplicit(stream, warnings, pixelDataTag);
  const group = stream.readUint16().toString(16).padStart(4, '0');
  const tag = `x${group}${stream.readUint16().toString(16).padStart(4, '0')}`;
  stream.seek(4);
  const length = stream.readUint32();
  const dataOffset = stream.position;
  stream.seek(length);
  return { tag, vr, length, dataOffset };
}

function inflate(deflated: Uint8Array, name: string): Uint8Array {
  try {
    return inflateRawSync(deflated, { maxOutputLength: maxInflatedBytes });
  } catch (cause) {
    throw new DataError(
      `${name}: the deflated data set cannot be inflated (${(cause as Error).message}); get the file again from its source`,
      { cause },
    );
  }
}

/**
 * The fragments that hold the first frame of encapsulated pixel data (PS3.5, A.4).
 *
 * One frame: all of them. Several: those up to the second entry of the Basic Offset Table; without one, the first
 * where there are as many fragments as frames. Else it cannot be known: all, and `exact` is false.
 * @throws DataError when the pixel data is not encapsulated, empty, or cut off
 */
export function firstFrame(file: DicomFile, frames: number): { fragments: Uint8Array[]; exact: boolean } {
  const { name, bytes, pixelData, syntax } = file;
  if (!pixelData?.hadUndefinedLength)
    throw new DataError(
      `${name}: pixel data that is not encapsulated, although the transfer syntax is ${syntax.name}; export the file again`,
    );
  try {
    const stream = streamAt(dicomParser.littleEndianByteArrayParser, bytes, pixelData.dataOffset);
    dicomParser.findEndOfEncapsulatedElement(stream, pixelData, []);
  } catch (cause) {
    throw new DataError(
      `${name}: damaged or cut-off pixel data (${String(cause).replace(/^.*?: /, '')}); get the file again from its source`,
      { cause },
    );
  }
  const found = pixelData.fragments ?? [];
  const last = found.at(-1);
  if (!last) throw new DataError(`${name}: the pixel data is empty; export the file again`);
  if (last.position + last.length > bytes.length)
    throw new DataError(
      `${name}: truncated pixel data: ${last.length} bytes expected in its last fragment, ${bytes.length - last.position} found; get the file again from its source`,
    );
  const next = pixelData.basicOffsetTable?.[1];
  const end =
    frames === 1 ? found.length : next === undefined ? -1 : found.findIndex(({ offset }) => offset === next);
  const count = end > 0 ? end : found.length === frames ? 1 : 0;
  return {
    fragments: (count > 0 ? found.slice(0, count) : found).map(({ position, length }) =>
      bytes.subarray(position, position + length),
    ),
    exact: count > 0,
  };
}
