/**
 * One image file: to a temporary name, checked, then to its own. What bears its own name is whole. A file URL that
 * is refused has expired: the record is asked for again and its new URL used.
 */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { statusError } from './answer.js';
import type { ArchiveClient } from './client.js';
import { ArchiveError, type HttpResponse } from './http.js';
import { isPassingStatus } from './retry.js';
import type { ImageRecord } from './schema.js';

/** End of the temporary names; they begin with a dot. */
export const partSuffix = '.part';

/** The archive's images are JPEGs; where the URL says nothing else, so does the name. */
const usualExtension = '.jpg';

/** Name of an image's file: its id, and the extension that its URL's path has. */
export function fileNameOf(record: Pick<ImageRecord, 'id' | 'url'>): string {
  let extension = '';
  try {
    extension = extname(new URL(record.url ?? '').pathname).toLowerCase();
  } catch {}
  return `${record.id}${/^\.[a-z0-9]{1,5}$/.test(extension) ? extension : usualExtension}`;
}

/** Size of a file that is there whole, as far as its record can tell; null when it is to be fetched. */
export async function wholeFileBytes(record: ImageRecord, dir: string): Promise<number | null> {
  const found = await stat(join(dir, fileNameOf(record))).catch(() => null);
  if (!found?.isFile() || found.size === 0) return null;
  return record.sizeBytes === null || record.sizeBytes === found.size ? found.size : null;
}

export type Downloaded =
  | { kind: 'whole'; record: ImageRecord; bytes: number }
  /** The archive lists the image, but gives no file of it, or does not have it any more. */
  | { kind: 'no-file' | 'withdrawn' };

/**
 * Fetches one file into a folder.
 * @param options.onBytes bytes that came, at once; negative when they were for nothing
 * @returns the record as it was at the end: its URL, and at times its size, may have changed
 * @throws ArchiveError when the tries are used up; system errors of the disk
 */
export async function downloadFile(
  client: ArchiveClient,
  listed: ImageRecord,
  dir: string,
  options: { onBytes?: (bytes: number) => void } = {},
): Promise<Downloaded> {
  let record = listed;
  let outdated = record.url === null;
  return client.retry(async () => {
    for (let refreshed = false; ; ) {
      if (outdated) {
        const fresh = await client.recordOnce(record.id);
        if (fresh === null) return { kind: 'withdrawn' };
        if (fresh.url === null) return { kind: 'no-file' };
        record = { ...record, url: fresh.url, sizeBytes: fresh.sizeBytes };
        refreshed = true;
        outdated = false;
      }
      const response = await client.openFile(record.url!);
      const { status } = response;
      if (status === 200) {
        try {
          return { kind: 'whole', record, bytes: await store(response, record, dir, options.onBytes) };
        } catch (error) {
          // Of another size: the fault may as well be the record's.
          if (error instanceof ArchiveError && error.status === 200) outdated = true;
          throw error;
        }
      }
      response.discard();
      if (isPassingStatus(status)) throw statusError(response, '', client.clock);
      // 403, 404, 410, but also 400 (a storage's word for an expired token): a new URL may help, at once.
      outdated = true;
      if (refreshed)
        throw new ArchiveError(`${response.url.host} refuses the file with ${status}`, {
          status,
          passing: true,
        });
    }
  });
}

async function store(
  response: HttpResponse,
  record: ImageRecord,
  dir: string,
  onBytes: (bytes: number) => void = () => {},
): Promise<number> {
  const name = fileNameOf(record);
  const type = response.headers['content-type'] ?? '';
  // A proxy's page with status 200; where the record gives no size, nothing else would tell.
  if (/^text\/|html|json|xml/.test(type)) {
    response.discard();
    throw new ArchiveError(`${response.url.host} sent ${type} instead of an image`, { passing: true });
  }
  const announced = announcedBytes(response);
  if (announced !== null && record.sizeBytes !== null && announced !== record.sizeBytes) {
    response.discard();
    throw wrongSize(response, record.sizeBytes, announced);
  }
  const part = join(dir, `.${name}${partSuffix}`);
  let bytes = 0;
  let handle: FileHandle | undefined;
  try {
    handle = await open(part, 'w');
    for await (const chunk of response.body) {
      await handle.writeFile(chunk);
      bytes += chunk.length;
      onBytes(chunk.length);
    }
    const expected = record.sizeBytes ?? announced;
    if (bytes === 0 || (expected !== null && bytes !== expected))
      throw wrongSize(response, expected ?? 1, bytes);
    await handle.datasync();
    await handle.close();
    await rename(part, join(dir, name));
    return bytes;
  } catch (error) {
    onBytes(-bytes);
    response.discard();
    await handle?.close().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
}

function announcedBytes({ headers }: HttpResponse): number | null {
  const length = headers['content-length'];
  return length === undefined || headers['content-encoding'] !== undefined ? null : Number(length);
}

/** With the answer's status, which tells it from a cut connection. */
const wrongSize = ({ url }: HttpResponse, expected: number, found: number): ArchiveError =>
  new ArchiveError(`${url.host} sent ${found} bytes instead of ${expected}`, { status: 200, passing: true });
