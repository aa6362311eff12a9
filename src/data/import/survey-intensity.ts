/** The range of intensities of a set of files, found over all of them; image/intensity.ts applies it. */
import { DataError, readBytesAsync, readStart } from 'graft-torch/base';
import { forEachParallel } from '../../base/index.js';
import {
  chooseRange,
  decodeImage,
  type IntensityRange,
  type IntensitySetting,
  intensityFormats,
  measureSamples,
  type PageChoice,
  readSamples,
  type SampleHeader,
  type SampleMeasure,
  type Showing,
  sampleHeader,
} from '../../image/index.js';
import type { FoundRange } from '../dataset/intensity-range.js';

export interface IntensityOptions {
  /** Default: found. */
  intensity?: IntensitySetting;
  /** Of files with several pages. */
  page?: PageChoice;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** A file of a survey. */
export interface SurveyedFile {
  /** Undefined: it cannot be read, as reading it again will say. */
  header?: SampleHeader;
  /** Of deep files, and of some others: those whose pixels were looked at. */
  measure?: SampleMeasure & { coloured: boolean; inverted: boolean };
}

export interface IntensitySurvey {
  /** In the order of the files. */
  files: SurveyedFile[];
  ranges: FoundRange[];
}

/** Values drawn from all images together, at most: 64 MB. */
const drawnInAll = 1 << 23;
/** Of one image. */
const drawnPerImage = { least: 64, most: 4096 };
/** Images of 8-bit pixels that are looked at, spread over the set. */
const looked = 32;

/**
 * Looks at every file's header, and at the values of all that hold more than 8-bit pixels, and of some others.
 * @param files `name` is what errors call it; `read`: the bytes, where they are not those of the path
 * @returns files that cannot be read are passed over: whoever reads them next says why
 */
export async function surveyIntensity(
  files: readonly ({ path: string; name: string } | { read: () => Promise<Uint8Array>; name: string })[],
  options: IntensityOptions = {},
): Promise<IntensitySurvey> {
  const { page, signal, onProgress, intensity = { by: 'auto' } } = options;
  const found: SurveyedFile[] = files.map(() => ({}));
  const most = Math.min(
    drawnPerImage.most,
    Math.max(drawnPerImage.least, Math.floor(drawnInAll / Math.max(1, files.length))),
  );
  const stride = Math.max(1, Math.floor(files.length / looked));
  let done = 0;
  await forEachParallel(
    files.length,
    async (i) => {
      const file = files[i]!;
      const { name } = file;
      try {
        const start = 'path' in file ? readStart(file.path, 16) : null;
        const isLookedAt = i % stride === 0;
        if (start && isPlainJpeg(start) && !isLookedAt) found[i] = { header: plainJpeg };
        else {
          const bytes = 'path' in file ? await readBytesAsync(file.path) : await file.read();
          const header = await sampleHeader(bytes, name, page);
          found[i] = { header };
          if (header.deep) {
            const samples = await readSamples(bytes, header, name);
            const { channels, inverted } = samples;
            found[i]!.measure = { ...measureSamples(samples, most, name), coloured: channels >= 3, inverted };
          } else if (isLookedAt) found[i]!.measure = await measurePixels(bytes, { header, most, name });
        }
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        found[i] = {};
      }
      onProgress?.(++done, files.length);
    },
    { signal },
  );
  return { files: found, ranges: rangesOf(found, intensity) };
}

const plainJpeg: SampleHeader = { deep: null, page: 0, kind: 'jpeg 8-bit' };

const isPlainJpeg = (start: Uint8Array): boolean => start[0] === 0xff && start[1] === 0xd8;

async function measurePixels(
  bytes: Uint8Array,
  { header, most, name }: { header: SampleHeader; most: number; name: string },
): Promise<SurveyedFile['measure']> {
  const { data, width, height } = await decodeImage(bytes, { page: header.page }, name);
  const samples = {
    values: data,
    width,
    height,
    channels: 3,
    hasAlpha: false,
    orientation: 1,
    inverted: false,
  };
  let coloured = false;
  for (let i = 0; i < data.length && !coloured; i += 3)
    coloured = Math.abs(data[i]! - data[i + 1]!) > 2 || Math.abs(data[i + 2]! - data[i + 1]!) > 2;
  return { ...measureSamples(samples, most, name), coloured, inverted: false };
}

/** One range for each format of deep files; for pixels only where one is asked for and there is nothing else. */
function rangesOf(files: readonly SurveyedFile[], setting: IntensitySetting): FoundRange[] {
  const ranges: FoundRange[] = [];
  const anyDeep = files.some(({ header }) => header?.deep);
  for (const format of intensityFormats) {
    const isPixels = format === 'pixels';
    if (isPixels && (anyDeep || setting.by === 'auto' || setting.by === 'full')) continue;
    const own = files.filter(({ header }) => header && (header.deep?.format ?? 'pixels') === format);
    const measured = own.filter((file) => file.measure);
    if (measured.length === 0) continue;
    const declared = own.map(({ header }) => header!.deep?.declared ?? null);
    const drawn = joined(measured.map(({ measure }) => measure!.drawn)).sort();
    ranges.push({
      format,
      ...chooseRange(
        {
          format,
          bits: Math.max(...own.map(({ header }) => header!.deep?.bits ?? 8)),
          least: min(measured.map(({ measure }) => measure!.least)),
          greatest: max(measured.map(({ measure }) => measure!.greatest)),
          declared: declared.every((one) => one !== null)
            ? [min(declared.map((one) => one![0])), max(declared.map((one) => one![1]))]
            : null,
          drawn,
          spread: own.every(({ header }) => header!.deep?.spread),
        },
        setting,
      ),
      images: own.length,
    });
  }
  return ranges;
}

export function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const min = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b));
const max = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b));

/**
 * How files are shown that belong to no dataset, so that nobody has settled it: under one range, found over all of them.
 * @throws DataError as `surveyIntensity`
 */
export async function showingOf(files: readonly string[], options: IntensityOptions = {}): Promise<Showing> {
  const { ranges } = await surveyIntensity(
    files.map((path) => ({ path, name: path })),
    options,
  );
  return { ranges, page: options.page };
}

/** What a file's measured values look like on the screen: 0…255. */
export function shownValues(file: SurveyedFile, ranges: readonly IntensityRange[]): Float64Array {
  const range = ranges.find(({ format }) => format === (file.header?.deep?.format ?? 'pixels'));
  const { drawn, inverted } = file.measure!;
  if (!range) return drawn;
  const factor = 255 / (range.to - range.from);
  const shown = drawn.map((value) => Math.min(255, Math.max(0, (value - range.from) * factor)));
  return inverted ? shown.map((value) => 255 - value) : shown;
}
