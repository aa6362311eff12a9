/**
 * Which metadata columns images are split by to see whether a classifier serves all alike, and into which subgroups: sex,
 * age bands, site, source, skin type, hair, and any column that is named. Numbers are put into bands: ages into whole
 * decades, hairs into none and some, all others into thirds.
 */

import { ConfigError } from 'graft-torch/base';
import { quantile } from '../../stats/index.js';
import { columnTitle } from '../eda/columns.js';
import { columnValues } from '../table/cell.js';

/** One way of splitting the images. */
export interface Partition {
  column: string;
  /** In words. */
  title: string;
  /** In their order. */
  values: string[];
  /** Of each image the subgroup it is in; null where it is not known. */
  of: (string | null)[];
}

export interface PartitionOptions {
  /** Columns; default those whose name is known (`sex`, `age_approx`, `anatom_site_general`, …). */
  columns?: readonly string[];
  /** Width of the bands of ages, in years; default 20. */
  ageBandYears?: number;
}

type Meta = Readonly<Record<string, string>>;

const AGE = /^(age|age_approx|patient_?age|age_years)$/i;
const HAIR = /^(hairs?|hair_(share|count))$/i;

/** Columns that are looked for, in the order in which they are shown; of those that mean the same the first counts. */
const LOOKED_FOR: readonly RegExp[] = [
  /^(sex|gender|patient_?sex)$/i,
  AGE,
  /^(anatom_site_general|anatom_site.*|anatomic(al)?_site.*|localization|location|body_?site|site)$/i,
  /^(source|source_dataset|institution|cent(re|er)|hospital|attribution)$/i,
  /^(fitzpatrick.*|skin_?(type|tone|melanin))$/i,
  /^image_type$/i,
  HAIR,
];

/** More different words than this: the rarest are put together. */
const MOST_VALUES = 12;
/** More different numbers than this are no categories. */
const MOST_NUMBERS = 8;

/**
 * The partitions of some images. Columns of one value, and of words that nearly every image has another of, give none.
 * @param metadata of the images, column by column
 * @throws ConfigError for a column that is asked for and not there, or of which nothing can be made
 */
export function partitionsOf(metadata: readonly Meta[], options: PartitionOptions = {}): Partition[] {
  const names = [...new Set(metadata.flatMap((row) => Object.keys(row)))];
  if (options.columns) {
    return options.columns.map((column) => {
      if (!names.includes(column)) {
        const there = names.length > 0 ? `there are ${names.join(', ')}` : 'the dataset has no metadata';
        throw new ConfigError(`no metadata column '${column}'; ${there}`);
      }
      const partition = partitionOf(
        column,
        metadata.map((row) => row[column] ?? ''),
        options,
      );
      if (!partition) {
        throw new ConfigError(`column '${column}' has one value, or hardly one twice; choose another`);
      }
      return partition;
    });
  }
  return LOOKED_FOR.flatMap((pattern) => {
    for (const column of names.filter((name) => pattern.test(name))) {
      const partition = partitionOf(
        column,
        metadata.map((row) => row[column] ?? ''),
        options,
      );
      if (partition) return [partition];
    }
    return [];
  });
}

/** The cells of one column; null where they are of one value, or hardly one stands twice. */
export function partitionOf(
  column: string,
  cells: readonly string[],
  options: Pick<PartitionOptions, 'ageBandYears'> = {},
): Partition | null {
  const { values: raw, isNumeric } = columnValues(cells);
  const present = raw.filter((value) => value !== null);
  const different = new Set(present);
  if (different.size < 2) return null;
  const isAge = AGE.test(column);
  const banded = isNumeric && (isAge || HAIR.test(column) || different.size > MOST_NUMBERS);
  const bands = banded ? numberBands(column, present.map(Number), options) : wordValues(present);
  if (!bands) return null;
  const of = raw.map((value) => (value === null ? null : bands.of(value)));
  const values = bands.values.filter((value) => of.includes(value));
  return values.length < 2 ? null : { column, title: columnTitle(column), values, of };
}

/** Subgroups in their order, and which one a cell falls into. */
interface Bands {
  values: string[];
  of: (cell: string) => string;
}

function numberBands(column: string, numbers: readonly number[], options: PartitionOptions): Bands {
  if (AGE.test(column)) {
    const { ageBandYears: years = 20 } = options;
    const name = (age: number): string => {
      const low = Math.floor(age / years) * years;
      return `${low} to ${low + years - 1}`;
    };
    const values = [...new Set(numbers)].sort((a, b) => a - b).map(name);
    return { values: [...new Set(values)], of: (cell) => name(Number(cell)) };
  }
  if (HAIR.test(column))
    return { values: ['none', 'some'], of: (cell) => (Number(cell) > 0 ? 'some' : 'none') };
  const bounds = [...new Set([1 / 3, 2 / 3].map((share) => quantile(numbers, share)))];
  const short = bounds.map((bound) => Number(bound.toPrecision(3)));
  const values =
    bounds.length === 1
      ? [`up to ${short[0]}`, `above ${short[0]}`]
      : [`up to ${short[0]}`, `${short[0]} to ${short[1]}`, `above ${short[1]}`];
  return { values, of: (cell) => values[bounds.filter((bound) => Number(cell) > bound).length]! };
}

function wordValues(present: readonly string[]): Bands | null {
  const counts = new Map<string, number>();
  for (const value of present) counts.set(value, (counts.get(value) ?? 0) + 1);
  if (counts.size > MOST_VALUES && counts.size > present.length / 5) return null;
  const frequent = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([value]) => value);
  const own = frequent.length > MOST_VALUES ? new Set(frequent.slice(0, MOST_VALUES - 1)) : new Set(frequent);
  const other = `${frequent.length - own.size} other values`;
  const ordered = [...own].every((value) => Number.isFinite(Number(value)))
    ? [...own].sort((a, b) => Number(a) - Number(b))
    : [...own];
  return {
    values: own.size < frequent.length ? [...ordered, other] : ordered,
    of: (cell) => (own.has(cell) ? cell : other),
  };
}
