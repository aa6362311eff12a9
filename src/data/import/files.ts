/** The files of an import: what lies in a folder, and which image a name may mean. */
import { basename, extname, join, posix } from 'node:path';
import { readBytes, readStart, sha256 } from 'graft-torch/base';
import { fileKind, isPictureName, type Walked, walkFiles } from '../../image/index.js';
import { dicomExtensions, isDicom } from '../dicom/index.js';
import { idKey, plainText } from '../table/cell.js';

export interface Found {
  /** Relative to the image folder, with forward slashes; sorted by depth, then name. */
  images: string[];
  others: string[];
  /** What is no file: pipes, devices, links that lead nowhere. */
  special: Walked['special'];
}

/**
 * Every file below a folder, as {@link walkFiles}: pictures by content, whatever they are called, and what claims to be
 * one by its extension.
 */
export function listFiles(dir: string): Found {
  const { files, special } = walkFiles(dir);
  const found: Found = { images: [], others: [], special };
  for (const file of files)
    (isImage(file) || isImageInside(join(dir, file)) ? found.images : found.others).push(file);
  // The shallowest first: where copies bear one name, the one next to the table is used.
  const depth = (name: string): number => name.split('/').length;
  found.images.sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
  found.others.sort();
  return found;
}

const extensionOf = (name: string): string => extname(name).toLowerCase();

/**
 * Whether a file is DICOM: by its content, or for its extension where the content is no other picture's, so that reading
 * it says what is wrong.
 */
export function isDicomFile(path: string): boolean {
  try {
    const start = readStart(path, startBytes);
    return isDicom(start) || (dicomExtensions.includes(extensionOf(path)) && !fileKind(start, path));
  } catch {
    return false; // reading the picture says why
  }
}

const isImage = (name: string): boolean => isPictureName(name) || dicomExtensions.includes(extensionOf(name));

/** By content, as many DICOM files have no extension; DICOMDIR is the table of contents of a medium. */
function isImageInside(path: string): boolean {
  if (basename(path) === 'DICOMDIR') return false;
  try {
    const start = readStart(path, startBytes);
    return fileKind(start, path) !== undefined || isDicom(start);
  } catch {
    return false; // listed among the files of other types
  }
}

/** DICOM's preamble and magic word; more than other kinds need. */
const startBytes = 132;

/** `a/b.JPG` → `a/b`; dots that begin no image extension stay. */
export const withoutExtension = (name: string): string =>
  isImage(name) ? name.slice(0, name.length - extname(name).length) : name;

/**
 * A name for each item that no other has: the first of its forms that no other item has as a form too, else the last.
 * @param forms of each item, shortest first; the last is its own
 */
export function shortestUnique(forms: readonly (readonly string[])[]): string[] {
  const uses = new Map<string, number>();
  for (const names of forms) for (const name of new Set(names)) uses.set(name, (uses.get(name) ?? 0) + 1);
  return forms.map((names) => names.find((name) => uses.get(name) === 1) ?? names.at(-1)!);
}

/** Which images a table's id may mean. */
export class FileIndex {
  readonly #byName = new Map<string, string[]>();
  readonly #byKey = new Map<string, string[]>();
  readonly #byOriginal = new Map<string, string[]>();

  /** How many images there are. */
  readonly size: number;

  /** @param aliases names that lie inside of files, as DICOM's instance UIDs: used where no file is called so */
  constructor(images: readonly string[], aliases: ReadonlyMap<string, string> = new Map()) {
    this.size = images.length;
    const add = (map: Map<string, string[]>, name: string, file: string): void => {
      const files = map.get(name);
      if (files) files.push(file);
      else map.set(name, [file]);
    };
    for (const file of images) {
      const names = namesOf(plainText(file));
      for (const name of new Set(names)) add(this.#byName, name, file);
      for (const key of new Set(names.map(pathKey))) add(this.#byKey, key, file);
      add(this.#byOriginal, originalOf(names.at(-1)!), file);
    }
    for (const [alias, file] of aliases) if (!this.#byName.has(alias)) add(this.#byName, alias, file);
  }

  /**
   * Tried in this order: the path, the path without extension, the file's name, the name without extension, the same
   * without what ISIC 2019 added to the names of images that it made smaller.
   */
  find(id: string): readonly string[] {
    const names = namesOf(plainText(id));
    const found = this.#first(this.#byName, names);
    return found.length > 0 ? found : this.#first(this.#byOriginal, [originalOf(names.at(-1)!)]);
  }

  /** The same in another spelling ({@link idKey}): for ids that name no file as they are written. */
  findAlike(id: string): readonly string[] {
    return this.#first(this.#byKey, namesOf(plainText(id)).map(pathKey));
  }

  /** A few names that are there. */
  examples(count: number): string[] {
    return [...new Set([...this.#byName.values()].flat())].slice(0, count);
  }

  #first(map: ReadonlyMap<string, readonly string[]>, names: readonly string[]): readonly string[] {
    for (const name of names) {
      const files = name === '' ? undefined : map.get(name);
      if (files) return files;
    }
    return [];
  }
}

/** What a path may be called, the most particular first. */
function namesOf(id: string): string[] {
  const path = id.replace(/\\/g, '/').replace(/^\.\//, '');
  const short = posix.basename(path);
  return [path, withoutExtension(path), short, withoutExtension(short)];
}

/** In ISIC 2019's tables 2,074 images are called `ISIC_…_downsampled`; elsewhere they go by the archive's id alone. */
const originalOf = (stem: string): string => stem.replace(/_downsampled$/i, '');

const pathKey = (path: string): string => path.split('/').map(idKey).join('/');

/** SHA-256 of a file; a file that cannot be read is unlike any other, and decoding names it later. */
export function contentOf(path: string): string {
  try {
    return sha256(readBytes(path));
  } catch {
    return path;
  }
}

/** What a table calls an image, without extension. */
export const idOf = (raw: string): string => withoutExtension(raw.replace(/\\/g, '/').replace(/^\.\//, ''));
