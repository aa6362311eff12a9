/** Which pictures somebody means who names files and folders, and what else lies there. */
import { type Stats, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DataError } from 'graft-torch/base';
import { isPicture, isPictureName, walkFiles } from '../image/index.js';

export interface PictureFile {
  path: string;
  /** What results call it: below the folder where one is named, else the path as it was given. */
  name: string;
}

export interface Pictures {
  files: PictureFile[];
  /** What lies in a folder and is not taken, with the reason. */
  passedOver: { file: string; why: string }[];
}

/**
 * @param given files, and folders that are looked through to the bottom; a file is taken once, however often it is named
 * @throws DataError naming what is not there, or no file
 */
export function findPictures(given: readonly string[]): Pictures {
  const found: Pictures = { files: [], passedOver: [] };
  const taken = new Set<string>();
  const take = (file: PictureFile): void => {
    const real = resolve(file.path);
    if (!taken.has(real)) found.files.push(file);
    taken.add(real);
  };
  for (const path of given) {
    const stat = statOf(path);
    if (stat.isFile()) {
      take({ path, name: path });
      continue;
    }
    if (!stat.isDirectory()) throw new DataError(`${path}: is neither a file nor a folder; name pictures`);
    const nameOf = (file: string): string => (given.length === 1 ? file : join(path, file));
    const { files, special } = walkFiles(path);
    for (const file of files) {
      if (isPicture(join(path, file))) take({ path: join(path, file), name: nameOf(file) });
      else found.passedOver.push({ file: nameOf(file), why: 'no picture' });
    }
    for (const { file, what } of special)
      found.passedOver.push({
        file: nameOf(file),
        why: isPictureName(file) ? `${what}, though it is called like a picture` : what,
      });
  }
  return found;
}

function statOf(path: string): Stats {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat) return stat;
  const advice = /[*?[{]/.test(path) ? '; the shell opens patterns: leave the quotes out' : '';
  throw new DataError(`${path}: no such file or folder${advice}`);
}
