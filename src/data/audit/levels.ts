/**
 * Features as levels: what is numeric is cut into bins of about as many images each, rare categories are put
 * together, and "missing" is a level like any other, since that a value was not recorded can itself tell the label.
 */
import type { Codes } from '../../stats/index.js';
import { columnValues, dayReader, isMissing } from '../table/cell.js';
import type { Confound } from './result.js';

export interface Feature extends Pick<Confound, 'feature' | 'kind' | 'source' | 'images' | 'missing'> {
  codes: Codes;
  /** Name of each code. */
  levels: string[];
}

/** Why a column or trait is no feature. */
export type NoFeature = 'constant' | 'identifier';

export interface LevelOptions {
  /** Bins of a numeric feature, at the most. */
  bins?: number;
  /** Images that a level has at least. */
  smallest?: number;
  /** Levels of a categorical feature, at the most. */
  most?: number;
}

const defaults: Required<LevelOptions> = { bins: 10, smallest: 10, most: 50 };

const missingLevel = '(missing)';

/**
 * A column of a table as a feature: numeric where every known value is a number, or a date (in years), and there are
 * more than a few.
 * @returns why not, where all values are the same, or most occur so seldom that they can only name the image
 */
export function columnFeature(
  name: string,
  values: readonly string[],
  options: LevelOptions = {},
): Feature | NoFeature {
  const column = columnValues(values);
  const distinct = new Set(column.values.filter((value) => value !== null));
  if (distinct.size > (options.bins ?? defaults.bins) && column.isNumeric)
    return numericFeature(
      { feature: name, source: 'metadata' },
      column.values.map((value) => (value === null ? null : Number(value))),
      options,
    );
  const day = dayReader(values);
  if (day && distinct.size > (options.bins ?? defaults.bins)) {
    const years = values.map((value) => {
      const days = day(value);
      return days === undefined ? null : 1970 + days / 365.2425;
    });
    return numericFeature({ feature: name, source: 'metadata' }, years, options);
  }
  return categoricalFeature(
    { feature: name, source: 'metadata' },
    column.values.map((value) => value ?? ''),
    options,
  );
}

/** @param values one an image; words for a missing one are missing */
export function categoricalFeature(
  what: Pick<Feature, 'feature' | 'source'>,
  values: readonly string[],
  options: LevelOptions = {},
): Feature | NoFeature {
  const { smallest, most } = { ...defaults, ...options };
  const counts = new Map<string, number>();
  for (const value of values) if (!isMissing(value, 'value')) counts.set(value, (counts.get(value) ?? 0) + 1);
  const known = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const order = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const kept = order.filter(([, count], i) => count >= smallest && i < most);
  const covered = kept.reduce((sum, [, count]) => sum + count, 0);
  if (counts.size > 1 && covered < known / 2) return 'identifier';
  const levels = kept.map(([value]) => value);
  if (kept.length < order.length) {
    const rest = order.length - kept.length;
    levels.push(rest === 1 ? order.at(-1)![0] : `(${rest} rarer ones)`);
  }
  const codeOf = new Map(order.map(([value], i) => [value, Math.min(i, levels.length - 1)]));
  return withMissing(
    { ...what, kind: 'categorical' },
    values.map((value) => codeOf.get(value)),
    levels,
  );
}

/**
 * Bins by quantile; equal values share a bin, so that there may be fewer.
 * @param values one an image, null where missing
 */
export function numericFeature(
  what: Pick<Feature, 'feature' | 'source'>,
  values: readonly (number | null)[],
  options: LevelOptions = {},
): Feature | NoFeature {
  const { bins, smallest } = { ...defaults, ...options };
  const known = Float64Array.from(values.filter((value) => value !== null)).sort();
  const wanted = Math.max(1, Math.min(bins, Math.floor(known.length / smallest)));
  const starts = binStarts(known, { target: known.length / wanted, smallest });
  const binOf = (value: number): number => {
    let bin = 0;
    while (bin + 1 < starts.length && starts[bin + 1]! <= value) bin++;
    return bin;
  };
  const last = starts.map(() => Number.NEGATIVE_INFINITY);
  for (const value of known) last[binOf(value)] = value;
  const levels = starts.map((from, i) =>
    from === last[i] ? shortNumber(from) : `${shortNumber(from)} to ${shortNumber(last[i]!)}`,
  );
  return withMissing(
    { ...what, kind: 'numeric' },
    values.map((value) => (value === null ? undefined : binOf(value))),
    levels,
  );
}

/**
 * First value of each bin: bins are closed where they come nearest to their target; a value that fills one by itself,
 * as 0 often does, gets one of its own.
 */
function binStarts(sorted: Float64Array, size: { target: number; smallest: number }): number[] {
  const counts = new Map<number, number>();
  for (const value of sorted) counts.set(value, (counts.get(value) ?? 0) + 1);
  const starts: number[] = [];
  let current = 0;
  for (const [value, count] of counts) {
    if (starts.length === 0 || (current >= size.smallest && current + count / 2 > size.target)) {
      starts.push(value);
      current = 0;
    }
    current += count;
  }
  if (starts.length > 1 && current < size.smallest) starts.pop();
  return starts;
}

/** Up to four significant digits. */
export const shortNumber = (value: number): string => String(Number(value.toPrecision(4)));

function withMissing(
  what: Pick<Feature, 'feature' | 'kind' | 'source'>,
  codes: readonly (number | undefined)[],
  levels: readonly string[],
): Feature | NoFeature {
  const missing = codes.filter((code) => code === undefined).length;
  const all = missing > 0 ? [...levels, missingLevel] : [...levels];
  if (all.length < 2) return 'constant';
  return {
    ...what,
    images: codes.length - missing,
    missing,
    codes: Uint16Array.from(codes, (code) => code ?? levels.length),
    levels: all,
  };
}
