/** How values are distributed, as curves of shares a bin: several samples on one axis. */

import type { Panel } from '../../report/index.js';
import { type Curve, curvePlot, halfPanel, type Point, WIDTHS } from '../../report/index.js';

export interface Sample {
  label: string;
  color: string;
  values: ArrayLike<number>;
}

const BINS = 18;

/** Shares of a sample's values in bins of one width from `low` to `high`, each at its middle; the ends are closed at 0. */
export function shares(values: ArrayLike<number>, low: number, high: number, bins = BINS): Point[] {
  const width = (high - low) / bins || 1;
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < values.length; i++) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((values[i]! - low) / width)));
    counts[bin]!++;
  }
  const middle = (bin: number): number => low + (bin + 0.5) * width;
  return [
    { x: middle(-1), y: 0 },
    ...counts.map((count, bin) => ({ x: middle(bin), y: (100 * count) / values.length })),
    { x: middle(bins), y: 0 },
  ];
}

/** Curves of several samples on one axis, and what it takes to draw them. */
export function densityCurves(samples: readonly Sample[]): Curve[] {
  const all = samples.flatMap(({ values }) => Array.from(values));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return samples.map(({ label, color, values }) => ({ label, color, points: shares(values, low, high) }));
}

/** A half panel with a curve a sample. @param x name of the axis */
export const densityPanel = (title: string, samples: readonly Sample[], x: string): Panel =>
  halfPanel(title, curvePlot(densityCurves(samples), { x, y: '% of pairs', heightPx: 210 }, WIDTHS.half));
