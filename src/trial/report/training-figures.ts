/** The figure of the classifiers' training. It says what it shows and what it does not. */
import * as Plot from '@observablehq/plot';
import { thin } from '../../report/curves.js';
import type { FigureBlock } from '../../report/document.js';
import { halfPanel, plainAxis } from '../../report/draw.js';
import { plural } from '../../report/format.js';
import { RULE } from '../../report/palette.js';
import type { ClassifierPoint, TrialSummary } from '../summary.js';
import { type ArmStyle, legendOf } from './palette.js';

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
