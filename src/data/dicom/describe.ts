/**
 * What a file says about its pixels (Image Pixel Module, DICOM PS3.3 C.7.6.3), checked.
 */
import { DataError } from 'graft-torch/base';
import type { DicomFile } from './parse.js';
import { decimal, quoted, text, texts, word } from './values.js';

export interface PixelDescription {
  width: number;
  height: number;
  /** Samples a pixel: 1 or 3. */
  samples: 1 | 3;
  photometric: string;
  bitsAllocated: 8 | 16;
  /** Bits of a sample that count, and the place of the lowest of them. */
  bitsStored: number;
  shift: number;
  signed: boolean;
  /** Samples one after the other (RRR…GGG…BBB…) instead of pixel by pixel. */
  planar: boolean;
  frames: number;
}

/** The last two are JPEG 2000's own, which its decoder turns into RGB. */
const colour = ['RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_RCT', 'YBR_ICT'];
const grey = ['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR'];

/** As the decoder of image files: no larger picture is read. */
const maxPixels = 1 << 28;

/** SOP classes whose frames are tiles of one picture. */
const tiled = ['1.2.840.10008.5.1.4.1.1.77.1.6', '1.2.840.10008.5.1.4.1.1.77.1.9'];

/** Beginnings of SOP classes that have no picture (PS3.4, B.5). */
const pictureless: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.3.10': 'a DICOMDIR',
  '1.2.840.10008.5.1.4.1.1.88.': 'a structured report',
  '1.2.840.10008.5.1.4.1.1.104.': 'an encapsulated document',
  '1.2.840.10008.5.1.4.1.1.11.': 'a presentation state',
  '1.2.840.10008.5.1.4.1.1.9.': 'a waveform',
};

/** SOP class of a file (what kind of object it is), as a UID. */
export function sopClass(file: DicomFile): string {
  return text(file.dataSet, 'x00080016') || text(file.dataSet, 'x00020002');
}

/** Number of Frames (0028,0008); absent: 1. */
export function frameCount(file: DicomFile): number {
  const frames = decimal(file.dataSet, 'x00280008');
  return frames !== undefined && Number.isInteger(frames) && frames > 1 ? frames : 1;
}

/** Farther from square than this is no rounding. */
const squareWithin = 0.01;

/** What lies outside is a mistake of the file. */
const [leastAspect, greatestAspect] = [0.1, 10];

/**
 * How much higher than wide the pixels are, from the distances of their centres (row, column), else from Pixel Aspect Ratio
 * (vertical, horizontal; PS3.3 C.7.6.3.1.7). 1 where the file does not say, or says what cannot be.
 */
export function pixelAspect({ dataSet }: DicomFile): number {
  // Pixel Spacing, Imager Pixel Spacing, Nominal Scanned Pixel Spacing, Pixel Aspect Ratio.
  for (const tag of ['x00280030', 'x00181164', 'x00182010', 'x00280034']) {
    const [down, across] = texts(dataSet, tag).map(Number);
    if (down === undefined || across === undefined || !(down > 0) || !(across > 0)) continue;
    const aspect = down / across;
    const isOdd = Math.abs(aspect - 1) <= squareWithin || aspect < leastAspect || aspect > greatestAspect;
    return isOdd ? 1 : aspect;
  }
  return 1;
}

/**
 * Reads and checks the description of a file's pixels.
 * @throws DataError for what is missing, contradicts itself, or is not read
 */
export function describePixels(file: DicomFile): PixelDescription {
  const { name, dataSet } = file;
  const uid = sopClass(file);
  if (!file.pixelData) {
    const kind = Object.entries(pictureless).find(([prefix]) => uid.startsWith(prefix))?.[1];
    throw new DataError(
      `${name}: no pixel data${kind ? `: it is ${kind}` : ''}; leave the file out of the folder`,
    );
  }
  const need = (tag: string, attribute: string): number => {
    const value = word(dataSet, tag);
    if (value === undefined || value === 0)
      throw new DataError(
        `${name}: no ${attribute} (${tag.slice(1, 5)},${tag.slice(5)}), so the pixels cannot be read; export the file again`,
      );
    return value;
  };
  const height = need('x00280010', 'Rows');
  const width = need('x00280011', 'Columns');
  if (width * height > maxPixels)
    throw new DataError(
      `${name}: ${width} × ${height} pixels are more than the ${maxPixels} that are read; scale it down`,
    );
  const photometric = text(dataSet, 'x00280004');
  if (!colour.includes(photometric) && !grey.includes(photometric))
    throw new DataError(
      `${name}: photometric interpretation ${quoted(photometric)} is none of ${[...grey, ...colour].join(', ')}; convert the file to RGB`,
    );
  const samples = colour.includes(photometric) ? 3 : 1;
  const claimed = need('x00280002', 'Samples per Pixel');
  if (claimed !== samples)
    throw new DataError(
      `${name}: ${claimed} samples a pixel do not fit photometric interpretation ${photometric}; export the file again`,
    );
  const bitsAllocated = need('x00280100', 'Bits Allocated');
  if (bitsAllocated !== 8 && bitsAllocated !== 16)
    throw new DataError(
      `${name}: ${bitsAllocated} bits allocated a sample; only 8 and 16 are read: convert the file to 8 bits`,
    );
  const bitsStored = word(dataSet, 'x00280101') ?? bitsAllocated;
  const shift = (word(dataSet, 'x00280102') ?? bitsStored - 1) - bitsStored + 1;
  if (bitsStored < 1 || shift < 0 || shift + bitsStored > bitsAllocated)
    throw new DataError(
      `${name}: ${bitsStored} bits stored and high bit ${shift + bitsStored - 1} do not fit ${bitsAllocated} bits allocated; export the file again`,
    );
  const frames = frameCount(file);
  if (frames > 1 && tiled.includes(uid))
    throw new DataError(
      `${name}: a picture in ${frames} tiles (whole slide); export the region that you want as one frame`,
    );
  return {
    width,
    height,
    samples,
    photometric,
    bitsAllocated,
    bitsStored,
    shift,
    signed: word(dataSet, 'x00280103') === 1,
    planar: samples === 3 && word(dataSet, 'x00280006') === 1,
    frames,
  };
}
