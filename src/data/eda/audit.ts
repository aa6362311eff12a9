/** What an audit found: groups that two splits share, and features that predict the label without a look at the lesion. */
import {
  around,
  BLUE,
  type Block,
  type FigureBlock,
  fixed,
  forestPanel,
  left,
  legendOf,
  ORANGE,
  percent,
  plural,
  range,
  right,
  type TableBlock,
  whole,
} from '../../report/index.js';
import type { AuditResult, Confound, LeakKind } from '../audit/result.js';
import { nameSome } from '../dataset/problems.js';
import { columnTitle } from './columns.js';

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
    columns: [left('Shared'), left('Splits'), right('How many'), right('Images'), left('Such as')],
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
  const colorOf = (flagged: boolean): string => (flagged ? ORANGE : BLUE);
  const panel = forestPanel(
    shown.map(({ feature, source, auc, interval, flagged }) => {
      const name = columnTitle(feature);
      return {
        label: /^all /.test(name) ? name : `${name}  (${source})`,
        folded: name,
        text: `${fixed(auc)}  (${range(interval)})`,
        ...{ value: auc, low: interval.low, high: interval.high, color: colorOf(flagged) },
      };
    }),
    {
      title: 'AUC of each feature alone, with interval',
      axis: {
        label: 'AUC of the feature alone',
        domain: around(
          [0.45, 0.65, ...shown.flatMap(({ interval, auc }) => [interval.low, interval.high, auc])],
          0.04,
        ),
      },
      levels: [{ at: 0.5, solid: true }],
    },
  );
  return {
    kind: 'figure',
    name: 'confounds',
    title: 'How well each feature alone predicts the class',
    shows:
      `AUC for ${positive} from one feature, cross-fitted, with its 95 % interval; 0.5 (the line) is a coin. Flagged features are orange: a classifier may use them in place of the lesion.` +
      (sorted.length > mostFeatures ? ` The ${mostFeatures} highest of ${sorted.length} are drawn.` : ''),
    doesNotShow: 'Whether a classifier does use it; and a feature may rightly tell something, as age does.',
    legend: legendOf(
      [true, false]
        .filter((flag) => shown.some(({ flagged }) => flagged === flag))
        .map((flag) => ({ label: flag ? 'flagged' : 'not flagged', color: colorOf(flag) })),
      'circle',
    ),
    panels: [panel],
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
      columns: [left('Feature'), left('Value'), right('Images'), right(positive)],
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
