/**
 * The archive's bulk metadata: one Parquet file with a row for every public image, exported by the server for its
 * data explorer (`snapshots/ISIC_metadata.parquet` in its public bucket). It has neither file URLs nor sizes, so it
 * cannot drive a download; it is for choosing a query, and a table for `graft data import`.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DataError, replaceFileAsync } from 'graft-torch/base';
import { HttpError, openPart, statusError } from '../../net/index.js';
import type { ArchiveClient } from './client.js';

export const bulkMetadataUrl =
  'https://isic-archive.s3.us-east-1.amazonaws.com/snapshots/ISIC_metadata.parquet';

export interface BulkSummary {
  rows: number;
  columns: string[];
  /** When the archive wrote it; null where the file does not say. */
  snapshotAt: string | null;
  /** Images by `diagnosis_1`, most frequent first; '' where it is missing. */
  diagnoses: { diagnosis: string; images: number }[];
}

/**
 * Downloads the file whole, or not at all.
 * @throws HttpError when it cannot be fetched; DataError when what came is no Parquet file
 */
export async function fetchBulkMetadata(
  client: ArchiveClient,
  path: string,
  options: { url?: string; onBytes?: (done: number, total: number | null) => void } = {},
): Promise<void> {
  const url = options.url ?? bulkMetadataUrl;
  await client.retry(async () => {
    const response = await client.openFile(url);
    if (response.status !== 200) {
      response.discard();
      throw statusError(response, '', client.clock.now());
    }
    await replaceFileAsync(path, async (temporary) => {
      const part = await openPart(temporary);
      try {
        await part.receive(response, { onProgress: options.onBytes });
      } finally {
        await part.close();
      }
      if (!isParquet(temporary))
        throw new HttpError(`${url} answered what is no Parquet file`, { passing: true });
    });
  });
}

/** Parquet files begin and end with the same four bytes. */
function isParquet(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const ends = Buffer.alloc(8);
    const { size } = fstatSync(file);
    if (size < 8) return false;
    readSync(file, ends, 0, 4, 0);
    readSync(file, ends, 4, 4, size - 4);
    return ends.toString('latin1') === 'PAR1PAR1';
  } finally {
    closeSync(file);
  }
}

/**
 * What a bulk metadata file holds.
 * @throws DataError when it cannot be read, or has no `isic_id`
 */
export async function describeBulkMetadata(path: string): Promise<BulkSummary> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const query = async (sql: string): Promise<Record<string, unknown>[]> =>
    (await connection.runAndReadAll(sql, { path })).getRowObjectsJson();
  try {
    const columns = (await query('DESCRIBE SELECT * FROM read_parquet($path)')).map((row) =>
      String(row.column_name),
    );
    if (!columns.includes('isic_id'))
      throw new DataError(`${path}: has no column isic_id; is it the archive's bulk metadata?`);
    const [counted] = await query('SELECT count(*) AS n FROM read_parquet($path)');
    const diagnoses = columns.includes('diagnosis_1')
      ? await query(
          `SELECT coalesce(diagnosis_1, '') AS diagnosis, count(*) AS n FROM read_parquet($path) GROUP BY 1 ORDER BY 2 DESC, 1`,
        )
      : [];
    const [snapshot] = await query(
      `SELECT decode(value) AS at FROM parquet_kv_metadata($path) WHERE decode(key) = 'snapshot_timestamp'`,
    );
    return {
      rows: Number(counted!.n),
      columns,
      snapshotAt: snapshot === undefined ? null : String(snapshot.at),
      diagnoses: diagnoses.map((row) => ({ diagnosis: String(row.diagnosis), images: Number(row.n) })),
    };
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`${path}: cannot be read as Parquet (${(cause as Error).message.split('\n')[0]})`, {
      cause,
    });
  } finally {
    connection.closeSync();
  }
}
