/** Is acting on the probabilities worth more than treating all, or none? A decision curve, and its values at some thresholds. */
import {
  type Curve,
  curvesPanel,
  type FigureBlock,
  fixed,
  INK,
  legendOf,
  levelText,
  MUTED,
  percent,
  right,
  type Section,
  signed,
  signedRange,
  type TableBlock,
} from '../../report/index.js';
import { benefitOfAll, netBenefit } from '../../stats/index.js';
import type { TrialAnalysis } from '../analysis.js';
import { armBenefit, type GroupedScores } from '../run-measures.js';
import { type BandPoint, bandOf, runsOf } from './bands.js';
import { hasGenerators } from './covered.js';
import { pairLabel } from './differences-figure.js';
import { type ArmStyle, armLabel, styleOf } from './palette.js';

/** Threshold probabilities that are told in numbers. */
const TOLD = [0.05, 0.1, 0.2, 0.3, 0.5];
const STEP = 0.01;
/** Of arms without a comparison. */
const MOST_ARMS = 4;

/** @param scores probabilities */
export function benefitSection(
  scores: GroupedScores,
  analysis: TrialAnalysis,
  styles: readonly ArmStyle[],
): Section {
  const primary = analysis.primary === null ? null : analysis.comparisons[analysis.primary]!;
  const arms = primary
    ? [primary.baseline, primary.arm]
    : analysis.arms.slice(0, MOST_ARMS).map(({ arm }) => arm);
  return {
    id: 'benefit',
    title: 'Net benefit',
    blocks: [
      decisionFigure(scores, analysis, { arms, styles }),
      ...(primary ? [benefitTable(scores, analysis, primary)] : []),
    ],
  };
}

const prevalenceOf = ({ folds }: GroupedScores): number => {
  const shares = folds.map(
    ({ test: { labels } }) => labels.filter((label) => label === 1).length / labels.length,
  );
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
};

function decisionFigure(
  scores: GroupedScores,
  analysis: TrialAnalysis,
  { arms, styles }: { arms: readonly string[]; styles: readonly ArmStyle[] },
): FigureBlock {
  const prevalence = prevalenceOf(scores);
  const lines = arms.map((name) => {
    const runs = runsOf(scores, name);
    const points = bandOf(runs, (run, x) => netBenefit(run.labels, run.scores, x * (1 - STEP)), 100);
    return {
      ...styleOf(styles, name),
      points: points.map((point) => ({ ...point, x: point.x * (1 - STEP) })),
    };
  });
  // Beyond the last threshold at which anything is worth doing, all lines are one.
  const useful = Math.max(
    ...lines.flatMap(({ points }) => points.filter(({ y }) => y > 0.001).map(({ x }) => x)),
    0.15,
  );
  const end = Math.min(1 - STEP, Math.ceil((useful + 0.02) * 10) / 10);
  const shown = lines.map((line) => ({ ...line, points: line.points.filter(({ x }) => x <= end + 1e-9) }));
  const highest = Math.max(prevalence, ...shown.flatMap(({ points }) => points.map(({ high }) => high)));
  const floor = -0.2 * highest;
  // Where treating all leaves the drawing: t with prevalence − (1 − prevalence) t/(1 − t) = floor.
  const odds = (prevalence - floor) / (1 - prevalence);
  const last = Math.min(end, odds / (1 + odds));
  const everybody: Curve = {
    label: 'act on all',
    color: MUTED,
    dash: '6 3',
    points: Array.from({ length: 60 }, (_, i) => {
      const x = (i / 59) * last;
      return { x, y: benefitOfAll(prevalence, x) };
    }),
  };
  const nobody: Curve = { label: 'act on none', color: INK, points: [0, end].map((x) => ({ x, y: 0 })) };
  const several = runsOf(scores, arms[0]!).length > 1;
  return {
    kind: 'figure',
    name: 'benefit',
    title: 'Decision curve',
    shows: `Net benefit (Vickers & Elkin 2006) of acting on the probability from a threshold on${several ? ', the mean over the runs of an arm; the bands reach from the lowest run to the highest' : ''}. One who acts from 10 % on says that finding one of ‘${analysis.names.positive}’ is worth nine false alarms. Dashed: acting on every image; at 0, on none. Only above both is an arm of use.`,
    doesNotShow: `Which threshold is right: that is a clinical choice. The share of positives is that of the test images (${percent(prevalence)}), and where they are rarer all of it is less. Probabilities are taken at their word: an arm that says too much for having been trained on more positives than there are (${hasGenerators(analysis) ? 'synthetic images, ' : ''}oversampling) loses here what recalibration could give back.`,
    legend: legendOf([...shown, everybody]),
    panels: [
      curvesPanel(
        [
          nobody,
          everybody,
          ...shown.map(
            ({ points, ...style }): Curve => ({
              ...style,
              points: inside(points, floor),
              texts: points.map(
                ({ x, y }) =>
                  `from ${percent(x)} on: net benefit ${fixed(y)}, of acting on all ${fixed(benefitOfAll(prevalence, x))}`,
              ),
            }),
          ),
        ],
        {
          title: 'Net benefit over threshold probability',
          x: { label: 'threshold probability', domain: [0, end], format: (x) => `${Math.round(100 * x)} %` },
          y: { label: 'net benefit', domain: [floor, 1.06 * highest] },
          explore: true,
        },
      ),
    ],
  };
}

/** What lies below the drawing ends at its edge. */
const inside = (points: readonly BandPoint[], floor: number): BandPoint[] =>
  points.map(({ x, y, low, high }) => ({
    x,
    y: Math.max(floor, y),
    low: Math.max(floor, low),
    high: Math.max(floor, high),
  }));

/** Nothing is not less than nothing. */
const withoutSign = (value: number): string => fixed(Math.abs(value) < 0.0005 ? 0 : value);

function benefitTable(
  scores: GroupedScores,
  { level }: TrialAnalysis,
  pair: { arm: string; baseline: string },
): TableBlock {
  const prevalence = prevalenceOf(scores);
  return {
    kind: 'table',
    title: `Net benefit: ${pairLabel(pair)}`,
    columns: [
      right('Threshold'),
      right(armLabel(pair.baseline)),
      right(armLabel(pair.arm)),
      right('Act on all'),
      right('Difference'),
      right(`${levelText(level)} interval`),
    ],
    rows: TOLD.map((threshold) => {
      const mean = (name: string): string => {
        const value = armBenefit(scores, name, { threshold, level });
        return value ? withoutSign(value.mean) : '–';
      };
      const difference = armBenefit(scores, pair.arm, { threshold, minus: pair.baseline, level });
      return [
        `${Math.round(100 * threshold)} %`,
        mean(pair.baseline),
        mean(pair.arm),
        withoutSign(benefitOfAll(prevalence, threshold)),
        difference ? signed(difference.mean) : '–',
        difference ? signedRange(difference) : '–',
      ];
    }),
    note: `Mean over runs; intervals of the difference over seeds and test images, each by itself and not corrected for there being several. A net benefit of 0.01 is one more of the positive found in 100 images, at no more false alarms.`,
  };
}
