/** How images and groups are shared out. */
import {
  BLUE,
  type Block,
  barsPanel,
  type FigureBlock,
  left,
  percent,
  plural,
  right,
  type TableBlock,
  whole,
} from '../../report/index.js';
import { type Dataset, splits } from '../dataset/dataset.js';
import type { DatasetSummary } from '../dataset/describe.js';
import { areaLegend, type SeriesSet, segmentsOf } from './series.js';
import { wilson } from './share.js';

const titles = { train: 'Training', val: 'Validation', test: 'Test' } as const;

export function splitBlocks(dataset: Dataset, summary: DatasetSummary, set: SeriesSet): Block[] {
  return [splitFigure(dataset, summary, set), splitTable(summary), ...groupBlocks(dataset, summary)];
}

function splitFigure(dataset: Dataset, summary: DatasetSummary, set: SeriesSet): FigureBlock {
  const { counts, positive, prevalence } = summary;
  const several = dataset.classes.length > 1;
  const rows = splits.map((split) => {
    const own = counts.filter((row) => row.split === split);
    const images = own.reduce((sum, row) => sum + row.images, 0);
    const bySeries = set.series.map(() => 0);
    for (const row of own) bySeries[set.indexOf(row.label)]! += row.images;
    return {
      label: titles[split],
      text: `${whole(images)}  ·  ${percent(images / summary.images)}`,
      shortText: whole(images),
      segments: segmentsOf(bySeries, set, titles[split]),
      share: wilson(own.find(({ label }) => label === positive)?.images ?? 0, images),
    };
  });
  return {
    kind: 'figure',
    name: 'splits',
    title: 'Images by split',
    shows: several
      ? `Images by class; to the right the share of ${positive} with its 95 % interval (Wilson), dotted in all of them (${percent(prevalence)}).`
      : 'Images in each split.',
    doesNotShow:
      'Whether the splits share anything: that is what the audit looks for. Metrics on a split of few positive images are rough, however it was drawn.',
    legend: several ? areaLegend(set) : [],
    panels: [
      barsPanel(rows, {
        title: 'Images by split',
        ...(several ? { share: { title: `share of ${positive}`, reference: prevalence } } : {}),
      }),
    ],
  };
}

function splitTable({ counts, classes, positive, groupedBy, hash }: DatasetSummary): TableBlock {
  const cell = (images: number, groups: number): string =>
    groups === images ? whole(images) : `${whole(images)} (${whole(groups)})`;
  const sum = (rows: readonly { images: number }[]): number =>
    rows.reduce((total, { images }) => total + images, 0);
  const several = classes.length > 1;
  const row = (title: string, own: DatasetSummary['counts'], withGroups: boolean): string[] => {
    const all = sum(own);
    return [
      title,
      ...classes.map((label) => {
        const of = own.filter((one) => one.label === label);
        return withGroups
          ? cell(
              sum(of),
              of.reduce((total, { groups }) => total + groups, 0),
            )
          : whole(sum(of));
      }),
      ...(several
        ? [whole(all), all === 0 ? '–' : percent(sum(own.filter(({ label }) => label === positive)) / all)]
        : []),
    ];
  };
  return {
    kind: 'table',
    title: 'Images by split and class',
    columns: [
      left('Split'),
      ...classes.map(right),
      ...(several ? [right('All'), right(`${positive}, share`)] : []),
    ],
    rows: [
      ...splits.map((split) =>
        row(
          titles[split],
          counts.filter((one) => one.split === split),
          true,
        ),
      ),
      row('All', counts, false),
    ],
    strong: [splits.length],
    note: `${counts.some((one) => one.groups !== one.images) ? `In brackets: groups (${groupedBy}s, where known), where they are fewer. ` : ''}No group is in two splits. Dataset hash ${hash.slice(0, 16)}.`,
  };
}

/** Sizes of groups, drawn only where some group has more than one image. */
function groupBlocks(dataset: Dataset, { groups, groupedBy, largestGroup }: DatasetSummary): Block[] {
  const what =
    groupedBy === 'image'
      ? 'No patient or lesion is known'
      : `Groups are by ${groupedBy} where known, else by image`;
  const text = `${what}; duplicates share one. A group is in one split only, so that no image is scored by a model that has seen its like.`;
  if (largestGroup === 1)
    return [
      {
        kind: 'prose',
        lead: 'Groups.',
        text: `${text} Each of the ${plural(groups, 'group')} has one image.`,
      },
    ];
  const sizes = new Map<string, number>();
  for (const { group } of dataset.rows) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const bounds = [1, 2, 3, 4, 5, 10, 20, 50, 100, Number.POSITIVE_INFINITY];
  const buckets = bounds.map((high, i) => {
    const low = (bounds[i - 1] ?? 0) + 1;
    const own = [...sizes.values()].filter((n) => n >= low && n <= high);
    const label =
      low === high
        ? plural(low, 'image')
        : high === Number.POSITIVE_INFINITY
          ? `more than ${low - 1} images`
          : `${low} to ${high} images`;
    return { label, groups: own.length, images: own.reduce((sum, n) => sum + n, 0) };
  });
  const last = buckets.findLastIndex((bucket) => bucket.groups > 0);
  return [
    { kind: 'prose', lead: 'Groups.', text },
    {
      kind: 'figure',
      name: 'groups',
      title: 'Sizes of groups',
      shows: `Images in groups of each size: ${plural(groups, 'group')} in all, the largest of ${plural(largestGroup, 'image')}.`,
      doesNotShow:
        'Groups that nobody wrote down: without patient or lesion ids, two photographs of one patient count as two groups unless they nearly agree in pixels.',
      legend: [],
      panels: [
        barsPanel(
          buckets.slice(0, last + 1).map((bucket) => ({
            label: `groups of ${bucket.label}`,
            text: `${plural(bucket.groups, 'group')}  ·  ${plural(bucket.images, 'image')}`,
            shortText: plural(bucket.images, 'image'),
            segments: [{ value: bucket.images, color: BLUE, title: plural(bucket.images, 'image') }],
          })),
          { title: 'Sizes of groups' },
        ),
      ],
    },
  ];
}
