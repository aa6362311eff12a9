/** All images of a folder at one size, in memory: for metrics and grids. Training reads the pixel cache instead. */
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { DataError } from '../errors.js';
import { imageExtensions } from './decode.js';
import type { Framing } from './framing.js';
import type { PlanarImages } from './grid.js';
import { decodeSquare } from './square.js';

export interface FolderOptions extends Partial<Framing> {
  /** Side in pixels that every image is resized to. */
  sizePx: number;
  /** Images to read, in the order of {@link listImages}; default all. */
  files?: readonly string[];
  /** Called after each image with how many are done, of how many. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Image files in a folder and the folders within, sorted by path; hidden ones are left out.
 * @returns paths that begin with `dir`
 * @throws DataError if the folder cannot be read
 */
export async function listImages(dir: string): Promise<string[]> {
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await visit(path);
      else if (imageExtensions.includes(extname(entry.name).toLowerCase())) found.push(path);
    }
  };
  try {
    await visit(dir);
  } catch (cause) {
    throw new DataError(`${dir}: cannot be read as a folder (${(cause as Error).message})`, { cause });
  }
  return found.sort();
}

/**
 * Reads every image of a folder.
 * @returns bytes [n, 3, sizePx, sizePx] and the files in the same order
 * @throws DataError if there is no image in it, or if one cannot be decoded (its name is in the message)
 */
export async function loadFolder(
  dir: string,
  options: FolderOptions,
): Promise<PlanarImages & { files: string[] }> {
  const { sizePx, onProgress, fit = 'cover', kernel = 'lanczos3', exact = true } = options;
  const files = options.files ? [...options.files] : await listImages(dir);
  if (files.length === 0) {
    throw new DataError(`${dir}: no images (${imageExtensions.join(', ')}) in this folder`);
  }
  const imageBytes = 3 * sizePx * sizePx;
  const data = new Uint8Array(files.length * imageBytes);
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (next < files.length) {
      const k = next++;
      const path = files[k]!;
      const bytes = await readFile(path).catch((cause: Error) => {
        throw new DataError(`${path}: cannot be read (${cause.message})`, { cause });
      });
      data.set(await decodeSquare(bytes, { sizePx, fit, kernel, exact }, path), k * imageBytes);
      onProgress?.(++done, files.length);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return { data, n: files.length, height: sizePx, width: sizePx, files };
}
