/**
 * Transfer syntaxes: how a DICOM file's data set and pixels are encoded (DICOM PS3.5, Annex A; UIDs in PS3.6).
 */
import type { CodecKind } from './codecs.js';

/**
 * `native`: bare pixels; the other kinds are read from fragments, some of them by an optional codec. These and
 * `unsupported` come with a remedy.
 */
export type TransferSyntaxKind = 'native' | 'rle' | 'jpeg' | CodecKind | 'unsupported';

export interface TransferSyntax {
  uid: string;
  name: string;
  kind: TransferSyntaxKind;
  explicit: boolean;
  bigEndian: boolean;
  deflated: boolean;
  /** What the user can do about an unsupported one, or without the codec. */
  remedy: string;
}

const dcmdjpeg = "decompress it first with dcmtk's `dcmdjpeg in.dcm out.dcm`";
const dcmdjpls = "decompress it first with dcmtk's `dcmdjpls in.dcm out.dcm`";
const gdcmconv = 'decompress it first with `gdcmconv --raw in.dcm out.dcm` (gdcm)';
const pydicom = 'decompress it first, e.g. with `Dataset.decompress()` of pydicom 3 and its openjpeg plugin';
const still = 'it is a video: export the still picture that you want';
const other = 'convert it to Explicit VR Little Endian or JPEG Baseline first';

const supported: Readonly<
  Record<string, readonly [name: string, kind: TransferSyntaxKind, remedy?: string]>
> = {
  '1.2.840.10008.1.2': ['Implicit VR Little Endian', 'native'],
  '1.2.840.10008.1.2.1': ['Explicit VR Little Endian', 'native'],
  '1.2.840.10008.1.2.1.99': ['Deflated Explicit VR Little Endian', 'native'],
  '1.2.840.10008.1.2.2': ['Explicit VR Big Endian', 'native'],
  '1.2.840.10008.1.2.5': ['RLE Lossless', 'rle'],
  '1.2.840.10008.1.2.4.50': ['JPEG Baseline', 'jpeg'],
  '1.2.840.10008.1.2.4.51': ['JPEG Extended', 'jpeg'],
  '1.2.840.10008.1.2.4.57': ['JPEG Lossless', 'jpeglossless', dcmdjpeg],
  '1.2.840.10008.1.2.4.70': ['JPEG Lossless, first-order prediction', 'jpeglossless', dcmdjpeg],
  '1.2.840.10008.1.2.4.80': ['JPEG-LS Lossless', 'jpegls', dcmdjpls],
  '1.2.840.10008.1.2.4.81': ['JPEG-LS Near-lossless', 'jpegls', dcmdjpls],
  '1.2.840.10008.1.2.4.90': ['JPEG 2000 Lossless', 'jpeg2000', gdcmconv],
  '1.2.840.10008.1.2.4.91': ['JPEG 2000', 'jpeg2000', gdcmconv],
};

const unsupported: Readonly<Record<string, readonly [name: string, remedy: string]>> = {
  '1.2.840.10008.1.2.1.98': ['Encapsulated Uncompressed', gdcmconv],
  '1.2.840.10008.1.2.8.1': ['Deflated Image Frame', other],
  '1.2.840.10008.1.2.4.53': ['JPEG Spectral Selection', dcmdjpeg],
  '1.2.840.10008.1.2.4.55': ['JPEG Full Progression', dcmdjpeg],
  '1.2.840.10008.1.2.4.92': ['JPEG 2000 Part 2 Lossless', other],
  '1.2.840.10008.1.2.4.93': ['JPEG 2000 Part 2', other],
  '1.2.840.10008.1.2.4.94': ['JPIP Referenced', 'the pixels are on a server: export the file with them'],
  '1.2.840.10008.1.2.4.95': [
    'JPIP Referenced Deflate',
    'the pixels are on a server: export the file with them',
  ],
  '1.2.840.10008.1.2.4.100': ['MPEG2 Main Profile, Main Level', still],
  '1.2.840.10008.1.2.4.101': ['MPEG2 Main Profile, High Level', still],
  '1.2.840.10008.1.2.4.102': ['MPEG-4 High Profile', still],
  '1.2.840.10008.1.2.4.103': ['MPEG-4 BD-compatible', still],
  '1.2.840.10008.1.2.4.107': ['HEVC Main Profile', still],
  '1.2.840.10008.1.2.4.108': ['HEVC Main 10 Profile', still],
  '1.2.840.10008.1.2.4.110': ['JPEG XL Lossless', other],
  '1.2.840.10008.1.2.4.111': ['JPEG XL JPEG Recompression', other],
  '1.2.840.10008.1.2.4.112': ['JPEG XL', other],
  '1.2.840.10008.1.2.4.201': ['High-Throughput JPEG 2000 Lossless', pydicom],
  '1.2.840.10008.1.2.4.202': ['High-Throughput JPEG 2000 RPCL Lossless', pydicom],
  '1.2.840.10008.1.2.4.203': ['High-Throughput JPEG 2000', pydicom],
};

/** Looks a transfer syntax up; one that is not known is unsupported and has its UID for a name. */
export function transferSyntax(uid: string): TransferSyntax {
  const known = supported[uid];
  const refused = unsupported[uid];
  return {
    uid,
    name: known?.[0] ?? refused?.[0] ?? uid,
    kind: known?.[1] ?? 'unsupported',
    explicit: uid !== '1.2.840.10008.1.2',
    bigEndian: uid === '1.2.840.10008.1.2.2',
    deflated: uid === '1.2.840.10008.1.2.1.99' || uid === '1.2.840.10008.1.2.4.95',
    remedy: known ? (known[2] ?? '') : (refused?.[1] ?? other),
  };
}
