/** Forest plot of all paired differences: the primary comparison, the others, the controls, and external test sets. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock, Hover, Panel } from '../../report/index.js';
import {
  around,
  fullPanel,
  INK,
  MUTED,
  PAPER,
  plural,
  pValue,
  signed,
  signedRange,
} from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { PairAnalysis } from '../comparison.js';
import { coveredText } from './covered.js';
import { type ArmStyle, armLabel } from './palette.js';

/** More rows than these make a panel of their own, which no printed page would hold. */
const ROWS_A_PANEL = 14;

interface Row {
  row: number;
  label: string;
  /** The same in two lines, for phones. */
  folded: string;
  value: number;
  low: number;
  high: number;
  text: string;
  color: string;
  primary: boolean;
  /** One a run. */
  differences: readonly number[];
  runs: readonly string[];
  p: number;
}

export const pairLabel = ({ arm, baseline }: { arm: string; baseline: string }): string =>
  `${armLabel(arm)}  −  ${armLabel(baseline)}`;

/** The axis of differences in AUC, alike in every figure of them. */
export const differenceAxis = (domain: [number, number], narrow: boolean): Plot.ScaleOptions => ({
  domain,
  label: 'difference in test AUC',
  labelAnchor: 'center',
  labelArrow: 'none',
  ticks: narrow ? 4 : 8,
  tickFormat: (value: number) => signed(value).replace(/(\.\d\d)0$/, '$1'),
  tickSize: 4,
});

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
      const rows = part.map((pair, row) => rowOf(pair, row, { folds: analysis.folds, styles }));
      const name = groups.length > 1 ? `${title}${i > 0 ? ', continued' : ''}` : undefined;
      const drawn = fullPanel(
        (width) => forestPlot(rows, { margin, domain }, width),
        `Forest plot of paired differences in test AUC${name ? `: ${name}` : ''}`,
        hoverOf(rows),
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

function rowOf(
  pair: PairAnalysis,
  row: number,
  { folds, styles }: { folds: number; styles: readonly ArmStyle[] },
): Row {
  const { difference, differences, question, arm, role, runs, p } = pair;
  return {
    row,
    low: difference.low,
    high: difference.high,
    value: difference.value,
    label: pairLabel(pair),
    folded: `${armLabel(arm)}\n−  ${armLabel(pair.baseline)}`,
    text: `${signed(difference.value)}  (${signedRange(difference)})`,
    color: question === 'control' ? MUTED : styles.find(({ name }) => name === arm)!.color,
    primary: role === 'primary',
    differences,
    runs: runs.map(({ fold, seed }) => (folds > 1 ? `fold ${fold}, seed ${seed}` : `seed ${seed}`)),
    p,
  };
}

const SEED_DROP = 0.2;

const hoverOf = (rows: readonly Row[]): Hover => ({
  x: 'difference',
  y: '',
  series: rows.map(({ label, row, value, text, p, differences, runs }) => ({
    label,
    points: [[value, row], ...differences.map((difference) => [difference, row + SEED_DROP])],
    texts: [
      `${text}, p ${pValue(p)}`,
      ...differences.map((difference, i) => `${runs[i]}: ${signed(difference)}`),
    ],
  })),
});

function forestPlot(
  rows: readonly Row[],
  { margin, domain }: { margin: number; domain: [number, number] },
  width: number,
): Plot.PlotOptions {
  const narrow = width < 500;
  const stroke = (row: Row): string => row.color;
  const runs = rows.flatMap(({ row, differences }) => differences.map((value) => ({ row, value })));
  const label = (primary: boolean): Plot.Markish =>
    Plot.text(
      rows.filter((row) => row.primary === primary),
      {
        frameAnchor: 'left',
        y: 'row',
        ...(narrow ? { dy: -27, lineAnchor: 'bottom' as const, lineHeight: 1.3 } : { dy: -17 }),
        text: narrow ? 'folded' : 'label',
        ...(primary ? { fontWeight: 600 } : {}),
        fontSize: narrow ? 11.5 : 12,
        fill: INK,
        stroke: PAPER,
        strokeWidth: 4,
      },
    );
  return {
    width,
    height: (narrow ? 92 : 62) + rows.length * (narrow ? 84 : 48),
    marginLeft: 20,
    marginRight: 20,
    marginTop: narrow ? 36 : 8,
    marginBottom: 46,
    x: differenceAxis(domain, narrow),
    y: { domain: [rows.length - 0.25, -0.75], axis: null },
    marks: [
      Plot.rect([0], { x1: -margin, x2: margin, y1: -0.75, y2: rows.length - 0.25, fill: 'var(--soft)' }),
      Plot.ruleX([0], { stroke: INK, strokeWidth: 1 }),
      Plot.dot(runs, {
        x: 'value',
        y: ({ row }: { row: number }) => row + SEED_DROP,
        r: 2.6,
        stroke: MUTED,
        fill: PAPER,
      }),
      Plot.link(rows, { x1: 'low', x2: 'high', y1: 'row', y2: 'row', stroke, strokeWidth: 2.5 }),
      Plot.dot(rows, { x: 'value', y: 'row', r: 5.5, fill: stroke, stroke: PAPER, strokeWidth: 1.5 }),
      label(true),
      label(false),
      Plot.text(rows, {
        frameAnchor: narrow ? 'left' : 'right',
        y: 'row',
        dy: -17,
        text: 'text',
        fontVariant: 'tabular-nums',
        fill: MUTED,
        stroke: PAPER,
        strokeWidth: 4,
      }),
    ],
  };
}

/** Lists of at most `size`, in order. */
export function pieces<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}
