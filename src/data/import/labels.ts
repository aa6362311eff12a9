/**
 * The labels of an import: renamed as asked, one spelling for each class, and what says that it is not known left out.
 * Labels that differ in spelling alone are one class, and the import says so: a `MELANOMA` among the negatives would
 * spoil every figure that follows.
 */
import { ConfigError } from 'graft-torch/base';
import { nameSome, type Problem, type ProblemKind, problem } from '../dataset/problems.js';
import { isMissing, labelKey, oneSpelling, plainText, truthOf } from '../table/cell.js';

export interface LabelOptions {
  positive: string;
  negative?: string;
  /** From → to. */
  renameLabels?: Readonly<Record<string, string>>;
  classes?: readonly string[];
}

export interface Labels {
  /** The class of a label as it was found, or why there is none. */
  of(raw: string): { label: string } | { kind: ProblemKind; detail: string };
  /** What was merged, and what should be looked at: doubts, nothing left out. */
  problems: Problem[];
}

/** New names for labels: of the label as it is written, and of its other spellings that have none of their own. */
export function renamer(renames: Readonly<Record<string, string>> = {}): (raw: string) => string {
  const names = Object.entries(renames).map(([from, to]) => [plainText(from), plainText(to)] as const);
  const exact = new Map(names);
  const alike = new Map(names.map(([from, to]) => [labelKey(from), to]));
  return (raw) => exact.get(raw) ?? alike.get(labelKey(raw)) ?? raw;
}

/** Labels that the user named: they are classes, whatever else the word may mean. */
const namedLabels = ({ positive, classes = [], renameLabels = {} }: LabelOptions): string[] =>
  [positive, ...classes, ...Object.values(renameLabels)].map(plainText);

/**
 * @param raw every label that was found, once an image or row; from {@link plainText}
 * @param source of a folder's name every word is a class: somebody made the folder; of a table `none` and `other`
 * may say that nothing is known, unless they are named
 * @throws ConfigError without a positive, for a label to rename that nothing has (misspelt, its images would stay in another class), and for
 * a negative that is the positive in another spelling
 */
export function readLabels(
  raw: readonly string[],
  source: 'table' | 'folder',
  options: LabelOptions,
): Labels {
  const { positive, negative, renameLabels = {}, classes } = options;
  if (negative !== undefined && labelKey(negative) === labelKey(positive))
    throw new ConfigError(`--negative-name ${negative}: that is the positive label`);
  if (plainText(positive) === '')
    throw new ConfigError(
      `--positive: say which label is the class whose detection is at stake; ${labelsFound(raw)}`,
    );
  const counts = new Map<string, number>();
  for (const label of raw) counts.set(label, (counts.get(label) ?? 0) + 1);
  checkRenames([...counts.keys()], renameLabels);

  const named = namedLabels(options);
  const namedKeys = new Set(named.map(labelKey));
  const rename = renamer(renameLabels);
  const isUnknown = (label: string): boolean =>
    source === 'table' && isMissing(label, 'label') && !namedKeys.has(labelKey(label));
  const known = raw.map(rename).filter((label) => label !== '' && !isUnknown(label));
  const spelling = oneSpelling(known, { named });
  const wanted = classes && new Set([...classes, positive].map((name) => spelling.of(plainText(name))));

  const unit = source === 'table' ? 'rows' : 'images';
  const problems: Problem[] = [];
  const doubt = (kind: ProblemKind, label: string, detail: string): void => {
    problems.push(problem(kind, { label, detail }));
  };
  const exact = new Set(Object.keys(renameLabels).map(plainText));
  for (const [label, count] of counts) {
    const renamed = rename(label);
    if (isUnknown(renamed)) {
      if (!isMissing(renamed, 'value'))
        doubt(
          'label-doubt',
          label,
          `label '${label}' (${count} ${unit}) is taken for not known; name it with --classes if it is a class`,
        );
      continue;
    }
    const to = spelling.of(renamed);
    if (label !== '' && to !== label && !exact.has(label))
      doubt('label-spelling', to, `label '${label}' (${count} ${unit}) is read as '${to}'`);
    if (source === 'folder' && isMissing(to, 'label') && !namedKeys.has(labelKey(to)) && label !== '')
      doubt(
        'label-doubt',
        label,
        `folder '${label}' (${count} images) is taken for a class; leave it out with --classes if it is none`,
      );
  }
  const found = new Set(known.map(spelling.of));
  for (const truth of ['true', 'false']) {
    const alike = [...found].filter((label) => truthOf(label) === truth);
    if (alike.length > 1)
      doubt(
        'label-doubt',
        alike[0]!,
        `labels ${alike.map((label) => `'${label}'`).join(' and ')} stay apart, for not every label is a truth value; if they mean the same: --rename ${alike[1]}=${alike[0]}`,
      );
  }
  for (const name of classes ?? [])
    if (!found.has(spelling.of(plainText(name))))
      doubt('label-doubt', name, `--classes ${name}: nothing has this label; ${labelsFound(raw)}`);

  return {
    problems,
    of: (text) => {
      const renamed = rename(text);
      if (renamed === '') return { kind: 'empty-label', detail: 'the label is empty' };
      if (isUnknown(renamed))
        return { kind: 'unknown-label', detail: `label '${renamed}' says that it is not known` };
      const label = spelling.of(renamed);
      if (wanted && !wanted.has(label))
        return { kind: 'other-class', detail: `label '${label}' is none of ${classes!.join(', ')}` };
      return { label };
    },
  };
}

function checkRenames(found: readonly string[], renames: Readonly<Record<string, string>>): void {
  const missing = Object.keys(renames).find((label) => !found.includes(plainText(label)));
  if (missing !== undefined)
    throw new ConfigError(
      `--rename ${missing}=${renames[missing]}: nothing has the label '${missing}'; ${labelsFound(found)}`,
    );
}

const labelsFound = (raw: readonly string[]): string => `labels found: ${nameSome([...new Set(raw)].sort())}`;
