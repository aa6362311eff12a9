/**
 * Where the files lie that a run's configuration names. Commands take paths as seen from where they are started; a run
 * keeps them whole, with the place of its own folder (`folder` in config.yaml). So it can be reopened from anywhere, and
 * when the folder has moved together with its data, what is not where it was is looked for at the same place beside it.
 */
import { existsSync, realpathSync } from 'node:fs';
import { isAbsolute, normalize, relative, resolve, sep } from 'node:path';
import type { RunKind } from './kind.js';

/** Keys that may hold a path; `*` stands for every name, or entry of a list. */
const PATH_KEYS: Record<RunKind, readonly string[]> = {
  gan: ['data', 'initFrom', 'backbone', 'module'],
  classifier: ['data', 'weights', 'module', 'synthetic.*'],
  trial: [
    'data',
    'external.*',
    'gans.*.run',
    'gans.*.recipe',
    'gans.*.set.initFrom',
    'gans.*.set.backbone',
    'gans.*.set.module',
    'classifier.recipe',
    'classifier.set.weights',
    'classifier.set.module',
  ],
};

/** A configuration with whole paths, of what is there when a run is begun: names of recipes and the like stay. */
export const wholePaths = <Config extends object>(kind: RunKind, config: Config): Config =>
  mapPaths(kind, config, (path, key) => (isPath(path, key) ? resolve(path) : path));

/** What stands before a backbone's file: `inception:FILE`, `efficientnet-lite0:FILE`. A drive's letter is a path's. */
const FORM = /^[\w.-]{2,}:(?=.)/;

/** A recipe's name, or `random`, is none, whatever lies here under that name; nor is a backbone's `auto`. */
const isPath = (text: string, key: string): boolean =>
  (key.endsWith('recipe') ? /\.ya?ml$/.test(text) : text !== 'random') &&
  !(key.endsWith('backbone') && text === 'auto') &&
  existsSync(text);

/**
 * A run's configuration with paths that lead to what they led to when it was begun.
 * @param places.dir where the run's folder is now
 * @param places.folder where it was; runs of Graft 0.1 do not say
 */
export const locatePaths = <Config extends object>(
  kind: RunKind,
  config: Config,
  { dir, folder }: { dir: string; folder: string | undefined },
): Config => mapPaths(kind, config, (path) => located(path, dir, folder));

function located(path: string, dir: string, folder: string | undefined): string {
  if (folder === undefined || !isAbsolute(path) || existsSync(path)) return path;
  const beside = besides({ path, folder, dir });
  return existsSync(beside) ? beside : path;
}

/** The place beside `dir` that `path` had beside `folder`. */
export const besides = ({ path, folder, dir }: { path: string; folder: string; dir: string }): string =>
  resolve(dir, relative(folder, path));

/**
 * What a run was trained with so far, with the paths of `now` wherever both lead to one place: through a link or another
 * relative path, in a folder that was moved or copied whole, or as Graft 0.1 wrote them, seen from where it was started.
 */
export function asSeenNow<Config extends object>(
  kind: RunKind,
  { was, now }: { was: Config; now: object },
  places: { dir: string; folder: string | undefined },
): Config {
  const theirs: string[] = [];
  mapPaths(kind, now, (path) => {
    theirs.push(path);
    return path;
  });
  return mapPaths(kind, was, (path) => theirs.find((one) => isSamePlace(path, one, places)) ?? path);
}

function isSamePlace(
  was: string,
  now: string,
  { dir, folder }: { dir: string; folder: string | undefined },
): boolean {
  if (!existsSync(now)) return was === now;
  const place = realPlace(now);
  if (realPlace(was) === place) return true;
  if (folder !== undefined && realPlace(besides({ path: was, folder, dir })) === place) return true;
  // What is gone was at the same place beside the run, as far up as both have a folder in common.
  const common = relative(realPlace(dir), place)
    .split(sep)
    .filter((part) => part !== '..')
    .join(sep);
  return !existsSync(was) && common !== '' && `${sep}${normalize(was)}`.endsWith(`${sep}${common}`);
}

/** Through every link; of what is not there, the whole path. */
export const realPlace = (path: string): string => (existsSync(path) ? realpathSync(path) : resolve(path));

function mapPaths<Config extends object>(
  kind: RunKind,
  config: Config,
  change: (path: string, key: string) => string,
): Config {
  return PATH_KEYS[kind].reduce<unknown>(
    (value, key) =>
      mapAt(value, key.split('.'), (text) => {
        const form = key.endsWith('backbone') && !existsSync(text) ? (FORM.exec(text)?.[0] ?? '') : '';
        return form + change(text.slice(form.length), key);
      }),
    config,
  ) as Config;
}

/** A copy in which the text at a key has been changed; the value itself where there is none. */
function mapAt(value: unknown, key: readonly string[], change: (path: string) => string): unknown {
  const [first, ...rest] = key;
  if (first === undefined) return typeof value === 'string' && value !== '' ? change(value) : value;
  if (Array.isArray(value)) return first === '*' ? value.map((one) => mapAt(one, rest, change)) : value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) =>
      first === '*' || first === name ? [name, mapAt(inner, rest, change)] : [name, inner],
    ),
  );
}
