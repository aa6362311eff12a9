/** All files of a fetch: workers take records from the list as it grows, and one that fails does not stop the others. */

import { HttpError } from '../../net/index.js';
import type { ArchiveClient } from './client.js';
import { downloadFile, fileNameOf, wholeFileBytes } from './download.js';
import type { Exclusion, Journal } from './journal.js';
import type { ImageRecord } from './schema.js';

export interface DownloadProgress {
  /** Files that are whole, those of earlier runs included. */
  files: number;
  /** Bytes of them and of those under way. */
  bytes: number;
  /** Files and bytes that earlier runs had left. */
  keptFiles: number;
  keptBytes: number;
  failed: number;
}

export interface DownloadResult extends DownloadProgress {
  failures: { id: string; reason: string }[];
  /** Listed, but without a file to fetch. */
  missing: [id: string, why: Exclusion][];
}

/** So many failures without a success between: the archive, or the network, is down. */
const failuresInARow = 20;

/**
 * Fetches the file of every record.
 * @throws what ends the run early: the signal's reason, a failure of the list, a full disk, an archive that is down
 */
export async function downloadAll(
  client: ArchiveClient,
  records: AsyncGenerator<ImageRecord, void, undefined>,
  options: {
    journal: Pick<Journal, 'update'>;
    dir: string;
    workers: number;
    signal?: AbortSignal;
    onProgress?: (progress: DownloadProgress) => void;
  },
): Promise<DownloadResult> {
  const { journal, dir, signal, onProgress } = options;
  const result: DownloadResult = {
    files: 0,
    bytes: 0,
    keptFiles: 0,
    keptBytes: 0,
    failed: 0,
    failures: [],
    missing: [],
  };
  let inARow = 0;
  let ended: { error: unknown } | undefined;
  const onBytes = (bytes: number): void => {
    result.bytes += bytes;
    onProgress?.(result);
  };

  const fetchOne = async (record: ImageRecord): Promise<void> => {
    const keptBytes = await wholeFileBytes(record, dir);
    if (keptBytes !== null) {
      result.files++;
      result.keptFiles++;
      result.keptBytes += keptBytes;
      onBytes(keptBytes);
      return;
    }
    try {
      const got = await downloadFile(client, record, { dir, onBytes });
      inARow = 0;
      if (got.kind !== 'whole') {
        result.missing.push([record.id, got.kind]);
        return;
      }
      const { id, url, sizeBytes } = got.record;
      // A file that is known to be of another size, or name, than was listed must be recognised by the next run.
      if (sizeBytes !== record.sizeBytes || fileNameOf(got.record) !== fileNameOf(record))
        await journal.update({ id, url, sizeBytes });
      result.files++;
      onProgress?.(result);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof HttpError)) throw error;
      result.failures.push({ id: record.id, reason: error.message });
      result.failed++;
      onProgress?.(result);
      if (++inARow >= failuresInARow)
        throw new HttpError(
          `${inARow} files in a row could not be fetched, the last because ${error.message}; what is here is kept: run the same command again later`,
          { passing: false, cause: error },
        );
    }
  };
  const worker = async (): Promise<void> => {
    while (!ended) {
      try {
        signal?.throwIfAborted();
        const next = await records.next();
        if (next.done) return;
        await fetchOne(next.value);
      } catch (error) {
        ended ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: options.workers }, worker));
  // Lets go of the list where it stands; a page that is on its way is not waited for.
  records.return().catch(() => {});
  if (ended) throw ended.error;
  return result;
}
