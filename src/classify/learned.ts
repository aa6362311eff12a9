/**
 * Which images of another dataset a run knows, by what it has learned from. A dataset that was imported anew
 * deals its images into other splits, so "test" there says nothing about this run: only the images themselves do.
 */
import type { Dataset, DatasetRow } from '../data/dataset/index.js';
import { type SharedPicture, sharedPictures } from '../data/prepare/index.js';
import type { Learned, LearnedRow } from '../lineage/index.js';

/** Images that a run knows. */
export interface Known {
  /** Images that show a picture it learned from, by id. */
  pictures: Map<string, Pick<SharedPicture, 'kind' | 'correlation'> & { twin: LearnedRow }>;
  /** Ids of others whose patient or lesion it learned from, going by the groups' names. */
  groups: string[];
  /** Ids of others that bear the id of an image it learned from, but show another picture. */
  ids: string[];
  /** Pictures were compared, too; else files, ids and groups alone. */
  compared: boolean;
}

/**
 * @param images of `dataset` that are to be scored
 * @param options.onProgress images decoded and compared, of how many
 */
export async function findKnown(
  learned: Learned,
  { dataset, images }: { dataset: Dataset; images: readonly DatasetRow[] },
  options: Parameters<typeof sharedPictures>[2] = {},
): Promise<Known> {
  const pictures: Known['pictures'] = new Map();
  const bySha = new Map(learned.rows.map((row) => [row.sha256, row]));
  for (const { id, sha256 } of images) {
    const twin = bySha.get(sha256);
    if (twin) pictures.set(id, { twin, kind: 'exact', correlation: 1 });
  }
  const rest = images.filter(({ id }) => !pictures.has(id));
  if (learned.dataset && rest.length > 0) {
    const there = {
      dir: learned.dataset.dir,
      rows: learned.dataset.rows.filter((row) => bySha.has(row.sha256)),
    };
    for (const { image, twin, kind, correlation } of await sharedPictures(
      { dir: dataset.dir, rows: rest },
      there,
      options,
    ))
      pictures.set(image.id, { twin: bySha.get(twin.sha256)!, kind, correlation });
  }
  const seen = { groups: new Set<string>(), ids: new Set<string>() };
  for (const { group, id } of learned.rows) {
    seen.groups.add(group);
    seen.ids.add(id);
  }
  const others = rest.filter(({ id }) => !pictures.has(id));
  const idsWhere = (isOne: (row: DatasetRow) => boolean): string[] =>
    others.filter(isOne).map(({ id }) => id);
  return {
    pictures,
    // Where each image is its own group the group's name is the image's.
    groups: dataset.groupedBy === 'image' ? [] : idsWhere(({ group }) => seen.groups.has(group)),
    ids: idsWhere(({ id }) => seen.ids.has(id)),
    compared: learned.dataset !== null,
  };
}

/** '286 for training, 57 for validation' */
export function knownWords({ pictures }: Pick<Known, 'pictures'>): string {
  const count = (split: LearnedRow['split']): number =>
    [...pictures.values()].filter(({ twin }) => twin.split === split).length;
  return [
    ...(count('train') > 0 ? [`${count('train')} for training`] : []),
    ...(count('val') > 0 ? [`${count('val')} for validation`] : []),
  ].join(', ');
}
