/**
 * The range of intensities: which stored value becomes black, and which white. Files of 8 bits say so by themselves.
 * Others do not (12 bits in 16, floats from 0 to 1, Hounsfield units), and a range of its own for every image would
 * make images incomparable: so one range is found for all files of a set, and recorded with it.
 */
import { ConfigError, DataError } from 'graft-torch/base';
import { type DecodedImage, decodeImage } from './decode.js';
import { encodeImage } from './encode.js';
import { type PageChoice, readSamples, type SampleHeader, type Samples, sampleHeader } from './samples.js';

/** `pixels`: of 8 bits, which are shown as they are unless a range is given. */
export const intensityFormats = ['pixels', 'unsigned', 'signed', 'float'] as const;

/** The range of the files whose samples have one format. */
export interface IntensityRange {
  format: (typeof intensityFormats)[number];
  /** Becomes black. */
  from: number;
  /** Becomes white. */
  to: number;
}

/** How the range is found: `--intensity`. */
export type IntensitySetting =
  | { by: 'auto' }
  | { by: 'full' }
  | { by: 'bits'; bits: number }
  | { by: 'range'; from: number; to: number }
  | { by: 'percentile'; percentile: number };

const number = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?`;

/** @throws ConfigError for what is none of the forms */
export function parseIntensity(text: string): IntensitySetting {
  if (text === 'auto' || text === 'full') return { by: text };
  const bits = /^bits=(\d+)$/.exec(text);
  if (bits && Number(bits[1]) >= 1 && Number(bits[1]) <= 32) return { by: 'bits', bits: Number(bits[1]) };
  const range = new RegExp(`^(${number}):(${number})$`, 'i').exec(text);
  if (range && Number(range[1]) < Number(range[2]))
    return { by: 'range', from: Number(range[1]), to: Number(range[2]) };
  const percentile = new RegExp(`^percentile=(${number})$`, 'i').exec(text);
  if (percentile && Number(percentile[1]) >= 0 && Number(percentile[1]) < 50)
    return { by: 'percentile', percentile: Number(percentile[1]) };
  throw new ConfigError(
    `--intensity ${text}: expected auto, full, bits=12, a range such as 0:4095 or -1000:400, or percentile=0.5`,
  );
}

/** @throws ConfigError for what is no page */
export function parsePage(text: string): PageChoice {
  if (text === 'first' || text === 'middle' || text === 'last') return text;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new ConfigError(`--page ${text}: expected first, middle, last or a page's number, from 1 on`);
}

/** What was found in the samples of one file. */
export interface SampleMeasure {
  least: number;
  greatest: number;
  /** Values evenly spaced over the image, at most as many as were asked for. */
  drawn: Float64Array;
  /** Values that are not numbers. */
  holes: number;
}

/** How many channels are the picture; what follows is opacity, or something else. */
const pictureChannels = ({ channels }: Samples): 1 | 3 => (channels >= 3 ? 3 : 1);

/**
 * Least and greatest of a file's samples, and some of them.
 * @throws DataError when none of them is a number
 */
export function measureSamples(samples: Samples, most: number, name: string): SampleMeasure {
  const { values, channels } = samples;
  const own = pictureChannels(samples);
  const pixels = values.length / channels;
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  let holes = 0;
  for (let i = 0; i < pixels; i++)
    for (let c = 0; c < own; c++) {
      const value = values[i * channels + c]!;
      if (!Number.isFinite(value)) holes++;
      else {
        if (value < least) least = value;
        if (value > greatest) greatest = value;
      }
    }
  if (least > greatest)
    throw new DataError(`${name}: cannot be decoded as an image (none of its values is a number)`);
  const count = Math.min(most, pixels);
  const drawn = new Float64Array(count);
  let kept = 0;
  // Steps that share no factor with the width by rule: the golden ratio's multiples lie evenly in both directions.
  for (let k = 0; k < count; k++) {
    const at = count === pixels ? k : Math.floor(((k * golden) % 1) * pixels);
    const value = values[at * channels + (k % own)]!;
    if (Number.isFinite(value)) drawn[kept++] = value;
  }
  return { least, greatest, drawn: drawn.subarray(0, kept), holes };
}

const golden = (Math.sqrt(5) - 1) / 2;

/** What a range is chosen from: the files of one format. */
export interface RangeEvidence {
  format: IntensityRange['format'];
  /** Of the widest of the files. */
  bits: number;
  least: number;
  greatest: number;
  /** What every file says of itself, put together; null where one says nothing. */
  declared: readonly [number, number] | null;
  /** Drawn from all files alike, ascending. */
  drawn: Float64Array;
  spread: boolean;
}

/** The range, and in words how it was found. */
export function chooseRange(
  evidence: RangeEvidence,
  setting: IntensitySetting,
): { from: number; to: number; how: string } {
  const { format, least, greatest, drawn, bits } = evidence;
  if (setting.by === 'range') return { from: setting.from, to: setting.to, how: 'given' };
  if (setting.by === 'bits') return { ...bitRange(format, setting.bits), how: `${setting.bits} bits, given` };
  if (setting.by === 'percentile') {
    const at = (share: number): number => drawn[Math.round(share * (drawn.length - 1))]!;
    const [from, to] = [at(setting.percentile / 100), at(1 - setting.percentile / 100)];
    const how = `percentiles ${setting.percentile} and ${100 - setting.percentile}`;
    return to > from ? { from, to, how } : { from: least, to: Math.max(greatest, least + 1), how };
  }
  if (setting.by === 'full' && format !== 'float')
    return { ...bitRange(format, bits), how: `all ${bits} bits` };
  const found = { from: least, to: greatest > least ? greatest : least + 1, how: 'least and greatest value' };
  if (setting.by === 'full') return found;
  const used = usedRange(evidence) ?? found;
  const { declared } = evidence;
  const isTighter =
    declared !== null &&
    declared[0] <= least &&
    declared[1] >= greatest &&
    declared[1] > declared[0] &&
    declared[1] - declared[0] <= used.to - used.from;
  return isTighter ? { from: declared[0], to: declared[1], how: 'declared in the files' } : used;
}

/** What the values themselves suggest; undefined: nothing but their own least and greatest. */
function usedRange(evidence: RangeEvidence): { from: number; to: number; how: string } | undefined {
  const { format, least, greatest, spread, bits } = evidence;
  if (least < 0) return undefined;
  if (spread) return { ...bitRange(format, bits), how: `all ${bits} bits` };
  if (format === 'float') {
    if (greatest <= 1) return { from: 0, to: 1, how: 'floats from 0 to 1' };
    if (greatest <= 255)
      return greatest < 128 ? undefined : { from: 0, to: 255, how: 'floats from 0 to 255' };
  }
  const used = Math.max(8, Math.floor(Math.log2(Math.max(1, greatest))) + 1);
  return { from: 0, to: 2 ** used - 1, how: `${used} bits in use` };
}

const bitRange = (format: IntensityRange['format'], bits: number): { from: number; to: number } =>
  format === 'signed'
    ? { from: -(2 ** (bits - 1)), to: 2 ** (bits - 1) - 1 }
    : { from: 0, to: 2 ** bits - 1 };

/** Whether `decodeImage` alone makes the same of a file: 16 bits of which all are in use. */
const isPlainRange = ({ format, from, to }: IntensityRange, { deep, page }: SampleHeader): boolean =>
  page === 0 && format === 'unsigned' && deep?.bits === 16 && from === 0 && to === 65_535;

/**
 * Samples as 8-bit pixels, upright: `from` and below is black, `to` and above white, what is no number black.
 * @returns RGB `[height, width, 3]`
 */
export function scaleSamples(
  samples: Samples,
  { from, to }: Pick<IntensityRange, 'from' | 'to'>,
): DecodedImage {
  const { values, width, height, channels, hasAlpha, inverted } = samples;
  const own = pictureChannels(samples);
  const place = upright(samples);
  const factor = 255 / (to - from);
  const data = new Uint8Array(3 * width * height);
  const opaque = opaqueValue(values);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const opacity = hasAlpha ? Math.min(1, Math.max(0, values[(i + 1) * channels - 1]! / opaque)) : 1;
      const at = 3 * place.at(x, y);
      for (let c = 0; c < 3; c++) {
        const value = values[i * channels + (own === 3 ? c : 0)]!;
        if (Number.isNaN(value)) continue;
        const shown = Math.min(255, Math.max(0, (value - from) * factor));
        data[at + c] = Math.round((inverted ? 255 - shown : shown) * opacity);
      }
    }
  return { data, width: place.width, height: place.height };
}

/** Where pixels go when the image is turned as EXIF says. */
function upright({ width: w, height: h, orientation }: Samples) {
  const turned = orientation >= 5 && orientation <= 8;
  const width = turned ? h : w;
  const at = (x: number, y: number): number => {
    const right = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8;
    const down = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7;
    const u = right ? w - 1 - x : x;
    const v = down ? h - 1 - y : y;
    return turned ? u * width + v : v * width + u;
  };
  return { width, height: turned ? w : h, at };
}

/** The value of an opaque pixel. */
function opaqueValue(values: Samples['values']): number {
  if (values instanceof Float32Array || values instanceof Float64Array) return 1;
  const isSigned =
    values instanceof Int8Array || values instanceof Int16Array || values instanceof Int32Array;
  return 2 ** (8 * values.BYTES_PER_ELEMENT - (isSigned ? 1 : 0)) - 1;
}

/** How the files of a set are shown. */
export interface Showing {
  ranges: readonly IntensityRange[];
  /** Of files with several pages. */
  page?: PageChoice | undefined;
}

/**
 * A file as one that every decoder reads alike: its own bytes where they hold one picture of 8-bit pixels, else a PNG
 * of the chosen page under the range of its format.
 * @throws DataError when no range is known for its format, or as `decodeImage`
 */
export async function asShown(
  bytes: Uint8Array,
  { ranges, page }: Showing,
  name: string,
): Promise<Uint8Array> {
  const header = await sampleHeader(bytes, name, page);
  const range = ranges.find(({ format }) => format === (header.deep?.format ?? 'pixels'));
  if (header.deep === null) {
    if (header.page === 0 && !range) return bytes;
    const image = await decodeImage(bytes, { page: header.page }, name);
    return encodeImage(
      range ? scaleSamples({ ...image, values: image.data, ...plainPixels }, range) : image,
      'png',
    );
  }
  if (range && isPlainRange(range, header)) return bytes;
  const samples = await readSamples(bytes, header, name);
  if (!range) {
    const { greatest } = measureSamples(samples, 0, name);
    const full = { format: header.deep.format, from: 0, to: 65_535 };
    if (isPlainRange(full, header) && (header.deep.spread || greatest >= 2 ** 15)) return bytes;
    throw new DataError(
      `${name}: a ${header.kind} file, of which nobody has said which value is black and which is white; say it with --intensity, such as bits=12 or 0:4095`,
    );
  }
  return encodeImage(scaleSamples(samples, range), 'png', { grey: pictureChannels(samples) === 1 });
}

/** What `decodeImage` has settled already. */
const plainPixels = { channels: 3, hasAlpha: false, orientation: 1, inverted: false } as const;
