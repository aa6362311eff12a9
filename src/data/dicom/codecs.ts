/**
 * Frames that only a codec of its own reads: JPEG 2000, JPEG-LS, lossless JPEG (DICOM PS3.5, A.4). The codecs are optional
 * peers of the package (WebAssembly and plain JavaScript, nothing to compile); where one is missing the error says how to
 * get it, or how to do without.
 */
import { DataError } from 'graft-torch/base';

export type CodecKind = 'jpeg2000' | 'jpegls' | 'jpeglossless';

/** Samples of one frame as they were coded. */
export interface CodedFrame {
  /** Interleaved, of 8 bits, or of 16 with the lower byte first. */
  bytes: Uint8Array;
  width: number;
  height: number;
  components: number;
  /** Bits of a sample that count. */
  bits: number;
  /** As the stream says; undefined: it does not. */
  signed?: boolean;
}

const packages: Readonly<Record<CodecKind, string>> = {
  jpeg2000: '@cornerstonejs/codec-openjpeg',
  jpegls: '@cornerstonejs/codec-charls',
  jpeglossless: 'jpeg-lossless-decoder-js',
};

/**
 * Decodes one frame.
 * @param remedy what to do without the codec
 * @throws DataError when the codec is not installed, or the stream is damaged or cut off
 */
export async function decodeFrame(
  kind: CodecKind,
  stream: Uint8Array,
  { name, syntax, remedy }: { name: string; syntax: string; remedy: string },
): Promise<CodedFrame> {
  const decode = await loadCodec(kind).catch((cause: unknown) => {
    throw new DataError(
      `${name}: ${syntax} needs a codec that is not installed: npm install ${packages[kind]}, or ${remedy}`,
      { cause },
    );
  });
  if (!isWhole(kind, stream))
    throw new DataError(
      `${name}: truncated ${syntax} stream: no end in it; get the file again from its source`,
    );
  try {
    return decode(stream);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : '';
    const reason = said.replace(/\s*\n\s*/g, '; ').trim();
    throw new DataError(
      `${name}: the ${syntax} stream cannot be decoded (${reason || 'damaged'}); get the file again from its source`,
      { cause },
    );
  }
}

/** Decoders fill up what is missing; all three streams end in a marker, which a cut takes away. */
function isWhole(kind: CodecKind, stream: Uint8Array): boolean {
  let end = stream.length;
  // Fragments have an even length; some writers pad with more than one byte.
  while (end > 2 && stream[end - 1] === 0) end--;
  return stream[end - 2] === 0xff && stream[end - 1] === 0xd9 && (kind !== 'jpeg2000' || end > 12);
}

const loaded = new Map<CodecKind, Promise<(stream: Uint8Array) => CodedFrame>>();

function loadCodec(kind: CodecKind): Promise<(stream: Uint8Array) => CodedFrame> {
  const known = loaded.get(kind);
  if (known) return known;
  const loading = { jpeg2000: loadOpenJpeg, jpegls: loadCharLs, jpeglossless: loadLossless }[kind]();
  loaded.set(kind, loading);
  return loading;
}

async function loadOpenJpeg(): Promise<(stream: Uint8Array) => CodedFrame> {
  const { default: start } = await import('@cornerstonejs/codec-openjpeg/decodewasmjs');
  const { J2KDecoder } = await start({ print: () => {}, printErr: () => {} });
  return (stream) => throughWasm(new J2KDecoder(), stream);
}

async function loadCharLs(): Promise<(stream: Uint8Array) => CodedFrame> {
  const { default: start } = await import('@cornerstonejs/codec-charls/decodewasmjs');
  const { JpegLSDecoder } = await start({ print: () => {}, printErr: () => {} });
  return (stream) => throughWasm(new JpegLSDecoder(), stream);
}

function throughWasm(decoder: WasmFrameDecoder, stream: Uint8Array): CodedFrame {
  try {
    decoder.getEncodedBuffer(stream.length).set(stream);
    decoder.decode();
    const {
      width,
      height,
      bitsPerSample: bits,
      componentCount: components,
      isSigned,
    } = decoder.getFrameInfo();
    const bytes = Uint8Array.from(decoder.getDecodedBuffer());
    if (width * height * components === 0) throw new Error('no picture in it');
    if (bytes.length < width * height * components * (bits > 8 ? 2 : 1)) throw new Error('too few samples');
    return {
      bytes,
      width,
      height,
      components,
      bits,
      ...(isSigned === undefined ? {} : { signed: isSigned }),
    };
  } finally {
    decoder.delete();
  }
}

async function loadLossless(): Promise<(stream: Uint8Array) => CodedFrame> {
  const { Decoder } = await import('jpeg-lossless-decoder-js');
  return (stream) => {
    // It would read other JPEG streams as if they were its own.
    if (!hasLosslessFrame(stream)) throw new Error('no lossless frame in it');
    const decoder = new Decoder();
    const copy = Uint8Array.from(stream).buffer;
    const decoded = new Uint8Array(decoder.decompress(copy, 0, stream.length));
    const { dimX: width, dimY: height, numComp: components, precision: bits } = decoder.frame;
    const sampleBytes = decoded.length / (width * height * components);
    if (sampleBytes !== 1 && sampleBytes !== 2) throw new Error('too few samples');
    return { bytes: narrowed(decoded, { bits, sampleBytes }), width, height, components, bits };
  };
}

/** Whether the first frame is of the lossless process with Huffman codes (SOF3, ITU-T T.81, B.1.1.3). */
function hasLosslessFrame(stream: Uint8Array): boolean {
  for (let at = 2; at + 4 <= stream.length && stream[at] === 0xff; ) {
    const marker = stream[at + 1]!;
    if (marker === 0xff) at++;
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return marker === 0xc3;
    else at += 2 + ((stream[at + 2]! << 8) | stream[at + 3]!);
  }
  return false;
}

/** Samples of up to 8 bits in one byte each. */
const narrowed = (
  bytes: Uint8Array,
  { bits, sampleBytes }: { bits: number; sampleBytes: number },
): Uint8Array => (bits <= 8 && sampleBytes === 2 ? bytes.filter((_, i) => i % 2 === 0) : bytes);
