/** The audit itself, of rows from wherever they come: leaks between their splits, confounds of their labels. */
import { ConfigError } from 'graft-torch/base';
import { chosenName, labelKey } from '../table/cell.js';
import { columnFeatures } from './columns.js';
import { measureConfounds, smallestClass } from './confounds.js';
import { explainLeaks, findLeaks, type LeakRow } from './leaks.js';
import type { Feature } from './levels.js';
import type { AuditResult } from './result.js';

export interface AuditRow extends LeakRow {
  /** '' where it is not known. */
  label: string;
  /** Images that share it are one observation. */
  observation: string;
  cells: Readonly<Record<string, string>>;
}

export interface AuditInput {
  name: string;
  hash: string | null;
  rows: readonly AuditRow[];
  /** In the order in which they are told. */
  splits: readonly string[];
  /** Ids of images that show one picture. */
  pairs: readonly (readonly [string, string])[];
  /** Left out: guessed from the labels. */
  positive?: string;
  /** Metadata columns. */
  columns: readonly string[];
  /** Columns that hold what is no confound, by why. */
  roles: { identifiers: string[]; labels: string[]; splits: string[] };
  /** Features from elsewhere than the metadata; codes one a row. */
  features?: readonly Feature[];
  notes?: readonly string[];
}

/** What the class at stake is usually called. */
const usualPositives = ['malignant', 'melanoma', 'mel', 'positive', 'cancer', 'true', '1'];

/** @throws ConfigError when the positive class is not among the labels */
export function auditRows(input: AuditInput, options: { seed?: number } = {}): AuditResult {
  const { rows, splits } = input;
  const splitImages = Object.fromEntries(
    splits.map((split) => [split, rows.filter((row) => row.split === split).length]),
  );
  const leaks = findLeaks(rows, splits, input.pairs);
  const labels = new Set(rows.map(({ label }) => label).filter((label) => label !== ''));
  const positive = positiveOf(labels, input.positive);
  const { confounds, notes } = confoundsOf(input, positive, options.seed);
  return {
    format: 'graft-audit-1',
    name: input.name,
    hash: input.hash,
    images: rows.length,
    positive: positive ?? '',
    splits: [...splits],
    splitImages,
    leaks,
    confounds,
    notes: [...explainLeaks(leaks, splitImages), ...(input.notes ?? []), ...notes],
  };
}

function positiveOf(labels: ReadonlySet<string>, given: string | undefined): string | undefined {
  if (given === undefined)
    return usualPositives
      .map((usual) => [...labels].find((label) => labelKey(label) === usual))
      .find((label) => label !== undefined);
  const found = chosenName(given, [...labels]);
  if (found !== undefined) return found;
  const some = [...labels].sort().slice(0, 12).join(', ') || 'none';
  throw new ConfigError(
    `--positive ${given}: no row has this label; labels found: ${some}; the labels' column is named with --label-column`,
  );
}

function confoundsOf(
  input: AuditInput,
  positive: string | undefined,
  seed: number | undefined,
): Pick<AuditResult, 'confounds' | 'notes'> {
  const without = (why: string): Pick<AuditResult, 'confounds' | 'notes'> => ({
    confounds: [],
    notes: [`Confounds were not looked for: ${why}.`],
  });
  if (positive === undefined)
    return without(
      'it is not known which label is at stake; name it with --positive, its column with --label-column',
    );
  const used = input.rows.map((_, i) => i).filter((i) => input.rows[i]!.label !== '');
  const labels = Uint8Array.from(used, (i) => (input.rows[i]!.label === positive ? 1 : 0));
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (Math.min(positives, labels.length - positives) < smallestClass)
    return without(
      `${positives} images of ${positive} and ${labels.length - positives} others; each class needs ${smallestClass} at least`,
    );
  const columns = new Map(
    input.columns.map((column) => [column, used.map((i) => input.rows[i]!.cells[column] ?? '')]),
  );
  const metadata = columnFeatures(columns, input.roles);
  const others = (input.features ?? []).map((feature) => ({
    ...feature,
    codes: Uint16Array.from(used, (i) => feature.codes[i]!),
  }));
  const unlabelled = input.rows.length - used.length;
  const found = measureConfounds([...metadata.features, ...others], labels, {
    groups: used.map((i) => input.rows[i]!.observation),
    seed,
  });
  return {
    confounds: found.confounds,
    notes: [
      ...(unlabelled > 0
        ? [`${unlabelled} images without a known label are left out of the confounds.`]
        : []),
      ...metadata.notes,
      ...found.notes,
    ],
  };
}
