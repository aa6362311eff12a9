/** Whom training, validation and test images show: the same columns side by side, by class. */
import type { TableBlock } from '../../report/index.js';
import { fixed, percent, whole } from '../../report/index.js';
import type { Demographic, TrialSummary } from '../summary.js';
import { spanOf } from './span.js';

const SPLITS = { train: 'Training', val: 'Validation', test: 'Test' } as const;
type Split = keyof typeof SPLITS;

interface Column {
  split: Split;
  /** The positive class, or all others. */
  positive: boolean;
}

const columns: Column[] = (Object.keys(SPLITS) as Split[]).flatMap((split) =>
  [true, false].map((positive) => ({ split, positive })),
);

/** null where nothing is known. Over folds as spans. */
export function demographicsTable({ folds, dataset }: TrialSummary): TableBlock | null {
  const known = folds.flatMap(({ demographics }) => (demographics?.length ? [demographics] : []));
  if (known.length === 0) return null;
  const { positive } = dataset;
  const others = dataset.classes.length > 2 ? 'others' : dataset.classes.find((name) => name !== positive)!;
  const names = known[0]!.map(({ column }) => column);
  return {
    kind: 'table',
    title: 'Who is in which partition',
    columns: [
      { title: 'Images', align: 'left' },
      ...columns.map(({ split, positive: is }) => ({
        title: `${SPLITS[split]}, ${is ? positive : others}`,
        align: 'right' as const,
      })),
    ],
    rows: names.flatMap((name) =>
      rowsOf(
        known.flatMap((own) => own.find(({ column }) => column === name) ?? []),
        positive,
      ),
    ),
    note: `Images, in brackets their share of those of which it is known${folds.length > 1 ? '; from the smallest to the largest fold, without shares' : ''}. Of numbers the median with the quartiles, ${dataset.classes.length > 2 ? 'where one class is in the column, ' : ''}and bands below. Only columns that are known by their names (sex, age, site, source, skin type) stand here.`,
  };
}

type Cell = Demographic['cells'][number];

function rowsOf(ofFolds: readonly Demographic[], positive: string): string[][] {
  const { title } = ofFolds[0]!;
  const values = [...new Set(ofFolds.flatMap((one) => one.values))];
  const cells = ({ split, positive: is }: Column): Cell[][] =>
    ofFolds.map((one) =>
      one.cells.filter((cell) => cell.split === split && (cell.label === positive) === is),
    );
  const count = (own: readonly Cell[], of: (cell: Cell) => number): number =>
    own.reduce((sum, cell) => sum + of(cell), 0);
  const several = ofFolds.length > 1;
  const told = (column: Column, of: (cell: Cell) => number, withShare: boolean): string => {
    const counts = cells(column).map((own) => count(own, of));
    if (several || !withShare) return spanOf(counts);
    const known = count(cells(column)[0]!, (cell) => Object.values(cell.values).reduce((a, b) => a + b, 0));
    return known === 0 ? '–' : `${whole(counts[0]!)} (${percent(counts[0]! / known)})`;
  };
  const numeric = ofFolds.some((one) => one.cells.some(({ quartiles }) => quartiles !== null));
  const missing = ofFolds.some((one) => one.cells.some((cell) => cell.missing > 0));
  return [
    ...(numeric
      ? [[`${title}: median (quartiles)`, ...columns.map((column) => quartilesText(cells(column)))]]
      : []),
    ...values.map((value) => [
      `${title}: ${value}`,
      ...columns.map((column) => told(column, (cell) => cell.values[value] ?? 0, true)),
    ]),
    ...(missing
      ? [[`${title}: not known`, ...columns.map((column) => told(column, (cell) => cell.missing, false))]]
      : []),
  ];
}

/** '45 (35–60)' of one class; over folds the medians alone. */
function quartilesText(folds: readonly (readonly Cell[])[]): string {
  const short = (value: number): string => String(Number(fixed(value, 1).replace('−', '-')));
  const own = folds.map((cells) => (cells.length === 1 ? cells[0]!.quartiles : null));
  const present = own.filter((one) => one !== null);
  if (present.length < own.length || present.length === 0) return '–';
  if (present.length > 1)
    return spanOf(
      present.map(([, median]) => median),
      short,
    );
  const [low, median, high] = present[0]!;
  return `${short(median)} (${short(low)}–${short(high)})`;
}
