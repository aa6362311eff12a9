/**
 * `graft data fetch isic` against a local fake of the archive: in this process for what is printed, and the compiled
 * program in a child process where it is to be killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { compileProgram, program, programEnvironment } from '../../test/program.js';
import { openDataset } from '../data/dataset/dataset.js';
import {
  type FakeArchive,
  type FakeImage,
  type FakeOptions,
  fakeImages,
  startFakeArchive,
} from '../data/isic/fake-archive.test-data.js';
import { wholeProgram } from './in-process.test-data.js';

let root: string;
let images: FakeImage[];
let archive: FakeArchive;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-cli-fetch-'));
  images = await fakeImages(20, { seed: 3 });
});
afterEach(() => archive.close());
afterAll(() => rmSync(root, { recursive: true, force: true }));

const collections = [
  { id: 2, name: 'Challenge A', pinned: true },
  { id: 17, name: 'Challenge B' },
];

async function start(options: Partial<FakeOptions> = {}): Promise<void> {
  archive = await startFakeArchive({ images, collections, pageSize: 4, ...options });
}

const data = wholeProgram('data');

async function run(...args: string[]) {
  vi.stubEnv('GRAFT_ISIC_URL', archive.url);
  vi.stubEnv('GRAFT_ISIC_PARQUET_URL', `${archive.url}none.parquet`);
  try {
    return await data(['fetch', 'isic', '--rate', '1000', ...args]);
  } finally {
    vi.unstubAllEnvs();
  }
}

describe('what is printed', () => {
  test('a dataset: what it would be, progress, what it is; as JSON the same', async () => {
    const synthetic = { ...images[1]!, acquisition: { image_manipulation: 'synthetic' } };
    await start({ images: images.with(1, synthetic) });
    const out = join(root, 'text');
    const { code, stdout, stderr } = await run('--out', out, '--split', '60/20/20');
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^127\.0\.0\.1:\d+: 19 images, \d+ kB\nleft out as synthetic: 1 /),
    ]);
    expect(stderr).toMatch(/\nisic: .*19\/19.*\n(.*\n)*made .*text\n$/);
    expect(stdout).toMatch(
      /text: 19 images, \d+ kB\nlicences: CC-0 \(7\), .*attribution\.txt\nNothing was left out of the download\.\n/,
    );
    expect(stdout).toMatch(/target: Malignant against Benign/);
    expect(openDataset(out)).toMatchObject({
      name: 'text',
      fractions: { train: 0.6 },
      counts: { images: 19 },
    });

    const json = await run('--out', join(root, 'json'), '--json', '--quiet', '--include-synthetic');
    expect([json.code, json.stderr]).toEqual([0, '']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      dir: join(root, 'json'),
      images: 20,
      fetch: { images: 20, keptFiles: 0, request: { includeSynthetic: true }, excluded: [] },
    });
  });

  test('what was left out, by name; a plain folder', async () => {
    await start({ images: images.with(3, { ...images[3]!, file: 'gone' }) });
    const out = join(root, 'plain');
    const { code, stdout } = await run('--out', out, '--download-only', '--limit', '6');
    expect(code).toBe(0);
    expect(stdout).toMatch(/plain: 5 images/);
    expect(stdout).toMatch(/images that the archive no longer has +1 +ISIC_0000004\n/);
    expect(readdirSync(join(out, 'images'))).toHaveLength(5);
    expect(existsSync(join(out, 'dataset.yaml'))).toBe(false);
  });

  test('--dry-run: how much it would be, and nothing else', async () => {
    await start();
    const { code, stdout, stderr } = await run('--dry-run', '--limit', '5', '--collections', '17,2');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^127\.0\.0\.1:\d+: 5 images, about [\d.]+ kB; the first of 20\ncollections: Challenge A \(2\), Challenge B \(17\)\n$/,
    );
    expect(archive.requests.some(({ kind }) => kind === 'file')).toBe(false);
  });

  test('--list-collections, all and pinned ones', async () => {
    await start();
    const all = await run('--list-collections');
    expect(all.stdout).toMatch(/^id +collection +pinned +DOI\n2 +Challenge A +yes\n17 +Challenge B\n$/);
    const pinned = await run('--list-collections', '--pinned', '--json');
    expect(JSON.parse(pinned.stdout)).toEqual([{ id: 2, name: 'Challenge A', pinned: true, doi: '' }]);
  });

  test.each<[string, string[], number, RegExp]>([
    ['no --out', [], 2, /^graft: --out is missing/],
    [
      'a query that makes no sense',
      ['--out', 'x', '--query', 'sex=male'],
      2,
      /^graft: --query: .* 'sex=male'; expected/,
    ],
    ['no such collection', ['--out', 'x', '--collections', '3'], 2, /^graft: --collections 3: /],
    ['an odd list', ['--out', 'x', '--collections', '3;4'], 2, /Expected numbers with commas/],
    ['an odd split', ['--out', 'x', '--split', '70/30'], 2, /70\/15\/15/],
    ['an odd address', ['--dry-run', '--base-url', 'isic'], 2, /^graft: --base-url isic: /],
    ['nothing found', ['--out', 'x', '--query', 'sex:none'], 1, /^graft: no image of the archive matches/],
    ['no Parquet file there', ['--bulk-metadata', 'x.parquet'], 1, /answered 404/],
  ])('%s: one line', async (_, args, code, message) => {
    await start();
    const failed = await run(...args);
    expect([failed.code, failed.stderr]).toEqual([code, expect.stringMatching(message)]);
    expect(existsSync('x')).toBe(false);
  });
});

describe('stopped and killed', () => {
  beforeAll(compileProgram, 300_000);

  interface Ended {
    code: number | null;
    signal: NodeJS.Signals | null;
    stdout: string;
    stderr: string;
  }
  /** Starts the program; `watch` may end it. */
  function graft(args: readonly string[], watch: (child: ChildProcess, stderr: string) => void = () => {}) {
    const child = spawn(process.execPath, [program, 'data', 'fetch', 'isic', '--rate', '1000', ...args], {
      env: programEnvironment({ GRAFT_ISIC_URL: archive.url }),
    });
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      text.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      text.stderr += chunk;
      watch(child, text.stderr);
    });
    const ended = new Promise<Ended>((resolve) =>
      child.once('close', (code, signal) => resolve({ code, signal, ...text })),
    );
    return { child, ended };
  }

  /** Sends the program a signal when it asks for the n-th thing of a kind; that request is never answered. */
  async function stopAt(
    args: readonly string[],
    kind: string,
    n: number,
    signal: NodeJS.Signals,
  ): Promise<Ended> {
    const { child, ended } = graft(args);
    let asked = 0;
    archive.options.onRequest = async (request) => {
      if (request.kind !== kind || ++asked < n) return;
      // Once: the second of two Ctrl-C ends a program without more ado.
      if (asked === n) child.kill(signal);
      await ended;
    };
    const result = await ended;
    archive.options.onRequest = undefined;
    return result;
  }

  test('kill -9 at any point, then the same command: the dataset is that of a run never killed', async () => {
    await start();
    const straight = join(root, 'straight');
    const out = join(root, 'killed');
    const hidden = join(root, '.killed.fetching');
    expect((await run('--out', straight)).code).toBe(0);
    const args = ['--out', out, '--name', 'straight', '--workers', '3', '--json'];
    for (const [kind, n] of [
      ['search', 4],
      ['file', 6],
      ['licence', 2],
    ] as const) {
      expect(await stopAt(args, kind, n, 'SIGKILL')).toMatchObject({ code: null, signal: 'SIGKILL' });
      expect([existsSync(out), existsSync(hidden)]).toEqual([false, true]);
    }
    const importing = graft(args, (child, stderr) => {
      if (stderr.includes('decoding')) child.kill('SIGKILL');
    });
    expect(await importing.ended).toMatchObject({ signal: 'SIGKILL' });
    expect(existsSync(out)).toBe(false);

    const { code, stdout } = await graft(args).ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ images: 20, fetch: { images: 20, keptFiles: 20 } });
    expect(existsSync(hidden)).toBe(false);
    const [one, other] = [openDataset(straight), openDataset(out)];
    expect(other.hash).toBe(one.hash);
    for (const name of ['manifest.csv', 'metadata.csv', 'attribution.txt', 'licenses/CC-BY.txt'])
      expect(readFileSync(join(out, name), 'utf8'), name).toBe(readFileSync(join(straight, name), 'utf8'));
    for (const { id, extension, bytes } of images)
      expect(readFileSync(join(out, 'images', `${id}${extension}`)).equals(bytes)).toBe(true);
  }, 60_000);

  test('Ctrl-C ends it at once with 130 and says how to go on; a second process is kept out', async () => {
    await start();
    const out = join(root, 'interrupted');
    const args = ['--out', out, '--download-only', '--workers', '2'];
    // The request in the air is never answered: it must not be waited for.
    const { code, stderr } = await stopAt(args, 'file', 7, 'SIGINT');
    expect(stderr).toMatch(
      /stopping; what is whole is kept\n(.|\n)*graft: stopped; .*the same command continues\n$/,
    );
    expect(code).toBe(130);

    const hidden = join(root, '.interrupted.fetching');
    expect(existsSync(join(hidden, 'lock'))).toBe(false);
    const own = { pid: process.pid, host: (await import('node:os')).hostname(), started: '', since: 'now' };
    writeFileSync(join(hidden, 'lock'), JSON.stringify(own));
    const second = await run(...args);
    expect([second.code, second.stderr]).toEqual([
      1,
      expect.stringMatching(/another process is making this folder/),
    ]);
    rmSync(join(hidden, 'lock'));

    const other = await run(...args, '--query', 'sex:female');
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(/unfinished fetch with --query ""; continue/),
    ]);

    const { code: done, stdout } = await run(...args);
    expect(done).toBe(0);
    expect(stdout).toMatch(/interrupted: 20 images, .*, \d+ of them from an earlier run/);
    expect(readdirSync(join(out, 'images'))).toHaveLength(20);
  }, 60_000);
});
