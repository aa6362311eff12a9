/** Before anything is downloaded: how much is there, and does it fit. */
import { statfs } from 'node:fs/promises';
import { ConfigError, DataError } from 'graft-torch/base';
import type { ArchiveClient } from './client.js';
import { type ArchiveRequest, archiveQuery } from './query.js';
import type { Survey } from './work-folder.js';

/**
 * Asks the archive what a request comes to.
 * @throws ConfigError for a query that it does not understand or a collection that it does not have; DataError when
 * no image matches
 */
export async function surveyArchive(client: ArchiveClient, request: ArchiveRequest): Promise<Survey> {
  const collections: Record<string, string> = {};
  for (const id of request.collections) {
    const found = await client.collection(id);
    if (!found)
      throw new ConfigError(
        `--collections ${id}: the archive has no such public collection; see graft data fetch isic --list-collections`,
      );
    collections[String(id)] = found.name;
  }
  const { images, synthetic } = await client.count(request);
  if (images === 0) {
    const hint = synthetic > 0 ? ` but ${synthetic} synthetic ones (--include-synthetic)` : '';
    const query = archiveQuery(request);
    throw new DataError(`no image of the archive matches ${query === '' ? 'this' : query}${hint}`);
  }
  return { images, bytes: await client.size(request), synthetic, collections };
}

/** What will be fetched; with a limit the bytes are an estimate from the mean. */
export function expected(
  survey: Survey,
  limit: number | null,
): { images: number; bytes: number | null; isEstimate: boolean } {
  const images = Math.min(survey.images, limit ?? Number.POSITIVE_INFINITY);
  const isEstimate = images < survey.images;
  const bytes = survey.bytes === null ? null : Math.round((survey.bytes * images) / survey.images);
  return { images, bytes, isEstimate };
}

/** Bytes that a folder's disk has room for. */
export async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}
