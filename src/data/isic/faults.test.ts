/** Every fault of a long download, alone and all together: in the end all files are whole and none is lost. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestClock, testClock } from '../../net/test-clock.test-data.js';
import { createClient } from './client.js';
import {
  type FakeImage,
  type FakeOptions,
  type FakeRequest,
  type Fault,
  fakeImages,
  faults,
  seededFaults,
  startFakeArchive,
} from './fake-archive.test-data.js';
import { fetchIsic } from './fetch.js';

let root: string;
let images: FakeImage[];
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-faults-'));
  images = await fakeImages(20, { seed: 2 });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Fetches everything from an archive with faults, and checks every byte of what is there then. */
async function survives(
  name: string,
  count: number,
  options: Partial<FakeOptions> & { idleTimeoutMs?: number },
): Promise<{ retries: number; clock: TestClock; requests: FakeRequest[] }> {
  const wanted = images.slice(0, count);
  const { idleTimeoutMs = 5000, ...archiveOptions } = options;
  const archive = await startFakeArchive({ images: wanted, pageSize: 4, ...archiveOptions });
  const clock = testClock();
  const client = createClient({
    baseUrl: archive.url,
    clock,
    attempts: 20,
    timeouts: { connectTimeoutMs: 5000, idleTimeoutMs },
  });
  const target = join(root, name);
  try {
    const { report } = await fetchIsic(client, target, {
      request: {
        baseUrl: archive.url,
        query: '',
        collections: [],
        imageTypes: [],
        includeSynthetic: false,
        limit: null,
      },
    });
    expect(report).toMatchObject({
      images: count,
      bytes: wanted.reduce((sum, { bytes }) => sum + bytes.length, 0),
      excluded: [],
    });
    expect(readdirSync(join(target, 'images')).sort()).toEqual(
      wanted.map(({ id, extension }) => `${id}${extension}`).sort(),
    );
    for (const { id, extension, bytes } of wanted)
      expect(readFileSync(join(target, 'images', `${id}${extension}`)).equals(bytes), id).toBe(true);
    for (const licence of ['CC-0', 'CC-BY', 'CC-BY-NC'])
      expect(readFileSync(join(target, 'licenses', `${licence}.txt`), 'utf8')).toBe(`Text of ${licence}.\n`);
    return { retries: client.retries, clock, requests: archive.requests };
  } finally {
    client.close();
    await archive.close();
  }
}

/** A licence's text has neither a known size nor a form, and only files are refused for their URL's age. */
const isNoticeable = (fault: Fault, { kind }: FakeRequest): boolean =>
  fault === '403' ? kind === 'file' : kind !== 'licence' || !['truncated', 'too-long'].includes(fault);

// Slowness is no fault: see http.test.ts. A refused URL is no fault of a page.
const alone = faults.filter((fault) => fault !== 'trickle');

test.each(alone)('%s, at the first visit of every address', async (fault: Fault) => {
  const { requests } = await survives(`alone-${fault}`, 6, {
    fault: (request) => (request.visit === 1 && isNoticeable(fault, request) ? fault : undefined),
    // Where silence is the fault, it is waited for.
    idleTimeoutMs: fault === 'silent' || fault === 'stalled' ? 60 : undefined,
  });
  const files = requests.filter(({ kind }) => kind === 'file');
  // Each file was hit, and asked for once more.
  expect(files.filter(({ visit }) => visit === 2)).toHaveLength(6);
});

test.each([1, 2, 3])('all of them together, seed %i', async (seed) => {
  const { retries } = await survives(`together-${seed}`, 20, {
    fault: seededFaults(faults, { seed, share: 0.6, visits: 4, isPossible: isNoticeable }),
    usesPerUrl: 2,
    trickleMs: 0,
    idleTimeoutMs: 60,
  });
  expect(retries).toBeGreaterThan(20);
});

test('a page instead of an image, where the record gives no size', async () => {
  const sizeless = images.slice(0, 3).map((image) => ({ ...image, declaredBytes: null }));
  const { requests } = await survives('sizeless', 3, {
    images: sizeless,
    fault: ({ kind, visit }) => (kind === 'file' && visit === 1 ? 'html' : undefined),
  });
  expect(requests.filter(({ kind }) => kind === 'file')).toHaveLength(6);
});

test('429 with Retry-After stops all requests for so long', async () => {
  const { clock } = await survives('patience', 6, {
    fault: ({ key, visit }) => (key === '/files/ISIC_0000001.jpg' && visit === 1 ? '429-seconds' : undefined),
  });
  expect(Math.max(...clock.waits)).toBe(7000);
});
