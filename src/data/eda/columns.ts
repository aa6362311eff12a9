/** Which metadata columns a dataset has, and what kind each is: what can be drawn of it follows from that. */

import type { Dataset } from '../dataset/dataset.js';
import { columnValues } from '../table/cell.js';

export type ColumnRole = 'diagnosis' | 'age' | 'sex' | 'site';

/**
 * `label`: says the same as the label; `identifier`: names or free text, of which only gaps can be counted;
 * `constant`: one value throughout; `empty`: none at all.
 */
export type ColumnKind = 'numeric' | 'categorical' | 'identifier' | 'label' | 'constant' | 'empty';

export interface Column {
  name: string;
  /** What it means, where its name says so. */
  role: ColumnRole | null;
  kind: ColumnKind;
  /** A value a row of the dataset, null where missing. */
  values: (string | null)[];
  missing: number;
  /** Different values, the missing ones apart. */
  distinct: number;
}

const roleNames: Record<ColumnRole, RegExp> = {
  diagnosis: /^(dx|diagnosis(_[1-5])?|diagnosis_full|benign_malignant)$/i,
  age: /^(age|age_approx|patient_?age|age_years)$/i,
  sex: /^(sex|gender|patient_?sex)$/i,
  site: /^(anatom_site.*|anatomic(al)?_site.*|localization|location|body_?site|site)$/i,
};

const identifierName = /(^|_)(id|uid|hash|md5|sha256|file|filename|path|url|seed)$/i;

/** Fewer different numbers than this are categories (stages, flags). */
const fewNumbers = 8;
/** More different words than this, and than a fifth of the rows, are no categories any more. */
const manyWords = 40;

/** Every metadata column of a dataset, in the manifest's order. */
export function columnsOf({ rows }: Dataset): Column[] {
  return Object.keys(rows[0]?.extra ?? {}).map((name) => {
    const { values, isNumeric } = columnValues(rows.map(({ extra }) => extra[name] ?? ''));
    const present = values.filter((value) => value !== null);
    const different = new Set(present);
    const role = (Object.keys(roleNames) as ColumnRole[]).find((key) => roleNames[key].test(name)) ?? null;
    const sameAsLabel = rows.every(({ label }, i) => values[i] === label);
    return {
      name,
      role,
      kind: sameAsLabel ? 'label' : kindOf({ name, role }, present, { different, isNumeric }),
      values,
      missing: rows.length - present.length,
      distinct: different.size,
    };
  });
}

function kindOf(
  { name, role }: Pick<Column, 'name' | 'role'>,
  present: readonly string[],
  { different, isNumeric }: { different: ReadonlySet<string>; isNumeric: boolean },
): ColumnKind {
  if (present.length === 0) return 'empty';
  if (different.size === 1) return 'constant';
  if (role === null && identifierName.test(name)) return 'identifier';
  if (isNumeric && (different.size >= fewNumbers || role === 'age')) {
    const counted = [...different].every((value) => Number.isInteger(Number(value)));
    return counted && different.size === present.length && present.length > 20 ? 'identifier' : 'numeric';
  }
  return different.size > manyWords && different.size > present.length / 5 ? 'identifier' : 'categorical';
}

/** The values of a numeric column as numbers, NaN where missing. */
export const numbersOf = (column: Column): Float64Array =>
  Float64Array.from(column.values, (value) => (value === null ? Number.NaN : Number(value)));

const titles: Record<string, string> = {
  age_approx: 'age',
  anatom_site_general: 'anatomical site',
  anatom_site_general_challenge: 'anatomical site',
  localization: 'anatomical site',
  dx: 'diagnosis',
  dx_type: 'how the diagnosis was made',
  diagnosis_confirm_type: 'how the diagnosis was made',
  benign_malignant: 'benign or malignant',
};

/** A column's name in words: 'age_approx' → 'age', 'skin_melanin' → 'skin melanin'. */
export const columnTitle = (name: string): string => titles[name] ?? name.replaceAll('_', ' ').trim();
