import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { HttpError } from './error.js';
import type { HttpResponse } from './http.js';
import { openPart } from './part.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-part-'));
afterAll(() => rmSync(dir, { recursive: true }));

const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 256));
const sha256 = createHash('sha256').update(bytes).digest('hex');

/** An answer with these bytes, which breaks off after them where told. */
const answer = (body: Buffer, { length, breaks = false }: { length?: number; breaks?: boolean } = {}) =>
  ({
    url: new URL('http://somewhere/x'),
    status: 200,
    headers: length === undefined ? {} : { 'content-length': String(length) },
    body: (async function* () {
      yield body;
      if (breaks) throw new HttpError('somewhere cut the connection', { passing: true });
    })(),
    discard: () => {},
  }) satisfies HttpResponse;

test('a file in two pieces is one, with its hash', async () => {
  const path = join(dir, 'pieces');
  const part = await openPart(path);
  await expect(part.receive(answer(bytes.subarray(0, 1234), { breaks: true }), { sha256 })).rejects.toThrow(
    /cut the connection/,
  );
  expect([part.bytes, part.announced]).toEqual([1234, sha256]);
  const told: (number | null)[][] = [];
  await part.receive(answer(bytes.subarray(1234), { length: 5000 - 1234 }), {
    sha256,
    from: 1234,
    onProgress: (done, total) => told.push([done, total]),
  });
  await part.sync();
  await part.close();
  expect(told).toEqual([[5000, 5000]]);
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

test('what is of another size or hash is refused; only a beginning is kept', async () => {
  const part = await openPart(join(dir, 'refused'));
  const refused = { status: 200, passing: true };
  await expect(part.receive(answer(bytes), { sizeBytes: 6000 })).rejects.toMatchObject(refused);
  expect(part.bytes).toBe(5000);
  await expect(part.receive(answer(bytes), { sizeBytes: 4000 })).rejects.toThrow(
    'somewhere sent 5000 bytes instead of 4000',
  );
  expect(part.bytes).toBe(0);
  await expect(part.receive(answer(bytes), { sha256: '0'.repeat(64) })).rejects.toThrow(
    `other bytes than were announced: SHA-256 ${sha256}`,
  );
  expect(part.bytes).toBe(0);
  await part.receive(answer(bytes), { sha256, sizeBytes: 5000 });
  await part.close();
});
