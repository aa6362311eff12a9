/** How values are distributed: shares of several samples in the same bins. */
import type { Panel } from '../document.js';
import { INK, RULE, type SeriesStyle } from '../palette.js';
import { type Curve, type CurvePoint, curvesPanel } from './curves.js';
import { type Axis, isNarrow, type PanelOptions, Plot, panelOf, scaleOf } from './plot.js';

export interface Sample extends SeriesStyle {
  values: ArrayLike<number>;
}

export interface Bins {
  low: number;
  high: number;
  bins: number;
}

/** Shares of a sample's values in bins of one width; what lies outside counts in the outermost bin. */
export function sharesOf(values: ArrayLike<number>, { low, high, bins }: Bins): number[] {
  const width = (high - low) / bins || 1;
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < values.length; i++) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((values[i]! - low) / width)));
    counts[bin]!++;
  }
  return counts.map((count) => count / values.length);
}

/** Bars of two samples over each other. @param options.threshold a broken line where something is decided */
export function histogramPanel(
  samples: readonly Sample[],
  options: PanelOptions & { x: Axis; y: Axis; bins: Bins; threshold?: number },
): Panel {
  const { x, y, bins, threshold } = options;
  const step = (bins.high - bins.low) / bins.bins;
  const bars = samples.flatMap(({ values, color }) =>
    sharesOf(values, bins).map((share, b) => ({
      x1: bins.low + b * step,
      x2: bins.low + (b + 1) * step,
      share,
      color,
    })),
  );
  return panelOf(
    (width) => ({
      height: 250,
      marginLeft: 56,
      marginBottom: 42,
      marginTop: 14,
      marginRight: 12,
      x: scaleOf({ ...x, domain: [bins.low, bins.high] }, isNarrow(width) ? 5 : 10),
      y: { ...scaleOf(y), nice: false },
      marks: [
        Plot.gridY({ stroke: RULE, strokeOpacity: 1, ticks: 4 }),
        Plot.rect(bars, {
          x1: 'x1',
          x2: 'x2',
          y1: 0,
          y2: 'share',
          fill: ({ color }: { color: string }) => color,
          fillOpacity: 0.55,
          inset: 0.5,
        }),
        Plot.ruleY([0], { stroke: INK }),
        ...(threshold === undefined
          ? []
          : [Plot.ruleX([threshold], { stroke: INK, strokeDasharray: '4,3' })]),
      ],
    }),
    options,
  );
}

const POLYGON_BINS = 18;

/** A line a sample through the middles of its bins, from 0 to 0: for more samples than bars can show. */
export function polygonPanel(
  samples: readonly Sample[],
  options: PanelOptions & { x: string; of: string },
): Panel {
  const all = samples.flatMap(({ values }) => Array.from(values));
  const bins = { low: Math.min(...all), high: Math.max(...all), bins: POLYGON_BINS };
  const width = (bins.high - bins.low) / bins.bins || 1;
  const at = (bin: number, share: number): CurvePoint => ({
    x: bins.low + (bin + 0.5) * width,
    y: 100 * share,
  });
  const curves = samples.map(
    ({ values, ...style }): Curve => ({
      ...style,
      points: [at(-1, 0), ...sharesOf(values, bins).map((share, bin) => at(bin, share)), at(bins.bins, 0)],
    }),
  );
  return curvesPanel(curves, { ...options, x: { label: options.x }, y: { label: `% of ${options.of}` } });
}
