/**
 * A JPEG stream as it lies in a DICOM file → a JPEG file that shows the same everywhere and says nothing of anybody.
 *
 * The coded pixels are left alone. Of the other segments only those stay that a decoder needs, JFIF without its
 * thumbnail, ICC profiles, and Adobe's colour marker: EXIF, XMP, IPTC and comments may hold names.
 *
 * Colour: decoders tell RGB from YCbCr by the markers of JFIF and Adobe or by the component ids, and not by DICOM's
 * photometric interpretation. A stream without such markers gets Adobe's, where its component ids would mislead.
 * JFIF streams are YCbCr by definition; a file that calls one RGB is wrong (pydicom and dcm4che decide likewise).
 */
import { DataError } from 'graft-torch/base';

export interface CleanJpeg {
  bytes: Uint8Array;
  width: number;
  height: number;
  /** Without the file's name. */
  warnings: string[];
}

const soi = 0xd8;
const eoi = 0xd9;
const sos = 0xda;
const app0 = 0xe0;
const app2 = 0xe2;
const app14 = 0xee;
/** Quantisation and Huffman tables, restart interval. */
const tables = [0xdb, 0xc4, 0xdd];
/** Baseline, extended and progressive frames, Huffman-coded: what 8-bit decoders read. */
const frames = [0xc0, 0xc1, 0xc2];

const letters = (bytes: Uint8Array, text: string): boolean =>
  bytes.length >= text.length && [...text].every((letter, i) => bytes[i] === letter.charCodeAt(0));

/** How a decoder will read three components: what libjpeg decides, in its order. */
function colourOf(
  markers: { jfif: boolean; adobe: number | undefined },
  ids: readonly number[],
): 'RGB' | 'YCbCr' {
  if (markers.jfif) return 'YCbCr';
  if (markers.adobe !== undefined) return markers.adobe === 0 ? 'RGB' : 'YCbCr';
  return String.fromCharCode(...ids) === 'RGB' ? 'RGB' : 'YCbCr';
}

/** APP14 of Adobe: version 100, no flags, then the transform: 0 RGB, 1 YCbCr. */
const adobeSegment = (transform: 0 | 1): Uint8Array =>
  Uint8Array.of(0xff, app14, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform);

/**
 * Cuts the first JPEG picture out of a stream and cleans it.
 * @param stream one or several fragments put together; what follows the picture's end is dropped
 * @param photometric DICOM's photometric interpretation
 * @param icc a profile to embed where the stream has none; see icc.ts
 * @throws DataError when the stream is cut off or damaged, or no 8-bit decoder reads it
 */
export function cleanJpeg(
  stream: Uint8Array,
  name: string,
  { photometric, icc = [] }: { photometric: string; icc?: readonly Uint8Array[] },
): CleanJpeg {
  const broken = (reason: string): DataError =>
    new DataError(`${name}: ${reason}; get the file again from its source`);
  if (stream[0] !== 0xff || stream[1] !== soi)
    throw broken('the pixel data does not begin like a JPEG stream');
  const head: Uint8Array[] = [];
  const body: Uint8Array[] = [];
  const markers = { jfif: false, adobe: undefined as number | undefined, icc: false };
  let frame: { width: number; height: number; ids: number[] } | undefined;
  let at = 2;
  for (;;) {
    while (stream[at] === 0xff && stream[at + 1] === 0xff) at++;
    const marker = stream[at + 1];
    if (marker === undefined) throw broken(`truncated JPEG stream: no end in ${stream.length} bytes`);
    if (stream[at] !== 0xff) throw broken(`damaged JPEG stream: no marker at byte ${at}`);
    if (marker === eoi) break;
    const length = (stream[at + 2]! << 8) | stream[at + 3]!;
    const end = at + 2 + length;
    if (!(length >= 2) || end > stream.length)
      throw broken(`truncated JPEG stream: a segment ends at byte ${end}, ${stream.length} found`);
    const segment = stream.subarray(at, end);
    const content = segment.subarray(4);
    if (marker === sos) {
      if (!frame) throw broken('damaged JPEG stream: a scan without a frame');
      const next = endOfScan(stream, end);
      body.push(stream.subarray(at, next));
      at = next;
      continue;
    }
    if (marker === app0 && letters(content, 'JFIF\0') && content.length >= 14) {
      markers.jfif = true;
      // Without a thumbnail: its size is 0 × 0.
      head.push(Uint8Array.of(0xff, app0, 0, 16, ...content.subarray(0, 12), 0, 0));
    } else if (marker === app2 && letters(content, 'ICC_PROFILE\0')) {
      markers.icc = true;
      head.push(segment);
    } else if (marker === app14 && letters(content, 'Adobe') && content.length >= 12) {
      markers.adobe = content[11]!;
      head.push(Uint8Array.of(0xff, app14, 0, 14, ...content.subarray(0, 12)));
    } else if (frames.includes(marker)) {
      if (frame) throw broken('damaged JPEG stream: two frames');
      frame = readFrame(content, name);
      body.push(segment);
    } else if (tables.includes(marker)) body.push(segment);
    else if (marker < app0 || (marker > 0xef && marker !== 0xfe)) throw unknownProcess(name, marker);
    at = end;
  }
  if (!frame || body.length === 0) throw broken('damaged JPEG stream: no picture in it');

  const components = frame.ids.length;
  const wanted = photometric === 'RGB' || photometric.startsWith('YBR') ? 3 : 1;
  if (components !== wanted)
    throw broken(
      `${components} colour components in the JPEG stream do not fit photometric interpretation ${photometric}`,
    );
  const warnings: string[] = [];
  if (components === 3) {
    const expected = photometric === 'RGB' ? 'RGB' : 'YCbCr';
    const found = colourOf(markers, frame.ids);
    if (found !== expected && !markers.jfif && markers.adobe === undefined)
      head.push(adobeSegment(expected === 'RGB' ? 0 : 1));
    else if (found !== expected)
      warnings.push(
        `declared as ${photometric}, but its JPEG stream says ${found}: the stream was believed; check the colours`,
      );
    if (!markers.icc) head.push(...icc);
  }
  return {
    bytes: Buffer.concat([Uint8Array.of(0xff, soi), ...head, ...body, Uint8Array.of(0xff, eoi)]),
    width: frame.width,
    height: frame.height,
    warnings,
  };
}

/** Where the entropy-coded data after a scan's header ends: at the next marker that is no restart. */
function endOfScan(stream: Uint8Array, from: number): number {
  for (let at = stream.indexOf(0xff, from); at >= 0; at = stream.indexOf(0xff, at + 1)) {
    const next = stream[at + 1];
    if (next === undefined) break;
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
  }
  return stream.length;
}

function readFrame(content: Uint8Array, name: string): { width: number; height: number; ids: number[] } {
  const precision = content[0];
  const components = content[5] ?? 0;
  if (content.length !== 6 + 3 * components)
    throw new DataError(
      `${name}: damaged JPEG stream: its frame header is broken; get the file again from its source`,
    );
  if (precision !== 8)
    throw new DataError(
      `${name}: ${precision}-bit JPEG is not read; decompress it first with dcmtk's \`dcmdjpeg in.dcm out.dcm\``,
    );
  return {
    height: (content[1]! << 8) | content[2]!,
    width: (content[3]! << 8) | content[4]!,
    ids: Array.from({ length: components }, (_, i) => content[6 + 3 * i]!),
  };
}

function unknownProcess(name: string, marker: number): DataError {
  const lossless =
    marker === 0xc3 ? 'lossless JPEG' : `JPEG with marker ${marker.toString(16).toUpperCase()}`;
  return new DataError(
    `${name}: ${lossless} in a file that says otherwise; decompress it first with dcmtk's \`dcmdjpeg in.dcm out.dcm\``,
  );
}
