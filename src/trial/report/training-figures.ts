/** The figure of the classifiers' training. It says what it shows and what it does not. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock, Panel } from '../../report/index.js';
import { halfPanel, plainAxis, plural, RULE, thin } from '../../report/index.js';
import {
  type ArmStyle,
  type BandPoint,
  bandHover,
  bandMarks,
  legendOf,
  spreadOf,
} from '../../verdict/report/index.js';
import type { ClassifierPoint, TrialSummary } from '../summary.js';

/** Training loss and validation AUC of the classifiers by arm, mean over the runs thick. */
export function classifierFigure(summary: TrialSummary, styles: readonly ArmStyle[]): FigureBlock | null {
  const panel = (title: string, label: string, pick: (point: ClassifierPoint) => number | null): Panel[] => {
    const lines = styles.flatMap((style) => {
      const points = trainingBand(summary, style.name, pick);
      return points.length > 0 ? [{ style, points }] : [];
    });
    if (lines.length === 0) return [];
    const axes = { x: 'step', y: label };
    return [
      halfPanel(
        title,
        {
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
          marks: [Plot.gridY({ stroke: RULE, strokeOpacity: 1 }), ...bandMarks(lines)],
        },
        bandHover(lines, axes),
      ),
    ];
  };
  const panels = [
    ...panel('Training loss', 'loss', (p) => p.trainLoss),
    ...panel('Validation AUC', 'AUC', (p) => p.validationAuc),
  ];
  if (panels.length === 0) return null;
  const most = Math.max(...styles.map(({ name }) => summary.runs.filter((run) => run.arm === name).length));
  return {
    kind: 'figure',
    name: 'classifier',
    title: 'Training of the classifiers',
    shows: `Training loss and validation AUC over optimiser steps, the mean over the runs of an arm (up to ${plural(most, 'run')}); bands, where they are drawn, reach from the lowest run to the highest. The step with the best validation AUC was kept.`,
    doesNotShow:
      'Training losses of different arms cannot be compared: each is measured on its own, differently hard images. Validation AUC chose the step and is therefore too good; the test images were not looked at.',
    legend: legendOf(styles),
    panels,
  };
}

const POINTS = 120;

/** Where only some runs still went on, a mean would jump: it ends with the shortest. */
function trainingBand(
  { runs }: TrialSummary,
  arm: string,
  pick: (point: ClassifierPoint) => number | null,
): BandPoint[] {
  const curves = runs
    .filter((run) => run.arm === arm)
    .map((run) => thin(run.curve, (p) => p.step, pick, POINTS))
    .filter((curve) => curve.length > 0);
  const byStep = new Map<number, number[]>();
  for (const { x, y } of curves.flat()) byStep.set(x, [...(byStep.get(x) ?? []), y]);
  return [...byStep]
    .filter(([, values]) => values.length === curves.length)
    .map(([x, values]) => ({ x, ...spreadOf(values) }))
    .sort((a, b) => a.x - b.x);
}
