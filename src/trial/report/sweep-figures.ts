/** Learning curves: test AUC over the share of real images, and over the number of synthetic ones. */
import {
  around,
  type Curve,
  curvesPanel,
  type FigureBlock,
  fixed,
  legendOf,
  range,
  whole,
} from '../../report/index.js';
import type { ArmAnalysis, TrialAnalysis } from '../../verdict/index.js';
import { type ArmStyle, armLabel } from '../../verdict/report/index.js';
import { sameArm, type TrialArm } from '../arms.js';
import type { TrialSummary } from '../summary.js';
import { armStyles } from './palette.js';

interface Point {
  x: number;
  y: number;
  low: number;
  high: number;
  /** The arm's own name. */
  arm: string;
  /** Mean over its runs. */
  realImages: number;
  syntheticImages: number;
}

interface Line {
  style: ArmStyle;
  points: Point[];
}

/** Arms that differ in nothing but the share of real images, two or more of them; null where there are none. */
export function realFractionFigure(summary: TrialSummary, analysis: TrialAnalysis): FigureBlock | null {
  const lines = linesOf(summary, analysis, {
    key: (arm) => ({ ...arm, realFraction: 1 }),
    x: ({ realFraction }) => 100 * realFraction,
  });
  if (lines.length === 0) return null;
  const percent = Math.round(analysis.level * 100);
  return figure(lines, {
    name: 'real-fraction',
    title: 'Test AUC over the share of real training images',
    x: 'real training images, % of the groups',
    shows: `Arms that differ only in how many real images there are, for the GAN as for the classifier; vertical lines are ${percent} % intervals. Where a line with synthetic images lies as high as one without that has more real images, the synthetic ones have taken their place.`,
    doesNotShow:
      'What more real images than these would bring. One draw of each share was made: another one of the same size may do otherwise. Neighbouring points share images and seeds, so that their intervals say too little of the step between them.',
  });
}

/** Arms that differ in nothing but the amount of synthetic images; begins with the arm that has none. */
export function amountFigure(summary: TrialSummary, analysis: TrialAnalysis): FigureBlock | null {
  const images = (arm: TrialArm): number => meanOf(summary, arm.name, 'syntheticImages');
  const amounts = linesOf(summary, analysis, {
    key: (arm) => ({ ...arm, synthetic: arm.synthetic && { ...arm.synthetic, amount: 'balance' } }),
    x: images,
    accept: ({ synthetic }) => synthetic !== null,
  });
  if (amounts.length === 0) return null;
  const lines = amounts.map(({ style, points }) => {
    const first = summary.arms.find(({ name }) => name === points[0]!.arm)!;
    const baseline = summary.arms.find((arm) => sameArm(arm, { ...first, real: 'all', synthetic: null }));
    const analysed = baseline && analysis.arms.find(({ arm }) => arm === baseline.name);
    // A GAN that takes the positives' place has no arm with none of its images.
    const isSame = first.real === 'all' && analysed !== undefined;
    return { style, points: isSame ? [pointOf(summary, analysed, 0), ...points] : points };
  });
  const percent = Math.round(analysis.level * 100);
  return figure(lines, {
    name: 'synthetic-amount',
    title: 'Test AUC over the number of synthetic images',
    x: 'synthetic images',
    shows: `Arms that differ only in how many synthetic images are added; at 0 stands the same arm without any. Vertical lines are ${percent} % intervals.`,
    doesNotShow:
      'Which amount is best: to take the highest point is to choose by the test images, and its height is too good. All amounts come from one generator.',
  });
}

interface LineOptions {
  /** The arm with the swept axis taken out: arms with one key are one line. */
  key: (arm: TrialArm) => TrialArm;
  x: (arm: TrialArm) => number;
  accept?: (arm: TrialArm) => boolean;
}

function linesOf(
  summary: TrialSummary,
  analysis: TrialAnalysis,
  { key, x, accept = () => true }: LineOptions,
): Line[] {
  const groups = new Map<string, TrialArm[]>();
  for (const arm of summary.arms.filter(accept)) {
    const { name: _name, ...rest } = key(arm);
    const text = JSON.stringify(rest);
    groups.set(text, [...(groups.get(text) ?? []), arm]);
  }
  return [...groups.values()]
    .map((arms) => ({
      arms,
      points: arms
        .flatMap((arm) => {
          const analysed = analysis.arms.find((one) => one.arm === arm.name);
          return analysed ? [pointOf(summary, analysed, x(arm))] : [];
        })
        .sort((a, b) => a.x - b.x),
    }))
    .filter(({ points }) => new Set(points.map((point) => point.x)).size > 1)
    .map(({ arms, points }, i) => ({ points, style: lineStyle(summary, arms, i) }));
}

const pointOf = (summary: TrialSummary, { arm, auc }: ArmAnalysis, x: number): Point => ({
  x,
  y: auc.value,
  low: auc.low,
  high: auc.high,
  arm,
  realImages: meanOf(summary, arm, 'realImages'),
  syntheticImages: meanOf(summary, arm, 'syntheticImages'),
});

function meanOf({ runs }: TrialSummary, arm: string, key: 'realImages' | 'syntheticImages'): number {
  const own = runs.filter((run) => run.arm === arm);
  return own.reduce((sum, run) => sum + run[key], 0) / Math.max(1, own.length);
}

/** Named by the arm with the shortest name, which says what all have in common, and drawn as that one is. */
function lineStyle(summary: TrialSummary, arms: readonly TrialArm[], index: number): ArmStyle {
  const { name } = arms.reduce((a, b) => (b.name.length < a.name.length ? b : a));
  const label = armLabel(name.replace(/\s*\(([^)]*)\)$/, (_, details: string) => common(details, arms)));
  return { ...armStyles(summary.arms).find((style) => style.name === name)!, label, series: `line-${index}` };
}

/** Of the details in brackets those that every arm has. */
function common(details: string, arms: readonly TrialArm[]): string {
  const shared = details
    .split(', ')
    .filter((detail) =>
      arms.every(({ name }) => (/\(([^)]*)\)$/.exec(name)?.[1] ?? '').split(', ').includes(detail)),
    );
  return shared.length > 0 ? ` (${shared.join(', ')})` : '';
}

interface FigureWords {
  name: string;
  title: string;
  x: string;
  shows: string;
  doesNotShow: string;
}

function figure(lines: readonly Line[], { x, ...words }: FigureWords): FigureBlock {
  const points = lines.flatMap((line) => line.points);
  const domain = around(
    points.map((point) => point.x),
    0.05,
  );
  const span = (domain[1] - domain[0]) / 1.1;
  const curves = lines.map(
    ({ style, points: own }, i): Curve => ({
      ...style,
      as: 'intervals',
      // Lines whose intervals stand at one place are set a little apart.
      points: own.map((point) => ({ ...point, x: point.x + (i - (lines.length - 1) / 2) * 0.008 * span })),
      texts: own.map(
        ({ y, low, high, realImages, syntheticImages }) =>
          `AUC ${fixed(y)} (${range({ low, high })}), ${whole(realImages)} real and ${whole(syntheticImages)} synthetic images`,
      ),
    }),
  );
  return {
    kind: 'figure',
    ...words,
    legend: legendOf(curves),
    panels: [
      curvesPanel(curves, {
        title: words.title,
        x: { label: x, domain, format: whole },
        y: { label: 'test AUC', domain: around(points.flatMap(({ low, high }) => [low, high])) },
        explore: true,
      }),
    ],
  };
}
