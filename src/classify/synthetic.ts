/** Reads a folder of synthetic images (as `graft gan sample` writes it) as pixels. */
import { existsSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { DataError } from '../errors.js';
import { decodeImage, imageExtensions } from '../image/decode.js';
import { aten, type Tensor, tensor, tidy } from '../torch/index.js';

/** Image files of a folder (not of folders in it), sorted by name. @throws DataError when there are none */
export function imageFiles(dir: string): string[] {
  if (!existsSync(dir)) throw new DataError(`${dir}: no such folder`);
  const files = readdirSync(dir)
    .filter((name) => imageExtensions.includes(extname(name).toLowerCase()))
    .sort();
  if (files.length === 0)
    throw new DataError(`${dir}: no image files (of ${imageExtensions.join(', ')}) in this folder`);
  return files;
}

/** Interleaved RGB images of one size as a uint8 tensor `[N, 3, sizePx, sizePx]`. */
export function stackPixels(images: readonly Uint8Array[], sizePx: number): Tensor {
  const bytes = 3 * sizePx * sizePx;
  const all = new Uint8Array(images.length * bytes);
  images.forEach((image, i) => {
    all.set(image, i * bytes);
  });
  return tidy(() =>
    aten.contiguous(aten.permute(tensor(all, [images.length, sizePx, sizePx, 3]), [0, 3, 1, 2])),
  );
}

/**
 * All images of a folder, resized where they are of another size.
 * @returns uint8 `[M, 3, sizePx, sizePx]`, in the order of the file names
 * @throws DataError naming the file that cannot be read
 */
export async function readImageFolder(dir: string, sizePx: number): Promise<Tensor> {
  const decoded: Uint8Array[] = [];
  for (const file of imageFiles(dir)) decoded.push((await decodeImage(join(dir, file), { sizePx })).data);
  return stackPixels(decoded, sizePx);
}
