/** What an audit found: groups that two splits share, and features that predict the label without a look at the lesion. */
import * as Plot from '@observablehq/plot';
import type { Block, FigureBlock, TableBlock } from '../../report/index.js';
import { around, fixed, fullPanel, INK, MUTED, PAPER, percent, plural, whole } from '../../report/index.js';
import type { AuditResult, Confound, LeakKind } from '../audit/result.js';
import { nameSome } from '../dataset/problems.js';
import { columnTitle } from './columns.js';
import { clip } from './rows.js';

const mostFeatures = 24;
const [mostFlagged, mostLevels] = [5, 10];

const leakNames: Record<LeakKind, string> = {
  id: 'the same id',
  file: 'the same file (SHA-256)',
  'near-duplicate': 'near-duplicates',
  lesion: 'the same lesion',
  patient: 'the same patient',
  group: 'the same group',
};

export function auditBlocks(audit: AuditResult): Block[] {
  const { leaks, confounds, notes } = audit;
  return [
    { kind: 'subheading', text: 'Do splits share anything?' },
    ...(leaks.length > 0
      ? [leaksTable(leaks), ...notes.slice(0, leaks.length).map(noteBlock)]
      : [
          {
            kind: 'prose',
            text: 'No: no id, file, near-duplicate, lesion, patient or group is in two splits.',
          } as const,
        ]),
    { kind: 'subheading', text: 'Does anything but the lesion tell the class?' },
    ...(confounds.length > 0
      ? [confoundsFigure(audit), ...levelTables(confounds, audit.positive)]
      : [{ kind: 'prose', text: 'No feature could be tested.' } as const]),
    ...notes.slice(leaks.length).map(noteBlock),
  ];
}

/** The audit's notes begin with a sentence on each leak. */
const noteBlock = (text: string): Block => ({ kind: 'prose', lead: 'Note.', text });

function leaksTable(leaks: AuditResult['leaks']): TableBlock {
  return {
    kind: 'table',
    title: 'What two splits share',
    columns: [
      { title: 'Shared', align: 'left' },
      { title: 'Splits', align: 'left' },
      { title: 'How many', align: 'right' },
      { title: 'Images', align: 'right' },
      { title: 'Such as', align: 'left' },
    ],
    rows: leaks.map(({ kind, splits, groups, images, known, examples }) => [
      leakNames[kind],
      splits.join(' and '),
      whole(groups),
      images.map((n, i) => `${whole(n)} of ${whole(known[i]!)}`).join(' and '),
      nameSome(
        examples.map(({ key, ids }) => (ids.length > 0 ? `${key} (${nameSome(ids, 2)})` : key)),
        2,
      ),
    ]),
    note: 'Images are counted among those for which it is known. A model that was trained on one image of a patient and is tested on another is tested on its memory. Split anew by group.',
  };
}

/** Forest plot of the features' AUCs. */
function confoundsFigure({ confounds, positive }: AuditResult): FigureBlock {
  const sorted = [...confounds].sort((a, b) => b.auc - a.auc || (a.feature < b.feature ? -1 : 1));
  const shown = sorted.slice(0, mostFeatures);
  const rows = shown.map((confound, row) => ({
    ...confound,
    row,
    color: confound.flagged ? 'var(--orange)' : 'var(--blue)',
    name: columnTitle(confound.feature),
    text: `${fixed(confound.auc)}  (${fixed(confound.interval.low)} to ${fixed(confound.interval.high)})`,
  }));
  const domain = around(
    [0.45, 0.65, ...rows.flatMap(({ interval, auc }) => [interval.low, interval.high, auc])],
    0.04,
  );
  const draw = (width: number): Plot.PlotOptions => {
    const narrow = width < 500;
    return {
      width,
      height: 58 + rows.length * 38,
      marginLeft: 12,
      marginRight: 14,
      marginTop: 6,
      marginBottom: 44,
      x: {
        domain,
        label: 'AUC of the feature alone',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: narrow ? 5 : 9,
        tickSize: 4,
      },
      y: { domain: [rows.length - 0.4, -0.75], axis: null },
      marks: [
        Plot.ruleX([0.5], { stroke: INK }),
        Plot.link(rows, {
          x1: (d: Confound) => d.interval.low,
          x2: (d: Confound) => d.interval.high,
          y1: 'row',
          y2: 'row',
          stroke: (d: { color: string }) => d.color,
          strokeWidth: 2.5,
        }),
        Plot.dot(rows, {
          x: 'auc',
          y: 'row',
          r: 5,
          fill: (d: { color: string }) => d.color,
          stroke: PAPER,
          strokeWidth: 1.5,
        }),
        Plot.text(rows, {
          frameAnchor: 'left',
          y: 'row',
          dy: -15,
          text: (d: (typeof rows)[number]) =>
            clip(
              narrow || /^all /.test(d.name) ? d.name : `${d.name}  (${d.source})`,
              width - 26 - d.text.length * 6.7 - 8,
            ),
          fill: INK,
          stroke: PAPER,
          strokeWidth: 4,
        }),
        Plot.text(rows, {
          frameAnchor: 'right',
          y: 'row',
          dy: -15,
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
    name: 'confounds',
    title: 'How well each feature alone predicts the class',
    shows:
      `AUC for ${positive} from one feature, cross-fitted, with its 95 % interval; 0.5 (the line) is a coin. Flagged features are orange: a classifier may use them in place of the lesion.` +
      (sorted.length > mostFeatures ? ` The ${mostFeatures} highest of ${sorted.length} are drawn.` : ''),
    doesNotShow: 'Whether a classifier does use it; and a feature may rightly tell something, as age does.',
    legend: [
      { label: 'flagged', color: 'var(--orange)', symbol: 'circle' },
      { label: 'not flagged', color: 'var(--blue)', symbol: 'circle' },
    ].filter((_, i) => rows.some(({ flagged }) => flagged === (i === 0))),
    panels: [fullPanel(draw, 'AUC of each feature alone, with interval')],
  };
}

/** What the flagged features say, value by value; the strongest only. */
function levelTables(confounds: readonly Confound[], positive: string): TableBlock[] {
  const flagged = confounds.filter((one) => one.flagged).sort((a, b) => b.auc - a.auc);
  if (flagged.length === 0) return [];
  return [
    {
      kind: 'table',
      title: 'Flagged features, value by value',
      slim: true,
      columns: [
        { title: 'Feature', align: 'left' },
        { title: 'Value', align: 'left' },
        { title: 'Images', align: 'right' },
        { title: positive, align: 'right' },
      ],
      rows: flagged
        .slice(0, mostFlagged)
        .flatMap(({ feature, levels }) =>
          levels
            .slice(0, mostLevels)
            .map(({ level, images, positiveShare }, i) => [
              i === 0 ? columnTitle(feature) : '',
              level,
              whole(images),
              percent(positiveShare),
            ]),
        ),
      note:
        flagged.length > mostFlagged
          ? `The five strongest of ${plural(flagged.length, 'flagged feature')}; of each, its ten most frequent values at most.`
          : 'Of each, its ten most frequent values at most.',
    },
  ];
}
