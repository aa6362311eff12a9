/** The files of an import: what lies in a folder, and which image a name may mean. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, extname, join, posix, relative, sep } from 'node:path';
import { DataError } from '../errors.js';
import { sha256 } from '../files.js';
import { imageExtensions } from '../image/decode.js';
import { dicomExtensions, isDicom } from './dicom/index.js';

export interface Found {
  /** Relative to the image folder, with forward slashes; sorted by depth, then name. */
  images: string[];
  others: string[];
}

/** Every file below a folder except hidden ones; links are followed, each folder is entered once. */
export function listFiles(dir: string): Found {
  const found: Found = { images: [], others: [] };
  const entered = new Set<string>();
  const visit = (folder: string): void => {
    const real = realpathSync(folder);
    if (entered.has(real)) return;
    entered.add(real);
    const entries = readdirSync(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      const isLink = entry.isSymbolicLink();
      if (entry.isDirectory() || (isLink && statSync(path, { throwIfNoEntry: false })?.isDirectory()))
        visit(path);
      else {
        const name = relative(dir, path).split(sep).join('/');
        (isImage(name) || isNamelessDicom(path) ? found.images : found.others).push(name);
      }
    }
  };
  try {
    visit(dir);
  } catch (cause) {
    throw new DataError(`${dir}: cannot be read as a folder (${(cause as Error).message})`, { cause });
  }
  // The shallowest first: where copies bear one name, the one next to the table is used.
  const depth = (name: string): number => name.split('/').length;
  found.images.sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
  found.others.sort();
  return found;
}

const extensionOf = (name: string): string => extname(name).toLowerCase();

/** Whether a name is that of a DICOM file: by its extension, or for having none (only those that are DICOM are listed). */
export const isDicomName = (name: string): boolean =>
  isNameless(name) || dicomExtensions.includes(extensionOf(name));

/** No extension, or the last number of a UID. */
const isNameless = (name: string): boolean => /^(\.\d+)?$/.test(extname(name));

const isImage = (name: string): boolean =>
  imageExtensions.includes(extensionOf(name)) || dicomExtensions.includes(extensionOf(name));

/**
 * DICOM files often have no extension; DICOMDIR is the table of contents of a medium. What cannot be read (a link to
 * nowhere) or waits to be written to (a pipe) is none.
 */
function isNamelessDicom(path: string): boolean {
  if (!isNameless(path) || basename(path) === 'DICOMDIR') return false;
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  const start = Buffer.alloc(dicomStartBytes);
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    readSync(file, start);
  } catch {
    return false; // listed among the files of other types
  } finally {
    if (file !== undefined) closeSync(file);
  }
  return isDicom(start);
}

/** The preamble and the magic word. */
const dicomStartBytes = 132;

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

  constructor(images: readonly string[]) {
    for (const file of images) {
      const short = posix.basename(file);
      for (const name of new Set([file, withoutExtension(file), short, withoutExtension(short)])) {
        const files = this.#byName.get(name);
        if (files) files.push(file);
        else this.#byName.set(name, [file]);
      }
    }
  }

  /** Tried in this order: the path, the path without extension, the file's name, the name without extension. */
  find(id: string): readonly string[] {
    const path = id.replace(/\\/g, '/').replace(/^\.\//, '');
    if (path === '') return [];
    const short = posix.basename(path);
    for (const name of [path, withoutExtension(path), short, withoutExtension(short)]) {
      const files = this.#byName.get(name);
      if (files) return files;
    }
    return [];
  }
}

/** SHA-256 of a file; a file that cannot be read is unlike any other, and decoding names it later. */
export function contentOf(path: string): string {
  try {
    return sha256(readFileSync(path));
  } catch {
    return path;
  }
}
