/** Figures of columns with numbers: a density for each class, and under it where the images are. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock, Panel } from '../../report/index.js';
import { fullPanel, halfPanel, INK, percent, plural, RULE, whole } from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';
import { type Column, columnTitle, numbersOf } from './columns.js';
import { density, recordedStep } from './density.js';
import { areaLegend, type SeriesSet } from './series.js';

/** Fewer values than this make no curve. */
const fewest = 5;
/** Cells of the strip under the curves. */
const cells = 48;

interface Curve {
  name: string;
  color: string;
  n: number;
  mean: number;
  line: { x: number; y: number }[];
  /** Share of the class's values in each cell that has any. */
  strip: { x1: number; x2: number; share: number; n: number }[];
}

/** One curve a series; those without any value are left out. Null where all values are the same. */
function curvesOf(values: Float64Array, keys: readonly number[], { series }: SeriesSet): Curve[] | null {
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
  return series.flatMap(({ name, color }, k) => {
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

function densityPlot(curves: readonly Curve[], axis: string, height: number): Plot.PlotOptions {
  const top = Math.max(1e-12, ...curves.flatMap(({ line }) => line.map(({ y }) => y)));
  // Strips are about 8 px high.
  const stripHeight = (top * 8) / (height - 60 - 8 * curves.length);
  return {
    height,
    marginLeft: 10,
    marginRight: 14,
    marginTop: 8,
    marginBottom: axis ? 42 : 26,
    x: {
      label: axis || null,
      labelAnchor: 'center',
      labelArrow: 'none',
      ticks: height < 200 ? 5 : 8,
      tickSize: 4,
      nice: false,
    },
    y: { domain: [-stripHeight * (curves.length + 0.6), top * 1.04], axis: null },
    marks: [
      ...curves.flatMap(({ line, color }) => [
        Plot.areaY(line, { x: 'x', y1: 0, y2: 'y', fill: color, fillOpacity: 0.1 }),
        Plot.line(line, { x: 'x', y: 'y', stroke: color, strokeWidth: 2 }),
      ]),
      Plot.ruleY([0], { stroke: RULE }),
      ...curves.map(({ strip, color, name }, k) =>
        Plot.rect(strip, {
          x1: 'x1',
          x2: 'x2',
          y1: -stripHeight * (k + 0.45),
          y2: -stripHeight * (k + 1.25),
          fill: color,
          fillOpacity: (d: { share: number }) => 0.12 + 0.88 * d.share,
          insetLeft: 0.25,
          insetRight: 0.25,
          title: (d: { x1: number; x2: number; n: number }) =>
            `${name}, ${tidy(d.x1)} to ${tidy(d.x2)}: ${plural(d.n, 'image')}`,
        }),
      ),
    ],
  };
}

const tidy = (value: number): string => String(Number(value.toPrecision(4)));

/** Many classes: one hill a row, named, instead of a tangle of curves. */
function ridgePlot(curves: readonly Curve[], axis: string): Plot.PlotOptions {
  const rowPx = 44;
  return {
    height: curves.length * rowPx + 56,
    marginLeft: 10,
    marginRight: 14,
    marginTop: 14,
    marginBottom: 42,
    x: { label: axis, labelAnchor: 'center', labelArrow: 'none', ticks: 6, tickSize: 4 },
    y: { domain: [curves.length, 0], axis: null },
    marks: curves.flatMap(({ line, strip, color, name, n }, row) => {
      const top = Math.max(1e-12, ...line.map(({ y }) => y));
      return [
        Plot.ruleY([row + 1], { stroke: RULE }),
        Plot.areaY(line, {
          x: 'x',
          y1: row + 1,
          y2: (d: { y: number }) => row + 1 - (0.62 * d.y) / top,
          fill: color,
          fillOpacity: 0.3,
        }),
        Plot.line(line, {
          x: 'x',
          y: (d: { y: number }) => row + 1 - (0.62 * d.y) / top,
          stroke: color,
          strokeWidth: 1.5,
        }),
        ...(line.length === 0
          ? [
              Plot.tickX(strip, {
                x: (d: { x1: number; x2: number }) => (d.x1 + d.x2) / 2,
                y1: row + 0.7,
                y2: row + 1,
                stroke: color,
              } as Plot.TickXOptions),
            ]
          : []),
        Plot.text([name], {
          frameAnchor: 'left',
          y: [row + 0.2],
          text: [`${name}  ·  ${whole(n)}`],
          fill: INK,
          stroke: 'var(--paper)',
          strokeWidth: 4,
        }),
      ];
    }),
  };
}

const curveMethod =
  'Curves are kernel densities (Gaussian, bandwidth by Silverman’s rule, no less than half the step in which values were recorded), each of area 1';
const method = `${curveMethod}; the strips under them count images, darkest where the class has most.`;

/** Density of age (or whatever the column is) by class, full width. */
export function ageFigure(dataset: Dataset, column: Column, set: SeriesSet): FigureBlock | null {
  const values = numbersOf(column);
  // With more classes than colours each gets its own row.
  const many = set.series.length < dataset.classes.length;
  const own: SeriesSet = many
    ? {
        series: dataset.classes.map((name) => ({
          name,
          color: name === dataset.positive ? set.series[0]!.color : set.series[1]!.color,
        })),
        indexOf: (label) => dataset.classes.indexOf(label),
      }
    : set;
  const curves = curvesOf(
    values,
    dataset.rows.map(({ label }) => own.indexOf(label)),
    own,
  );
  if (!curves) return null;
  const title = columnTitle(column.name);
  const draw = (width: number): Plot.PlotOptions => ({
    width,
    ...(many
      ? ridgePlot(curves, title)
      : densityPlot(curves, title, (width < 500 ? 230 : 270) + 8 * curves.length)),
  });
  const gap =
    column.missing > 0
      ? ` Missing for ${plural(column.missing, 'image')} (${percent(column.missing / dataset.rows.length)}).`
      : '';
  const means =
    curves.length <= 6
      ? ` Means: ${curves.map(({ name, mean }) => `${name} ${mean.toFixed(1)}`).join(', ')}.`
      : '';
  return {
    kind: 'figure',
    name: 'age',
    title: `Distribution of ${title} by class`,
    shows: `${many ? `A row a class, with its number of images, all drawn equally high. ${curveMethod}.` : method}${means}${gap}`,
    doesNotShow:
      'How many images a class has: areas are equal. Where curves lie apart, age alone tells something of the class, and a classifier may learn it from wrinkled or spotted skin.',
    legend: many
      ? []
      : areaLegend(own.series.filter(({ name }) => curves.some((curve) => curve.name === name))),
    panels: [fullPanel(draw, `Density of ${title} by class`)],
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
    const curves = curvesOf(numbersOf(column), keys, set);
    return curves ? [{ title: columnTitle(column.name), curves }] : [];
  });
  const [only] = drawn;
  // One alone would be stretched over the page.
  const panels =
    only && drawn.length === 1
      ? [
          fullPanel(
            (width) => ({ width, ...densityPlot(only.curves, only.title, 200 + 8 * only.curves.length) }),
            only.title,
          ),
        ]
      : drawn.map(
          ({ title, curves }): Panel => halfPanel(title, densityPlot(curves, '', 130 + 8 * curves.length)),
        );
  if (panels.length === 0) return null;
  return {
    kind: 'figure',
    name: 'numbers',
    title: 'Numeric metadata by class',
    shows: method,
    doesNotShow:
      'How columns hang together, and how many images a class has: areas are equal. A column whose curves lie apart tells the class by itself.',
    legend: areaLegend(set.series),
    panels,
  };
}

/** One density of numbers that are no column (image sizes), in half a page. Null where all are the same. */
export function densityPanel(
  title: string,
  values: Float64Array,
  options: { keys: readonly number[]; set: SeriesSet; heightPx: number },
): Panel | null {
  const curves = curvesOf(values, options.keys, options.set);
  return curves && halfPanel(title, densityPlot(curves, '', options.heightPx));
}
