/** Does the answer hold for all alike? AUC of the arms and the primary difference within each subgroup. */
import type { Block, Section, TableBlock } from '../../report/index.js';
import {
  type ForestPoint,
  fixed,
  forestFigure,
  levelText,
  list,
  plural,
  signed,
  signedRange,
  whole,
} from '../../report/index.js';
import { FEWEST_TO_JUDGE } from '../../stats/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { Judged } from '../judged.js';
import { analyseSubgroups, type SubgroupColumn, type SubgroupResult } from '../subgroups.js';
import { pairLabel } from './differences-figure.js';
import { armLabel } from './palette.js';

/** More would leave no room for their intervals. */
const MOST_ARMS = 5;

/** No block where the test images have no such column. */
export function subgroupSection(judged: Judged): Section {
  const columns = subgroupsOf(judged);
  const blocks = columns.length === 0 ? [] : blocksOf(columns, judged.analysis);
  return { id: 'subgroups', title: 'Subgroups', blocks };
}

/** The arms of the verdict first, and as many others as there is room for. */
export function toldArms({ arms, comparisons, primary }: TrialAnalysis): string[] {
  const pair = primary === null ? undefined : comparisons[primary];
  const first = pair ? [pair.baseline, pair.arm] : [];
  const others = arms.map(({ arm }) => arm).filter((arm) => !first.includes(arm));
  return [...first, ...others].slice(0, MOST_ARMS);
}

export const subgroupsOf = ({ scores, analysis, subgroups }: Judged): SubgroupColumn[] =>
  analyseSubgroups(scores, subgroups, { arms: toldArms(analysis), level: analysis.level });

/** What was found, in a sentence or two: which subgroups could be judged, and how far apart they are. */
export function subgroupsText(columns: readonly SubgroupColumn[]): string {
  const all = columns.flatMap(({ title, values }) => values.map((one) => ({ title, ...one })));
  const judged = all.filter(({ few }) => !few);
  const few = all.filter((one) => one.few);
  const told = judged.flatMap(({ title, value, difference }) =>
    difference ? [`${title} ${value} ${signed(difference.value)} (${signedRange(difference)})`] : [],
  );
  return [
    told.length > 0 ? `The primary difference by subgroup: ${list(told)}.` : '',
    few.length > 0
      ? `Too small for a number, with fewer than ${FEWEST_TO_JUDGE} groups of a class: ${list(few.map(({ title, value }) => `${title} ${value}`))}.`
      : '',
    'Nothing is corrected for there being several, and none of it was tested.',
  ]
    .filter((text) => text !== '')
    .join(' ');
}

function blocksOf(columns: readonly SubgroupColumn[], analysis: TrialAnalysis): Block[] {
  const { level, folds } = analysis;
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  const forest = primary
    ? forestFigure(
        [
          {
            title: 'all test images',
            points: [
              {
                label: `all  (${whole(analysis.test.images)}, ${whole(analysis.test.positives)} positive)`,
                value: primary.difference.value,
                interval: primary.difference,
                few: false,
              },
            ],
          },
          ...columns
            .map(({ title, values }) => ({ title, points: values.flatMap(pointOf) }))
            .filter(({ points }) => points.length > 0),
        ],
        {
          name: 'subgroups',
          title: `Within subgroups: ${pairLabel(primary)}`,
          axis: 'difference in test AUC',
          level: 0,
          signed: true,
          shows: `The paired difference in AUC among the test images of each subgroup alone, by the same analysis as the verdict’s, with its ${levelText(level)} interval (other seeds, other test images)${folds > 1 ? '; the mean over the folds in which the subgroup has both classes' : ''}. In brackets images, and those of the positive class.`,
          doesNotShow:
            'Whether subgroups differ: intervals of a few images are wide, with many subgroups one stands out by chance, and nothing here is corrected for that. An AUC ranks within a subgroup only; one threshold for all can still miss more in one of them.',
        },
      )
    : [];
  return [...forest, table(columns, analysis)];
}

const pointOf = ({ value, images, positives, difference }: SubgroupResult): ForestPoint[] =>
  difference
    ? [
        {
          label: `${value}  (${whole(images)}, ${whole(positives)} positive)`,
          value: difference.value,
          interval: difference,
          few: false,
        },
      ]
    : [];

function table(columns: readonly SubgroupColumn[], analysis: TrialAnalysis): TableBlock {
  const right = (title: string) => ({ title, align: 'right' as const });
  const arms = toldArms(analysis);
  const { names, level } = analysis;
  const primary = analysis.primary !== null;
  const unknown = columns
    .filter(({ missing }) => missing > 0)
    .map(({ title, missing }) => `${title} of ${plural(missing, 'image')}`);
  const left = analysis.arms.length - arms.length;
  return {
    kind: 'table',
    title: 'AUC within subgroups of the test images',
    columns: [
      { title: 'Subgroup', align: 'left' },
      right('Images'),
      right(names.positive),
      right(names.group === 'image' ? 'Groups of each class' : `${names.group}s of each class`),
      ...(primary ? [right('Primary difference')] : []),
      ...arms.map((arm) => right(armLabel(arm))),
    ],
    rows: columns.flatMap(({ title, values }) =>
      values.map((one) => [
        `${title}: ${one.value}`,
        whole(one.images),
        whole(one.positives),
        `${whole(one.positiveGroups)}, ${whole(one.negativeGroups)}`,
        ...(primary
          ? [
              one.difference
                ? `${signed(one.difference.value)} (${signedRange(one.difference)})`
                : one.few
                  ? 'too few'
                  : '–',
            ]
          : []),
        ...arms.map((arm) => {
          if (one.few) return 'too few';
          const auc = one.arms.find((own) => own.arm === arm)?.auc;
          return auc ? `${fixed(auc.value)} (${fixed(auc.low)}–${fixed(auc.high)})` : '–';
        }),
      ]),
    ),
    sortable: true,
    note: `In brackets ${levelText(level)} intervals, not corrected for there being several; no p-values, as nothing is tested here. Too few: fewer than ${FEWEST_TO_JUDGE} ${names.group === 'image' ? 'images' : `${names.group}s`} of a class, which no AUC should be read from.${unknown.length > 0 ? ` Not known, and in no subgroup: ${list(unknown)}.` : ''}${left > 0 ? ` ${plural(left, 'other arm')} ${left === 1 ? 'is' : 'are'} left out for room.` : ''}`,
  };
}
