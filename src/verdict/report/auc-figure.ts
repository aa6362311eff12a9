/** AUC of every arm, on the test images and on external sets: runs, mean, interval. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock, Hover, Panel } from '../../report/index.js';
import { around, fixed, fullPanel, INK, MUTED, PAPER, plural, range } from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { ArmAnalysis } from '../arms.js';
import { coveredText } from './covered.js';
import { type ArmStyle, armLabel } from './palette.js';

interface Row {
  row: number;
  value: number;
  low: number;
  high: number;
  style: ArmStyle;
  label: string;
  text: string;
  aucs: readonly number[];
  runs: readonly string[];
}

interface Reference {
  value: number;
  label: string;
}

/** @param bayesAuc that of the best possible classifier on the trial's own images, where it is known */
export function aucFigure(
  analysis: TrialAnalysis,
  styles: readonly ArmStyle[],
  bayesAuc: number | null,
): FigureBlock {
  const percent = Math.round(analysis.level * 100);
  const { external, folds, test } = analysis;
  const several = external.length > 0;
  const panel = (arms: readonly ArmAnalysis[], best: number | null, title: string): Panel => {
    const rows = arms.map((arm, row) => rowOf(arm, row, { folds, styles }));
    const values = rows.flatMap(({ low, high, aucs }) => [low, high, ...aucs]);
    const references: Reference[] = [
      ...(Math.min(...values) < 0.56 ? [{ value: 0.5, label: 'chance' }] : []),
      ...(best === null ? [] : [{ value: best, label: 'best possible' }]),
    ];
    const domain = around([...values, ...references.map(({ value }) => value)]);
    const drawn = fullPanel(
      (width) => plotOf(rows, { domain, references }, width),
      `AUC of every arm with interval: ${title}`,
      hoverOf(rows),
    );
    return { ...drawn, ...(several ? { title } : {}) };
  };
  return {
    kind: 'figure',
    name: 'auc',
    title: 'Test AUC of every arm',
    shows:
      `The large mark is the mean over ${folds > 1 ? 'folds and seeds' : 'seeds'}, the line its ${percent} % interval (${coveredText(analysis)}), the small open dots the single ${folds > 1 ? 'runs' : 'seeds'}.` +
      (bayesAuc === null
        ? ''
        : ' “Best possible” is the AUC of a classifier that knew how the phantoms were made.'),
    doesNotShow:
      'Overlapping lines do not mean “no difference”: all arms share the same test images, which the paired differences use and these intervals cannot.',
    legend: [],
    panels: [
      panel(analysis.arms, bayesAuc, `The trial’s own ${plural(test.images, 'test image')}`),
      ...external.map(({ name, arms, test: images }) =>
        panel(arms, null, `External set ${name} (${plural(images.images, 'image')})`),
      ),
    ],
  };
}

function rowOf(
  { arm, auc, aucs, runs }: ArmAnalysis,
  row: number,
  { folds, styles }: { folds: number; styles: readonly ArmStyle[] },
): Row {
  return {
    row,
    value: auc.value,
    low: auc.low,
    high: auc.high,
    style: styles.find(({ name }) => name === arm)!,
    label: armLabel(arm),
    text: `${fixed(auc.value)}  (${range(auc)})`,
    aucs,
    runs: runs.map(({ fold, seed }) => (folds > 1 ? `fold ${fold}, seed ${seed}` : `seed ${seed}`)),
  };
}

const SEED_DROP = 0.2;

const hoverOf = (rows: readonly Row[]): Hover => ({
  x: 'AUC',
  y: '',
  series: rows.map(({ label, row, value, text, aucs, runs }) => ({
    label,
    points: [[value, row], ...aucs.map((one) => [one, row + SEED_DROP])],
    texts: [`AUC ${text}`, ...aucs.map((one, i) => `${runs[i]}: ${fixed(one)}`)],
  })),
});

function plotOf(
  rows: readonly Row[],
  { domain, references }: { domain: [number, number]; references: readonly Reference[] },
  width: number,
): Plot.PlotOptions {
  const narrow = width < 500;
  const color = (row: Row): string => row.style.color;
  const runs = rows.flatMap(({ aucs, row }) => aucs.map((value) => ({ row, value })));
  const text = { y: 'row', dy: -16, fill: MUTED, stroke: PAPER, strokeWidth: 4 };
  return {
    width,
    height: 78 + rows.length * (rows.length > 8 ? 42 : 48),
    marginLeft: 20,
    marginRight: 20,
    marginTop: 26,
    marginBottom: 44,
    x: {
      domain,
      label: 'test AUC',
      labelAnchor: 'center',
      labelArrow: 'none',
      ticks: narrow ? 5 : 9,
      tickSize: 4,
    },
    y: { domain: [rows.length - 0.3, -0.7], axis: null },
    symbol: { type: 'identity' },
    marks: [
      Plot.ruleX(references, { x: 'value', stroke: MUTED, strokeDasharray: '2,3' }),
      // At the edges the words turn inwards.
      ...references.map(({ value, label }) => {
        const place = (value - domain[0]) / (domain[1] - domain[0]);
        return Plot.text([value], {
          x: [value],
          text: [label],
          frameAnchor: 'top',
          dy: -16,
          fill: MUTED,
          textAnchor: place > 0.8 ? 'end' : place < 0.2 ? 'start' : 'middle',
        });
      }),
      Plot.dot(runs, {
        x: 'value',
        y: ({ row }: { row: number }) => row + SEED_DROP,
        r: 2.6,
        stroke: MUTED,
        fill: PAPER,
      }),
      Plot.link(rows, { x1: 'low', x2: 'high', y1: 'row', y2: 'row', stroke: color, strokeWidth: 2.5 }),
      Plot.dot(rows, {
        x: 'value',
        y: 'row',
        r: 5.5,
        fill: color,
        stroke: PAPER,
        strokeWidth: 1.5,
        symbol: (row: Row) => row.style.symbol,
      }),
      Plot.text(rows, {
        ...text,
        frameAnchor: 'left',
        text: (row: Row) => (narrow ? `${row.label}:  ${fixed(row.value)}` : row.label),
        fontSize: narrow ? 11.5 : 12,
        fill: INK,
      }),
      Plot.text(narrow ? [] : rows, {
        ...text,
        frameAnchor: 'right',
        text: 'text',
        fontVariant: 'tabular-nums',
      }),
    ],
  };
}
