/**
 * Which folder names an image's class, and which its split: `<class>/…`, `train/<class>/…` as ImageFolder, Keras and most
 * of Kaggle have it, `<class>/train/…`, each perhaps inside one more folder that everything lies in, as archives unpack.
 */
import { ConfigError } from 'graft-torch/base';
import type { Split } from '../dataset/dataset.js';
import { nameSome } from '../dataset/problems.js';
import { splitNamed } from '../dataset/split-names.js';
import { labelKey } from '../table/cell.js';

export interface Placed {
  /** Name of the class folder; '' for an image outside of any. */
  folder: string;
  /** Where the folders give it: for all images or for none. */
  split?: Split;
}

export interface LayoutOptions {
  /** Labels that the user named: a folder of such a name is a class, not a wrapping. */
  named: readonly string[];
  /** Passes over splits. */
  ignoreSplits?: boolean;
}

/**
 * Reads the layout off the paths.
 * @param files relative, with forward slashes
 * @returns for each file its place, in order
 * @throws ConfigError naming the folders of a layout that is none of these
 */
export function readLayout(files: readonly string[], options: LayoutOptions): Placed[] {
  const paths = files.map((file) => file.split('/').slice(0, -1));
  const level = classLevel(paths, options.named);
  const above = splitLevel(paths, level);
  const below = above === undefined ? splitBelow(paths, level) : undefined;
  const split = above ?? below;
  return paths.map((folders): Placed => {
    const folder = folders[level] ?? '';
    if (split === undefined || options.ignoreSplits) return { folder };
    const named = splitNamed(folders[split] ?? '');
    return { folder, ...(named === undefined ? {} : { split: named }) };
  });
}

const namesAt = (paths: readonly string[][], level: number): string[] => [
  ...new Set(paths.flatMap((folders) => (folders[level] === undefined ? [] : [folders[level]]))),
];

/** The first level that has a class which the user named; else the first that is no wrapping and no split. */
function classLevel(paths: readonly string[][], named: readonly string[]): number {
  const keys = new Set(named.map(labelKey));
  const depth = Math.max(0, ...paths.map(({ length }) => length));
  for (let level = 0; level < depth; level++)
    if (namesAt(paths, level).some((name) => keys.has(labelKey(name)))) return level;
  const top = namesAt(paths, 0).sort();
  if (!top.every((name) => splitNamed(name) !== undefined)) return 0;
  if (depth > 1) return 1;
  if (top.length > 1) throw layoutError(`${nameSome(top, 4)} are splits without class folders in them`);
  return 0;
}

/** The level above the classes whose folders are splits, of two kinds at least; the others must be one folder each. */
function splitLevel(paths: readonly string[][], level: number): number | undefined {
  const inClasses = paths.filter((folders) => folders.length > level);
  let found: number | undefined;
  for (let at = 0; at < level; at++) {
    const names = namesAt(inClasses, at).sort();
    if (names.length === 1) continue;
    const splits = names.filter((name) => splitNamed(name) !== undefined);
    const others = names.filter((name) => !splits.includes(name));
    if (found !== undefined)
      throw layoutError(`${nameSome(names, 4)} stand between split folders and class folders`);
    if (others.length > 0)
      throw layoutError(
        splits.length > 0
          ? `${nameSome(splits, 4)} are splits, ${nameSome(others, 4)} ${others.length > 1 ? 'are' : 'is'} none`
          : `${nameSome(names, 4)} stand above the class folders and are no splits`,
      );
    if (new Set(splits.map(splitNamed)).size > 1) found = at;
  }
  return found;
}

const layoutError = (what: string): ConfigError =>
  new ConfigError(
    `--label-from-folders: ${what}; expected DIR/<class>/…, DIR/<train|val|test>/<class>/… or DIR/<class>/<train|val|test>/…: move what does not fit out of the folder, or give the labels with --metadata`,
  );

/** Whether all classes are parted into splits, below. */
function splitBelow(paths: readonly string[][], level: number): number | undefined {
  const inClasses = paths.filter((folders) => folders.length > level);
  const below = level + 1;
  const splits = new Set(inClasses.flatMap((folders) => splitNamed(folders[below] ?? '') ?? []));
  if (splits.size < 2) return undefined;
  const outside = inClasses.filter((folders) => splitNamed(folders[below] ?? '') === undefined);
  if (outside.length === 0) return below;
  const where = [...new Set(outside.map((folders) => folders.slice(0, below + 1).join('/')))];
  throw new ConfigError(
    `--label-from-folders: class folders are parted into ${[...splits].join(' and ')}, but ${outside.length} images lie in ${nameSome(where, 3)} and in none of these; move them, or let Graft split with --split-column none`,
  );
}
