/**
 * Stored grey values → 8 bits for the screen, in the standard's order (DICOM PS3.3 C.11.1, C.11.2, C.7.6.3.1.2):
 *
 * 1. Modality LUT: a table, or `slope · v + intercept`;
 * 2. VOI LUT: a table, else the first window (LINEAR, LINEAR_EXACT or SIGMOID);
 * 3. MONOCHROME1, or a Presentation LUT Shape of INVERSE (C.11.6), is inverted: its lowest value is white. Where both are
 *    said they say the same thing twice (C.8.11.3).
 *
 * Without a VOI LUT the standard leaves the range open. Up to 8 bits the whole range of stored values is used, so
 * 8-bit pixels stay as they are; with more bits, which are rarely all in use, the picture's own least and greatest
 * value become black and white, and a warning says so. Of a set of pictures that would make each incomparable with the
 * next: an import takes their values (`GreyRendering.values`) and finds one range for all.
 */
import type { DataSet } from 'dicom-parser';
import { DataError } from 'graft-torch/base';
import type { PixelDescription } from './describe.js';
import { readLut } from './lut.js';
import { decimal, itemsOf, quoted, text } from './values.js';

export interface GreyRendering {
  /** Grey, `[height, width]`, 0…255. */
  data: Uint8Array;
  /** What the file leaves to be shown by whatever range, after the Modality LUT; undefined where it says how. */
  values?: () => Float32Array;
  warnings: string[];
}

/** What a file does to its grey values before they are shown; `plain`: nothing. */
export interface GreyTransform {
  plain: boolean;
  modality: (value: number) => number;
  /** To 0…1; undefined: no VOI LUT. */
  voi: ((value: number) => number) | undefined;
  /** The lowest value is to be white, whatever the photometric interpretation. */
  inverse: boolean;
}

/**
 * Reads Modality and VOI LUT.
 * @throws DataError for a table that does not fit its descriptor, or a window without a width
 */
export function greyTransform(
  dataSet: DataSet,
  name: string,
  options: { signed: boolean; bigEndian: boolean },
): GreyTransform {
  const slope = decimal(dataSet, 'x00281053') ?? 1;
  const intercept = decimal(dataSet, 'x00281052') ?? 0;
  const modality =
    table(dataSet, 'x00283000', { ...options, name, what: 'Modality LUT' })?.at ??
    ((value: number) => slope * value + intercept);
  const voiTable = table(dataSet, 'x00283010', { ...options, name, what: 'VOI LUT' });
  const voi = voiTable
    ? (value: number) => voiTable.at(Math.round(value)) / (2 ** voiTable.bits - 1)
    : readWindow(dataSet, name);
  const inverse = isInverse(dataSet);
  const plain =
    !inverse &&
    voi === undefined &&
    slope === 1 &&
    intercept === 0 &&
    itemsOf(dataSet, 'x00283000').length === 0;
  return { plain, modality, voi, inverse };
}

/** Presentation LUT Shape (2050,0020). */
export const isInverse = (dataSet: DataSet): boolean => text(dataSet, 'x20500020') === 'INVERSE';

function table(
  dataSet: DataSet,
  sequence: string,
  options: { signed: boolean; bigEndian: boolean; name: string; what: string },
) {
  const item = itemsOf(dataSet, sequence)[0];
  if (!item) return undefined;
  const lut = readLut(item, { descriptor: 'x00283002', data: 'x00283006' }, options);
  if (!lut)
    throw new DataError(
      `${options.name}: the ${options.what} does not fit its descriptor (0028,3002); export the file again`,
    );
  return lut;
}

function readWindow(dataSet: DataSet, name: string): ((value: number) => number) | undefined {
  const centre = decimal(dataSet, 'x00281050');
  const width = decimal(dataSet, 'x00281051');
  if (centre === undefined || width === undefined) return undefined;
  const kind = text(dataSet, 'x00281056') || 'LINEAR';
  if (width <= 0 || (kind === 'LINEAR' && width < 1))
    throw new DataError(`${name}: window width ${width} (0028,1051) is too small; export the file again`);
  if (kind === 'SIGMOID') return (value) => 1 / (1 + Math.exp((-4 * (value - centre)) / width));
  if (kind === 'LINEAR_EXACT') return (value) => (value - centre) / width + 0.5;
  if (kind !== 'LINEAR')
    throw new DataError(
      `${name}: VOI LUT function ${quoted(kind)} (0028,1056) is none of LINEAR, LINEAR_EXACT, SIGMOID; export the file again`,
    );
  // The standard's width counts values, not steps; a width of 1 is a threshold.
  return (value) =>
    value <= centre - 0.5 - (width - 1) / 2
      ? 0
      : value > centre - 0.5 + (width - 1) / 2
        ? 1
        : (value - (centre - 0.5)) / (width - 1) + 0.5;
}

/** Reads the bits that count out of a stored word. */
export function storedValue({
  bitsStored,
  shift,
  signed,
}: Pick<PixelDescription, 'bitsStored' | 'shift' | 'signed'>): (word: number) => number {
  const mask = 2 ** bitsStored - 1;
  const sign = signed ? 2 ** (bitsStored - 1) : 0;
  return (word) => (((word >> shift) & mask) ^ sign) - sign;
}

/**
 * Renders grey pixels.
 * @param words samples as stored, a number a pixel
 * @throws DataError as {@link greyTransform}
 */
export function renderGrey(
  words: Uint8Array | Uint16Array,
  pixels: PixelDescription,
  { modality, voi, inverse }: GreyTransform,
): GreyRendering {
  const warnings: string[] = [];
  const value = storedValue(pixels);
  let toUnit = voi;
  if (!toUnit) {
    const [low, high] = pixels.bitsStored <= 8 ? storedRange(pixels) : valueRange(words, value);
    const [black, white] = [modality(low), modality(high)];
    const [least, greatest] = [Math.min(black, white), Math.max(black, white)];
    toUnit = (v) => (greatest > least ? (v - least) / (greatest - least) : 0);
    if (pixels.bitsStored > 8)
      warnings.push(
        `${pixels.bitsStored} bits without a window: its least value ${low} became black, its greatest ${high} white`,
      );
  }
  const unit = toUnit;
  const inverted = inverse || pixels.photometric === 'MONOCHROME1';
  // Each stored word is rendered once.
  const known = new Int16Array(pixels.bitsAllocated === 8 ? 256 : 65536).fill(-1);
  const data = new Uint8Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const stored = words[i]!;
    let shown = known[stored]!;
    if (shown < 0) {
      shown = Math.round(255 * Math.min(Math.max(unit(modality(value(stored))), 0), 1));
      if (inverted) shown = 255 - shown;
      known[stored] = shown;
    }
    data[i] = shown;
  }
  return {
    data,
    warnings,
    ...(isUnsettled(pixels, voi)
      ? { values: () => Float32Array.from(words, (word) => modality(value(word))) }
      : {}),
  };
}

/** Whether a file leaves it open which values are black and white. */
export const isUnsettled = (
  { bitsStored, samples }: Pick<PixelDescription, 'bitsStored' | 'samples'>,
  voi: GreyTransform['voi'],
): boolean => bitsStored > 8 && samples === 1 && voi === undefined;

function storedRange({ bitsStored, signed }: PixelDescription): [number, number] {
  return signed ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1];
}

function valueRange(words: Uint8Array | Uint16Array, value: (word: number) => number): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const stored of words) {
    const v = value(stored);
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}
