/** Figures of the result: differences, AUCs, ROC curves. Each says what it shows and what it does not. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock } from '../../report/document.js';
import { around, fullPanel, halfPanel } from '../../report/draw.js';
import { fixed, signed, signedRange } from '../../report/format.js';
import { INK, MUTED, PAPER, RULE } from '../../report/palette.js';
import { meanRoc, rocCurve } from '../../stats/roc.js';
import type { TrialAnalysis } from '../analysis.js';
import type { TrialSummary } from '../summary.js';
import { type ArmStyle, armLabel, legendOf } from './palette.js';

/** Forest plot of the paired differences with the zero line and the margin. */
export function differencesFigure(analysis: TrialAnalysis, styles: readonly ArmStyle[]): FigureBlock {
  const percent = Math.round(analysis.level * 100);
  const margin = analysis.equivalenceMargin;
  const rows = analysis.comparisons.map((comparison, index) => ({
    row: index,
    low: comparison.difference.low,
    high: comparison.difference.high,
    value: comparison.difference.value,
    label: `${armLabel(comparison.arm)}  −  ${armLabel(comparison.baseline)}`,
    text: `${signed(comparison.difference.value)}  (${signedRange(comparison.difference)})`,
    color:
      comparison.question === 'control' ? MUTED : styles.find(({ name }) => name === comparison.arm)!.color,
    primary: index === analysis.primary,
  }));
  const seeds = analysis.comparisons.flatMap(({ differences }, row) =>
    differences.map((value) => ({ row, value })),
  );
  const domain = around([
    0,
    -margin * 1.4,
    margin * 1.4,
    ...rows.flatMap(({ low, high }) => [low, high]),
    ...seeds.map(({ value }) => value),
  ]);
  const draw = (width: number): Plot.PlotOptions => {
    const narrow = width < 500;
    const stroke = (row: (typeof rows)[number]): string => row.color;
    return {
      width,
      height: 62 + rows.length * (narrow ? 66 : 52),
      marginLeft: 12,
      marginRight: 12,
      marginTop: 8,
      marginBottom: 46,
      x: {
        domain,
        label: 'difference in test AUC',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: narrow ? 4 : 8,
        tickFormat: (value: number) => signed(value).replace(/(\.\d\d)0$/, '$1'),
        tickSize: 4,
      },
      y: { domain: [rows.length - 0.25, -0.75], axis: null },
      marks: [
        Plot.rect([0], { x1: -margin, x2: margin, y1: -0.75, y2: rows.length - 0.25, fill: 'var(--soft)' }),
        Plot.ruleX([0], { stroke: INK, strokeWidth: 1 }),
        Plot.dot(seeds, {
          x: 'value',
          y: (d: { row: number }) => d.row + 0.2,
          r: 2.6,
          stroke: MUTED,
          fill: PAPER,
        }),
        Plot.link(rows, { x1: 'low', x2: 'high', y1: 'row', y2: 'row', stroke, strokeWidth: 2.5 }),
        Plot.dot(rows, { x: 'value', y: 'row', r: 5.5, fill: stroke, stroke: PAPER, strokeWidth: 1.5 }),
        Plot.text(rows, {
          frameAnchor: 'left',
          y: 'row',
          dy: narrow ? -31 : -17,
          text: 'label',
          fontWeight: 600,
          filter: 'primary',
          fontSize: narrow ? 11.5 : 12,
          fill: INK,
          stroke: PAPER,
          strokeWidth: 4,
        }),
        Plot.text(rows, {
          frameAnchor: 'left',
          y: 'row',
          dy: narrow ? -31 : -17,
          text: 'label',
          filter: (row: (typeof rows)[number]) => !row.primary,
          fontSize: narrow ? 11.5 : 12,
          fill: INK,
          stroke: PAPER,
          strokeWidth: 4,
        }),
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
  };
  return {
    kind: 'figure',
    name: 'differences',
    title: 'Paired differences in test AUC',
    shows: `Each line is the ${percent} % interval of a difference, its large dot the mean, the small open dots the single seeds; right of zero the first arm of the pair is better. The shaded band is ±${margin}, set beforehand as too small to matter.${analysis.primary === null ? '' : ' The comparison in bold is the one the verdict is about.'}`,
    doesNotShow:
      'Another training set or other synthetic images: the intervals cover other seeds and other test images only. They are not corrected for making several comparisons; the p-values in the table are.',
    legend: [],
    panels: [fullPanel(draw, 'Forest plot of paired differences in test AUC')],
  };
}

/** AUC of every arm: seeds, mean, interval; chance and the best possible where they fit. */
export function aucFigure(
  analysis: TrialAnalysis,
  styles: readonly ArmStyle[],
  bayesAuc: number | null,
): FigureBlock {
  const percent = Math.round(analysis.level * 100);
  const rows = analysis.arms.map(({ arm, auc }, row) => ({
    row,
    ...auc,
    style: styles.find(({ name }) => name === arm)!,
    label: armLabel(arm),
    text: `${fixed(auc.value)}  (${fixed(auc.low)} to ${fixed(auc.high)})`,
  }));
  const seeds = analysis.arms.flatMap(({ aucs }, row) => aucs.map((value) => ({ row, value })));
  const values = [...rows.flatMap(({ low, high }) => [low, high]), ...seeds.map(({ value }) => value)];
  const references = [
    ...(Math.min(...values) < 0.56 ? [{ value: 0.5, label: 'chance' }] : []),
    ...(bayesAuc !== null ? [{ value: bayesAuc, label: 'best possible' }] : []),
  ];
  const domain = around([...values, ...references.map(({ value }) => value)]);
  const draw = (width: number): Plot.PlotOptions => {
    const narrow = width < 500;
    const color = (row: (typeof rows)[number]): string => row.style.color;
    return {
      width,
      height: 78 + rows.length * 48,
      marginLeft: 12,
      marginRight: 12,
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
        Plot.dot(seeds, {
          x: 'value',
          y: (d: { row: number }) => d.row + 0.2,
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
          symbol: (row: (typeof rows)[number]) => row.style.symbol,
        }),
        Plot.text(rows, {
          frameAnchor: 'left',
          y: 'row',
          dy: -16,
          text: (row: (typeof rows)[number]) => (narrow ? `${row.label}:  ${fixed(row.value)}` : row.label),
          fontSize: narrow ? 11.5 : 12,
          fill: INK,
          stroke: PAPER,
          strokeWidth: 4,
        }),
        Plot.text(narrow ? [] : rows, {
          frameAnchor: 'right',
          y: 'row',
          dy: -16,
          text: 'text',
          fontVariant: 'tabular-nums',
          fill: MUTED,
          stroke: PAPER,
          strokeWidth: 4,
        }),
      ],
    };
  };
  return {
    kind: 'figure',
    name: 'auc',
    title: 'Test AUC of every arm',
    shows: `The large mark is the mean over seeds, the line its ${percent} % interval (other seeds, other test images), the small open dots the single seeds.${bayesAuc === null ? '' : ' “Best possible” is the AUC of a classifier that knew how the phantoms were made.'}`,
    doesNotShow:
      'Overlapping lines do not mean “no difference”: all arms share the same test images, which the paired differences use and these intervals cannot.',
    legend: [],
    panels: [fullPanel(draw, 'Test AUC of every arm with interval')],
  };
}

/** ROC curves, arms without and with standard augmentation apart, so that each panel is one comparison. */
export function rocFigure(
  summary: TrialSummary,
  analysis: TrialAnalysis,
  styles: readonly ArmStyle[],
): FigureBlock {
  const panels = [false, true].flatMap((standard) => {
    const arms = summary.arms.filter(
      (arm) => arm.standard === standard && analysis.arms.some(({ arm: name }) => name === arm.name),
    );
    if (arms.length === 0) return [];
    const marks = arms.flatMap((arm) => {
      const { color } = styles.find(({ name }) => name === arm.name)!;
      const curves = summary.runs
        .filter((run) => run.arm === arm.name)
        .map((run) => rocCurve(summary.test.labels, run.testScores));
      const mean = meanRoc(curves);
      return [
        ...(curves.length > 1
          ? curves.map((curve) =>
              Plot.line(curve.falsePositiveRate, {
                x: curve.falsePositiveRate,
                y: curve.truePositiveRate,
                stroke: color,
                strokeOpacity: 0.28,
                strokeWidth: 0.8,
              }),
            )
          : []),
        Plot.line([0, ...mean.x], { x: [0, ...mean.x], y: [0, ...mean.y], stroke: color, strokeWidth: 2.2 }),
      ];
    });
    return [
      halfPanel(`${standard ? 'With' : 'Without'} standard augmentation`, {
        height: 346,
        marginLeft: 48,
        marginBottom: 42,
        marginTop: 10,
        marginRight: 10,
        x: {
          domain: [0, 1],
          ticks: 5,
          label: '1 − specificity',
          labelAnchor: 'center',
          labelArrow: 'none',
          tickSize: 4,
        },
        y: {
          domain: [0, 1],
          ticks: 5,
          label: 'sensitivity',
          labelAnchor: 'center',
          labelArrow: 'none',
          tickSize: 4,
        },
        marks: [
          Plot.frame({ stroke: RULE }),
          Plot.line(
            [
              [0, 0],
              [1, 1],
            ],
            { stroke: MUTED, strokeDasharray: '2,3' },
          ),
          ...marks,
        ],
      }),
    ];
  });
  const many = analysis.arms.some(({ seeds }) => seeds.length > 1);
  return {
    kind: 'figure',
    name: 'roc',
    title: 'ROC curves on the test images',
    shows: many
      ? 'Sensitivity against false alarms over all thresholds: the mean over seeds (thick) and each seed (thin). Nearer to the upper left corner is better; the dotted diagonal is chance.'
      : 'Sensitivity against false alarms over all thresholds. Nearer to the upper left corner is better; the dotted diagonal is chance.',
    doesNotShow:
      'It names no operating point: which threshold to use, and what it costs to miss a lesion, is a clinical choice. Gaps between curves may be chance: the paired differences say.',
    legend: legendOf(styles.filter(({ name }) => analysis.arms.some(({ arm }) => arm === name))),
    panels,
  };
}
