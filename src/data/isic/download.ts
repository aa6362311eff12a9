/**
 * One image file: to a temporary name, checked, then to its own. What bears its own name is whole. A file URL that
 * is refused has expired: the record is asked for again and its new URL used.
 */
import { rename, rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import {
  announcedBytes,
  HttpError,
  type HttpResponse,
  isPassingStatus,
  openPart,
  type PartFile,
  statusError,
} from '../../net/index.js';
import type { ArchiveClient } from './client.js';
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

export interface DownloadOptions {
  /** Folder of the files. */
  dir: string;
  /** Bytes that came, at once; negative when they were for nothing. */
  onBytes?: (bytes: number) => void;
}

/**
 * Fetches one file into a folder.
 * @returns the record as it was at the end: its URL, and at times its size, may have changed
 * @throws HttpError when the tries are used up; system errors of the disk
 */
export async function downloadFile(
  client: ArchiveClient,
  listed: ImageRecord,
  options: DownloadOptions,
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
          return { kind: 'whole', record, bytes: await store(response, record, options) };
        } catch (error) {
          // Of another size: the fault may as well be the record's.
          if (error instanceof HttpError && error.status === 200) outdated = true;
          throw error;
        }
      }
      response.discard();
      if (isPassingStatus(status)) throw statusError(response, '', client.clock.now());
      // 403, 404, 410, but also 400 (a storage's word for an expired token): a new URL may help, at once.
      outdated = true;
      if (refreshed)
        throw new HttpError(`${response.url.host} refuses the file with ${status}`, {
          status,
          passing: true,
        });
    }
  });
}

async function store(
  response: HttpResponse,
  record: ImageRecord,
  { dir, onBytes = () => {} }: DownloadOptions,
): Promise<number> {
  const name = fileNameOf(record);
  const type = response.headers['content-type'] ?? '';
  // A proxy's page with status 200; where the record gives no size, nothing else would tell.
  if (/^text\/|html|json|xml/.test(type)) {
    response.discard();
    throw new HttpError(`${response.url.host} sent ${type} instead of an image`, { passing: true });
  }
  const announced = announcedBytes(response);
  if (announced !== null && record.sizeBytes !== null && announced !== record.sizeBytes) {
    response.discard();
    throw wrongSize(response, record.sizeBytes, announced);
  }
  const path = join(dir, `.${name}${partSuffix}`);
  let told = 0;
  let part: PartFile | undefined;
  try {
    part = await openPart(path);
    await part.receive(response, {
      sizeBytes: record.sizeBytes,
      onProgress: (done) => {
        onBytes(done - told);
        told = done;
      },
    });
    const { bytes } = part;
    if (bytes === 0) throw wrongSize(response, 1, 0);
    await part.sync();
    await part.close();
    await rename(path, join(dir, name));
    return bytes;
  } catch (error) {
    onBytes(-told);
    response.discard();
    await part?.close().catch(() => {});
    await rm(path, { force: true });
    throw error;
  }
}

/** With the answer's status, which tells it from a cut connection. */
const wrongSize = ({ url }: HttpResponse, expected: number, found: number): HttpError =>
  new HttpError(`${url.host} sent ${found} bytes instead of ${expected}`, { status: 200, passing: true });
