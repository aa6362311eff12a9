/** Subgroups as a forest plot and as tables. */
import type { Block, FigureBlock, TableBlock } from '../../report/index.js';
import {
  type ForestPoint,
  fixed,
  forestFigure,
  list,
  plural,
  pValue,
  signed,
  whole,
} from '../../report/index.js';
import type { Interval, Proportion } from '../../stats/index.js';
import type { Evaluation } from '../evaluation.js';
import { FEWEST_TO_JUDGE, type Subgroup, type SubgroupTable } from '../subgroups.js';
import { withInterval } from './curves.js';
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

function forest({ subgroups, scores }: Evaluation): FigureBlock[] {
  const blocks = subgroups.map(({ title, subgroups: own }) => ({
    title,
    points: own.flatMap(({ value, images, positives, auc, aucInterval, few }): ForestPoint[] =>
      auc === null || aucInterval === null
        ? []
        : [
            {
              label: `${value}  (${whole(images)}, ${whole(positives)} positive)`,
              value: auc,
              interval: aucInterval,
              few,
            },
          ],
    ),
  }));
  return forestFigure(blocks, {
    name: 'subgroups',
    title: 'AUC within each subgroup',
    axis: 'AUC within the subgroup',
    level: scores.auc.value!,
    shows: `The AUC among the images of each subgroup alone, with its 95 % interval; the dotted line is the AUC over all images. Open grey dots: fewer than ${FEWEST_TO_JUDGE} groups of a class, too few to judge.`,
    doesNotShow:
      'Whether two subgroups differ: read the differences and their intervals in the tables. An AUC looks at the order within a subgroup only; one threshold for all can still miss more in one of them, which the sensitivities say.',
  });
}

export const rate = (share: Proportion | null): string =>
  share === null ? '–' : `${fixed(share.value, 2)} (${fixed(share.low, 2)} to ${fixed(share.high, 2)})`;

/** '−0.02 (−0.15 to +0.11)' */
export function difference(found: (Interval & { difference: number }) | null): string {
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
