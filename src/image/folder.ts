/** All images of a folder at one size, in memory: for metrics and grids. Training reads the pixel cache instead. */
import { join } from 'node:path';
import { DataError, readBytesAsync, readStart } from 'graft-torch/base';
import type { Framing } from './framing.js';
import type { PlanarImages } from './grid.js';
import { fileKind, imageExtensions, isPictureName, kindBytes } from './kind.js';
import { decodeSquare, type SquareOptions } from './square.js';
import { walkFiles } from './walk.js';

export interface FolderOptions extends Partial<Framing>, Pick<SquareOptions, 'channels' | 'showing'> {
  /** Side in pixels that every image is resized to. */
  sizePx: number;
  /** Images to read, in the order of {@link listImages}; default all. */
  files?: readonly string[];
  /** Called after each image with how many are done, of how many. */
  onProgress?: (done: number, total: number) => void;
}

/** Whether a file is a picture, by its content, or claims to be one by its extension: then decoding says what it is. */
export const isPicture = (path: string): boolean =>
  isPictureName(path) || fileKind(readStart(path, kindBytes), path) !== undefined;

/**
 * Pictures in a folder and the folders within, by content, whatever they are called, sorted by path; hidden files and
 * what systems leave are passed over (walk.ts).
 * @returns paths that begin with `dir`
 * @throws DataError if the folder cannot be read, or something with a picture's name is no file (a pipe, a device)
 */
export async function listImages(dir: string): Promise<string[]> {
  const { files, special } = walkFiles(dir);
  const impostor = special.find(({ file }) => isPictureName(file));
  if (impostor)
    throw new DataError(`${join(dir, impostor.file)}: is ${impostor.what}, not a picture; remove it`);
  return files
    .map((file) => join(dir, file))
    .filter(isPicture)
    .sort();
}

/**
 * Reads every image of a folder.
 * @returns bytes [n, channels, sizePx, sizePx] and the files in the same order
 * @throws DataError if there is no image in it, or if one cannot be decoded (its name is in the message)
 */
export async function loadFolder(
  dir: string,
  options: FolderOptions,
): Promise<PlanarImages & { files: string[] }> {
  const { sizePx, onProgress, fit = 'cover', kernel = 'lanczos3', exact = true } = options;
  const { channels = 3, showing } = options;
  const files = options.files ? [...options.files] : await listImages(dir);
  if (files.length === 0) {
    throw new DataError(`${dir}: no images (${imageExtensions.join(', ')}) in this folder`);
  }
  const imageBytes = channels * sizePx * sizePx;
  const data = new Uint8Array(files.length * imageBytes);
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (next < files.length) {
      const k = next++;
      const path = files[k]!;
      data.set(
        await decodeSquare(
          await readBytesAsync(path),
          { sizePx, channels, showing, fit, kernel, exact },
          path,
        ),
        k * imageBytes,
      );
      onProgress?.(++done, files.length);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return { data, n: files.length, height: sizePx, width: sizePx, channels, files };
}
