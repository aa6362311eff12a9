/** Reliability diagrams: what share is positive of the images that are given a probability. */
import type { Panel } from '../document.js';
import { MUTED, PAPER, type SeriesStyle } from '../palette.js';
import { type Curve, curveHover, curveMarks } from './curves.js';
import { type PanelOptions, Plot, panelOf } from './plot.js';
import { chanceMark, unitSquare } from './rates.js';

/** Images of like probability. */
export interface ReliabilityBin {
  meanProbability: number;
  /** Share of positives, with an interval where one is drawn. */
  observed: number;
  low?: number;
  high?: number;
  images: number;
  /** Limits of the bin, where its images are drawn as a bar. */
  limits?: readonly [number, number];
  told?: string;
}

export interface ReliabilitySeries extends SeriesStyle {
  bins: readonly ReliabilityBin[];
}

/**
 * Single bins with intervals, or the bins of several series joined by lines. The more images a bin holds, the larger its
 * mark.
 */
export function reliabilityPanel(
  series: readonly ReliabilitySeries[],
  options: PanelOptions & { observed: string; explore?: boolean },
): Panel {
  const axes = { x: 'probability', y: options.observed };
  const curves = series.map(({ bins, ...style }): Curve => {
    const told = bins.flatMap((bin) => bin.told ?? []);
    return {
      ...style,
      points: bins.map(({ meanProbability, observed }) => ({ x: meanProbability, y: observed })),
      ...(told.length > 0 ? { texts: told } : {}),
    };
  });
  const bars = series.flatMap(({ bins }) => {
    const most = Math.max(...bins.map(({ images }) => images));
    return bins.flatMap(({ limits, images }) =>
      // The fullest bin's bar is a fifth of the height.
      limits ? [{ x1: limits[0], x2: limits[1], height: (0.2 * images) / most }] : [],
    );
  });
  const withIntervals = bars.length > 0;
  return panelOf(
    () =>
      unitSquare(axes, [
        Plot.rect(bars, {
          x1: 'x1',
          x2: 'x2',
          y1: 0,
          y2: 'height',
          fill: MUTED,
          fillOpacity: 0.25,
          inset: 0.5,
        }),
        chanceMark('diagonal'),
        ...(withIntervals ? [] : curveMarks(curves)),
        ...series.flatMap(({ bins, color, symbol, series: name }) => {
          const all = bins.reduce((sum, { images }) => sum + images, 0);
          const own = name === undefined ? {} : { className: `series-${name}` };
          const x = 'meanProbability';
          return [
            ...(withIntervals
              ? [
                  Plot.link(bins, {
                    x1: x,
                    x2: x,
                    y1: 'low',
                    y2: 'high',
                    stroke: color,
                    strokeWidth: 1.6,
                    ...own,
                  }),
                ]
              : []),
            Plot.dot(bins, {
              x,
              y: 'observed',
              fill: color,
              stroke: PAPER,
              symbol: (symbol ?? 'circle') as 'circle',
              r: ({ images }: ReliabilityBin) => 3 + 5 * Math.sqrt(images / all),
              ...own,
            }),
          ];
        }),
      ]),
    options,
    options.explore ? curveHover(curves, axes) : undefined,
  );
}
