/** The images of a dataset in the making: each is decoded whole, measured, hashed and put in its place. */
import { link, realpath, symlink, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { DataError, readBytesAsync, sha256 } from 'graft-torch/base';
import { forEachParallel } from '../../base/index.js';
import { despiteWarnings, fileKind, isGreyImage, type ReadOptions } from '../../image/index.js';
import { changedError } from '../dataset/dataset.js';
import type { Problem } from '../dataset/problems.js';
import {
  type Content,
  type ContentMaps,
  createContentMaps,
  gatherContents,
  readContent,
  setContent,
} from '../duplicates/content.js';
import { receipt } from './cleaning.js';
import type { DatasetItem } from './item.js';

/**
 * How an image gets into the dataset: `copy`; `link`: hard link, else symbolic link; `share`: hard link, else copy,
 * for sources that will go away.
 */
export type Placing = 'copy' | 'link' | 'share';

/** An image that was decoded and stored. */
export interface ReadImage {
  item: DatasetItem;
  file: string;
  sha256: string;
  width: number;
  height: number;
}

/**
 * Decodes and stores every image; those that cannot be decoded are named and not stored.
 * @returns what was read, in order; content maps of the same, empty for what was known; a receipt for each
 * unreadable image; doubts about those that were read in spite of a fault; whether all that were
 * decoded are grey
 */
export async function readImages(
  dir: string,
  items: readonly DatasetItem[],
  options: {
    images?: Placing;
    acceptWarnings?: boolean;
    onProgress?: (phase: 'read', done: number, total: number) => void;
    signal?: AbortSignal;
  },
): Promise<{
  read: ReadImage[];
  contents: ContentMaps;
  unreadable: Problem[];
  doubts: Problem[];
  grey: boolean;
}> {
  const contents = createContentMaps(items.length);
  const read: (ReadImage | undefined)[] = new Array(items.length).fill(undefined);
  const unreadable: (Problem | undefined)[] = new Array(items.length).fill(undefined);
  const doubts: Problem[] = [];
  const stems = fileStems(items);
  let done = 0;
  let grey = items.some(({ known }) => !known);
  options.onProgress?.('read', 0, items.length);
  await forEachParallel(
    items.length,
    async (i) => {
      const item = items[i]!;
      const { name, source } = item;
      let image: Measured | undefined;
      try {
        const bytes = 'make' in source ? await source.make() : await readBytesAsync(source.path);
        const warn = (text: string): void => {
          doubts.push(receipt('warning', { ...item, name: item.publicName ?? name }, text));
        };
        image = item.known
          ? { bytes, ...item.known }
          : await measure(bytes, { name, acceptWarnings: options.acceptWarnings, onWarning: warn });
        if (grey && !item.known) grey = (await isGreyImage(image.bytes, name)) && grey;
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        unreadable[i] = receipt('unreadable-image', item, reasonOf(error, item));
      }
      if (image) {
        // What fails here (a full disk, a missing permission on the target) is no fault of the image.
        const { bytes, content, width, height } = image;
        const hash = sha256(bytes);
        if (item.known && item.known.sha256 !== hash)
          throw changedError('path' in source ? source.path : name);
        if (content) setContent(contents, i, content);
        const file = `images/${stems[i]}${extensionOf(name, bytes)}`;
        const placing = options.images ?? 'copy';
        if (placing === 'copy' || image.isCopy || !('path' in source))
          await writeFile(join(dir, file), bytes, { flag: 'wx' });
        else await linkFile(source.path, join(dir, file), { bytes, placing });
        read[i] = { item, file, sha256: hash, width, height };
      }
      options.onProgress?.('read', ++done, items.length);
    },
    { signal: options.signal },
  );
  const kept = [...read.keys()].filter((i) => read[i]);
  return {
    read: kept.map((i) => read[i]!),
    // Those of unreadable images are left out, so that they keep step with `read`.
    contents: kept.length === items.length ? contents : gatherContents(contents, kept),
    unreadable: unreadable.filter((problem) => problem !== undefined),
    doubts,
    grey,
  };
}

interface Measured {
  bytes: Uint8Array;
  content?: Content;
  width: number;
  height: number;
  /** The bytes are no longer the file's. */
  isCopy?: boolean;
}

/** Decodes an image; where the user accepts what a decoder complains of, a sound copy takes its place. */
async function measure(
  bytes: Uint8Array,
  { acceptWarnings, ...options }: ReadOptions & { name: string; acceptWarnings?: boolean },
): Promise<Measured> {
  try {
    return { bytes, ...(await readContent(bytes, options)) };
  } catch (cause) {
    if (!acceptWarnings || !(cause instanceof DataError)) throw cause;
    const { png, warning } = await despiteWarnings(bytes, options.name);
    options.onWarning?.(`read in spite of a fault, stored as PNG: ${warning}`);
    return { bytes: png, ...(await readContent(png, options)), isCopy: true };
  }
}

/** Why an image cannot be read, without its name, which stands beside. */
const reasonOf = ({ message }: DataError, { name, source }: DatasetItem): string =>
  [name, 'path' in source ? source.path : '']
    .reduce((text, own) => (text.startsWith(`${own}: `) ? text.slice(own.length + 2) : text), message)
    .replace(/^cannot be decoded as an image \((.*)\)$/s, '$1');

/** Ids as file names without extension: what file systems dislike is replaced, and told apart where that makes two alike. */
function fileStems(items: readonly DatasetItem[]): string[] {
  const taken = new Set<string>();
  return items.map(({ id }) => {
    const safe = id
      .replace(/[^\p{L}\p{N}._-]+/gu, '_')
      .replace(/^\./, '_')
      .slice(0, 150);
    let stem = safe;
    while (taken.has(stem.toLowerCase())) stem = `${safe}-${sha256(id + stem).slice(0, 8)}`;
    taken.add(stem.toLowerCase());
    return stem;
  });
}

/** With its dot: the file's own where its content is of that kind, else the kind's usual one. */
function extensionOf(name: string, bytes: Uint8Array): string {
  const own = extname(name).toLowerCase();
  const extensions = fileKind(bytes, name)?.extensions ?? [own];
  return extensions.includes(own) ? own : extensions[0]!;
}

/** Hard links where the disk has them; else a copy of the bytes, or a symbolic link, as asked. */
async function linkFile(
  from: string,
  to: string,
  { bytes, placing }: { bytes: Uint8Array; placing: 'link' | 'share' },
): Promise<void> {
  const original = await realpath(from); // a hard link to a relative link would lead nowhere
  try {
    await link(original, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error;
    if (placing === 'share') await writeFile(to, bytes, { flag: 'wx' });
    else await symlink(original, to);
  }
}
