/** Which metadata is missing, and whether the classes differ in that. */
import { barsPanel, type FigureBlock, legendOf, list, percent, RULE, whole } from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';
import { type Column, columnTitle } from './columns.js';
import type { SeriesSet } from './series.js';

const mostRows = 24;

export interface Gap {
  column: Column;
  share: number;
  /** Share missing in each series; NaN for one without images. */
  bySeries: number[];
}

/** Columns with gaps, the widest first. */
export function gapsOf(dataset: Dataset, columns: readonly Column[], { series, indexOf }: SeriesSet): Gap[] {
  const keys = dataset.rows.map(({ label }) => indexOf(label));
  return columns
    .filter(({ missing }) => missing > 0)
    .map((column) => {
      const images = series.map(() => 0);
      const missing = series.map(() => 0);
      keys.forEach((key, i) => {
        if (key < 0) return;
        images[key]!++;
        if (column.values[i] === null) missing[key]!++;
      });
      return {
        column,
        share: column.missing / dataset.rows.length,
        bySeries: series.map((_, k) => missing[k]! / images[k]!),
      };
    })
    .sort((a, b) => b.share - a.share || (a.column.name < b.column.name ? -1 : 1));
}

export function missingFigure(gaps: readonly Gap[], columns: readonly Column[], set: SeriesSet): FigureBlock {
  const shown = gaps.slice(0, mostRows);
  const several = set.series.length > 1;
  const complete = columns.filter(({ missing }) => missing === 0).map(({ name }) => columnTitle(name));
  const rest = gaps.slice(mostRows).map(({ column }) => columnTitle(column.name));
  const ends = [0.05, 0.1, 0.25, 0.5, 1];
  const largest = Math.max(
    ...shown.flatMap(({ share, bySeries }) => [share, ...bySeries.filter((one) => one >= 0)]),
  );
  const max = ends.find((end) => end >= largest) ?? 1;
  return {
    kind: 'figure',
    name: 'missing',
    title: 'Missing metadata by column',
    shows:
      `The bar is the share of all images without a value; a full bar would be ${percent(max).replace('.0', '')}.` +
      `${several ? ' Dots are the same share within each class: where they lie apart, the gap itself tells something of the class.' : ''} ` +
      `Empty cells and words such as “unknown” count as missing.` +
      (rest.length > 0 ? ` Not drawn, with smaller gaps: ${list(rest)}.` : '') +
      (complete.length > 0 ? ` Complete: ${list(complete)}.` : ''),
    doesNotShow: 'Why a value is missing, and whether one that is there is right.',
    legend: several ? legendOf(set.series, 'dot') : [],
    panels: [
      barsPanel(
        shown.map(({ column, share, bySeries }) => ({
          label: columnTitle(column.name),
          text: `${whole(column.missing)}  ·  ${percent(share)}`,
          segments: [{ value: share, color: RULE, title: `all: ${percent(share)}` }],
          dots: set.series.flatMap(({ label, color }, k) => {
            const value = bySeries[k]!;
            return several && value >= 0 ? [{ value, color, title: `${label}: ${percent(value)}` }] : [];
          }),
        })),
        { title: 'Missing metadata by column', max },
      ),
    ],
  };
}
