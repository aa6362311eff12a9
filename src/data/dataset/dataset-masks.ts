/** Masks that a dataset keeps: beside its images, called like them, for `graft data prepare --masks`. */
import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { extname, join, parse } from 'node:path';
import { readBytesAsync } from 'graft-torch/base';
import { forEachParallel } from '../../base/index.js';

/** Folder of a dataset that holds its masks. */
export const masksFolder = 'masks';

/** A mask of an image: where it lies, and how its copy's name ends, as `_mask.png`. */
export interface ImageMask {
  path: string;
  ending: string;
}

/**
 * Copies masks into a dataset in the making, as `masks/<name of the image's file><ending>`.
 * @param images with the image's file in the dataset
 * @throws DataError naming the mask that cannot be read
 */
export async function storeMasks(
  dir: string,
  images: readonly { file: string; masks: readonly ImageMask[] }[],
): Promise<void> {
  const copies = images.flatMap(({ file, masks }) => {
    const taken = new Set<string>();
    return masks.map(({ path, ending }) => {
      const extension = extname(ending);
      let name = parse(ending).name;
      for (let k = 2; taken.has(name); k++) name = `${parse(ending).name}_${k}`;
      taken.add(name);
      return { path, name: `${parse(file).name}${name}${extension}` };
    });
  });
  if (copies.length === 0) return;
  mkdirSync(join(dir, masksFolder));
  await forEachParallel(copies.length, async (i) => {
    const { path, name } = copies[i]!;
    await writeFile(join(dir, masksFolder, name), await readBytesAsync(path), { flag: 'wx' });
  });
}
