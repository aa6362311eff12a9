/**
 * What is told apart by colour: the classes, where there are few enough for the palette; else the positive class
 * against all others together.
 */
import type { LegendItem } from '../../report/index.js';
import { SERIES } from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';

export interface Series {
  name: string;
  /** CSS colour. */
  color: string;
}

export interface SeriesSet {
  /** The positive class first: bars begin with it, so that it can be compared along one line. */
  series: Series[];
  /** Index into `series` of a label; −1 for a label that is no class. */
  indexOf(label: string): number;
}

const [BLUE, ORANGE, ...OTHERS] = SERIES as [string, string, ...string[]];

/** The positive class is orange wherever it is drawn. */
export const POSITIVE_COLOR = ORANGE;

export function seriesOf({ classes, positive }: Pick<Dataset, 'classes' | 'positive'>): SeriesSet {
  const others = classes.filter((name) => name !== positive);
  const first = { name: positive, color: ORANGE };
  const colors = [BLUE, ...OTHERS];
  if (others.length <= colors.length) {
    const series = [first, ...others.map((name, i) => ({ name, color: colors[i]! }))];
    return { series, indexOf: (label) => series.findIndex(({ name }) => name === label) };
  }
  const known = new Set(others);
  return {
    series: [first, { name: `${others.length} other classes`, color: BLUE }],
    indexOf: (label) => (label === positive ? 0 : known.has(label) ? 1 : -1),
  };
}

/** A legend of filled areas. */
export const areaLegend = (series: readonly Series[]): LegendItem[] =>
  series.map(({ name, color }) => ({ label: name, color, symbol: 'area' }));
