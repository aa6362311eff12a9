/** Tables of a classifier with several classes: each class against the rest, and subgroups. */
import type { Block, FigureBlock, TableBlock } from '../../report/index.js';
import { fixed, forestFigure, list, plural, pValue, signed, whole } from '../../report/index.js';
import { FEWEST_GROUPS_OF_A_CLASS } from '../class-subgroups.js';
import type { ClassEvaluation, OneClassScoreName, Score } from '../evaluation.js';
import type { ClassReportInput } from './input.js';
import { difference, rate } from './subgroup-blocks.js';

/** '0.81 (0.75 to 0.86)' */
const short = ({ value, interval }: Score): string => {
  if (value === null) return '–';
  return interval
    ? `${fixed(value, 2)} (${fixed(interval.low, 2)} to ${fixed(interval.high, 2)})`
    : fixed(value, 2);
};

function classTable(
  { byClass }: ClassEvaluation,
  content: { title: string; note: string; columns: [title: string, name: OneClassScoreName][] },
): TableBlock {
  const { title, note, columns } = content;
  return {
    kind: 'table',
    title,
    columns: [
      { title: 'Class', align: 'left' },
      { title: 'Images', align: 'right' },
      { title: 'Called so', align: 'right' },
      ...columns.map(([column]) => ({ title: column, align: 'right' as const })),
    ],
    rows: byClass.map(({ name, images, called, scores }) => [
      name,
      whole(images),
      whole(called),
      ...columns.map(([, score]) => (scores === null ? '–' : short(scores[score]))),
    ]),
    note,
  };
}

export const classTables = (evaluation: ClassEvaluation): TableBlock[] => [
  classTable(evaluation, {
    title: 'What is found of each class, and how often a call is right',
    columns: [
      ['Sensitivity', 'sensitivity'],
      ['Specificity', 'specificity'],
      ['Predictive value', 'precision'],
    ],
    note: '95 % intervals in brackets (Wilson, groups kept together). The likeliest class is called. The predictive value (precision) is the share of the calls that are right; it falls where the class is rarer than here. –: the class is never called, or has no images.',
  }),
  classTable(evaluation, {
    title: 'How well each class is ranked against the rest',
    columns: [
      ['AUC', 'auc'],
      ['Average precision', 'averagePrecision'],
      ['F1', 'f1'],
    ],
    note: '95 % intervals in brackets (AUC: DeLong; the others: bootstrap; groups kept together). Chance is 0.5 for the AUC, and the class’s share of the images for the average precision.',
  }),
];

/** The pairs that are taken for each other most, as a share of what they are. */
export function confusionSentence({ confusion, byClass }: ClassEvaluation): string {
  const pairs = confusion
    .flatMap((row, t) =>
      row.map((count, c) => ({
        t,
        c,
        count,
        share: byClass[t]!.images > 0 ? count / byClass[t]!.images : 0,
      })),
    )
    .filter(({ t, c, count }) => t !== c && count > 0)
    .sort((a, b) => b.share - a.share || b.count - a.count)
    .slice(0, 3);
  if (pairs.length === 0) return 'Every image is called what it is.';
  const named = pairs.map(
    ({ t, c, count }) =>
      `'${byClass[t]!.name}' called '${byClass[c]!.name}' (${whole(count)} of ${whole(byClass[t]!.images)})`,
  );
  return `Most often confused, by the share of the class: ${list(named)}.`;
}

export function classSubgroupBlocks({ evaluation, dataset }: ClassReportInput): Block[] {
  const { subgroups } = evaluation;
  if (subgroups.length === 0) {
    return [
      {
        kind: 'prose',
        text: 'The dataset has no columns by which images could be put into subgroups (sex, age, site, source, skin type, hair). A classifier that serves some patients worse than others would go unnoticed here; name a column with --by.',
      },
    ];
  }
  return [
    { kind: 'prose', text: finding(evaluation) },
    ...forest(evaluation),
    subgroupTable(evaluation, dataset.groupedBy),
  ];
}

/** One sentence on what the tests found. */
function finding({ subgroups }: ClassEvaluation): string {
  const tested = subgroups.flatMap(({ title, subgroups: own }) =>
    own.flatMap((one) =>
      one.difference?.holm == null ? [] : [{ name: `${title} ${one.value}`, ...one.difference }],
    ),
  );
  if (tested.length === 0)
    return `No subgroup is large enough to be compared: that takes two classes with ${FEWEST_GROUPS_OF_A_CLASS} groups each, in the subgroup and among all other images.`;
  const found = tested.filter(({ holm }) => holm! < 0.05);
  if (found.length === 0) {
    const widest = Math.max(...tested.map(({ low, high }) => (high - low) / 2));
    return `Of ${plural(tested.length, 'subgroup')} that could be compared, none differs from the rest in mean sensitivity after correction for their number. That is no proof of equality: the widest of these intervals reaches ± ${fixed(widest)}.`;
  }
  const names = found.map((one) => `${one.name} (${signed(one.difference)})`);
  return `After correction for the number of tests, the mean sensitivity differs from the rest in ${list(names)}.`;
}

const forest = ({ subgroups }: ClassEvaluation): FigureBlock[] =>
  forestFigure(
    subgroups.map(({ title, subgroups: own }) => ({
      title,
      points: own.flatMap(({ value, images, judged, difference: found, few }) =>
        found === null
          ? []
          : [
              {
                label: `${value}  (${whole(images)}, ${plural(judged.length, 'class', 'classes')})`,
                value: found.difference,
                interval: found,
                few,
              },
            ],
      ),
    })),
    {
      name: 'subgroups',
      title: 'Mean sensitivity of each subgroup less that of the rest',
      axis: 'mean sensitivity, subgroup − rest',
      level: 0,
      signed: true,
      shows: `The mean sensitivity of each subgroup less that of all other images, both over the same classes: those of which either side has ${FEWEST_GROUPS_OF_A_CLASS} groups or more (how many stands in brackets). Left of the dotted line the subgroup is served worse. Lines are 95 % intervals, not corrected for their number.`,
      doesNotShow:
        'Rare classes, in which most could go wrong: they are left out where they are few. Nor what a difference comes from: rarer images in training, another camera, harder lesions.',
    },
  );

function subgroupTable({ subgroups, classes }: ClassEvaluation, groupedBy: string): TableBlock {
  const unknown = subgroups
    .filter(({ missing }) => missing > 0)
    .map(({ title, missing }) => `${title} of ${plural(missing, 'image')}`);
  return {
    kind: 'table',
    title: 'Each subgroup against all other images',
    columns: [
      { title: 'Subgroup', align: 'left' },
      { title: 'Images', align: 'right' },
      { title: 'Accuracy', align: 'right' },
      { title: 'Mean sensitivity', align: 'right' },
      { title: 'Classes', align: 'right' },
      { title: 'Minus rest', align: 'right' },
      { title: 'p (Holm)', align: 'right' },
    ],
    rows: subgroups.flatMap(({ title, subgroups: own }) =>
      own.map((one) => [
        `${title}: ${one.value}${one.few ? ' *' : ''}`,
        whole(one.images),
        rate(one.accuracy),
        one.balancedAccuracy === null ? '–' : fixed(one.balancedAccuracy.value),
        one.few ? '–' : `${one.judged.length} of ${classes.length}`,
        difference(one.difference),
        one.difference?.holm == null ? '–' : pValue(one.difference.holm).replace('= ', ''),
      ]),
    ),
    note: `95 % intervals in brackets, over ${groupedBy}s, not corrected; p is corrected over all subgroups of this table. The accuracy hangs on which classes a subgroup holds, and is no measure of how it is served; the mean sensitivity gives every class the same weight, and leaves out those with fewer than ${FEWEST_GROUPS_OF_A_CLASS} groups on either side. * fewer than two classes are left: not compared.${unknown.length > 0 ? ` Not known, and left out: ${list(unknown)}.` : ''}`,
  };
}
