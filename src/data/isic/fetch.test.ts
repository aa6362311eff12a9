import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, hiddenName } from 'graft-torch/base';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { testClock } from '../../net/test-clock.test-data.js';
import { openDataset } from '../dataset/dataset.js';
import { readTable } from '../table/table.js';
import { type ClientOptions, createClient } from './client.js';
import {
  type FakeArchive,
  type FakeImage,
  type FakeOptions,
  fakeImages,
  startFakeArchive,
} from './fake-archive.test-data.js';
import { type FetchOptions, fetchIsic } from './fetch.js';
import type { ArchiveRequest } from './query.js';
import { workEnding } from './work-folder.js';

const workFolder = (target: string): string => hiddenName(target, workEnding);

let root: string;
let images: FakeImage[];
const archives: FakeArchive[] = [];
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-isic-'));
  images = await fakeImages(24, { seed: 1 });
});
afterEach(async () => {
  for (const archive of archives.splice(0)) await archive.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const collections = [
  { id: 2, name: 'Challenge A', pinned: true },
  { id: 17, name: 'Challenge B' },
];

async function start(options: Partial<FakeOptions> = {}): Promise<FakeArchive> {
  const archive = await startFakeArchive({ images, collections, pageSize: 5, ...options });
  archives.push(archive);
  return archive;
}

let folders = 0;
const newTarget = (): string => join(root, `target-${folders++}`);
const asDataset = { positive: 'Malignant', labelColumn: 'diagnosis_1' };

/** A fetch with a clock that does not wait. */
async function fetchFrom(
  archive: FakeArchive,
  target: string,
  options: Partial<Omit<FetchOptions, 'request'>> & {
    request?: Partial<ArchiveRequest>;
    client?: ClientOptions;
  } = {},
) {
  const { client: clientOptions, request, ...others } = options;
  const client = createClient({ baseUrl: archive.url, clock: testClock(), attempts: 4, ...clientOptions });
  try {
    return await fetchIsic(client, target, {
      request: {
        baseUrl: archive.url,
        query: '',
        collections: [],
        imageTypes: [],
        includeSynthetic: false,
        limit: null,
        ...request,
      },
      workers: 4,
      signal: clientOptions?.signal,
      ...others,
    });
  } finally {
    client.close();
  }
}

/** That a plain folder holds just these images, byte for byte. */
function expectWhole(target: string, expected: readonly FakeImage[]): void {
  const names = expected.map(({ id, extension }) => `${id}${extension}`);
  expect(readdirSync(join(target, 'images')).sort()).toEqual(names.sort());
  for (const { id, extension, bytes } of expected)
    expect(readFileSync(join(target, 'images', `${id}${extension}`)).equals(bytes), id).toBe(true);
  expect(existsSync(workFolder(target))).toBe(false);
}

const countOf = (archive: FakeArchive, kind: string): number =>
  archive.requests.filter((request) => request.kind === kind).length;

describe('a fetch without faults', () => {
  test('a dataset: images, labels, table, attributions, licences, report', async () => {
    const archive = await start();
    const target = newTarget();
    const { made, report } = await fetchFrom(archive, target, { import: { ...asDataset, name: 'lesions' } });
    const dataset = openDataset(target);
    expect(dataset).toMatchObject({
      name: 'lesions',
      positive: 'Malignant',
      classes: ['Benign', 'Malignant'],
      licence: 'CC-0, CC-BY, CC-BY-NC',
      groupedBy: 'lesion',
    });
    expect(made!.dataset.hash).toBe(dataset.hash);
    expect(dataset.provenance).toMatchObject({
      importer: 'graft data fetch isic',
      archive: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/),
      request: { query: '', collections: [], includeSynthetic: false },
      images: 'images',
      metadata: 'metadata.csv',
      announcedImages: 24,
      fetchedImages: 24,
    });
    expect(JSON.stringify(dataset.provenance)).not.toContain('.fetching');
    expect(dataset.rows.map(({ id }) => id)).toEqual(images.map(({ id }) => id));
    for (const { id, bytes, extension, clinical } of images) {
      expect(readFileSync(join(target, 'images', `${id}${extension}`)).equals(bytes)).toBe(true);
      const row = dataset.rows.find((one) => one.id === id)!;
      expect(row.label).toBe(clinical.diagnosis_1);
      expect(row.extra).toMatchObject({ image_type: 'dermoscopic', age_approx: String(clinical.age_approx) });
    }
    expect(readdirSync(target).sort()).toEqual([
      ...['attribution.txt', 'cleaning.csv', 'dataset.yaml', 'images', 'import-report.json'],
      ...['isic-fetch.json', 'licenses', 'manifest.csv', 'metadata.csv'],
    ]);
    expect(readdirSync(join(target, 'licenses')).sort()).toEqual(['CC-0.txt', 'CC-BY-NC.txt', 'CC-BY.txt']);
    expect(readFileSync(join(target, 'licenses', 'CC-BY.txt'), 'utf8')).toBe('Text of CC-BY.\n');
    expect(report).toMatchObject({
      images: 24,
      announced: { images: 24, bytes: report.bytes, synthetic: 0 },
      listed: 24,
      licences: { 'CC-0': 8, 'CC-BY': 8, 'CC-BY-NC': 8 },
      excluded: [],
    });
    expect(existsSync(workFolder(target))).toBe(false);
  });

  test('a plain folder: the table has every column of every record, nothing of the URLs', async () => {
    const odd = images.map((image, i) => ({
      ...image,
      clinical:
        i === 20
          ? { ...image.clinical, mel_thick_mm: '0.5', anatom_site_1: 'Trunk, "back"' }
          : image.clinical,
    }));
    const archive = await start({ images: odd });
    const target = newTarget();
    await fetchFrom(archive, target);
    expectWhole(target, odd);
    const { columns, rows } = readTable(join(target, 'metadata.csv'));
    expect(columns).toEqual([
      ...['isic_id', 'attribution', 'copyright_license', 'age_approx', 'anatom_site_1', 'diagnosis_1'],
      ...['image_type', 'lesion_id', 'mel_thick_mm', 'pixels_x', 'pixels_y', 'sex'],
    ]);
    expect(rows.map(({ cells }) => cells.isic_id)).toEqual(odd.map(({ id }) => id));
    expect(rows[20]!.cells).toMatchObject({ mel_thick_mm: '0.5', anatom_site_1: 'Trunk, "back"' });
    expect(rows[1]!.cells).toMatchObject({ attribution: 'Hospital 1, "Süd"', sex: '', mel_thick_mm: '' });
    expect(readFileSync(join(target, 'metadata.csv'), 'utf8')).not.toContain('Signature');
  });

  test('attributions: those of the most images first, the nameless last', async () => {
    const names = ['Anonymous', 'Anonymous', 'Anonymous', 'B', 'A', 'C', 'C'];
    const archive = await start({
      images: images.slice(0, 7).map((image, i) => ({ ...image, attribution: names[i]! })),
    });
    const target = newTarget();
    await fetchFrom(archive, target);
    expect(readFileSync(join(target, 'attribution.txt'), 'utf8')).toBe('C\n\nA\n\nB\n\nAnonymous\n');
  });

  test.each([1, 5, 7, 24, 99])(
    '--limit %i is exact, and asks for no more pages than it needs',
    async (limit) => {
      const archive = await start();
      const target = newTarget();
      const { report } = await fetchFrom(archive, target, { request: { limit } });
      expect(report.images).toBe(Math.min(24, limit));
      expectWhole(target, images.slice(0, limit));
      // Two searches only count: all images, and the synthetic ones.
      const pages = countOf(archive, 'search') - 2;
      expect(pages).toBe(Math.ceil(Math.min(24, limit) / Math.min(5, limit)));
    },
  );

  test('query, collections and image types choose', async () => {
    const archive = await start();
    const target = newTarget();
    const { report } = await fetchFrom(archive, target, {
      request: {
        query: 'diagnosis_1:Malignant OR age_approx:[60 TO *]',
        collections: [2],
        imageTypes: ['dermoscopic'],
      },
    });
    expectWhole(
      target,
      images.filter(
        ({ clinical, collections: own }) =>
          own.includes(2) && (clinical.diagnosis_1 === 'Malignant' || Number(clinical.age_approx) >= 60),
      ),
    );
    expect(report.announced.collections).toEqual({ '2': 'Challenge A' });
  });

  test('files are asked for without cookies or credentials, by a client that says who it is', async () => {
    const archive = await start();
    await fetchFrom(archive, newTarget(), { client: { userAgent: 'graft/9.9' } });
    expect(countOf(archive, 'file')).toBe(24);
    for (const { headers } of archive.requests) {
      expect(headers).toMatchObject({ 'user-agent': 'graft/9.9' });
      expect(headers.cookie).toBeUndefined();
      expect(headers.authorization).toBeUndefined();
    }
  });

  test('many workers under one signal: no warning of a leak', async () => {
    const archive = await start({
      fault: ({ kind, visit }) => (kind === 'file' && visit === 1 ? 'silent' : undefined),
    });
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => {
      warnings.push(warning);
    };
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    await fetchFrom(archive, newTarget(), {
      workers: 24,
      client: { signal, timeouts: { idleTimeoutMs: 60 } },
    });
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  test('no more requests a second than allowed, files and pages together', async () => {
    const archive = await start();
    const clock = testClock(0);
    await fetchFrom(archive, newTarget(), { client: { clock, ratePerS: 4 } });
    // As many as a second's worth may go at once, every further one costs a quarter of a second.
    expect(clock.now()).toBeGreaterThanOrEqual((archive.requests.length - 4) * 250 - 250);
  });
});

describe('synthetic images', () => {
  const withSynthetic = (): FakeImage[] =>
    images
      .slice(0, 8)
      .map((image, i) =>
        i === 2
          ? { ...image, acquisition: { ...image.acquisition, image_manipulation: 'synthetic' } }
          : i === 5
            ? { ...image, acquisition: { ...image.acquisition, image_manipulation: 'altered' } }
            : image,
      );

  test('are not asked for, and counted', async () => {
    const archive = await start({ images: withSynthetic() });
    const target = newTarget();
    const { report } = await fetchFrom(archive, target);
    expectWhole(
      target,
      withSynthetic().filter((_, i) => i !== 2),
    );
    expect(report.announced).toMatchObject({ images: 7, synthetic: 1 });
  });

  test('that the search lets through all the same are left out by their record, wherever it says so', async () => {
    const archive = await start({
      images: images.slice(0, 6),
      page: (page) => {
        for (const result of page.results as { isic_id: string; metadata: Record<string, object> }[]) {
          if (result.isic_id === 'ISIC_0000002')
            result.metadata = { new: { place: { image_manipulation: 'Synthetic' } } } as never;
          if (result.isic_id === 'ISIC_0000004')
            result.metadata.clinical = { image_manipulation: 'synthetic' };
        }
      },
    });
    const target = newTarget();
    const { report } = await fetchFrom(archive, target, { request: { limit: 4 } });
    expectWhole(
      target,
      [0, 2, 4, 5].map((i) => images[i]!),
    );
    expect(report.excluded).toMatchObject([
      { why: 'synthetic', images: 2, ids: ['ISIC_0000002', 'ISIC_0000004'] },
    ]);
  });

  test('come with --include-synthetic', async () => {
    const archive = await start({ images: withSynthetic() });
    const target = newTarget();
    await fetchFrom(archive, target, { request: { includeSynthetic: true } });
    expectWhole(target, withSynthetic());
  });
});

describe('odd records', () => {
  test('twice across pages: once, and counted', async () => {
    const archive = await start({ images: [...images.slice(0, 7), images[1]!, images[6]!, images[7]!] });
    const target = newTarget();
    const { report } = await fetchFrom(archive, target);
    expectWhole(target, images.slice(0, 8));
    expect(report.excluded).toMatchObject([{ why: 'duplicate', ids: ['ISIC_0000002', 'ISIC_0000007'] }]);
  });

  test('without size: fetched; without files or gone: named; without id or with a path for one: counted', async () => {
    const odd = images.slice(0, 6).map((image, i): FakeImage => {
      if (i === 1) return { ...image, declaredBytes: null };
      if (i === 2) return { ...image, file: 'never' };
      if (i === 4) return { ...image, file: 'gone' };
      return i === 5 ? { ...image, id: '../../outside' } : image;
    });
    const archive = await start({
      images: odd,
      page: (page) => {
        page.results.push(null);
      },
    });
    const target = newTarget();
    const { report } = await fetchFrom(archive, target);
    expectWhole(
      target,
      [0, 1, 3].map((i) => images[i]!),
    );
    expect(report.excluded.map(({ why, ids }) => [why, ids])).toEqual([
      ['no-id', ['', '', '']],
      ['no-file', ['ISIC_0000003']],
      ['withdrawn', ['ISIC_0000005']],
    ]);
    expect(readTable(join(target, 'metadata.csv')).rows).toHaveLength(3);
    expect(existsSync(join(root, 'outside.jpg'))).toBe(false);
  });

  test('a licence that the archive has no text of is named', async () => {
    const archive = await start({
      images: images.slice(0, 2).map((image) => ({ ...image, licence: 'CC-BY-ND' })),
    });
    const { report } = await fetchFrom(archive, newTarget());
    expect(report).toMatchObject({ licences: { 'CC-BY-ND': 2 }, licencesWithoutText: ['CC-BY-ND'] });
  });

  test('a next page on another host is not followed', async () => {
    const archive = await start({
      page: (page) => {
        page.next = 'https://elsewhere.example/images/search/?cursor=x';
      },
    });
    await expect(fetchFrom(archive, newTarget())).rejects.toThrow(/another host \(elsewhere\.example\)/);
  });

  test('a page that follows itself ends', async () => {
    const archive = await start({
      page: (page, { key }) => {
        if (key.includes('cursor')) page.next = `${archive.url}${key.slice(1)}`;
      },
    });
    await expect(fetchFrom(archive, newTarget())).rejects.toThrow(/its own next page/);
  });
});

describe('file URLs that expire', () => {
  test('refused ones are replaced at once by those of the record, asked for again', async () => {
    const archive = await start({ listedUrlsAreDead: true, usesPerUrl: 1 });
    const target = newTarget();
    const clock = testClock();
    await fetchFrom(archive, target, { client: { clock, ratePerS: 1000 } });
    expectWhole(target, images);
    expect([countOf(archive, 'record'), countOf(archive, 'file')]).toEqual([24, 48]);
    expect(clock.waits).toEqual([]);
  });

  test('a list from long ago: every URL in it is dead, the run goes on', async () => {
    const archive = await start({ onlyLatestUrl: true });
    const target = newTarget();
    const stop = new AbortController();
    archive.options.onRequest = ({ kind }) => {
      if (kind === 'file' && countOf(archive, 'file') === 3) stop.abort(new Error('stopped'));
    };
    await expect(fetchFrom(archive, target, { client: { signal: stop.signal } })).rejects.toThrow('stopped');
    archive.options.onRequest = undefined;
    // Everybody else's visits make the archive sign anew.
    const other = newTarget();
    await fetchFrom(archive, other);
    await fetchFrom(archive, target);
    expectWhole(target, images);
    expect(countOf(archive, 'record')).toBeGreaterThan(0);
  });
});

describe('a run that ended early is continued by the same command', () => {
  /** Stops a fetch when the archive has been asked for so many things of a kind. */
  async function stopAt(archive: FakeArchive, target: string, kind: string, n: number) {
    const stop = new AbortController();
    const before = countOf(archive, kind);
    archive.options.onRequest = (request) => {
      if (request.kind === kind && countOf(archive, kind) - before === n) stop.abort(new Error('stopped'));
    };
    await expect(fetchFrom(archive, target, { client: { signal: stop.signal } })).rejects.toThrow('stopped');
    archive.options.onRequest = undefined;
    expect(existsSync(target)).toBe(false);
  }

  test('stopped again and again, in the list and in the files: none lost, none fetched twice that was whole', async () => {
    const archive = await start();
    const target = newTarget();
    await stopAt(archive, target, 'search', 3);
    await stopAt(archive, target, 'file', 6);
    await stopAt(archive, target, 'file', 6);
    await stopAt(archive, target, 'licence', 2);
    const before = archive.requests.length;
    const { keptFiles } = await fetchFrom(archive, target);
    expect(keptFiles).toBe(24);
    expect(archive.requests.slice(before).map(({ kind }) => kind)).toEqual(['licence', 'licence']);
    expectWhole(target, images);
  });

  test('a whole file that was cut since, half files and a half line of the list are made good', async () => {
    const archive = await start();
    const target = newTarget();
    await stopAt(archive, target, 'licence', 1);
    const download = join(workFolder(target), 'download', 'images');
    truncateSync(join(download, 'ISIC_0000001.jpg'), 100);
    truncateSync(join(download, 'ISIC_0000003.jpg'), 0);
    rmSync(join(download, 'ISIC_0000005.png'));
    writeFileSync(join(download, '.ISIC_0000005.png.part'), 'half');
    const journal = join(workFolder(target), 'pages.jsonl');
    const whole = readFileSync(journal, 'utf8');
    const lines = whole.trimEnd().split('\n');
    writeFileSync(journal, `${lines.slice(0, 3).join('\n')}\n${lines[3]!.slice(0, 200)}`);
    const before = countOf(archive, 'file');
    await fetchFrom(archive, target);
    expectWhole(target, images);
    expect(countOf(archive, 'file') - before).toBe(3);
  });

  test('a damaged line inside the list is named, with the remedy', async () => {
    const archive = await start();
    const target = newTarget();
    await stopAt(archive, target, 'licence', 1);
    const journal = join(workFolder(target), 'pages.jsonl');
    const lines = readFileSync(journal, 'utf8').split('\n');
    lines[1] = lines[1]!.slice(0, 50);
    writeFileSync(journal, lines.join('\n'));
    await expect(fetchFrom(archive, target)).rejects.toThrow(
      /pages\.jsonl, line 2: damaged; remove its folder/,
    );
  });

  test('a cursor that the archive has forgotten: listed anew, and nothing counted as a duplicate', async () => {
    const archive = await start();
    const target = newTarget();
    await stopAt(archive, target, 'search', 4);
    const journal = join(workFolder(target), 'pages.jsonl');
    const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
    const last = JSON.parse(lines.at(-1)!);
    writeFileSync(
      journal,
      `${JSON.stringify({ ...last, next: last.next.replace(/cursor=[^&]*/, 'cursor=x') })}\n`,
    );
    const { report } = await fetchFrom(archive, target);
    expectWhole(target, images);
    expect(report.excluded).toEqual([]);
  });

  test('a file that the archive replaced meanwhile is taken as it is now, also by the run after', async () => {
    const archive = await start({ images: images.slice(0, 5) });
    const target = newTarget();
    const replaced = { ...images[1]!, bytes: images[7]!.bytes };
    // Listed with the old size, served with the new one.
    archive.options.onRequest = ({ kind }) => {
      if (kind === 'file') archive.options.images = images.slice(0, 5).with(1, replaced);
    };
    const stop = new AbortController();
    const own = archive.options.onRequest;
    archive.options.onRequest = (request, served) => {
      void own(request, served);
      if (request.kind === 'licence') stop.abort(new Error('stopped'));
    };
    await expect(fetchFrom(archive, target, { client: { signal: stop.signal } })).rejects.toThrow('stopped');
    archive.options.onRequest = undefined;
    const before = countOf(archive, 'file');
    await fetchFrom(archive, target);
    expectWhole(target, images.slice(0, 5).with(1, replaced));
    expect(countOf(archive, 'file')).toBe(before);
  });

  test('another request to the same target is refused, with what differs and what to do', async () => {
    const archive = await start();
    const target = newTarget();
    await stopAt(archive, target, 'file', 3);
    const other = fetchFrom(archive, target, { request: { query: 'sex:female', limit: 3 } });
    await expect(other).rejects.toThrow(ConfigError);
    await expect(other).rejects.toThrow(
      /\.target-\d+\.fetching holds an unfinished fetch with --query "", --limit null; continue it with that, give another --out, or remove the folder$/,
    );
    await fetchFrom(archive, target);
    expectWhole(target, images);
  });

  test('killed between the last rename and the cleaning up: the same command only cleans up', async () => {
    const archive = await start();
    const target = newTarget();
    await stopAt(archive, target, 'licence', 1);
    const state = readFileSync(join(workFolder(target), 'fetch.json'));
    await fetchFrom(archive, target);
    mkdirSync(workFolder(target));
    writeFileSync(join(workFolder(target), 'fetch.json'), state);
    const before = archive.requests.length;
    const { wasFinished, report } = await fetchFrom(archive, target);
    expect([wasFinished, report.images, archive.requests.length - before]).toEqual([true, 24, 0]);
    expectWhole(target, images);
  });
});

test('the rest of a folder whose removal was cut short does no harm', async () => {
  const archive = await start();
  const target = newTarget();
  const left = join(workFolder(target), 'download', 'images');
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, 'ISIC_9999999.jpg'), 'of another fetch');
  writeFileSync(join(workFolder(target), 'pages.jsonl'), 'of another fetch\n');
  await fetchFrom(archive, target);
  expectWhole(target, images);
});

test('closing a client ends what it still tries', async () => {
  const archive = await start({ fault: () => '503' });
  const client = createClient({ baseUrl: archive.url, clock: testClock(), attempts: 1e9 });
  const page = client.page('images/search/');
  client.close();
  await expect(page).rejects.toThrow('closed');
});

describe('what cannot be had', () => {
  test('one file that always fails: the others come, the error names it, the next run fetches just it', async () => {
    const archive = await start({
      fault: ({ key }) => (key === '/files/ISIC_0000008.jpg' ? '500' : undefined),
    });
    const target = newTarget();
    await expect(fetchFrom(archive, target)).rejects.toThrow(
      /^1 of 24 files could not be fetched: ISIC_0000008 \(127\.0\.0\.1:\d+ answered 500\); run the same command again .*--skip-failed$/,
    );
    expect(existsSync(target)).toBe(false);
    archive.options.fault = undefined;
    const before = archive.requests.length;
    await fetchFrom(archive, target);
    expectWhole(target, images);
    expect(archive.requests.slice(before).filter(({ kind }) => kind === 'file')).toHaveLength(1);
  });

  test('--skip-failed finishes without it and names it', async () => {
    const archive = await start({
      images: images.map((image, i) => (i === 3 ? { ...image, declaredBytes: 7 } : image)),
    });
    const target = newTarget();
    const { report } = await fetchFrom(archive, target, { skipFailed: true });
    expectWhole(
      target,
      images.filter((_, i) => i !== 3),
    );
    expect(report.excluded).toMatchObject([{ why: 'failed', ids: ['ISIC_0000004'] }]);
  });

  test('an archive whose files are all down: stopped after twenty, not tried for hours', async () => {
    const archive = await start({ fault: ({ kind }) => (kind === 'file' ? '503' : undefined) });
    await expect(fetchFrom(archive, newTarget(), { client: { attempts: 2 } })).rejects.toThrow(
      /20 files in a row could not be fetched.*answered 503.*run the same command again later/,
    );
    expect(countOf(archive, 'file')).toBeLessThan(2 * 24);
  });

  test.each<[string, Partial<ArchiveRequest>, RegExp]>([
    [
      'a query that makes no sense',
      { query: 'diagnosis_1:(' },
      /--query: the archive does not understand 'diagnosis_1:\('; expected/,
    ],
    ['a field of old', { query: '(diagnosis:melanoma' }, /no field 'diagnosis' any more/],
    ['no such collection', { collections: [99] }, /--collections 99: .*--list-collections/],
    ['no such image', { query: 'sex:unheard' }, /no image of the archive matches/],
  ])('%s: one line, and nothing is left', async (_, request, message) => {
    const archive = await start();
    const target = newTarget();
    await expect(fetchFrom(archive, target, { request })).rejects.toThrow(message);
    expect(readdirSync(root).filter((name) => name.includes(target.slice(root.length + 1)))).toEqual([]);
  });

  test('the size is only known to some archives', async () => {
    const archive = await start({ fault: ({ kind }) => (kind === 'size' ? '500' : undefined) });
    const { report } = await fetchFrom(archive, newTarget(), { request: { limit: 3 } });
    expect(report.announced.bytes).toBeNull();
    expect(countOf(archive, 'size')).toBe(3);
  });

  test('a target that is in use', async () => {
    const archive = await start();
    const target = newTarget();
    mkdirSync(target);
    writeFileSync(join(target, 'mine.txt'), 'x');
    await expect(fetchFrom(archive, target)).rejects.toThrow(
      /is not empty \(it holds mine\.txt\); give another folder/,
    );
    expect(archive.requests).toHaveLength(0);
  });

  test('a label that nobody has: the download is kept as a folder, with the command that imports it', async () => {
    const archive = await start();
    const target = newTarget();
    await expect(
      fetchFrom(archive, target, { import: { positive: 'Evil one', labelColumn: 'diagnosis_1' } }),
    ).rejects.toThrow(
      new RegExp(
        `'Evil one'.*kept in ${target}\\.download: import it with graft data import ${target}\\.download/images --metadata ${target}\\.download/metadata\\.csv --label-column diagnosis_1 --positive 'Evil one' --out ${target}$`,
      ),
    );
    expectWhole(`${target}.download`, images);
    expect(existsSync(target)).toBe(false);
    expect(existsSync(workFolder(target))).toBe(false);
  });

  test('images of one class alone make a dataset', async () => {
    const archive = await start();
    const target = newTarget();
    const { made } = await fetchFrom(archive, target, {
      request: { query: 'diagnosis_1:Malignant' },
      import: asDataset,
    });
    expect(made!.dataset.classes).toEqual(['Malignant']);
  });
});
