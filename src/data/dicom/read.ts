/**
 * DICOM in: a dermoscopy file → an image file and de-identified fields (docs/dicom.md).
 *
 * JPEG streams are handed out as they are, without what could name somebody; other pixels become PNG. Decoding the
 * result, and finding damage inside a JPEG stream, is left to the image decoder, which every image passes anyway.
 */

import { DataError } from 'graft-torch/base';
import sharp from 'sharp';
import { decodeImage, floatTiff } from '../../image/index.js';
import { type CodecKind, decodeFrame } from './codecs.js';
import { describePixels, type PixelDescription, pixelAspect } from './describe.js';
import { type DeidentifyOptions, headerWarnings, readFields } from './fields.js';
import { greyTransform, isInverse, isUnsettled } from './grey.js';
import { jpegSegments, pngWithProfile, readProfile } from './icc.js';
import { cleanJpeg } from './jpeg.js';
import { type DicomFile, firstFrame, parseDicom } from './parse.js';
import { type Picture, readPixels, render } from './pixels.js';
import { withSquarePixels } from './square-pixels.js';

/** File extensions (lower case, with the dot) that DICOM files bear, where they bear one: see `isDicom`. */
export const dicomExtensions: readonly string[] = ['.dcm', '.dicom', '.dic'];

export interface DicomHeader {
  /** `dicomColumns` → value; '' where it is missing. */
  fields: Record<string, string>;
  /** Each names the file. */
  warnings: string[];
  /** It leaves open which of its grey values are black and white. */
  unsettled: boolean;
}

export interface DicomImage extends Omit<DicomHeader, 'unsettled'> {
  bytes: Uint8Array;
  extension: '.jpg' | '.png';
  /** Of grey whose range is open, which `bytes` show by their own least and greatest value: the values, as TIFF. */
  values?: () => Uint8Array;
}

/**
 * Reads a file's fields without its pixels.
 * @param bytes the file, or its beginning up to the pixel data
 * @param name what errors and warnings call it
 * @throws DataError when it is not DICOM or its header is damaged
 */
export function readDicomHeader(
  bytes: Uint8Array,
  name: string,
  options: DeidentifyOptions = {},
): DicomHeader {
  const file = parseDicom(bytes, name);
  return {
    fields: readFields(file, options),
    warnings: headerWarnings(file).map((warning) => `${name}: ${warning}`),
    unsettled: leavesRange(file),
  };
}

/**
 * Reads a file's picture (of several frames the first) and fields.
 * @param name what errors and warnings call it
 * @throws DataError naming the file and the remedy when it is not DICOM, has no picture, is damaged or cut off, or
 * is encoded in a way that is not read
 */
export async function readDicom(
  bytes: Uint8Array,
  name: string,
  options: DeidentifyOptions = {},
): Promise<DicomImage> {
  const file = parseDicom(bytes, name);
  const { warnings, ...image } = await readImage(file);
  return {
    ...image,
    fields: readFields(file, options),
    warnings: [...headerWarnings(file), ...warnings].map((warning) => `${name}: ${warning}`),
  };
}

/** From the header alone, as far as it is sound: what is wrong with it is said when the picture is read. */
function leavesRange(file: DicomFile): boolean {
  try {
    const pixels = describePixels(file);
    if (pixels.samples !== 1 || pixels.bitsStored <= 8 || pixels.photometric === 'PALETTE COLOR')
      return false;
    const { signed } = pixels;
    const { voi } = greyTransform(file.dataSet, file.name, { signed, bigEndian: file.syntax.bigEndian });
    return isUnsettled(pixels, voi);
  } catch {
    return false;
  }
}

type ImageFile = Omit<DicomImage, 'fields'>;

async function readImage(file: DicomFile): Promise<ImageFile> {
  const { kind, name: syntax, remedy } = file.syntax;
  // First of all: compressed pixels have photometric interpretations of their own.
  if (kind === 'unsupported' && file.pixelData)
    throw new DataError(`${file.name}: transfer syntax ${syntax} is not read; ${remedy}`);
  const pixels = describePixels(file);
  if (kind === 'jpeg') return readJpeg(file, pixels);
  if (kind === 'native' || kind === 'rle') return toPng(file, readPixels(file, pixels));
  return toPng(file, await readCoded(file, { ...pixels, kind: kind as CodecKind }));
}

/** A picture whose pixels are not square becomes one whose pixels are, and a warning says so. */
function inSquarePixels(file: DicomFile, picture: Picture): Picture {
  const aspect = pixelAspect(file);
  if (aspect === 1) return picture;
  const { width, height, values } = picture;
  const made = withSquarePixels(picture, aspect);
  const warning = `its pixels are ${aspect.toFixed(3)} times as high as wide: stretched from ${width} × ${height} to ${made.width} × ${made.height}`;
  return {
    ...picture,
    data: made.data,
    width: made.width,
    height: made.height,
    warnings: [...picture.warnings, warning],
    ...(values
      ? { values: () => withSquarePixels({ data: values(), width, height, channels: 1 }, aspect).data }
      : {}),
  };
}

async function readJpeg(file: DicomFile, pixels: PixelDescription): Promise<ImageFile> {
  const { name } = file;
  const { width, height, photometric, signed } = pixels;
  if (photometric === 'PALETTE COLOR')
    throw new DataError(`${name}: a colour palette over a JPEG stream is not read; convert the file to RGB`);
  const { fragments } = firstFrame(file, pixels.frames);
  const stream = fragments.length === 1 ? fragments[0]! : Buffer.concat(fragments);
  const { profile, warning } = pixels.samples === 3 ? readProfile(file) : {};
  // Of what is decoded below, the PNG gets the profile.
  const icc = profile && pixelAspect(file) === 1 ? jpegSegments(profile) : [];
  const jpeg = cleanJpeg(stream, name, { photometric, icc });
  if (jpeg.width !== width || jpeg.height !== height)
    throw new DataError(
      `${name}: ${width} × ${height} pixels in the header, ${jpeg.width} × ${jpeg.height} in the JPEG stream; export the file again`,
    );
  const warnings = [...jpeg.warnings, ...(warning ? [warning] : [])];
  const isShownAsStored =
    pixels.samples === 3 ||
    (photometric === 'MONOCHROME2' && greyTransform(file.dataSet, name, { signed, bigEndian: false }).plain);
  if (isShownAsStored && pixelAspect(file) === 1) return { bytes: jpeg.bytes, extension: '.jpg', warnings };
  if (pixels.samples === 3) return toPng(file, { ...(await decodeColour(jpeg.bytes, name)), warnings });
  // Inverted or windowed grey: no JPEG file can say so.
  const bytes = await decodeGrey(jpeg.bytes, name);
  const stored = { ...pixels, bitsAllocated: 8, bitsStored: 8, shift: 0, signed: false } as const;
  return toPng(file, render(file, stored, { bytes, bigEndian: false, planar: false }));
}

/** Frames of a codec of their own: what it finds is rendered like bare pixels. */
async function readCoded(
  file: DicomFile,
  { kind, ...pixels }: PixelDescription & { kind: CodecKind },
): Promise<Picture> {
  const { name, syntax } = file;
  const { fragments } = firstFrame(file, pixels.frames);
  const stream = fragments.length === 1 ? fragments[0]! : Buffer.concat(fragments);
  const coded = await decodeFrame(kind, stream, { name, syntax: syntax.name, remedy: syntax.remedy });
  const { width, height, components, bits } = coded;
  if (width !== pixels.width || height !== pixels.height || components !== pixels.samples)
    throw new DataError(
      `${name}: ${pixels.width} × ${pixels.height} pixels of ${pixels.samples} samples in the header, ${width} × ${height} of ${components} in the ${syntax.name} stream; export the file again`,
    );
  if (bits > 16)
    throw new DataError(`${name}: ${bits} bits a sample are not read; convert the file to 16 bits`);
  // Decoders undo JPEG 2000's own transforms; the others code the samples as they are.
  const photometric = /^YBR_(RCT|ICT)$/.test(pixels.photometric) ? 'RGB' : pixels.photometric;
  const described: PixelDescription = {
    ...pixels,
    photometric: kind === 'jpeg2000' && pixels.samples === 3 ? 'RGB' : photometric,
    bitsAllocated: bits > 8 ? 16 : 8,
    bitsStored: bits,
    shift: 0,
    signed: coded.signed ?? pixels.signed,
  };
  return render(file, described, { bytes: coded.bytes, bigEndian: false, planar: false });
}

/** To sRGB, whatever profile there was. */
async function decodeColour(jpeg: Uint8Array, name: string): Promise<Omit<Picture, 'warnings'>> {
  const { data, width, height } = await decodeImage(jpeg, {}, name);
  return { data, width, height, channels: 3 };
}

async function decodeGrey(jpeg: Uint8Array, name: string): Promise<Uint8Array> {
  try {
    return await sharp(jpeg, { failOn: 'warning' }).toColourspace('b-w').raw().toBuffer();
  } catch (cause) {
    const reason = (cause as Error).message.replace(/\s*\n\s*/g, '; ').trim();
    throw new DataError(
      `${name}: the JPEG stream cannot be decoded (${reason}); get the file again from its source`,
      { cause },
    );
  }
}

async function toPng(file: DicomFile, picture: Picture): Promise<ImageFile> {
  const { data, width, height, channels, warnings, values } = inSquarePixels(file, picture);
  const png = await sharp(data, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
  if (channels === 1) {
    const inverted = describePixels(file).photometric === 'MONOCHROME1' || isInverse(file.dataSet);
    return {
      bytes: png,
      extension: '.png',
      warnings,
      ...(values ? { values: () => floatTiff({ values: values(), width, height, inverted }) } : {}),
    };
  }
  const { profile, warning } = readProfile(file);
  return {
    bytes: profile ? pngWithProfile(png, profile) : png,
    extension: '.png',
    warnings: [...warnings, ...(warning ? [warning] : [])],
  };
}
