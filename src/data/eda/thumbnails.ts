/** Small pictures of a dataset's images, to look at and for nothing else: no metric or model ever sees them. */
import { DataError } from 'graft-torch/base';
import { withImage } from '../../image/index.js';
import type { Tile } from '../../report/index.js';
import { type Dataset, type DatasetRow, imagePath } from '../dataset/dataset.js';
import { type Column, columnTitle } from './columns.js';

const sidePx = 128;

/**
 * The centre of an image as a JPEG of at most 128 × 128 px, upright, on black where it is transparent.
 * @throws DataError when the file cannot be decoded any more
 */
export async function thumbnail(path: string): Promise<Uint8Array> {
  try {
    return await withImage(path, (image) =>
      image
        .autoOrient()
        .flatten({ background: '#000' })
        .resize(sidePx, sidePx, { fit: 'cover', withoutEnlargement: true })
        .toColourspace('srgb')
        .jpeg({ quality: 76, mozjpeg: true })
        .toBuffer(),
    );
  } catch (cause) {
    throw new DataError(
      `${(cause as Error).message}; the dataset was changed after it was made: make it anew`,
      { cause },
    );
  }
}

/** What is told of an image when it is pointed at: what identifies it, and what is known of the patient. */
export function factsOf(row: DatasetRow, at: number, columns: readonly Column[]): Tile['facts'] {
  return [
    { name: 'id', value: row.id },
    { name: 'label', value: row.label },
    { name: 'split', value: row.split },
    ...columns
      .filter(({ role, kind }) => role !== null && kind !== 'label')
      .flatMap(({ name, values }) =>
        values[at] == null ? [] : [{ name: columnTitle(name), value: values[at] }],
      ),
    { name: 'group', value: row.group },
    { name: 'size', value: `${row.width} × ${row.height} px` },
  ];
}

/** A picture with what a screen reader says of it. */
export async function shot(
  dataset: Dataset,
  row: DatasetRow,
  facts: Tile['facts'],
): Promise<Tile['images'][number]> {
  const alt = facts.map(({ name, value }) => (name === 'id' ? value : `${name} ${value}`)).join(', ');
  return { jpeg: await thumbnail(imagePath(dataset, row)), alt };
}
