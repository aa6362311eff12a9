/** Composes the report on a dataset: an overview, then a section for each question one asks of data. */
import { stringify as toYaml } from 'yaml';
import type { Block, GalleryBlock, ReportDocument, Section, TableBlock } from '../../report/index.js';
import { day, list, percent, plural, whole } from '../../report/index.js';
import type { AuditResult } from '../audit/result.js';
import type { Dataset } from '../dataset/dataset.js';
import { type DatasetSummary, describeDataset } from '../dataset/describe.js';
import { rangeText } from '../dataset/intensity-range.js';
import type { ImportReport } from '../dataset/report.js';
import { auditBlocks } from './audit.js';
import { categoryFigure, classFigure, labelSource } from './categories.js';
import { type Column, columnTitle } from './columns.js';
import { findingsOf } from './findings.js';
import { flowBlocks } from './flow.js';
import { gapsOf, missingFigure } from './missing.js';
import { ageFigure, numericFigure } from './numeric.js';
import { type SeriesSet, seriesOf } from './series.js';
import { sizesFigure } from './sizes.js';
import { splitBlocks } from './splits.js';

/** Columns drawn beyond those whose meaning is known. */
const mostCategorical = 12;
const mostNumeric = 16;

export interface EdaParts {
  columns: readonly Column[];
  report: ImportReport | null;
  audit: AuditResult | null;
  samples: GalleryBlock;
  duplicates: Block[];
  /** Graft with its version. */
  maker: string;
  /** ISO 8601. */
  madeAt: string;
}

export function composeEdaReport(dataset: Dataset, parts: EdaParts): ReportDocument {
  const { columns, report, audit, samples, duplicates } = parts;
  const summary = describeDataset(dataset);
  const set = seriesOf(dataset);
  const gaps = gapsOf(dataset, columns, set);
  const findings = findingsOf(dataset, { summary, gaps, report, audit });
  const sizes = sizesFigure(dataset, set);
  const metadata = metadataBlocks(dataset, columns, set);
  return {
    eyebrow: 'Graft dataset report',
    title: dataset.name,
    subtitle: [
      plural(summary.images, 'image'),
      plural(dataset.classes.length, 'class', 'classes'),
      plural(summary.groups, 'group'),
      dataset.licence || 'licence not stated',
      day(parts.madeAt),
    ].join(' · '),
    summary: {
      title: 'Overview',
      tone: (audit?.leaks.length ?? 0) > 0 ? 'bad' : 'even',
      ...headline(dataset, summary, findings.length),
      figures: keyFigures(dataset, summary, report),
    },
    sections: [
      {
        id: 'overview',
        title: 'At a glance',
        blocks: [
          ...(findings.length > 0 ? [{ kind: 'list', items: findings } as const] : []),
          classFigure(dataset, set),
        ],
      },
      { id: 'images', title: 'Images', blocks: [samples, sizes ?? oneSize(summary), ...intensity(summary)] },
      { id: 'cleaning', title: 'Cleaning', blocks: [...flowBlocks(dataset, report, set), ...duplicates] },
      { id: 'splits', title: 'Splits', blocks: splitBlocks(dataset, summary, set) },
      ...(columns.length > 0
        ? [
            {
              id: 'metadata',
              title: 'Metadata',
              blocks: [
                ...metadata,
                ...(gaps.length > 0
                  ? [missingFigure(gaps, columns, set)]
                  : [{ kind: 'prose', text: 'No value is missing in any column.' } as const]),
                columnsTable(columns, summary.images),
              ],
            },
          ]
        : []),
      {
        id: 'audit',
        title: 'Leaks and confounds',
        blocks: audit
          ? auditBlocks(audit)
          : [
              {
                kind: 'prose',
                text: 'The audit was not run for this report. It looks for what splits share, and for features that tell the class without a look at the lesion.',
              },
            ],
      },
      aboutSection(dataset, summary, parts),
    ],
    footer: `Made by ${parts.maker} on ${day(parts.madeAt)}. Not a medical device; nothing here may be used to diagnose or treat.`,
  };
}

function headline(dataset: Dataset, summary: DatasetSummary, findings: number) {
  const { positive, negative, classes } = dataset;
  const positives = Math.round(summary.prevalence * summary.images);
  const others = classes.filter((label) => label !== positive);
  const rest = others.length > 4 ? `of ${others.length} other classes` : list(others);
  return {
    short: classes.length === 1 ? positive : `${positive} against ${negative}`,
    sentence:
      classes.length === 1
        ? `${plural(summary.images, 'image')} of one class, ${positive}, in ${plural(summary.groups, 'group')}.`
        : `${plural(summary.images, 'image')} in ${plural(summary.groups, 'group')}: ${whole(positives)} ${positive} (${percent(summary.prevalence)}), the others ${rest}.`,
    paragraph:
      (dataset.kind === 'phantom'
        ? 'These are phantoms: pictures drawn by a program, with no patient behind them. Their metadata are the factors they were drawn from. '
        : '') +
      (findings === 0
        ? 'Nothing was found that asks for a second look.'
        : `${plural(findings, 'point')} to look at, below.`),
  };
}

function keyFigures(dataset: Dataset, summary: DatasetSummary, report: ImportReport | null) {
  const { flow = [] } = report ?? {};
  const leftOut = flow.length > 0 ? flow[0]!.images - flow.at(-1)!.images : null;
  const per = summary.images / summary.groups;
  return [
    {
      label: 'Images',
      value: whole(summary.images),
      note:
        leftOut === null
          ? 'what was left out is not known'
          : leftOut === 0
            ? 'nothing was left out'
            : `${whole(leftOut)} more ${leftOut === 1 ? 'was' : 'were'} left out`,
    },
    {
      label: dataset.positive,
      value: percent(summary.prevalence),
      note: plural(Math.round(summary.prevalence * summary.images), 'image'),
    },
    {
      label: 'Groups',
      value: whole(summary.groups),
      note:
        dataset.groupedBy === 'image'
          ? 'no patient or lesion known'
          : `by ${dataset.groupedBy}, ${per.toFixed(2)} images each`,
    },
    summary.bayesAuc === null
      ? {
          label: 'Joined duplicates',
          value: whole(summary.duplicates.exact + summary.duplicates.near),
          note: `${whole(summary.duplicates.exact)} identical, ${whole(summary.duplicates.near)} near`,
        }
      : {
          label: 'Best possible AUC',
          value: summary.bayesAuc.toFixed(3),
          note: 'of a reader who knows the factors',
        },
  ];
}

function oneSize({ sizes }: DatasetSummary): Block {
  const { width, height } = sizes[0]!;
  return { kind: 'prose', lead: 'Size.', text: `All images are ${whole(width)} × ${whole(height)} px.` };
}

/** Which stored values are seen as black and white; nothing where all files are shown as they are. */
const intensity = ({ intensity: ranges, channels }: DatasetSummary): Block[] => {
  const texts = [...(channels === 1 ? ['all images are grey'] : []), ...ranges.map(rangeText)];
  return texts.length === 0
    ? []
    : [{ kind: 'prose', lead: 'Intensity.', text: `${sentence(texts.join('; '))}.` }];
};

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const roleOrder = ['diagnosis', 'age', 'sex', 'site'];

/** Figures of the columns: those of known meaning first. */
function metadataBlocks(dataset: Dataset, columns: readonly Column[], set: SeriesSet): Block[] {
  const byRole = [...columns]
    .filter(({ role }) => role !== null)
    .sort((a, b) => roleOrder.indexOf(a.role!) - roleOrder.indexOf(b.role!));
  const others = columns.filter(({ role }) => role === null);
  const categorical = [
    ...byRole.filter(({ kind }) => kind === 'categorical'),
    ...others.filter(({ kind }) => kind === 'categorical'),
  ].slice(0, mostCategorical);
  // The first age gets the large figure.
  const age = byRole.find(({ role, kind }) => role === 'age' && kind === 'numeric');
  const ageBlock = age ? ageFigure(dataset, age, set) : null;
  const numeric = columns.filter(
    (column) => column.kind === 'numeric' && column !== (ageBlock ? age : undefined),
  );
  const numbers = numericFigure(dataset, numeric.slice(0, mostNumeric), set);
  const names = new Set<string>();
  const figures = categorical.map((column) => ({
    column,
    block: categoryFigure(dataset, column, { set, name: figureName(column.name, names) }),
  }));
  const before = figures.filter(({ column }) => column.role === 'diagnosis').map(({ block }) => block);
  const after = figures.filter(({ column }) => column.role !== 'diagnosis').map(({ block }) => block);
  return [...before, ...(ageBlock ? [ageBlock] : []), ...after, ...(numbers ? [numbers] : [])];
}

/** A column's name as part of a file name and an id; told apart where that makes two alike. */
function figureName(column: string, taken: Set<string>): string {
  const safe = `column-${
    column
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'x'
  }`.slice(0, 60);
  let name = safe;
  for (let k = 2; taken.has(name); k++) name = `${safe}-${k}`;
  taken.add(name);
  return name;
}

const kindNames: Record<Column['kind'], string> = {
  numeric: 'numbers',
  categorical: 'categories',
  identifier: 'names or free text',
  label: 'the label itself',
  constant: 'one value',
  empty: 'empty',
};

function columnsTable(columns: readonly Column[], images: number): TableBlock {
  return {
    kind: 'table',
    title: 'All columns',
    columns: [
      { title: 'Column', align: 'left' },
      { title: 'Holds', align: 'left' },
      { title: 'For instance', align: 'left' },
      { title: 'Different values', align: 'right' },
      { title: 'Missing', align: 'right' },
    ],
    rows: columns.map(({ name, kind, distinct, missing, values }) => [
      name,
      kindNames[kind],
      shorten(values.find((value) => value !== null) ?? '–'),
      whole(distinct),
      missing === 0 ? '–' : `${whole(missing)} (${percent(missing / images)})`,
    ]),
  };
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

const licenceColumn = /^(copyright_)?licen[cs]e$/i;
const creditColumn = /^(attribution|credit|copyright(_holder)?|source)$/i;

function aboutSection(
  dataset: Dataset,
  summary: DatasetSummary,
  { columns, maker, madeAt }: EdaParts,
): Section {
  const credits = columns.filter(
    ({ name, missing }) => (licenceColumn.test(name) || creditColumn.test(name)) && missing < summary.images,
  );
  const provenance = toYaml(dataset.provenance).trimEnd();
  return {
    id: 'about',
    title: 'About this dataset',
    blocks: [
      {
        kind: 'table',
        title: 'Identity',
        slim: true,
        columns: [
          { title: 'What', align: 'left' },
          { title: 'Value', align: 'left' },
        ],
        rows: [
          ['Name', dataset.name],
          ['Kind', dataset.kind === 'phantom' ? 'phantoms, drawn by a program' : 'images'],
          ['Labels from', labelSource(dataset)],
          [
            'Target',
            dataset.classes.length === 1
              ? dataset.positive
              : `1: ${dataset.positive}; 0: ${dataset.negative}`,
          ],
          ['Licence', dataset.licence || 'not stated'],
          ['Split', `seed ${dataset.seed}`],
          ['Dataset hash', summary.hash.slice(0, 16)],
          ['Report', `${maker}, ${day(madeAt)}`],
        ],
      },
      ...credits.map((column): TableBlock => creditTable(column)),
      {
        kind: 'prose',
        lead: 'To cite.',
        text:
          `Name the source of the images as its licence asks${credits.length > 0 ? ', in the words of the table above' : ''}, and the dataset by its hash, which covers ids, bytes, labels, groups and splits: ` +
          `“${dataset.name}, ${plural(summary.images, 'image')}, ${list(dataset.classes.map((label) => `${whole(summary.counts.filter((row) => row.label === label).reduce((sum, { images }) => sum + images, 0))} ${label}`))}; dataset hash ${summary.hash.slice(0, 16)}; ${maker}”.`,
      },
      ...(provenance === '{}' ? [] : [{ kind: 'code', title: 'Provenance', text: provenance } as const]),
    ],
  };
}

/** Licences or credits that stand with the images, with their counts. */
function creditTable({ name, values }: Column): TableBlock {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value ?? 'not stated', (counts.get(value ?? 'not stated') ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return {
    kind: 'table',
    title: columnTitle(name).replace(/^./, (letter) => letter.toUpperCase()),
    slim: true,
    columns: [
      { title: 'Stated', align: 'left' },
      { title: 'Images', align: 'right' },
    ],
    rows: sorted.slice(0, 15).map(([value, n]) => [value, whole(n)]),
    note: sorted.length > 15 ? `And ${sorted.length - 15} more: the manifest has them all.` : undefined,
  };
}
