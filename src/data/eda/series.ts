/**
 * What is told apart by colour: the classes, where there are few enough for the palette; else the positive class
 * against all others together.
 */
import {
  type BarRow,
  BLUE,
  type LegendItem,
  legendOf,
  ORANGE,
  SERIES,
  type SeriesStyle,
  whole,
} from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';

export type Series = Pick<SeriesStyle, 'label' | 'color'>;

export interface SeriesSet {
  /** The positive class first: bars begin with it, so that it can be compared along one line. */
  series: Series[];
  /** Index into `series` of a label; −1 for a label that is no class. */
  indexOf(label: string): number;
}

export function seriesOf({ classes, positive }: Pick<Dataset, 'classes' | 'positive'>): SeriesSet {
  const others = classes.filter((name) => name !== positive);
  // The positive class is orange wherever it is drawn.
  const first = { label: positive, color: ORANGE };
  const colors = SERIES.filter((color) => color !== ORANGE);
  if (others.length <= colors.length) {
    const series = [first, ...others.map((label, i) => ({ label, color: colors[i]! }))];
    return { series, indexOf: (label) => series.findIndex((one) => one.label === label) };
  }
  const known = new Set(others);
  return {
    series: [first, { label: `${others.length} other classes`, color: BLUE }],
    indexOf: (label) => (label === positive ? 0 : known.has(label) ? 1 : -1),
  };
}

/** A bar's parts, a series each. @param of what the bar counts */
export const segmentsOf = (
  counts: readonly number[],
  { series }: SeriesSet,
  of?: string,
): BarRow['segments'] =>
  counts.map((value, k) => {
    const { label, color } = series[k]!;
    return { value, color, title: `${of === undefined ? label : `${of}, ${label}`}: ${whole(value)}` };
  });

/** A legend of filled areas. */
export const areaLegend = ({ series }: SeriesSet): LegendItem[] => legendOf(series, 'area');
