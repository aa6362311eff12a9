/** Are the probabilities true? One line an arm, over all of its runs; and how far off they are, beside what chance gives. */
import { Random } from 'graft-torch/base';
import {
  capital,
  type FigureBlock,
  fixed,
  left,
  legendOf,
  type Panel,
  percent,
  type ReliabilitySeries,
  reliabilityPanel,
  right,
  type TableBlock,
  whole,
} from '../../report/index.js';
import { calibrationBins, calibrationError, calibrationFloor, meanAndDeviation } from '../../stats/index.js';
import { type CurveScores, runsOf } from './bands.js';
import { type ArmGroup, present } from './curves-figure.js';
import { type ArmStyle, armLabel, styleOf } from './palette.js';

/** Bins with fewer images than this share are left out of the line: theirs is noise. */
const LEAST_SHARE = 0.005;
const BINS = 10;
/** Draws of true probabilities a run. */
const DRAWS = 200;

export function reliabilityFigure(
  scores: CurveScores,
  options: { groups: readonly ArmGroup[]; styles: readonly ArmStyle[]; synthetic: boolean },
): FigureBlock {
  const { styles } = options;
  const groups = present(options.groups, scores);
  const arms = groups.flatMap((group) => group.arms);
  const seriesOf = (arm: string): ReliabilitySeries => {
    const runs = runsOf(scores, arm);
    const labels = runs.flatMap((run) => run.labels);
    const probabilities = runs.flatMap((run) => run.scores);
    const bins = calibrationBins(labels, probabilities, { bins: BINS })
      .filter(({ images }) => images >= LEAST_SHARE * labels.length)
      .map(({ meanProbability, observed, images }) => ({
        ...{ meanProbability, observed, images },
        told: `probability ${fixed(meanProbability)}: ${percent(observed)} positive, ${percent(images / labels.length)} of the images`,
      }));
    return { ...styleOf(styles, arm), bins };
  };
  const panels = groups.map(
    ({ title, arms: own }): Panel =>
      reliabilityPanel(own.map(seriesOf), {
        title: title ? capital(title) : 'Every arm',
        half: true,
        observed: 'share of positives',
        explore: true,
      }),
  );
  return {
    kind: 'figure',
    name: 'reliability',
    title: 'Are the probabilities true?',
    shows: `Test images of all runs of an arm in ${BINS} bins by their probability: on the dotted line, as many are positive as the probability says; below it the probability is too high, above it too low. The larger a mark, the more images its bin holds; bins with less than ${percent(LEAST_SHARE)} are left out.`,
    doesNotShow: `Whether the probabilities would be true where the class is rarer or more frequent. Arms that were trained on more positives than there are (${options.synthetic ? 'synthetic images, ' : ''}oversampling) say too much by design: a threshold from validation makes up for that, a probability taken at its word does not.`,
    legend: legendOf(styles.filter(({ name }) => arms.includes(name))),
    panels,
  };
}

/** Expected calibration error of every arm with what true probabilities would have. */
export function calibrationTable(scores: CurveScores, names: readonly string[]): TableBlock {
  const random = new Random(0).fork('calibration');
  const arms = names.filter((name) => scores.runs.some((run) => run.arm === name));
  const rows = arms.map((name) => {
    const runs = runsOf(scores, name);
    const errors = meanAndDeviation(
      runs.map((run) => calibrationError(run.labels, run.scores, { bins: BINS })),
    );
    const floors = runs.map((run) => calibrationFloor(run.scores, { bins: BINS, random, draws: DRAWS }));
    const mean = (key: 'mean' | 'high'): number =>
      floors.reduce((sum, floor) => sum + floor[key], 0) / floors.length;
    return [
      armLabel(name),
      runs.length > 1 ? `${fixed(errors.mean)} ± ${fixed(errors.deviation)}` : fixed(errors.mean),
      fixed(mean('mean')),
      fixed(mean('high')),
      whole(runs.length),
    ];
  });
  return {
    kind: 'table',
    title: 'Expected calibration error of every arm',
    columns: [left('Arm'), ...['ECE ↓', 'True ones, mean', 'True ones, 95 % below', 'Runs'].map(right)],
    rows,
    sortable: true,
    note: `Mean ± standard deviation over runs; ${BINS} bins of equal width, of the positive class (Naeini et al. 2015). “True ones”: the same error of labels that were drawn from these very probabilities. An ECE that these reach by chance is no evidence against the probabilities.`,
  };
}
