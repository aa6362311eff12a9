/** ROC and precision–recall curves, a panel each for every group of arms. */
import {
  type Curve,
  type FigureBlock,
  legendOf,
  MOST_BANDS,
  type Panel,
  PRECISION_RECALL,
  percent,
  type RatesOptions,
  ROC,
  ratesPanel,
} from '../../report/index.js';
import { type CurveScores, precisionBand, rocBand } from './bands.js';
import { type ArmStyle, styleOf } from './palette.js';

/** Arms that share a panel; one group alone needs no title. */
export interface ArmGroup {
  title: string;
  arms: readonly string[];
}

/** The groups without arms that have no run. */
export const present = (groups: readonly ArmGroup[], { runs }: CurveScores): ArmGroup[] =>
  groups
    .map(({ title, arms }) => ({ title, arms: arms.filter((name) => runs.some((run) => run.arm === name)) }))
    .filter(({ arms }) => arms.length > 0);

/** @param options.positive what the positive class is called */
export function curvesFigure(
  scores: CurveScores,
  options: { groups: readonly ArmGroup[]; styles: readonly ArmStyle[]; positive: string },
): FigureBlock {
  const { styles, positive } = options;
  const groups = present(options.groups, scores);
  const arms = groups.flatMap((group) => group.arms);
  const labels = scores.folds.flatMap(({ test }) => test.labels);
  const prevalence = labels.filter((label) => label === 1).length / labels.length;
  const panels = groups.flatMap(({ title, arms: own }): Panel[] => {
    const panel = (name: string, band: typeof rocBand, rates: Pick<RatesOptions, 'axes' | 'chance'>): Panel =>
      ratesPanel(
        own.map((arm): Curve => ({ ...styleOf(styles, arm), points: band(scores, arm) })),
        { ...rates, title: title ? `${name}, ${title}` : name, half: true, explore: true },
      );
    return [
      panel('ROC', rocBand, { axes: ROC, chance: 'diagonal' }),
      panel('Precision–recall', precisionBand, { axes: PRECISION_RECALL, chance: prevalence }),
    ];
  });
  const many = arms.some((name) => scores.runs.filter((run) => run.arm === name).length > 1);
  const banded = many && groups.some(({ arms: own }) => own.length <= MOST_BANDS);
  return {
    kind: 'figure',
    name: 'curves',
    title: 'ROC and precision–recall curves on the test images',
    shows:
      `Every threshold there is${many ? ', the mean over the runs of an arm' : ''}${banded ? '; the bands reach from the lowest run to the highest' : ''}. ` +
      `ROC: sensitivity against false alarms, the dotted diagonal is chance. Precision–recall: the share of rightful alarms against sensitivity, the dotted line is the share of '${positive}' (${percent(prevalence)}), which chance reaches.`,
    doesNotShow:
      'Which threshold to use: what it costs to miss a lesion is a clinical choice. Gaps between curves may be chance: the paired differences say. Bands are no intervals: they show runs on these very images, and precision falls where the class is rarer.',
    legend: legendOf(styles.filter(({ name }) => arms.includes(name))),
    panels,
  };
}
