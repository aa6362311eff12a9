/** The figure of the classifiers' training. It says what it shows and what it does not. */
import {
  type Curve,
  curvesPanel,
  type FigureBlock,
  legendOf,
  type Panel,
  plural,
  STEPS,
  thin,
} from '../../report/index.js';
import { type ArmStyle, type BandPoint, spreadOf } from '../../verdict/report/index.js';
import type { ClassifierPoint, TrialSummary } from '../summary.js';

/** Training loss and validation AUC of the classifiers by arm, mean over the runs thick. */
export function classifierFigure(summary: TrialSummary, styles: readonly ArmStyle[]): FigureBlock | null {
  const panel = (title: string, label: string, pick: Pick): Panel[] => {
    const curves = styles
      .map((style): Curve => ({ ...style, points: trainingBand(summary, style.name, pick) }))
      .filter(({ points }) => points.length > 0);
    const axes = { x: { ...STEPS, label: 'optimiser step' }, y: { label } };
    return curves.length > 0 ? [curvesPanel(curves, { title, half: true, ...axes, explore: true })] : [];
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

type Pick = (point: ClassifierPoint) => number | null;

/** Where only some runs still went on, a mean would jump: it ends with the shortest. */
function trainingBand({ runs }: TrialSummary, arm: string, pick: Pick): BandPoint[] {
  const curves = runs
    .filter((run) => run.arm === arm)
    .map(({ curve }) =>
      curve.flatMap((point) => {
        const y = pick(point);
        return y === null ? [] : [{ x: point.step, y }];
      }),
    )
    .filter((curve) => curve.length > 0)
    .map((curve) => thin(curve, POINTS));
  const byStep = new Map<number, number[]>();
  for (const { x, y } of curves.flat()) byStep.set(x, [...(byStep.get(x) ?? []), y]);
  return [...byStep]
    .filter(([, values]) => values.length === curves.length)
    .map(([x, values]) => ({ x, ...spreadOf(values) }))
    .sort((a, b) => a.x - b.x);
}
