/** Which column of somebody's table is which: by the name that was given, else by names that such columns usually have. */

import { ConfigError, DataError } from 'graft-torch/base';
import { chosenName, columnKey, numberOf } from '../../data/table/index.js';
import { nearest } from '../../run/index.js';

/** What a column can be. */
export const columnRoles = [
  'arm',
  'fold',
  'seed',
  'generator',
  'image',
  'group',
  'label',
  'score',
  'external',
  'split',
  'threshold',
  'auc',
  'positives',
  'negatives',
  'train',
] as const;
export type ColumnRole = (typeof columnRoles)[number];

/** By role, the usual names as `columnKey` has them; the role's own name comes first and wins. */
const usualNames: Record<ColumnRole, readonly string[]> = {
  arm: ['arm', 'condition', 'method', 'model', 'recipe', 'config', 'trainingset', 'experiment'],
  fold: ['fold', 'kfold', 'cvfold', 'foldid'],
  seed: ['seed', 'randomseed', 'run', 'repeat', 'repetition', 'replicate'],
  generator: ['generator', 'gan', 'generatorseed', 'ganseed'],
  image: [
    'image',
    'imageid',
    'imagename',
    'isicid',
    'filename',
    'file',
    'path',
    'filepath',
    'sample',
    'sampleid',
    'id',
  ],
  group: [
    'group',
    'groupid',
    'patient',
    'patientid',
    'subject',
    'subjectid',
    'lesion',
    'lesionid',
    'case',
    'caseid',
  ],
  label: ['label', 'target', 'ytrue', 'truth', 'groundtruth', 'gt', 'class', 'diagnosis', 'y'],
  score: [
    'score',
    'probability',
    'prob',
    'proba',
    'yscore',
    'yprob',
    'ypred',
    'prediction',
    'pred',
    'logit',
    'output',
  ],
  external: ['external', 'externalset', 'testset'],
  split: ['split', 'subset', 'partition'],
  threshold: ['threshold', 'cutoff'],
  auc: ['auc', 'testauc', 'auroc', 'rocauc'],
  positives: ['positives', 'npositive', 'npos'],
  negatives: ['negatives', 'nnegative', 'nneg'],
  train: ['train', 'trainingimages', 'ntrain'],
};

export type Columns = Partial<Record<ColumnRole, string>>;

/** Names given for roles, of columns that may differ in case, spaces and underscores. */
export type GivenColumns = Readonly<Partial<Record<ColumnRole, string>>>;

/**
 * The columns by role, where there are such.
 * @throws ConfigError for a given name that the table lacks, or a role that two columns could have
 */
export function findColumns(columns: readonly string[], path: string, given: GivenColumns = {}): Columns {
  const found: Columns = {};
  const taken = new Set<string>();
  for (const role of columnRoles) {
    const name = given[role];
    if (name === undefined) continue;
    const column = chosenName(name, columns, columnKey);
    if (column === undefined)
      throw new ConfigError(`${path}: no column '${name}' for ${role}${instead(name, columns)}`);
    found[role] = column;
    taken.add(column);
  }
  for (const role of columnRoles) {
    if (found[role] !== undefined) continue;
    const own = columns.filter(
      (column) => !taken.has(column) && usualNames[role].includes(columnKey(column)),
    );
    const exact = own.filter((column) => columnKey(column) === role);
    const chosen = exact.length > 0 ? exact : own;
    if (chosen.length > 1)
      throw new ConfigError(
        `${path}: ${chosen.map((column) => `'${column}'`).join(' and ')} may both be the ${role}; say which: --column ${role}=${chosen[0]}`,
      );
    if (chosen[0] === undefined) continue;
    found[role] = chosen[0];
    taken.add(chosen[0]);
  }
  return found;
}

/** @throws DataError saying what the table lacks, and what may be the matter with it */
export function requireColumns(
  columns: readonly string[],
  found: Columns,
  { path, needed }: { path: string; needed: readonly ColumnRole[] },
): void {
  const lacking = needed.filter((role) => found[role] === undefined);
  if (lacking.length === 0) return;
  const [only] = columns;
  if (columns.length === 1 && only !== undefined && /\s|:/.test(only))
    throw new DataError(
      `${path}: a single column, '${only}'; separate the columns by commas, semicolons or tabs (pandas: df.to_csv(path, index=False))`,
    );
  if (Object.keys(found).length === 0 && columns.some((column) => numberOf(column) !== undefined))
    throw new DataError(
      `${path}: no header, it seems: the first line is '${columns.join(',')}'; begin the file with a line of names, such as arm,fold,seed,image,group,label,score`,
    );
  throw new DataError(
    `${path}: no column for ${lacking.join(' and ')}; there are ${columns.map((column) => `'${column}'`).join(', ')}: say which is which, as in --column ${lacking[0]}=${guess(columns, found)}`,
  );
}

const guess = (columns: readonly string[], found: Columns): string =>
  columns.find((column) => !Object.values(found).includes(column)) ?? 'NAME';

/** `; did you mean 'x'?`, or what there is. */
export function instead(name: string, choices: readonly string[]): string {
  const near = nearest(name, choices);
  return near === undefined
    ? `; there are ${choices.map((choice) => `'${choice}'`).join(', ')}`
    : `; did you mean '${near}'?`;
}

/** What a group is, from its column's name: 'patient' for `patient_id`. */
export const groupNoun = (column: string | undefined): string => {
  if (column === undefined) return 'image';
  const word = column
    .toLowerCase()
    .replace(/[ _.-]*(ids?|names?|no|nr|number)$/, '')
    .replace(/[_.-]+/g, ' ')
    .trim();
  return word === '' ? 'group' : word;
};
