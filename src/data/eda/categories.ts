/** Figures of columns with few values: how many images have each, of which class, and how often they are positive. */
import type { FigureBlock } from '../../report/index.js';
import { percent, plural, whole } from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';
import { type Column, columnTitle } from './columns.js';
import { type BarRow, rowsPanel } from './rows.js';
import { areaLegend, type SeriesSet } from './series.js';
import { wilson } from './share.js';

/** More values than this: the rarest are put together. */
const mostRows = 14;

interface Category {
  name: string;
  images: number;
  positives: number;
  /** Images of each series. */
  bySeries: number[];
}

/** Counts by value; the most frequent first, numbers in their order. */
function categoriesOf(dataset: Dataset, column: Column, { series, indexOf }: SeriesSet): Category[] {
  const categories = new Map<string, Category>();
  dataset.rows.forEach(({ label }, i) => {
    const name = column.values[i];
    if (name === null || name === undefined) return;
    let category = categories.get(name);
    if (!category) {
      category = { name, images: 0, positives: 0, bySeries: series.map(() => 0) };
      categories.set(name, category);
    }
    add(category, label === dataset.positive, indexOf(label));
  });
  const sorted = [...categories.values()].sort((a, b) => b.images - a.images || (a.name < b.name ? -1 : 1));
  if (sorted.length > mostRows) {
    const rest = sorted.splice(mostRows - 1);
    const sum: Category = {
      name: `${rest.length} other values`,
      images: 0,
      positives: 0,
      bySeries: series.map(() => 0),
    };
    for (const { images, positives, bySeries } of rest) {
      sum.images += images;
      sum.positives += positives;
      bySeries.forEach((n, k) => {
        sum.bySeries[k]! += n;
      });
    }
    return [...sorted, sum];
  }
  const numeric = sorted.every(({ name }) => Number.isFinite(Number(name)));
  return numeric ? sorted.sort((a, b) => Number(a.name) - Number(b.name)) : sorted;
}

function add(category: Category, positive: boolean, series: number): void {
  category.images++;
  if (positive) category.positives++;
  if (series >= 0) category.bySeries[series]!++;
}

/** A category as a row of the drawing. */
function barRow({ name, images, positives, bySeries }: Category, { series }: SeriesSet, all: number): BarRow {
  return {
    label: name,
    text: `${whole(images)}  ·  ${percent(images / all)}`,
    shortText: whole(images),
    segments: bySeries.map((value, k) => ({
      value,
      color: series[k]!.color,
      title: `${name}, ${series[k]!.name}: ${whole(value)}`,
    })),
    share: wilson(positives, images),
  };
}

/** Images by value of a categorical column. @param name of the figure */
export function categoryFigure(
  dataset: Dataset,
  column: Column,
  { set, name }: { set: SeriesSet; name: string },
): FigureBlock {
  const { positive, rows } = dataset;
  const present = rows.length - column.missing;
  const categories = categoriesOf(dataset, column, set);
  // Where every share is 0 or 100 %, the column says the target, and an axis of shares would only say so again.
  const tells = categories.every(({ positives, images }) => positives === 0 || positives === images);
  const withShare = dataset.classes.length > 1 && !tells;
  const overall =
    rows.filter(({ label }, i) => label === positive && column.values[i] !== null).length / present;
  const title = columnTitle(column.name);
  const several = dataset.classes.length > 1;
  return {
    kind: 'figure',
    name,
    title: `Images by ${title}`,
    shows: [
      several ? 'Images by class' : 'Images',
      withShare
        ? `; to the right the share of ${positive} with its 95 % interval (Wilson), dotted in all of them (${percent(overall)}).`
        : several && tells
          ? `. Each value goes with ${positive} always or never: the column says the target.`
          : '.',
      column.missing > 0
        ? ` Left out: ${plural(column.missing, 'image')} without a value (${percent(column.missing / rows.length)}).`
        : '',
    ].join(''),
    doesNotShow: withShare
      ? 'Why a share differs: it may be how the collection was put together. Intervals take images for independent.'
      : 'Whether the collection resembles any clinic: it counts what was collected.',
    legend: dataset.classes.length > 1 ? areaLegend(set.series) : [],
    panels: [
      rowsPanel(
        categories.map((category) => barRow(category, set, present)),
        {
          label: `Images by ${title}`,
          ...(withShare ? { share: { title: `share of ${positive}`, reference: overall } } : {}),
        },
      ),
    ],
  };
}

/** Where labels come from, in words. */
export const labelSource = ({ kind, label }: Pick<Dataset, 'kind' | 'label'>): string =>
  kind === 'phantom'
    ? 'the factors behind each phantom'
    : label === 'folder'
      ? 'the names of folders'
      : `column ${label}`;

/** Images by class. */
export function classFigure(dataset: Dataset, set: SeriesSet): FigureBlock {
  // Every class gets its row, however many there are.
  const counts = dataset.classes
    .map((label) => {
      const images = dataset.rows.filter((row) => row.label === label).length;
      const bySeries = set.series.map((_, k) => (k === set.indexOf(label) ? images : 0));
      return { name: label, images, positives: label === dataset.positive ? images : 0, bySeries };
    })
    .sort((a, b) => b.images - a.images);
  const times = counts[0]!.images / Math.max(1, counts.at(-1)!.images);
  return {
    kind: 'figure',
    name: 'classes',
    title: 'Images by class',
    shows:
      `All images by label (from ${labelSource(dataset)}). ` +
      (counts.length === 1
        ? 'There is one class only.'
        : `${times < 1.05 ? 'Classes are of about one size' : `The largest class has ${times.toFixed(1)} times as many as the smallest`}; ${dataset.positive} is target 1, everything else target 0.`),
    doesNotShow:
      'How sure a label is, nor how common a diagnosis is among patients: collections gather the rare.',
    legend: [],
    panels: [
      rowsPanel(
        counts.map((category) => barRow(category, set, dataset.rows.length)),
        { label: 'Images by class' },
      ),
    ],
  };
}
