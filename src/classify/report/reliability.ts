/** The reliability diagram, before and after temperature scaling. */
import { BLUE, type FigureBlock, fixed, type Panel, reliabilityPanel, whole } from '../../report/index.js';
import { wilsonInterval } from '../../stats/index.js';
import type { Calibration } from '../evaluation.js';
import type { Calibrated } from './common-blocks.js';
import type { EvaluationReportInput } from './input.js';

const diagram = ({ bins }: Calibration, title: string, observed: string): Panel => {
  const drawn = bins.map(({ meanProbability, observed: share, images, low, high }) => ({
    ...{ meanProbability, images, observed: share, ...wilsonInterval(share, images) },
    limits: [low, high] as const,
  }));
  return reliabilityPanel([{ label: '', color: BLUE, bins: drawn }], { title, half: true, observed });
};

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
      diagram(calibration, tempered ? 'As they are' : 'Reliability', observed),
      ...(tempered ? [diagram(tempered, `Temperature ${fixed(temperature.temperature, 2)}`, observed)] : []),
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
