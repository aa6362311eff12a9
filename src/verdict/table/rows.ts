/**
 * Tables of scores in any of their shapes as rows of one meaning: a score of one run for one image. Long tables have a row a
 * score, wide ones a row an image and a column a run, and a run may have a file of its own.
 */

import { ConfigError, DataError } from 'graft-torch/base';
import { splitNamed } from '../../data/dataset/index.js';
import { readMetadata } from '../../data/metadata/index.js';
import { isMissing, numberReader } from '../../data/table/index.js';
import { list, plural } from '../../report/index.js';
import {
  type ColumnRole,
  type Columns,
  findColumns,
  type GivenColumns,
  groupNoun,
  instead,
  requireColumns,
} from './columns.js';
import { fileTitle, type RunName, type RunPattern, runPattern, usualPattern } from './names.js';
import { type Place, refuse } from './problems.js';

export interface ReadOptions {
  /** Names of columns, where they are not the usual ones. */
  columns?: GivenColumns;
  /** One row an image: the pattern of the runs' columns, or true to try the usual ones. */
  wide?: string | true;
  /** A file a run: the pattern of their names. */
  files?: string;
  /** Columns of metadata to keep. */
  subgroups?: readonly string[];
}

/** One score. Texts are as in the table; '' where there is nothing. */
export interface ScoreRow extends Place {
  arm: string;
  fold: string;
  seed: string;
  generator: string;
  image: string;
  group: string;
  label: string;
  score: number;
  external: string;
  split: 'val' | 'test';
  threshold: number | null;
  subgroups: readonly string[];
}

/** A row as it is used: folds and seeds are numbers, labels are 0 and 1, arms have one spelling. */
export interface NumberedRow extends Omit<ScoreRow, 'fold' | 'seed' | 'label'> {
  fold: number;
  seed: number;
  label: 0 | 1;
}

/** AUCs of runs, where nobody has the scores any more. */
export interface AucRow extends Place {
  arm: string;
  fold: string;
  seed: string;
  auc: number;
  positives: number | null;
  negatives: number | null;
  /** Training images. */
  train: number | null;
}

export type ReadTable = { path: string; has: ReadonlySet<ColumnRole>; group: string; notes: string[] } & (
  | { kind: 'scores'; rows: ScoreRow[]; subgroups: readonly string[] }
  | { kind: 'aucs'; rows: AucRow[] }
);

interface Raw extends Place {
  cells: Readonly<Record<string, string>>;
  /** From the file's name. */
  run: RunName | undefined;
}

/**
 * Reads one table, or several that are parts of one.
 * @param paths CSV, TSV, JSON, JSON lines, Parquet
 * @throws DataError, ConfigError in one line: which file, column and rows, and what to do
 */
export async function readTables(paths: readonly string[], options: ReadOptions = {}): Promise<ReadTable> {
  if (paths.length === 0) throw new ConfigError('no table: name the file with the scores');
  const notes: string[] = [];
  const raws: Raw[] = [];
  let columns: string[] = [];
  let blank = 0; // as spreadsheets leave them below a table
  const named = fileNames(paths, options);
  for (const [i, path] of paths.entries()) {
    const table = await readMetadata([path], { mapping: 'plain' });
    if (i === 0) columns = table.columns;
    const lacking = columns.filter((column) => !table.columns.includes(column));
    if (lacking.length > 0)
      throw new DataError(
        `${path}: no column '${lacking[0]}', which ${paths[0]} has; give tables of the same columns`,
      );
    for (const { line, file, cells } of table.rows)
      if (columns.some((column) => cells[column] !== ''))
        raws.push({ line, file, cells, run: named?.names[i] });
      else blank++;
  }
  if (blank > 0)
    notes.push(`${plural(blank, 'row')} without a single value ${blank === 1 ? 'is' : 'are'} left out.`);
  const path = paths.length === 1 ? paths[0]! : `${paths[0]} and ${plural(paths.length - 1, 'more file')}`;
  const found = findColumns(columns, paths[0]!, options.columns);
  const kept = (options.subgroups ?? []).map((name) => subgroupColumn(name, columns, paths[0]!));
  const common = { path, notes, group: groupNoun(found.group) };
  if (named && found.arm === undefined)
    notes.push(`Arms${partsText(named.pattern)} are read from the files’ names (${named.pattern.text}).`);
  const fromName = named && found.arm === undefined ? named.pattern : undefined;

  if (found.auc !== undefined && found.score === undefined) {
    if (!fromName) requireColumns(columns, found, { path, needed: ['arm'] });
    return { kind: 'aucs', has: rolesOf(found, fromName), rows: aucRows(raws, found), ...common };
  }
  const wide =
    found.score === undefined && !fromName
      ? wideColumns(columns, found, { path, wide: options.wide, kept })
      : null;
  if (options.wide !== undefined && !wide)
    throw new ConfigError(
      `${path}: --wide, but there is a column '${found.score}' of scores; give one or the other`,
    );
  if (wide)
    notes.push(`Wide table: a column a run (${wide.pattern.text}), ${plural(wide.runs.length, 'run')}.`);
  const needed: ColumnRole[] = wide
    ? ['image', 'label']
    : fromName
      ? ['image', 'label', 'score']
      : ['arm', 'image', 'label', 'score'];
  requireColumns(columns, found, { path, needed });
  const rows = scoreRows(wide ? melted(raws, wide.runs) : raws, { found, wide: wide !== null, kept, notes });
  return { kind: 'scores', rows, subgroups: kept, has: rolesOf(found, fromName ?? wide?.pattern), ...common };
}

const partsText = ({ text }: RunPattern): string =>
  ['fold', 'seed', 'generator']
    .filter((part) => text.includes(`{${part}}`))
    .map((part) => `, ${part}s`)
    .join('');

function rolesOf(found: Columns, pattern: RunPattern | undefined): Set<ColumnRole> {
  const roles = new Set(Object.keys(found) as ColumnRole[]);
  for (const role of ['arm', 'fold', 'seed', 'generator'] as const)
    if (pattern?.text.includes(`{${role}}`)) roles.add(role);
  return roles;
}

/** Where several files are given and their names say which run each is. @throws ConfigError for a name off the pattern */
function fileNames(
  paths: readonly string[],
  { files }: ReadOptions,
): { pattern: RunPattern; names: RunName[] } | undefined {
  const titles = paths.map(fileTitle);
  if (files === undefined) {
    const pattern = paths.length > 1 ? usualPattern(titles) : undefined;
    return pattern && { pattern, names: titles.map((title) => pattern.read(title)!) };
  }
  const pattern = runPattern(files);
  const names = titles.map((title, i) => {
    const name = pattern.read(title);
    if (!name) throw new ConfigError(`${paths[i]}: the name does not follow the pattern ${files}`);
    return name;
  });
  return { pattern, names };
}

function subgroupColumn(name: string, columns: readonly string[], path: string): string {
  const column = findSubgroup(name, columns);
  if (column === undefined)
    throw new ConfigError(`${path}: no column '${name}' for --subgroup${instead(name, columns)}`);
  return column;
}

const findSubgroup = (name: string, columns: readonly string[]): string | undefined =>
  columns.includes(name) ? name : columns.find((column) => column.toLowerCase() === name.toLowerCase());

interface WideRun extends RunName {
  column: string;
}

/** The columns that are runs. @throws ConfigError where none follows the pattern that was asked for */
function wideColumns(
  columns: readonly string[],
  found: Columns,
  { path, wide, kept }: { path: string; wide: string | true | undefined; kept: readonly string[] },
): { pattern: RunPattern; runs: WideRun[] } | null {
  const free = columns.filter((column) => !Object.values(found).includes(column) && !kept.includes(column));
  const pattern = typeof wide === 'string' ? runPattern(wide) : usualPattern(free, 2);
  const runs = free.flatMap((column): WideRun[] => {
    const name = pattern?.read(column);
    return name ? [{ ...name, column }] : [];
  });
  if (pattern && runs.length > 0) return { pattern, runs };
  if (wide === undefined) return null;
  throw new ConfigError(
    `${path}: no column follows ${typeof wide === 'string' ? `the pattern ${wide}` : 'a usual pattern such as real_f1_s0'}; there are ${list(free.map((column) => `'${column}'`)) || 'no other columns'}: say how runs are named, as in --wide '{arm}_f{fold}_s{seed}'`,
  );
}

/** A row a score, its cell under the name of no column. */
const scoreCell = '\0score';

function* melted(raws: readonly Raw[], runs: readonly WideRun[]): Generator<Raw> {
  for (const raw of raws)
    for (const { column, ...run } of runs) {
      const cell = raw.cells[column]!;
      // A run of another fold did not score the image: the cell is empty.
      if (isMissing(cell, 'number')) continue;
      yield { ...raw, run, cells: { ...raw.cells, [scoreCell]: cell } };
    }
}

/** @throws DataError naming the rows whose score is missing or no number, whose arm, image or label is missing */
function scoreRows(
  raws: Iterable<Raw>,
  { found, wide, kept, notes }: { found: Columns; wide: boolean; kept: readonly string[]; notes: string[] },
): ScoreRow[] {
  const all = [...raws];
  const cell = ({ cells }: Raw, role: ColumnRole): string =>
    found[role] === undefined ? '' : cells[found[role]]!;
  const splits = all.map((raw) => splitOf(raw, cell(raw, 'split')));
  const train = splits.filter((split) => split === 'train').length;
  if (train > 0) notes.push(`${plural(train, 'row')} of the training split are left out.`);
  if (all.length > 0 && !splits.includes('test'))
    throw new DataError(
      `${all[0]!.file}: no test rows; split has: ${(['train', 'val'] as const)
        .map((name) => [name, splits.filter((split) => split === name).length] as const)
        .filter(([, count]) => count > 0)
        .map(([name, count]) => `${name} (${count})`)
        .join(', ')}`,
    );
  const used = all.flatMap((raw, i) =>
    splits[i] === 'train' ? [] : [{ raw, split: splits[i] as 'val' | 'test' }],
  );
  const scoreText = ({ cells }: Raw): string => (wide ? cells[scoreCell]! : cells[found.score!]!);
  const number = numbersOf(
    used.map(({ raw }) => raw),
    scoreText,
    { what: wide ? 'the score' : `the score ('${found.score}')`, mayLack: false },
  );
  const threshold = numbersOf(
    used.map(({ raw }) => raw),
    (raw) => cell(raw, 'threshold'),
    { what: 'the threshold', mayLack: true },
  );
  const required = [...(found.arm === undefined ? [] : ['arm' as const]), 'image' as const, 'label' as const];
  for (const role of required)
    refuse(
      used
        .map(({ raw }) => raw)
        .filter((raw) =>
          role === 'label' ? isMissing(cell(raw, role), 'label') : isMissing(cell(raw, role), 'value'),
        ),
      `no ${role} ('${found[role]}'); every row needs one`,
    );
  return used.map(({ raw, split }) => {
    const part = (role: 'arm' | 'fold' | 'seed' | 'generator'): string =>
      found[role] === undefined ? (raw.run?.[role] ?? '') : cell(raw, role);
    const external = cell(raw, 'external');
    const group = cell(raw, 'group');
    return {
      file: raw.file,
      line: raw.line,
      arm: part('arm'),
      fold: part('fold'),
      seed: part('seed'),
      generator: isMissing(part('generator'), 'group') ? '' : part('generator'),
      image: cell(raw, 'image'),
      group: isMissing(group, 'group') ? '' : group,
      label: cell(raw, 'label'),
      score: number(raw)!,
      external: isMissing(external, 'value') ? '' : external,
      split,
      threshold: threshold(raw) ?? null,
      subgroups: kept.map((column) => raw.cells[column]!),
    };
  });
}

function splitOf(raw: Raw, cell: string): 'train' | 'val' | 'test' {
  if (cell === '') return 'test';
  const split = splitNamed(cell);
  if (split === undefined) refuse([raw], `split '${cell}'; expected val or test`);
  return split!;
}

/**
 * The numbers of a column, read as one: decimal commas are seen by the column.
 * @throws DataError naming the rows that hold no number
 */
function numbersOf(
  raws: readonly Raw[],
  text: (raw: Raw) => string,
  { what, mayLack }: { what: string; mayLack: boolean },
): (raw: Raw) => number | undefined {
  const empty = raws.filter((raw) => isMissing(text(raw), 'number'));
  if (!mayLack)
    refuse(empty, `${what} is missing or NaN; score every image with every run, or leave the run out`);
  const read = numberReader(raws.map(text));
  if (read) return (raw) => read(text(raw));
  if (empty.length === raws.length) return () => undefined;
  // Some cell spoils the column: find which, with and without decimal commas.
  const bad = raws.filter(
    (raw) =>
      numberReader([text(raw), '0.5']) === undefined &&
      numberReader([text(raw), '0,5']) === undefined &&
      !isMissing(text(raw), 'number'),
  );
  refuse(bad, `${what} is '${text(bad[0] ?? raws[0]!)}', not a number`);
  throw new DataError(
    `${raws[0]!.file}: ${what} is written with decimal commas in some rows and points in others; write points`,
  );
}

function aucRows(raws: readonly Raw[], found: Columns): AucRow[] {
  const reader = (role: ColumnRole, mayLack: boolean): ((raw: Raw) => number | undefined) =>
    found[role] === undefined
      ? () => undefined
      : numbersOf(raws, ({ cells }) => cells[found[role]!]!, { what: `'${found[role]}'`, mayLack });
  const [auc, positives, negatives, train] = [
    reader('auc', false),
    reader('positives', true),
    reader('negatives', true),
    reader('train', true),
  ];
  refuse(
    raws.filter((raw) => !(auc(raw)! >= 0 && auc(raw)! <= 1)),
    `an AUC lies between 0 and 1`,
  );
  return raws.map((raw) => {
    const part = (role: 'arm' | 'fold' | 'seed'): string =>
      found[role] === undefined ? (raw.run?.[role] ?? '') : raw.cells[found[role]]!;
    return {
      file: raw.file,
      line: raw.line,
      arm: part('arm'),
      fold: part('fold'),
      seed: part('seed'),
      auc: auc(raw)!,
      positives: positives(raw) ?? null,
      negatives: negatives(raw) ?? null,
      train: train(raw) ?? null,
    };
  });
}
