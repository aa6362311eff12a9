/** Figures of training: the losses of a GAN and of the classifiers. Each says what it shows and what it does not. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock } from '../../report/document.js';
import { fullPanel, halfPanel, plainAxis } from '../../report/draw.js';
import { plural } from '../../report/format.js';
import { RULE } from '../../report/palette.js';
import type { ClassifierPoint, TrialGan, TrialSummary } from '../summary.js';
import { type ArmStyle, legendOf } from './palette.js';

/** Means of `buckets` runs of neighbouring points, so that a curve of any length draws fast and reads well. */
function thin<T>(points: readonly T[], x: (p: T) => number, y: (p: T) => number | null, buckets: number) {
  const result: { x: number; y: number }[] = [];
  const size = Math.max(1, Math.ceil(points.length / buckets));
  for (let start = 0; start < points.length; start += size) {
    const part = points.slice(start, start + size).flatMap((p) => {
      const value = y(p);
      return value === null ? [] : [{ x: x(p), y: value }];
    });
    if (part.length === 0) continue;
    const mean = (key: 'x' | 'y'): number => part.reduce((sum, p) => sum + p[key], 0) / part.length;
    result.push({ x: mean('x'), y: mean('y') });
  }
  return result;
}

/** Losses of both networks of a GAN: fine line as logged, thick line its trend. */
export function ganLossFigure(gan: TrialGan, name: string): FigureBlock {
  const lines = [
    {
      label: 'discriminator',
      color: 'var(--blue)',
      symbol: 'line',
      key: 'discriminatorLoss' as const,
    },
    { label: 'generator', color: 'var(--orange)', symbol: 'line', key: 'generatorLoss' as const },
  ];
  const draw = (width: number): Plot.PlotOptions => {
    const narrow = width < 500;
    return {
      width,
      height: narrow ? 230 : 270,
      marginLeft: 48,
      marginBottom: 42,
      marginRight: 10,
      x: { ...plainAxis('step', narrow), tickFormat: (value: number) => value.toLocaleString('en-GB') },
      y: { ...plainAxis('loss', false), ticks: 5, grid: false, nice: true },
      marks: [
        Plot.gridY({ stroke: RULE, strokeOpacity: 1 }),
        ...lines.flatMap(({ key, color }) => [
          Plot.line(
            thin(
              gan.curve,
              (p) => p.step,
              (p) => p[key],
              narrow ? 150 : 320,
            ),
            { x: 'x', y: 'y', stroke: color, strokeOpacity: 0.3, strokeWidth: 0.8 },
          ),
          Plot.line(
            thin(
              gan.curve,
              (p) => p.step,
              (p) => p[key],
              36,
            ),
            { x: 'x', y: 'y', stroke: color, strokeWidth: 2, curve: 'monotone-x' },
          ),
        ]),
      ],
    };
  };
  return {
    kind: 'figure',
    name,
    title: `Losses of the GAN ${gan.name}`,
    shows:
      'How the contest between generator and discriminator went; losses that stay level mean that neither has won.',
    doesNotShow:
      'Picture quality: a GAN’s loss does not fall as its images improve. Look at the images and at the metrics.',
    legend: lines.map(({ label, color, symbol }) => ({ label, color, symbol })),
    panels: [fullPanel(draw, `Generator and discriminator loss of ${gan.name}`)],
  };
}

/** Training loss and validation AUC of the classifier by arm, mean over seeds thick. */
export function classifierFigure(summary: TrialSummary, styles: readonly ArmStyle[]): FigureBlock | null {
  const panel = (title: string, label: string, pick: (point: ClassifierPoint) => number | null) => {
    const marks = styles.flatMap(({ name, color }) => {
      const curves = summary.runs
        .filter((run) => run.arm === name)
        .map((run) => thin(run.curve, (p) => p.step, pick, 120))
        .filter((curve) => curve.length > 0);
      if (curves.length === 0) return [];
      const byStep = new Map<number, number[]>();
      for (const point of curves.flat()) byStep.set(point.x, [...(byStep.get(point.x) ?? []), point.y]);
      // Where only some seeds still ran, a mean would jump: it ends with the shortest run.
      const mean = [...byStep]
        .filter(([, values]) => values.length === curves.length)
        .map(([x, values]) => ({ x, y: values.reduce((a, b) => a + b, 0) / values.length }))
        .sort((a, b) => a.x - b.x);
      return [
        ...(curves.length > 1
          ? curves.map((curve) =>
              Plot.line(curve, { x: 'x', y: 'y', stroke: color, strokeOpacity: 0.28, strokeWidth: 0.8 }),
            )
          : []),
        Plot.line(mean, { x: 'x', y: 'y', stroke: color, strokeWidth: 2 }),
      ];
    });
    if (marks.length === 0) return [];
    return [
      halfPanel(title, {
        height: 250,
        marginLeft: 56,
        marginBottom: 42,
        marginTop: 10,
        marginRight: 12,
        x: {
          ...plainAxis('optimiser step', true),
          tickFormat: (value: number) => value.toLocaleString('en-GB'),
        },
        y: { ...plainAxis(label, true), nice: true },
        marks: [Plot.gridY({ stroke: RULE, strokeOpacity: 1 }), ...marks],
      }),
    ];
  };
  const panels = [
    ...panel('Training loss', 'loss', (p) => p.trainLoss),
    ...panel('Validation AUC', 'AUC', (p) => p.validationAuc),
  ];
  if (panels.length === 0) return null;
  return {
    kind: 'figure',
    name: 'classifier',
    title: 'Training of the classifiers',
    shows: `Training loss and validation AUC over optimiser steps, ${plural(new Set(summary.runs.map((run) => run.seed)).size, 'seed')} thin, their mean thick. The step with the best validation AUC was kept.`,
    doesNotShow:
      'Training losses of different arms cannot be compared: each is measured on its own, differently hard images. Validation AUC chose the step and is therefore too good; the test images were not looked at.',
    legend: legendOf(styles),
    panels,
  };
}
