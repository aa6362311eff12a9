/** The reliability diagram, before and after temperature scaling. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock } from '../../report/index.js';
import { fixed, halfPanel, MUTED, PAPER, unitSquare, whole } from '../../report/index.js';
import { wilsonInterval } from '../../stats/index.js';
import type { Calibration } from '../evaluation.js';
import type { Calibrated } from './common-blocks.js';
import { BLUE } from './curves.js';
import type { EvaluationReportInput } from './input.js';

function diagram({ bins }: Calibration, observedName: string): Omit<Plot.PlotOptions, 'width'> {
  const most = Math.max(...bins.map(({ images }) => images));
  const points = bins.map(({ meanProbability, observed, images, low, high }) => ({
    x: meanProbability,
    y: observed,
    ...wilsonInterval(observed, images),
    left: low,
    right: high,
    // The fullest bin's bar is a fifth of the height.
    bar: (0.2 * images) / most,
    r: 2 + 4 * Math.sqrt(images / most),
  }));
  return {
    ...unitSquare({ x: 'probability', y: observedName }, [
      Plot.rect(points, {
        x1: 'left',
        x2: 'right',
        y1: 0,
        y2: 'bar',
        fill: MUTED,
        fillOpacity: 0.25,
        inset: 0.5,
      }),
      Plot.line(
        [
          [0, 0],
          [1, 1],
        ],
        { stroke: MUTED, strokeDasharray: '2,3' },
      ),
      Plot.link(points, { x1: 'x', x2: 'x', y1: 'low', y2: 'high', stroke: BLUE, strokeWidth: 1.6 }),
      Plot.dot(points, { x: 'x', y: 'y', r: 'r', fill: BLUE, stroke: PAPER, strokeWidth: 1 }),
    ]),
    r: { type: 'identity' },
  };
}

/** 'ECE 0.052 (true ones: 0.031, up to 0.049)' */
const errorText = ({ error, floor }: Calibration): string =>
  `ECE ${fixed(error)} (true probabilities would have ${fixed(floor.mean)}, up to ${fixed(floor.high)})`;

/** What a reliability diagram says of which probability. */
interface ReliabilityWords {
  /** Name of the vertical axis. */
  observed: string;
  /** What lies on the dotted line, below, above. */
  shows: string;
  doesNotShow: string;
}

/** The reliability diagram, before and after temperature scaling. */
export function reliabilityFigureOf(
  { calibration, tempered, temperature }: Calibrated,
  { observed, shows, doesNotShow }: ReliabilityWords,
): FigureBlock {
  const scaling = tempered
    ? ` Left as they are: ${errorText(calibration)}. Right, all logits divided by ${fixed(temperature.temperature, 2)}, which fits ${whole(temperature.validationImages)} validation images best (Guo et al. 2017): ${errorText(tempered)}.`
    : ` ${errorText(calibration)}. No temperature could be fitted on the validation images.`;
  return {
    kind: 'figure',
    name: 'reliability',
    title: 'Are the probabilities true?',
    shows: `${shows} Lines are 95 % intervals of the share, grey bars how many images a bin holds.${scaling}`,
    doesNotShow: `${doesNotShow} An expected calibration error (ECE) that true probabilities could have by chance is no evidence against them. Intervals take images for independent.`,
    legend: [],
    panels: [
      halfPanel(tempered ? 'As they are' : 'Reliability', diagram(calibration, observed)),
      ...(tempered
        ? [halfPanel(`Temperature ${fixed(temperature.temperature, 2)}`, diagram(tempered, observed))]
        : []),
    ],
  };
}

export const reliabilityFigure = ({ evaluation }: EvaluationReportInput): FigureBlock =>
  reliabilityFigureOf(evaluation, {
    observed: 'share of positives',
    shows:
      'Images in ten bins by their probability: on the dotted line, as many are positive as the probability says; below it the probability is too high, above it too low.',
    doesNotShow:
      'Whether a single patient’s probability is right, nor whether it would be where the class is rarer or more frequent.',
  });
