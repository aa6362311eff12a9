/** Forest plot of all paired differences: the primary comparison, the others, the controls, and external test sets. */
import {
  type Axis,
  around,
  type FigureBlock,
  type ForestRow,
  forestPanel,
  MUTED,
  type Panel,
  plural,
  pValue,
  signed,
  signedRange,
  signedTick,
} from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { PairAnalysis } from '../comparison.js';
import { runName } from './auc-figure.js';
import { coveredText } from './covered.js';
import { type ArmStyle, armLabel, styleOf } from './palette.js';

/** More rows than these make a panel of their own, which no printed page would hold. */
const ROWS_A_PANEL = 14;

export const pairLabel = ({ arm, baseline }: { arm: string; baseline: string }): string =>
  `${armLabel(arm)}  −  ${armLabel(baseline)}`;

/** The axis of differences in AUC, alike in every figure of them. */
export const DIFFERENCE_AXIS: Axis = { label: 'difference in test AUC', format: signedTick };

/** @param fixed when the margin was fixed: 'set beforehand' */
export function differencesFigure(
  analysis: TrialAnalysis,
  styles: readonly ArmStyle[],
  fixed: string,
): FigureBlock {
  const groups = groupsOf(analysis);
  const all = groups.flatMap(({ pairs }) => pairs);
  const margin = analysis.equivalenceMargin;
  const domain = around([
    0,
    -margin * 1.4,
    margin * 1.4,
    ...all.flatMap(({ difference, differences }) => [difference.low, difference.high, ...differences]),
  ]);
  const panels = groups.flatMap(({ title, pairs }): Panel[] =>
    pieces(pairs, ROWS_A_PANEL).map((part, i) => {
      const name = groups.length > 1 ? `${title}${i > 0 ? ', continued' : ''}` : undefined;
      const drawn = forestPanel(
        part.map((pair) => rowOf(pair, analysis.folds, styles)),
        {
          title: `Forest plot of paired differences in test AUC${name ? `: ${name}` : ''}`,
          axis: { ...DIFFERENCE_AXIS, domain },
          band: [-margin, margin],
          levels: [{ at: 0, solid: true }],
          explore: true,
        },
      );
      return { ...drawn, ...(name ? { title: name } : {}) };
    }),
  );
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  const levels = [...new Set(analysis.comparisons.map(({ level }) => Number((100 * level).toFixed(1))))];
  return {
    kind: 'figure',
    name: 'differences',
    title: 'Paired differences in test AUC',
    shows:
      `Each line is the ${levels.join(' or ')} % interval of a difference, its large dot the mean, the small open dots the single ${analysis.folds > 1 ? 'runs' : 'seeds'}; right of zero the first arm of the pair is better. ` +
      `The shaded band is ±${margin}, ${fixed} as too small to matter.${primary ? ' The comparison in bold is the one the verdict is about.' : ''}` +
      (analysis.external.length > 0
        ? ' External sets are other collections that every run scored; they do not decide the verdict, but one that contradicts it is told with it.'
        : ''),
    doesNotShow: `Another way to collect images: the intervals cover ${coveredText(analysis)} only. They are not corrected for making several comparisons; the p-values in the table are.`,
    legend: [],
    panels,
  };
}

/** In the order in which they are to be believed. */
function groupsOf({
  comparisons,
  external,
}: TrialAnalysis): { title: string; pairs: readonly PairAnalysis[] }[] {
  const own = [
    { title: 'Primary: what the verdict is about', role: 'primary' },
    { title: 'Required: what “helps” must hold against as well', role: 'required' },
    { title: 'Secondary: corrected for their number', role: 'secondary' },
    { title: 'Control: what standard augmentation itself brings', role: 'control' },
  ].map(({ title, role }) => ({ title, pairs: comparisons.filter((pair) => pair.role === role) }));
  const others = external.map(({ name, test, comparisons: pairs }) => ({
    title: `External set ${name} (${plural(test.images, 'image')})`,
    pairs,
  }));
  return [...own, ...others].filter(({ pairs }) => pairs.length > 0);
}

function rowOf(pair: PairAnalysis, folds: number, styles: readonly ArmStyle[]): ForestRow {
  const { difference, differences, question, arm, role, runs, p } = pair;
  const text = `${signed(difference.value)}  (${signedRange(difference)})`;
  return {
    ...{ low: difference.low, high: difference.high, value: difference.value },
    label: pairLabel(pair),
    folded: `${armLabel(arm)}\n−  ${armLabel(pair.baseline)}`,
    text,
    told: `${text}, p ${pValue(p)}`,
    color: question === 'control' ? MUTED : styleOf(styles, arm).color,
    strong: role === 'primary',
    singles: differences.map((value, i) => ({
      value,
      told: `${runName(runs[i]!, folds)}: ${signed(value)}`,
    })),
  };
}

/** Lists of at most `size`, in order. */
export function pieces<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}
