/** Which column of a table holds what: names of images, labels, patients, lesions, splits. */
import { ConfigError } from 'graft-torch/base';
import { nameSome } from '../dataset/problems.js';
import type { Metadata } from '../metadata/index.js';
import { chosenName, columnKey, idKey, oneSpelling, plainText } from '../table/cell.js';
import type { FileIndex } from './files.js';
import { renamer } from './labels.js';
import type { ImportSettings } from './options.js';

/** The columns of a table by what they are for. */
export interface Columns {
  id: string;
  label: string;
  lesion: string | undefined;
  patient: string | undefined;
  split: string | undefined;
}

/**
 * As named by the user, else by the mapping, else by what they hold.
 * @param paths of the tables, for messages
 * @throws ConfigError for a column that is not there, and where one must be named, with what there is to choose from
 */
export function chooseColumns(
  paths: string,
  table: Metadata,
  { index, options }: { index: FileIndex; options: ImportSettings },
): Columns {
  const { columns, roles } = table;
  const require = (flag: string, column: string): string => {
    const found = chosenName(column, columns, columnKey);
    if (found !== undefined) return found;
    throw new ConfigError(`${flag} ${column}: ${paths} has no such column; it has ${columns.join(', ')}`);
  };
  const optional = (flag: string, given: string | undefined, usual: string): string | undefined => {
    if (given === 'none') return undefined;
    if (given !== undefined) return require(flag, given);
    return chosenName(usual, columns, columnKey);
  };
  const id = options.idColumn ?? roles.id ?? idColumnOf(paths, table, index);
  const label = options.labelColumn ?? labelColumnOf(paths, table, options);
  for (const column of options.required) require('--require', column);
  return {
    id: require('--id-column', id),
    label: require('--label-column', label),
    lesion: optional('--group-column', options.lesionColumn, roles.lesion ?? 'lesion_id'),
    patient: optional('--patient-column', options.patientColumn, roles.patient ?? 'patient_id'),
    split: options.splitColumn === undefined ? undefined : require('--split-column', options.splitColumn),
  };
}

/**
 * The column that names the most images.
 * @throws ConfigError where none does, where only numbers are alike (an age would name `0045.jpg`), and where two
 * columns name different images
 */
function idColumnOf(paths: string, { columns, rows }: Metadata, index: FileIndex): string {
  const matched = (find: (id: string) => readonly string[]): number[] =>
    columns.map((column) => rows.filter((row) => find(row.cells[column]!).length > 0).length);
  let matches = matched((id) => index.find(id));
  if (Math.max(...matches) === 0)
    matches = matched((id) => (/^\d+$/.test(idKey(id)) ? [] : index.findAlike(id)));
  const most = Math.max(...matches);
  if (most === 0) {
    const counted = columns.filter((column) =>
      countsImages(
        rows.map((row) => row.cells[column]!),
        index,
      ),
    );
    if (counted.length === 1) return counted[0]!;
    const alike = matched((id) => index.findAlike(id));
    const likely = columns[alike.indexOf(Math.max(...alike))]!;
    const holding = columns.map((column) => `${column} '${rows[0]!.cells[column]}'`);
    const remedy =
      Math.max(...alike) > 0
        ? `if ${likely} does, though it is written otherwise, say so with --id-column ${likely}`
        : 'name one with --id-column';
    throw new ConfigError(
      `${paths}: no column holds the names of the images, for instance ${nameSome(index.examples(3))}; ${remedy} (the first row: ${nameSome(holding, 20)})`,
    );
  }
  const best = columns[matches.indexOf(most)]!;
  const other = columns.find(
    (column, i) =>
      column !== best &&
      2 * matches[i]! > most &&
      rows.some(({ cells }) => {
        const [a, b] = [index.find(cells[best]!), index.find(cells[column]!)];
        return a.length > 0 && b.length > 0 && !b.includes(a[0]!);
      }),
  );
  if (other !== undefined)
    throw new ConfigError(
      `${paths}: ${best} and ${other} both name images, and not the same ones; say with --id-column which is meant`,
    );
  return best;
}

/** Whether numbers name every image, each one, and nothing else: `1` to `40` for `0001.jpg` to `0040.jpg`. */
function countsImages(ids: readonly string[], index: FileIndex): boolean {
  const files = new Set<string>();
  for (const id of ids) {
    const [file, second] = index.findAlike(id);
    if (file === undefined || second !== undefined || files.has(file)) return false;
    files.add(file);
  }
  return files.size === index.size;
}

/** The only column that holds the positive label, as it is written, else in another spelling. */
function labelColumnOf(paths: string, { columns, rows, roles }: Metadata, options: ImportSettings): string {
  const rename = renamer(options.renameLabels);
  const positive = plainText(options.positive);
  const values = new Map(
    columns.map((column) => [column, [...new Set(rows.map((row) => row.cells[column]!))]]),
  );
  const holding = (isPositive: (value: string, all: readonly string[]) => boolean): string[] => {
    const holds = (column: string): boolean => {
      const all = values.get(column)!.map(rename);
      return all.some((value) => isPositive(value, all));
    };
    return roles.label !== undefined && holds(roles.label) ? [roles.label] : columns.filter(holds);
  };
  let found = positive === '' ? [] : holding((value) => value === positive);
  if (found.length === 0 && positive !== '')
    found = holding(
      (value, all) => value !== '' && oneSpelling(all, { named: [positive] }).of(value) === positive,
    );
  if (found.length === 1) return found[0]!;
  // What could be labels: few different values, most of them more than once.
  const some = columns
    .filter((column) => values.get(column)!.length <= Math.max(12, rows.length / 10))
    .map((column) => `${column} (${nameSome(values.get(column)!.filter(Boolean).sort(), 8)})`);
  const whatToDo =
    positive === ''
      ? `--positive: say which label is the class whose detection is at stake`
      : `${paths}: no column holds '${options.positive}'; name the label's with --label-column, or another positive`;
  throw new ConfigError(
    found.length === 0
      ? `${whatToDo}; the columns and their values: ${nameSome(some, 12)}${some.length < columns.length ? `; of many values: ${nameSome(columns.filter((column) => !some.some((text) => text.startsWith(`${column} (`))))}` : ''}`
      : `${paths}: columns ${found.join(', ')} hold '${options.positive}'; name the label's with --label-column (columns: ${columns.join(', ')})`,
  );
}
