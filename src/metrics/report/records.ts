/** Records as people read them: rows of a table, and what a figure beside its floor allows to say. */
import { fixed, left, right, type TableBlock, whole } from '../../report/index.js';
import type { MetricRecord } from '../sets/record.js';

/** How a score lies to that of real against real images, by their 95 % intervals. */
export type Standing = 'better' | 'worse' | 'overlap';

/** Null where there is no floor, or no interval of either to go by. */
export function standingOf({ interval: whole, floor, better }: MetricRecord): Standing | null {
  const interval = floor?.matched ? floor.matched.interval : whole;
  if (!interval || !floor) return null;
  const [low, high] = floor.interval ?? [floor.value, floor.value];
  // What is no number is neither alike nor unlike.
  if (![...interval, low, high].every(Number.isFinite)) return null;
  const above = interval[0] > high;
  const below = interval[1] < low;
  if (!above && !below) return 'overlap';
  if (better === 'real') return 'worse';
  return above === (better === 'higher') ? 'better' : 'worse';
}

/** What each standing is called of metrics that compare picture with picture. */
export const IMAGE_WORDS: Readonly<Record<Standing, string>> = {
  better: 'more alike than real: copied, or blander?',
  worse: 'less alike than real',
  overlap: 'overlap',
};

/** The same of metrics that compare set with set. */
export const DISTRIBUTION_WORDS: Readonly<Record<Standing, string>> = {
  better: 'beyond real: copied, or crowded?',
  worse: 'short of real',
  overlap: 'overlap',
};

/** The same of artefacts. */
export const ARTEFACT_WORDS: Readonly<Record<Standing, string>> = {
  better: 'nearer than real: copied?',
  worse: 'unlike real',
  overlap: 'overlap',
};

const ARROWS = { lower: '↓', higher: '↑', real: '' } as const;

/**
 * What stands under a table where a figure is beyond that of real images: no generator is better than they are.
 */
export const BEYOND_REAL =
  'Beyond real: as real images score among themselves is the most that a generator can reach. Look for copies (graft metrics privacy), and for images that crowd where real ones are most alike.';

/** The words for a record; why there are none where it cannot be read. */
export function readingOf(record: MetricRecord, words: Readonly<Record<Standing, string>>): string {
  const standing = standingOf(record);
  if (standing) return words[standing];
  return record.floor === null ? 'cannot be read: no floor' : '';
}

/** Three figures that count, no exponents where they can be done without. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 5e-5) return value.toExponential(1).replace(/^-/, '−');
  if (size >= 1000) return whole(value);
  return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4);
}

export const range = (interval: readonly [number, number] | null): string =>
  interval ? ` [${figure(interval[0])}, ${figure(interval[1])}]` : '';

export const nameOf = ({ name, unit }: MetricRecord): string => (unit ? `${name} (${unit})` : name);

/** With an arrow that says which way is better. */
const directedName = (record: MetricRecord): string => `${nameOf(record)} ${ARROWS[record.better]}`.trim();

/** 'melanoma', or that all classes are taken together, where there are several. */
const classOf = (record: MetricRecord): string => record.class ?? 'all';

/**
 * @param words what each standing is called
 * @param extra columns after the floor, a text a record
 */
export function recordsTable(
  records: readonly MetricRecord[],
  words: Readonly<Record<Standing, string>>,
  table: Pick<TableBlock, 'title' | 'note'> & {
    extra?: { title: string; text: (record: MetricRecord) => string }[];
  },
): TableBlock {
  const { extra = [], ...rest } = table;
  const byClass = new Set(records.map(classOf)).size > 1;
  return {
    kind: 'table',
    ...rest,
    note: `${rest.note ?? ''} In brackets 95 % intervals; ↑ higher is better, ↓ lower. Reading: whether the intervals of the two overlap, which is no proof that they are equal.`.trim(),
    sortable: true,
    columns: [
      left('metric'),
      ...(byClass ? [left('class')] : []),
      right('real : synthetic'),
      right('real : real'),
      ...extra.map(({ title }) => right(title)),
      left('reading'),
    ],
    rows: records.map((record) => [
      directedName(record),
      ...(byClass ? [classOf(record)] : []),
      `${figure(record.value)}${range(record.interval)}`,
      record.floor ? `${figure(record.floor.value)}${range(record.floor.interval)}` : 'too few images',
      ...extra.map(({ text }) => text(record)),
      readingOf(record, words),
    ]),
  };
}

/** The protocol that all records share, and what single ones have besides. */
export function protocolTable(records: readonly MetricRecord[]): TableBlock {
  const keys = [...new Set(records.flatMap(({ protocol }) => Object.keys(protocol)))];
  const rows = keys.flatMap((key): string[][] => {
    const values = records.map(({ protocol }) => protocol[key]);
    const said = [...new Set(values.map(String))];
    if (values.every((value) => value !== undefined) && said.length === 1) return [[key, 'all', said[0]!]];
    return records.flatMap((record) =>
      record.protocol[key] === undefined ? [] : [[key, record.name, String(record.protocol[key])]],
    );
  });
  const unique = rows.filter((row, i) => rows.findIndex((other) => other.join() === row.join()) === i);
  return {
    kind: 'table',
    title: 'The protocol',
    slim: true,
    columns: ['field', 'metric', 'value'].map(left),
    rows: unique,
    note: 'Two figures compare only where all of these agree; `graft metrics compare` refuses them otherwise.',
  };
}
