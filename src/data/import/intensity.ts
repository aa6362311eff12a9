/**
 * Intensities in an import: one range for all files of the set. Files that hold more than one picture of 8-bit pixels go
 * into the dataset as PNG under that range, so that whatever reads the dataset sees the same.
 */
import { DataError, readBytesAsync } from 'graft-torch/base';
import { asShown } from '../../image/index.js';
import { quantile } from '../../stats/index.js';
import type { DatasetItem } from '../build/item.js';
import { type FoundRange, rangeText, shortValue } from '../dataset/intensity-range.js';
import { nameSome, type Problem, problem } from '../dataset/problems.js';
import {
  type IntensityOptions,
  type IntensitySurvey,
  joined,
  type SurveyedFile,
  shownValues,
  surveyIntensity,
} from './survey-intensity.js';

/** Column that says what a file was, where some became others: how they were stored must not tell the class. */
export const sourceFormatColumn = 'source_format';

/**
 * Gives the items whose files are not to be shown as they are the way to their picture.
 * @returns the items in their order, the ranges, and doubts
 * @throws DataError when all comes out nearly black, nearly white or with few grey levels, unless a range was asked for
 */
export async function withIntensity(
  items: readonly DatasetItem[],
  options: IntensityOptions,
): Promise<{ items: DatasetItem[]; intensity: FoundRange[]; problems: Problem[] }> {
  // Of DICOM files only those that leave their range open.
  const places = [...items.keys()].filter((i) => readerOf(items[i]!) !== null);
  const own = places.map((i) => items[i]!);
  const survey = await surveyIntensity(
    own.map((item) =>
      'path' in item.source
        ? { path: item.source.path, name: item.name }
        : { read: readerOf(item)!, name: item.name },
    ),
    options,
  );
  const { files, ranges } = survey;
  const doubts = doubtsOf(survey);
  const given = (options.intensity?.by ?? 'auto') !== 'auto';
  if (doubts.length > 0 && !given) throw new DataError(doubts[0]!);
  const problems = [...doubts, ...differences(own, survey)].map((detail) => problem('intensity', { detail }));
  const pages = own.filter((_, k) => (files[k]!.header?.page ?? 0) > 0).map(({ name }) => name);
  if (pages.length > 0)
    problems.push(
      problem('intensity', {
        detail: `${pages.length} files whose first page is not the picture: ${
          options.page === undefined
            ? 'the largest page was taken'
            : `page ${options.page} was taken, as asked`
        } (${nameSome(pages, 3)})`,
      }),
    );
  own.forEach(({ id, name, label }, k) => {
    const holes = files[k]!.measure?.holes ?? 0;
    if (holes > 0)
      problems.push(
        problem('warning', { id, file: name, label, detail: `${holes} values are no numbers: shown black` }),
      );
  });
  const result = [...items];
  const pixels = ranges.some(({ format }) => format === 'pixels');
  const converts = ({ header }: SurveyedFile): boolean =>
    header === undefined || header.deep !== null || header.page > 0 || pixels;
  const any = files.some(({ header }) => header && (header.deep || header.page > 0));
  places.forEach((i, k) => {
    const item = items[i]!;
    const { header } = files[k]!;
    const extra = any
      ? { ...item.extra, [sourceFormatColumn]: 'path' in item.source ? (header?.kind ?? '') : 'dicom' }
      : item.extra;
    const read = readerOf(item)!;
    const make = async (): Promise<Uint8Array> =>
      asShown(await read(), { ranges, page: options.page }, item.name);
    result[i] = { ...item, extra, ...(converts(files[k]!) ? { source: { make } } : {}) };
  });
  return { items: result, intensity: ranges, problems };
}

/** The way to the bytes of an item whose range may have to be found; null: it has been shown already. */
function readerOf({ source }: DatasetItem): (() => Promise<Uint8Array>) | null {
  if ('path' in source) return () => readBytesAsync(source.path);
  return source.values ?? null;
}

/** Of 255: nearly all pixels darker, or lighter, are no picture for the eye, nor for a network of 8 bits. */
const dark = 24;
const light = 255 - dark;
/** Share of the pixels that may be otherwise. */
const tail = 0.005;
/** Grey levels that a picture has at least. */
const fewLevels = 64;

/** What is wrong with the set as a whole, each with its remedy. */
function doubtsOf({ files, ranges }: IntensitySurvey): string[] {
  const seen = files.filter(({ measure }) => measure);
  if (seen.length === 0) return [];
  const shown = joined(seen.map((file) => shownValues(file, ranges))).sort();
  const at = (share: number): number => shown[Math.round(share * (shown.length - 1))]!;
  const levels = new Set(shown.map((value) => Math.round(value))).size;
  const range = ranges.map(rangeText).join('; ') || 'their own 8 bits';
  const remedy =
    'give the range that counts, such as --intensity percentile=0.5 or 0:4095, or take them as they are with --intensity full';
  const tone = at(1 - tail) < dark ? 'black' : at(tail) > light ? 'white' : null;
  if (tone !== null)
    return [
      `all images come out nearly ${tone}: ${100 - 100 * tail} % of the pixels are ${tone === 'black' ? `below ${dark}` : `above ${light}`} of 255 (${range}; values found ${valuesText(seen)}); ${remedy}`,
    ];
  // Flat drawings in colour may well have few levels; few greys are masks, label maps, or a range that does not fit.
  if (levels >= fewLevels || seen.some(({ measure }) => measure!.coloured)) return [];
  return [
    `all images together have ${levels} grey levels, fewer than ${fewLevels} (${range}; values found ${valuesText(seen)}): masks, label maps, or a range that does not fit; ${remedy}`,
  ];
}

function valuesText(seen: readonly SurveyedFile[]): string {
  const least = seen.reduce((a, { measure }) => Math.min(a, measure!.least), Number.POSITIVE_INFINITY);
  const greatest = seen.reduce((a, { measure }) => Math.max(a, measure!.greatest), Number.NEGATIVE_INFINITY);
  return `${shortValue(least)} to ${shortValue(greatest)}`;
}

/** How the files of one class differ from those of another in what has nothing to do with the picture. */
function differences(items: readonly DatasetItem[], { files, ranges }: IntensitySurvey): string[] {
  if (!files.some(({ header }) => header?.deep)) return [];
  const labels = [...new Set(items.map(({ label }) => label))].sort();
  const kinds = [...new Set(files.flatMap(({ header }) => (header ? [header.kind] : [])))].sort();
  const of = (label: string): SurveyedFile[] => files.filter((_, k) => items[k]!.label === label);
  const texts: string[] = [];
  const shares = labels.map((label) =>
    kinds.map((kind) => of(label).filter(({ header }) => header?.kind === kind).length / of(label).length),
  );
  const apart = kinds.filter((_, j) => {
    const own = shares.map((row) => row[j]!);
    return Math.max(...own) - Math.min(...own) > 0.2;
  });
  if (apart.length > 0)
    texts.push(
      `the kind of file differs by class: ${labels
        .map(
          (label, i) =>
            `${label} ${kinds.flatMap((kind, j) => (shares[i]![j]! > 0 ? [`${Math.round(100 * shares[i]![j]!)} % ${kind}`] : [])).join(', ')}`,
        )
        .join('; ')}: a classifier may learn that; see column ${sourceFormatColumn} in \`graft data audit\``,
    );
  // A range that one scanner needs makes the images of another dark.
  const brightest = (file: SurveyedFile): number => {
    const shown = shownValues(file, ranges).sort();
    return shown[Math.round((1 - tail) * (shown.length - 1))]!;
  };
  const deep = files.flatMap((file, k) =>
    file.header?.deep && file.measure ? [{ item: items[k]!, white: brightest(file) }] : [],
  );
  const black = deep.filter(({ white }) => white < dark);
  if (black.length > 0)
    texts.push(
      `${black.length} of ${deep.length} files come out nearly black under the range of the set: ${nameSome(
        black.map(({ item }) => item.name),
        3,
      )}; where they come from another device, bring the values to one scale first`,
    );
  const whites = labels.flatMap((label) => {
    const own = deep.filter(({ item }) => item.label === label).map(({ white }) => white);
    return own.length > 0 ? [{ label, white: quantile(own, 0.5) }] : [];
  });
  const [least, most] = [
    Math.min(...whites.map(({ white }) => white)),
    Math.max(...whites.map(({ white }) => white)),
  ];
  if (whites.length > 1 && most > 2 * least)
    texts.push(
      `the range in use differs by class: the brightest parts of the median image come out at ${whites
        .map(({ label, white }) => `${Math.round(white)} of 255 in ${label}`)
        .join(', ')}: a classifier may learn that`,
    );
  return texts;
}
