import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testClock } from '../../net/test-clock.test-data.js';
import { describeBulkMetadata, fetchBulkMetadata } from './bulk.js';
import { createClient } from './client.js';
import { type Fault, startFakeArchive } from './fake-archive.test-data.js';

let root: string;
let bulk: Buffer;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-bulk-'));
  const path = join(root, 'made.parquet');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `COPY (SELECT 'ISIC_' || lpad(i::VARCHAR, 7, '0') AS isic_id, 'CC-BY' AS copyright_license,
       CASE WHEN i % 10 = 0 THEN NULL WHEN i % 4 = 0 THEN 'Malignant' ELSE 'Benign' END AS diagnosis_1
       FROM range(1, 2001) t(i))
     TO '${path}' (FORMAT parquet, KV_METADATA { snapshot_timestamp: '2026-11-01T00:00:00+00:00' })`,
  );
  connection.closeSync();
  bulk = readFileSync(path);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function fetchIt(path: string, fault?: (visit: number) => Fault | undefined): Promise<number> {
  const archive = await startFakeArchive({ images: [], bulk, fault: ({ visit }) => fault?.(visit) });
  const client = createClient({
    baseUrl: archive.url,
    clock: testClock(),
    attempts: 4,
    timeouts: { idleTimeoutMs: 100 },
  });
  try {
    await fetchBulkMetadata(client, path, { url: `${archive.url}snapshots/ISIC_metadata.parquet` });
    return client.retries;
  } finally {
    client.close();
    await archive.close();
  }
}

test('stored whole, and what is in it', async () => {
  const path = join(root, 'a', 'isic.parquet');
  await fetchIt(path);
  expect(readFileSync(path).equals(bulk)).toBe(true);
  expect(await describeBulkMetadata(path)).toEqual({
    rows: 2000,
    columns: ['isic_id', 'copyright_license', 'diagnosis_1'],
    snapshotAt: '2026-11-01T00:00:00+00:00',
    diagnoses: [
      { diagnosis: 'Benign', images: 1400 },
      { diagnosis: 'Malignant', images: 400 },
      { diagnosis: '', images: 200 },
    ],
  });
});

test.each<Fault>(['cut', 'stalled', 'truncated', 'html', 'empty', '503', '429-seconds'])(
  '%s: fetched again',
  async (fault) => {
    const path = join(root, `${fault}.parquet`);
    expect(await fetchIt(path, (visit) => (visit === 1 ? fault : undefined))).toBeGreaterThan(0);
    expect(readFileSync(path).equals(bulk)).toBe(true);
  },
);

test('what cannot be had leaves nothing behind', async () => {
  const path = join(root, 'b', 'isic.parquet');
  await expect(fetchIt(path, () => 'truncated')).rejects.toThrow(/no Parquet file/);
  expect(existsSync(path)).toBe(false);
  expect(readdirSync(join(root, 'b'))).toEqual([]);
});

test('a file that is none is named', async () => {
  const path = join(root, 'broken.parquet');
  writeFileSync(path, 'PAR1 nothing PAR1');
  await expect(describeBulkMetadata(path)).rejects.toThrow(/broken\.parquet: cannot be read as Parquet/);
});
