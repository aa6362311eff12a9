/** The images of an import whose class is the name of their folder, and perhaps their split. */
import { join, posix } from 'node:path';
import { nameSome, type Problem, problem } from '../dataset/problems.js';
import { splitNamed } from '../dataset/split-names.js';
import { labelKey, plainText } from '../table/cell.js';
import { shortestUnique, withoutExtension } from './files.js';
import { type Placed, readLayout } from './folder-layout.js';
import type { Gathered } from './gathered.js';
import { readLabels } from './labels.js';
import type { ImportSettings } from './options.js';

/** @throws ConfigError for a layout that is not read, naming its folders */
export function itemsFromFolders(dir: string, images: readonly string[], options: ImportSettings): Gathered {
  const { positive, classes = [], renameLabels = {}, splitColumn } = options;
  const placed = readLayout(images, {
    named: [positive, ...classes, ...Object.keys(renameLabels)],
    ignoreSplits: splitColumn === 'none',
  });
  const labels = readLabels(
    placed.map(({ folder }) => plainText(folder)).filter((folder) => folder !== ''),
    'folder',
    options,
  );
  const isGiven = placed.some(({ split }) => split !== undefined);
  const problems: Problem[] = [...labels.problems];
  const kept: { file: string; label: string; split: object }[] = [];
  images.forEach((file, i) => {
    const { split } = placed[i]!;
    const folder = plainText(placed[i]!.folder);
    const found = labels.of(folder);
    if ('label' in found)
      kept.push({ file, label: found.label, split: split === undefined ? {} : { split } });
    else
      problems.push(
        problem(found.kind, {
          id: withoutExtension(file),
          file,
          label: folder,
          detail: folder === '' ? 'not in a folder that names its class' : found.detail,
        }),
      );
  });
  problems.push(...foldersBelow(images, placed));
  // The shortest name that is unique: the file's, else with its folders, else with its extension too.
  const ids = shortestUnique(
    kept.map(({ file }) => [posix.basename(withoutExtension(file)), withoutExtension(file), file]),
  );
  return {
    items: kept.map(({ file, label, split }, i) => ({
      id: ids[i]!,
      label,
      patients: [],
      lesions: [],
      extra: { source_file: file },
      source: { path: join(dir, file) },
      name: file,
      table: '',
      line: 0,
      ...split,
    })),
    problems,
    label: 'folder',
    provenance: isGiven ? { splitColumn: 'folder' } : {},
    found: {},
    strata: [...options.strata],
  };
}

/** Folders within a class are often its patients; nothing is made of them, which is said where they hold several images. */
function foldersBelow(images: readonly string[], placed: readonly Placed[]): Problem[] {
  const folders = new Map<string, number>();
  images.forEach((file, i) => {
    const folder = posix.basename(posix.dirname(file));
    const { folder: own } = placed[i]!;
    if (own === '' || labelKey(folder) === labelKey(own) || splitNamed(folder) !== undefined) return;
    folders.set(folder, (folders.get(folder) ?? 0) + 1);
  });
  const several = [...folders].filter(([, count]) => count > 1).map(([name]) => name);
  if (several.length < 2) return [];
  const detail = `folders within the classes (${nameSome(several.sort(), 3)}) are not used; if they are patients, give a table with --metadata and --patient-column, so that none of them is in two splits`;
  return [problem('group-doubt', { detail })];
}
