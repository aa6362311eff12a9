/** Figures of columns with numbers: a density for each class, and under it where the images are. */
import {
  densityPanel,
  type FigureBlock,
  type Hill,
  type Panel,
  percent,
  plural,
  ridgePanel,
} from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';
import { type Column, columnTitle, numbersOf } from './columns.js';
import { density, recordedStep } from './density.js';
import { areaLegend, type SeriesSet } from './series.js';

/** Fewer values than this make no curve. */
const fewest = 5;
/** Cells of the strip under the curves. */
const cells = 48;

/**
 * The density of each series; those without any value are left out. Null where all values are the same.
 * @param keys the series of each value, an index
 */
export function hillsOf(
  values: Float64Array,
  keys: readonly number[],
  { series }: SeriesSet,
): (Hill & { mean: number })[] | null {
  const finite = values.filter((value) => Number.isFinite(value));
  const step = recordedStep(finite);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of finite) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (!(high > low)) return null;
  const limits = { low: low - step / 2, high: high + step / 2 };
  // A cell is a whole number of steps, or cells between two steps would stay empty.
  const width = Math.max(
    Math.ceil((limits.high - limits.low) / cells / (step || 1)) * step,
    (limits.high - limits.low) / cells,
  );
  return series.flatMap(({ label: name, color }, k) => {
    const own = values.filter((value, i) => keys[i] === k && Number.isFinite(value));
    if (own.length === 0) return [];
    const counts = new Map<number, number>();
    for (const value of own) {
      const cell = Math.floor((value - limits.low) / width);
      counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
    const fullest = Math.max(...counts.values());
    const curve = own.length < fewest ? null : density(own, { step, limits });
    return [
      {
        name,
        color,
        n: own.length,
        mean: own.reduce((sum, value) => sum + value / own.length, 0),
        line: curve
          ? curve.x.flatMap((x, i) =>
              i % 3 === 0 || i === curve.x.length - 1 ? [{ x, y: curve.y[i]! }] : [],
            )
          : [],
        strip: [...counts].map(([cell, n]) => ({
          x1: limits.low + cell * width,
          x2: Math.min(limits.high, limits.low + (cell + 1) * width),
          share: n / fullest,
          n,
        })),
      },
    ];
  });
}

const curveMethod =
  'Curves are kernel densities (Gaussian, bandwidth by Silverman’s rule, no less than half the step in which values were recorded), each of area 1';
const method = `${curveMethod}; the strips under them count images, darkest where the class has most.`;

/** Density of age (or whatever the column is) by class, full width. */
export function ageFigure(dataset: Dataset, column: Column, set: SeriesSet): FigureBlock | null {
  // With more classes than colours each gets its own row.
  const many = set.series.length < dataset.classes.length;
  const own: SeriesSet = many
    ? {
        series: dataset.classes.map((label) => ({
          label,
          color: label === dataset.positive ? set.series[0]!.color : set.series[1]!.color,
        })),
        indexOf: (label) => dataset.classes.indexOf(label),
      }
    : set;
  const keys = dataset.rows.map(({ label }) => own.indexOf(label));
  const hills = hillsOf(numbersOf(column), keys, own);
  if (!hills) return null;
  const axis = columnTitle(column.name);
  const panel = { title: `Density of ${axis} by class`, axis };
  const gap =
    column.missing > 0
      ? ` Missing for ${plural(column.missing, 'image')} (${percent(column.missing / dataset.rows.length)}).`
      : '';
  const means =
    hills.length <= 6
      ? ` Means: ${hills.map(({ name, mean }) => `${name} ${mean.toFixed(1)}`).join(', ')}.`
      : '';
  const shown = own.series.filter(({ label }) => hills.some(({ name }) => name === label));
  return {
    kind: 'figure',
    name: 'age',
    title: `Distribution of ${axis} by class`,
    shows: `${many ? `A row a class, with its number of images, all drawn equally high. ${curveMethod}.` : method}${means}${gap}`,
    doesNotShow:
      'How many images a class has: areas are equal. Where curves lie apart, age alone tells something of the class, and a classifier may learn it from wrinkled or spotted skin.',
    legend: many ? [] : areaLegend({ ...own, series: shown }),
    panels: [many ? ridgePanel(hills, panel) : densityPanel(hills, panel)],
  };
}

/** Small densities of further numeric columns. */
export function numericFigure(
  dataset: Dataset,
  columns: readonly Column[],
  set: SeriesSet,
): FigureBlock | null {
  const keys = dataset.rows.map(({ label }) => set.indexOf(label));
  const drawn = columns.flatMap((column) => {
    const hills = hillsOf(numbersOf(column), keys, set);
    return hills ? [{ title: columnTitle(column.name), hills }] : [];
  });
  if (drawn.length === 0) return null;
  // One alone would be stretched over the page.
  const panel = (title: string, hills: readonly Hill[]): Panel =>
    drawn.length === 1
      ? densityPanel(hills, { title, axis: title, heightPx: 200 + 8 * hills.length })
      : densityPanel(hills, { title, half: true, heightPx: 130 + 8 * hills.length });
  return {
    kind: 'figure',
    name: 'numbers',
    title: 'Numeric metadata by class',
    shows: method,
    doesNotShow:
      'How columns hang together, and how many images a class has: areas are equal. A column whose curves lie apart tells the class by itself.',
    legend: areaLegend(set),
    panels: drawn.map(({ title, hills }) => panel(title, hills)),
  };
}
