/** Folders of synthetic images, each of one class and with its lineage.json, as a classifier takes them. */
import { relative } from 'node:path';
import { dispose, tensor } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { channelsOf, type Dataset } from '../data/dataset/index.js';
import {
  enlargedWords,
  fitsOfLineage,
  heldOf,
  readLineage,
  requireSameFrames,
  requireUnseen,
} from '../data/lineage/index.js';
import type { Channels } from '../image/index.js';
import { type Framing, framingWords, loadFolder } from '../image/index.js';
import type { SyntheticImages } from './training-set.js';

const TRAIN_HERE = "train a GAN on this dataset's training split";

export interface SyntheticFolder extends SyntheticImages {
  /** Label that the images bear: one of the dataset's classes. */
  class: string;
  /** Path below the folder of each image. */
  files: string[];
}

/**
 * The images of each folder as pixels; the caller disposes them.
 * @param how.sizePx side that they are resized to
 * @param how.channels that they are to have; default: the dataset's
 * @param how.shown how the dataset's images are shown beside them, where they are no squares
 * @throws DataError where a folder has no lineage, where its generator saw a group of the validation or test split,
 * or other framings than the dataset shows, and where it learned a class that the dataset does not have
 */
export async function readSyntheticFolders(
  folders: readonly string[],
  dataset: Dataset,
  {
    sizePx,
    shown,
    channels = channelsOf(dataset),
    warn,
  }: { sizePx: number; shown?: Framing; channels?: Channels; warn?: (message: string) => void },
): Promise<SyntheticFolder[]> {
  const held = heldOf(dataset);
  const sets: SyntheticFolder[] = [];
  try {
    for (const dir of folders) {
      const lineage = readLineage(dir);
      for (const { artefact, why } of requireUnseen(fitsOfLineage(lineage), held, {
        role: dir,
        remedy: TRAIN_HERE,
      }))
        warn?.(`${dir}: ${artefact}: ${why}`);
      requireSameFrames(lineage, { dataset, shown }, dir);
      const enlarged = enlargedWords(lineage, sizePx, dir);
      if (enlarged) warn?.(enlarged);
      if (!dataset.classes.includes(lineage.class)) {
        throw new DataError(
          `${dir}: holds images of class '${lineage.class}', which ${dataset.dir} does not have; its classes are ${dataset.classes.join(', ')}`,
        );
      }
      const { data, n, height, width, files } = await loadFolder(dir, { sizePx, channels, fit: 'fill' });
      sets.push({
        images: tensor(data, [n, channels, height, width]),
        label: lineage.class === dataset.positive ? 1 : 0,
        class: lineage.class,
        files: files.map((file) => relative(dir, file)),
        source: dir,
      });
    }
  } catch (error) {
    for (const { images } of sets) dispose(images);
    throw error;
  }
  return sets;
}

/**
 * How the generators of some folders saw the frames of their training images.
 * @returns null where no folder says
 * @throws DataError where two of them saw frames otherwise
 */
export function framingOfFolders(folders: readonly string[]): Framing | null {
  let first: { dir: string; framing: Framing } | null = null;
  for (const dir of folders) {
    const { framing } = readLineage(dir);
    if (framing === null) continue;
    first ??= { dir, framing };
    if (framing.fit !== first.framing.fit)
      throw new DataError(
        `${first.dir} and ${dir}: their generators saw ${framingWords(first.framing)} and ${framingWords(framing)}; take generators of one dataset`,
      );
  }
  return first?.framing ?? null;
}
