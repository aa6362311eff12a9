/** Subgroups as a forest plot and as a table. */
import * as Plot from '@observablehq/plot';
import type { Block, FigureBlock, TableBlock } from '../../report/document.js';
import { around, fullPanel } from '../../report/draw.js';
import { fixed, list, plural, pValue, range, signed, whole } from '../../report/format.js';
import { INK, MUTED, PAPER } from '../../report/palette.js';
import type { Interval } from '../../stats/delong.js';
import type { Proportion } from '../../stats/proportion.js';
import type { Evaluation } from '../evaluation.js';
import { FEWEST_TO_JUDGE, type Subgroup, type SubgroupTable } from '../subgroups.js';
import { BLUE, withInterval } from './curves.js';
import type { EvaluationReportInput } from './input.js';

export function subgroupBlocks({ evaluation, dataset }: EvaluationReportInput): Block[] {
  const { subgroups } = evaluation;
  if (subgroups.length === 0) {
    return [
      {
        kind: 'prose',
        text: `The dataset has no columns by which images could be put into subgroups (sex, age, site, source, skin type, hair). A classifier that serves some patients worse than others would go unnoticed here; name a column with --by.`,
      },
    ];
  }
  return [
    { kind: 'prose', text: finding(evaluation) },
    ...forest(evaluation),
    rateTable(subgroups, dataset.groupedBy),
    differenceTable(subgroups),
  ];
}

/** One sentence on what the tests found. */
function finding({ subgroups, scores }: Evaluation): string {
  const tested = subgroups.flatMap(({ title, subgroups: own }) =>
    own.flatMap((one) => (one.difference.auc?.holm == null ? [] : [{ title, ...one }])),
  );
  if (tested.length === 0)
    return `No subgroup is large enough to be judged: that takes ${FEWEST_TO_JUDGE} groups of each class. The figures below are shown so that they can be put together with others.`;
  const found = tested.filter(({ difference }) => difference.auc!.holm! < 0.05);
  const overall = `Over all images the AUC is ${withInterval(scores.auc)}.`;
  if (found.length === 0) {
    const widest = Math.max(
      ...tested.map(({ difference }) => (difference.auc!.high - difference.auc!.low) / 2),
    );
    return `${overall} Of ${plural(tested.length, 'subgroup')} that could be tested, none differs from the rest in AUC after correction for their number. That is no proof of equality: the widest of these intervals reaches ± ${fixed(widest)}.`;
  }
  const names = found.map(
    ({ title, value, difference }) => `${title} ${value} (${signed(difference.auc!.difference)})`,
  );
  return `${overall} After correction for the number of tests, the AUC differs from the rest in ${names.join(', ')}.`;
}

interface ForestRow {
  row: number;
  label: string;
  text: string;
  low: number;
  high: number;
  value: number;
  few: boolean;
}

function forest({ subgroups, scores }: Evaluation): FigureBlock[] {
  const rows: ForestRow[] = [];
  const heads: { row: number; text: string }[] = [];
  let place = 0;
  for (const { title, subgroups: own } of subgroups) {
    heads.push({ row: place++, text: title });
    for (const { value, images, positives, auc, aucInterval, few } of own) {
      if (auc !== null && aucInterval !== null) {
        const label = `${value}  (${whole(images)}, ${whole(positives)} positive)`;
        const text = `${fixed(auc)} (${range(aucInterval)})`;
        rows.push({ row: place++, label, text, ...aucInterval, value: auc, few });
      }
    }
  }
  if (rows.length === 0) return [];
  const { value: overall } = scores.auc;
  const domain = around([overall!, ...rows.flatMap(({ low, high }) => [low, high])]);
  const draw = (width: number): Plot.PlotOptions => {
    const narrow = width < 500;
    const left = narrow ? 12 : 250;
    const words = { fill: INK, fontSize: narrow ? 11 : 12, frameAnchor: 'left' as const };
    return {
      width,
      height: 52 + place * (narrow ? 36 : 25),
      marginLeft: left,
      marginRight: narrow ? 12 : 160,
      marginTop: 8,
      marginBottom: 44,
      x: {
        domain: [Math.max(0, domain[0]), Math.min(1, domain[1])],
        label: 'AUC within the subgroup',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: narrow ? 4 : 6,
        tickSize: 4,
      },
      y: { domain: [place - 0.5, -0.6], axis: null },
      marks: [
        Plot.ruleX([overall!], { stroke: MUTED, strokeDasharray: '2,3' }),
        Plot.link(rows, {
          x1: 'low',
          x2: 'high',
          y1: 'row',
          y2: 'row',
          stroke: (row: ForestRow) => (row.few ? MUTED : BLUE),
          strokeWidth: 2.2,
        }),
        Plot.dot(rows, {
          x: 'value',
          y: 'row',
          r: 4.8,
          fill: (row: ForestRow) => (row.few ? PAPER : BLUE),
          stroke: (row: ForestRow) => (row.few ? MUTED : PAPER),
          strokeWidth: 1.5,
        }),
        Plot.text(heads, { ...words, y: 'row', text: 'text', fontWeight: 600, dx: narrow ? 0 : 8 - left }),
        Plot.text(rows, {
          ...words,
          y: 'row',
          text: (row: ForestRow) => (narrow ? `${row.label}: ${fixed(row.value)}` : row.label),
          dx: narrow ? 6 : 18 - left,
          dy: narrow ? -14 : 0,
        }),
        Plot.text(narrow ? [] : rows, {
          y: 'row',
          text: 'text',
          frameAnchor: 'right',
          dx: 154,
          textAnchor: 'end',
          fill: MUTED,
          fontVariant: 'tabular-nums',
        }),
      ],
    };
  };
  return [
    {
      kind: 'figure',
      name: 'subgroups',
      title: 'AUC within each subgroup',
      shows: `The AUC among the images of each subgroup alone, with its 95 % interval; the dotted line is the AUC over all images. Open grey dots: fewer than ${FEWEST_TO_JUDGE} groups of a class, too few to judge.`,
      doesNotShow:
        'Whether two subgroups differ: read the differences and their intervals in the tables. An AUC looks at the order within a subgroup only; one threshold for all can still miss more in one of them, which the sensitivities say.',
      legend: [],
      panels: [fullPanel(draw, 'Forest plot of the AUC within each subgroup')],
    },
  ];
}

const rate = (share: Proportion | null): string =>
  share === null ? '–' : `${fixed(share.value, 2)} (${fixed(share.low, 2)} to ${fixed(share.high, 2)})`;

/** '−0.02 (−0.15 to +0.11)' */
function difference(found: (Interval & { difference: number }) | null): string {
  if (!found) return '–';
  const short = (value: number): string => {
    const text = Math.abs(value).toFixed(2);
    return Number(text) === 0 ? '0.00' : `${value < 0 ? '−' : '+'}${text}`;
  };
  return `${short(found.difference)} (${short(found.low)} to ${short(found.high)})`;
}

const rowsOf = (tables: readonly SubgroupTable[], cells: (one: Subgroup) => string[]): string[][] =>
  tables.flatMap(({ title, subgroups }) =>
    subgroups.map((one) => [`${title}: ${one.value}${one.few ? ' *' : ''}`, ...cells(one)]),
  );

const FEW = `* fewer than ${FEWEST_TO_JUDGE} groups of a class: not tested, and not to be judged by.`;

function rateTable(tables: readonly SubgroupTable[], groupedBy: string): TableBlock {
  const unknown = tables
    .filter(({ missing }) => missing > 0)
    .map(({ title, missing }) => `${title} of ${plural(missing, 'image')}`);
  return {
    kind: 'table',
    title: 'Each subgroup at the one threshold',
    columns: [
      { title: 'Subgroup', align: 'left' },
      { title: 'Images', align: 'right' },
      { title: 'Positive', align: 'right' },
      { title: 'AUC', align: 'right' },
      { title: 'Sensitivity', align: 'right' },
      { title: 'Specificity', align: 'right' },
    ],
    rows: rowsOf(tables, (one) => [
      whole(one.images),
      whole(one.positives),
      one.auc === null ? '–' : fixed(one.auc),
      rate(one.sensitivity),
      rate(one.specificity),
    ]),
    note: `95 % intervals in brackets, over ${groupedBy}s (Wilson). ${FEW}${unknown.length > 0 ? ` Not known, and left out: ${list(unknown)}.` : ''}`,
  };
}

function differenceTable(tables: readonly SubgroupTable[]): TableBlock {
  return {
    kind: 'table',
    title: 'Each subgroup against all other images',
    columns: [
      { title: 'Subgroup', align: 'left' },
      { title: 'AUC', align: 'right' },
      { title: 'p (Holm)', align: 'right' },
      { title: 'Sensitivity', align: 'right' },
      { title: 'Specificity', align: 'right' },
    ],
    rows: rowsOf(tables, ({ difference: found }) => [
      difference(found.auc),
      found.auc?.holm == null ? '–' : pValue(found.auc.holm).replace('= ', ''),
      difference(found.sensitivity),
      difference(found.specificity),
    ]),
    note: `Subgroup minus rest, 95 % intervals in brackets, not corrected; p, of the AUC's difference, is corrected over all subgroups of this table. An interval that reaches far is no evidence of equality, however near to 0 its middle is. ${FEW}`,
  };
}
