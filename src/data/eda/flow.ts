/** The way from what was found to the dataset: what was left out, for what reason, and what it did to the classes. */
import {
  type Block,
  barsPanel,
  capital,
  type FigureBlock,
  left,
  percent,
  plural,
  RULE,
  right,
  type TableBlock,
  whole,
} from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';
import { nameSome, type Problem, problemKinds } from '../dataset/problems.js';
import { type FlowStage, type ImportReport, reportFile } from '../dataset/report.js';
import { areaLegend, type SeriesSet, segmentsOf } from './series.js';

export function flowBlocks(dataset: Dataset, report: ImportReport | null, set: SeriesSet): Block[] {
  if (!report)
    return [
      {
        kind: 'prose',
        text: `The dataset has no ${reportFile}: what was left out when it was made is not known.`,
      },
    ];
  const doubts = otherProblems(report);
  const removed = report.flow.length > 1;
  return [
    ...(removed
      ? [flowFigure(dataset, report.flow, set), reasonsTable(report), balanceTable(dataset, report.flow)]
      : [
          {
            kind: 'prose',
            text: `Nothing was left out: each of the ${plural(report.flow[0]?.images ?? dataset.rows.length, 'image')} that had a row in the metadata, or a folder with a label, is in the dataset.`,
          } as const,
        ]),
    ...(doubts.length > 0 ? [{ kind: 'list', items: doubts } as const] : []),
  ];
}

function flowFigure(dataset: Dataset, flow: readonly FlowStage[], set: SeriesSet): FigureBlock {
  const rows = flow.map(({ text, images, byLabel }, i) => {
    const bySeries = set.series.map(() => 0);
    let other = 0;
    for (const [label, n] of Object.entries(byLabel)) {
      const k = set.indexOf(label);
      if (k < 0) other += n;
      else bySeries[k]! += n;
    }
    const removed = i === 0 ? 0 : flow[i - 1]!.images - images;
    return {
      label: i === 0 ? 'found' : `${text}: −${whole(removed)}`,
      text: whole(images),
      segments: [
        ...segmentsOf(bySeries, set),
        { value: other, color: RULE, title: `no label, or of no class: ${whole(other)}` },
      ],
      other,
    };
  });
  return {
    kind: 'figure',
    name: 'flow',
    title: 'From what was found to the dataset',
    shows: `Each row leaves out what has one fault more, and shows what remains, by class; the last row is the dataset. What has several faults counts under the first.`,
    doesNotShow: 'Faults that nobody looked for, such as a wrong label on a sound image.',
    legend: [
      ...(dataset.classes.length > 1 ? areaLegend(set) : []),
      ...(rows.some(({ other }) => other > 0)
        ? [{ label: 'no label, or of no class', color: RULE, symbol: 'area' }]
        : []),
    ],
    panels: [barsPanel(rows, { title: 'From what was found to the dataset' })],
  };
}

const nameOf = ({ file, id, line, detail }: Problem): string =>
  file || id || (line ? `line ${line}` : detail);

function reasonsTable({ flow, problems }: ImportReport): TableBlock {
  const found = flow[0]!.images;
  return {
    kind: 'table',
    title: 'What was left out, and why',
    columns: [left('Reason'), right('Images, of found'), left('Of which'), left('Such as')],
    rows: flow.slice(1).map(({ stage, text, images, byLabel }, i) => {
      const before = flow[i]!;
      const labels = Object.keys(before.byLabel)
        .map((label) => ({ label, n: before.byLabel[label]! - (byLabel[label] ?? 0) }))
        .filter(({ n }) => n > 0)
        .sort((a, b) => b.n - a.n)
        .map(({ label, n }) => `${label || 'no label'} ${whole(n)}`);
      const names = problems.filter(({ kind }) => kind === stage).map(nameOf);
      const removed = before.images - images;
      return [
        text,
        `${whole(removed)} (${percent(removed / found)})`,
        nameSome(labels, 4),
        nameSome([...new Set(names)], 2),
      ];
    }),
    note: 'Each by name, with its file, line and reason: cleaning.csv in the dataset’s folder.',
  };
}

/** Classes before and after cleaning. */
function balanceTable(dataset: Dataset, flow: readonly FlowStage[]): TableBlock {
  const first = flow[0]!;
  const last = flow.at(-1)!;
  const labels = [
    ...dataset.classes,
    ...Object.keys(first.byLabel)
      .filter((label) => !dataset.classes.includes(label))
      .sort((a, b) => first.byLabel[b]! - first.byLabel[a]!),
  ];
  const known = Object.entries(first.byLabel).reduce((sum, [label, n]) => sum + (label === '' ? 0 : n), 0);
  return {
    kind: 'table',
    title: 'Class balance before and after',
    columns: [left('Label'), ...['Found', 'Share', 'Dataset', 'Share', 'Left out'].map(right)],
    rows: labels.map((label) => {
      const before = first.byLabel[label] ?? 0;
      const after = last.byLabel[label] ?? 0;
      return [
        label || 'no label',
        whole(before),
        label === '' || known === 0 ? '–' : percent(before / known),
        whole(after),
        after === 0 ? '–' : percent(after / last.images),
        whole(before - after),
      ];
    }),
    note: 'Shares before are of what had a label.',
  };
}

/** Files that no row spoke of, and doubts about what was kept. */
function otherProblems({ counts, problems }: ImportReport): { lead: string; text: string }[] {
  return Object.entries(problemKinds).flatMap(([kind, { text, leaves }]) => {
    const n = counts[kind as keyof typeof counts] ?? 0;
    if (leaves === 'row' || n === 0) return [];
    const names = problems
      .filter((one) => one.kind === kind)
      .map((one) => (leaves === 'nothing' ? one.detail : nameOf(one)));
    return [
      {
        lead: `${capital(text)}: ${whole(n)}.`,
        text: `${leaves === 'file' ? 'Not used' : 'Kept'}: ${nameSome([...new Set(names)], 3)}.`,
      },
    ];
  });
}
