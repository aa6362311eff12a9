/**
 * `npm run bench:data`: from files to batches, against what a plain PyTorch script does on the same machine
 * (`data_peer.py`), and the import of 23,000 images.
 *
 * - first pass: decoding, resizing to 128 px and writing the pixel cache, against the peer's first epoch;
 * - from the cache: an epoch of the loader as float32, against the peer's second epoch, which decodes again;
 * - import: time by phase, peak memory at two sizes, duplicates found;
 * - beside them what bounds them: reading alone, making squares alone, whole decoding alone.
 *
 * Turns alternate: ours, the peer, ours, …; each turn's ratio is taken against the turn beside it, and the median
 * is the result. Files are in the page cache, for both. Where there are more than two cores, run it under
 * `taskset -c 0,1`: the peer inherits that.
 */
import { spawn } from 'node:child_process';
import { linkSync, mkdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { engineInfo, setThreads, tidy } from 'graft-torch';
import sharp from 'sharp';
import { forEachParallel } from '../src/base/parallel.js';
import type { Dataset } from '../src/data/dataset/dataset.js';
import { importDataset } from '../src/data/import/import.js';
import { openPixelCache } from '../src/data/pixels/cache.js';
import { Loader } from '../src/data/pixels/loader.js';
import { decodeJpegSquare } from '../src/image/jpeg-square.js';
import { makePhotographs, meanSizeBytes, photographQuality } from './data-images.js';
import type { ImportFigures } from './data-import.js';
import { loadAtStart, median, note, PythonPeer } from './peer.js';

const SIZE_PX = 128;
const BATCH = 32;
/** Times as fast as the peer, at the least. */
const BARS = { firstPass: 2, cached: 20 } as const;
/** Sizes of the photographs in pixels, and how many are read at each. */
const KINDS = [
  { width: 600, height: 450, count: 2000 },
  { width: 1024, height: 768, count: 800 },
  { width: 2048, height: 1536, count: 240 },
] as const;
const MIB = 1024 * 1024;

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** Turns a size. */
    turns: { type: 'string', default: '5' },
    /** Images of the two imports. */
    import: { type: 'string', default: '5000,23000' },
    /** Share of the images that are read at each size. */
    share: { type: 'string', default: '1' },
    /** Where the photographs are made, and found the next time. */
    dir: { type: 'string', default: join(tmpdir(), 'graft-bench-data') },
    python: { type: 'string', default: '/usr/bin/python3' },
    /** Exit with 1 if a bar is missed. */
    check: { type: 'boolean', default: false },
  },
});

const secondsSince = (start: number): number => (performance.now() - start) / 1000;

interface Ratio {
  ratio: number;
  low: number;
  high: number;
}

/** Median and range of ours over theirs, turn by turn. */
function against(ours: readonly number[], theirs: readonly number[]): Ratio {
  const ratios = ours.map((rate, i) => rate / theirs[i]!);
  return { ratio: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
}

/** The Python process. */
class Peer extends PythonPeer {
  constructor() {
    super('data_peer.py', { python: args.python, needs: 'python3-torch and python3-torchvision' });
  }

  private async rate(request: object): Promise<number> {
    const { seconds, images } = await this.ask<{ seconds: number; images: number }>(JSON.stringify(request));
    return images / seconds;
  }

  /** Images a second in the first and in the second epoch of a fresh loader. */
  async epochs(dir: string, workers: number, draft = false): Promise<[first: number, second: number]> {
    await this.ask(JSON.stringify({ op: 'open', dir, sizePx: SIZE_PX, workers, draft }));
    return [await this.rate({ op: 'epoch' }), await this.rate({ op: 'epoch' })];
  }

  decodeRate(dir: string, workers: number): Promise<number> {
    return this.rate({ op: 'decode', dir, workers });
  }
}

/** A folder with hard links to some files of another. */
function linked(from: string, paths: readonly string[], to: string): string {
  rmSync(to, { recursive: true, force: true });
  for (const path of paths) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    linkSync(join(from, path), join(to, path));
  }
  return to;
}

async function importFolder(dir: string, out: string): Promise<Dataset> {
  rmSync(out, { recursive: true, force: true });
  const options = { positive: 'malignant', labelFromFolders: true, images: 'link' } as const;
  return (await importDataset(dir, out, options)).dataset;
}

/** Images a second: building the cache, and an epoch of the loader from it. */
async function ourRates(dataset: Dataset, dir: string): Promise<{ firstPass: number; cached: number }> {
  const cacheDir = join(dir, 'cache');
  rmSync(cacheDir, { recursive: true, force: true });
  let start = performance.now();
  const cache = await openPixelCache(dataset, SIZE_PX, { cacheDir });
  const firstPass = dataset.rows.length / secondsSince(start);
  const loader = new Loader(cache.images, [...dataset.rows.keys()], { batchSize: BATCH, seed: 0 });
  const epochs = 5; // one is over in a fraction of a second
  let images = 0;
  start = performance.now();
  for (let batch = 0; batch < epochs * loader.batchesPerEpoch; batch++) {
    const { images: pixels } = await loader.next();
    images += pixels.shape[0]!;
    tidy(() => void pixels.to({ dtype: 'float32' }).div_(255));
    pixels.dispose();
  }
  const cached = images / secondsSince(start);
  loader.dispose();
  cache.images.dispose();
  return { firstPass, cached };
}

interface Reading {
  name: string;
  images: number;
  meanBytes: number;
  ours: { firstPass: number; cached: number };
  peer: { first: number; second: number; draft: number };
  firstPass: Ratio;
  withDraft: Ratio;
  cached: Ratio;
  /** Images a second. */
  limits: { readMibPerSecond: number; squares: number; libvips: number; peerDecoding: number };
}

async function timeReading(kind: (typeof KINDS)[number], peer: Peer, workers: number): Promise<Reading> {
  const { width, height } = kind;
  const name = `${width}×${height}`;
  const count = Math.round(kind.count * Number(args.share));
  const { dir, paths } = await photographs(kind, count);
  const folder = linked(dir, paths, join(args.dir, `some-${width}`));
  const dataset = await importFolder(folder, join(args.dir, `dataset-${width}`));
  const ours: { firstPass: number[]; cached: number[] } = { firstPass: [], cached: [] };
  const theirs: { first: number[]; second: number[]; draft: number[] } = { first: [], second: [], draft: [] };
  for (let turn = -1; turn < Number(args.turns); turn++) {
    const our = await ourRates(dataset, args.dir);
    const [first, second] = await peer.epochs(folder, workers);
    const [draft] = await peer.epochs(folder, workers, true);
    if (turn < 0) continue; // the first turn warms everything up
    ours.firstPass.push(our.firstPass);
    ours.cached.push(our.cached);
    theirs.first.push(first);
    theirs.second.push(second);
    theirs.draft.push(draft);
    const rates = [our.firstPass, first, draft, our.cached, second].map((rate) => rate.toFixed(0));
    note(`${name}, turn ${turn + 1}: ${rates.join(', ')} images/s (ours, peer, draft; cached, peer)`);
  }
  const files = paths.map((path) => join(folder, path));
  return {
    name,
    images: count,
    meanBytes: meanSizeBytes(folder, paths),
    ours: { firstPass: median(ours.firstPass), cached: median(ours.cached) },
    peer: { first: median(theirs.first), second: median(theirs.second), draft: median(theirs.draft) },
    firstPass: against(ours.firstPass, theirs.first),
    withDraft: against(ours.firstPass, theirs.draft),
    cached: against(ours.cached, theirs.second),
    limits: await limits(files, () => peer.decodeRate(folder, workers)),
  };
}

async function limits(
  files: readonly string[],
  peerDecoding: () => Promise<number>,
): Promise<Reading['limits']> {
  let bytes = 0;
  const rate = async (work: (file: string) => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await forEachParallel(files.length, async (i) => void (await work(files[i]!)));
    return files.length / secondsSince(start);
  };
  const reading = await rate(async (file) => {
    bytes += (await readFile(file)).length;
  });
  return {
    readMibPerSecond: ((bytes / files.length) * reading) / MIB,
    squares: await rate(async (file) => decodeJpegSquare(await readFile(file), SIZE_PX)),
    libvips: await rate((file) => sharp(file).raw().toBuffer()),
    peerDecoding: await peerDecoding(),
  };
}

async function photographs(
  { width, height }: { width: number; height: number },
  count: number,
): Promise<{ dir: string; paths: string[] }> {
  const dir = join(args.dir, `${width}x${height}`);
  const onProgress = (done: number, total: number): void => {
    if (done % 500 === 0) note(`photographs of ${width}×${height}: ${done}/${total}`);
  };
  return { dir, paths: await makePhotographs(dir, count, { width, height, onProgress }) };
}

type Import = ImportFigures & { readBytes: number };

async function runImport(count: number): Promise<Import> {
  const { dir, paths } = await photographs(KINDS[0], count);
  const folder = linked(dir, paths, join(args.dir, `import-${count}`));
  const script = fileURLToPath(new URL('./data-import.js', import.meta.url));
  const child = spawn(process.execPath, [script, folder, `${folder}-dataset`]);
  child.stderr.pipe(process.stderr);
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  const figures = JSON.parse(text) as ImportFigures;
  const readBytes = meanSizeBytes(folder, paths) * count;
  rmSync(folder, { recursive: true });
  note(`import of ${count}: ${text}`);
  return { ...figures, readBytes };
}

async function main(): Promise<void> {
  const loadAverage = loadAtStart();
  const cores = availableParallelism();
  if (cores > 2) note(`warning: ${cores} cores; 'taskset -c 0,1' gives both sides two`);
  setThreads(cores);
  const peer = new Peer();
  try {
    const versions = await peer.answer<Record<string, string>>();
    const tuning = await tunePeer(peer);
    const workers = tuning.indexOf(Math.max(...tuning));
    const readings: Reading[] = [];
    for (const kind of KINDS) readings.push(await timeReading(kind, peer, workers));
    const imports: Import[] = [];
    for (const count of args.import.split(',').filter(Boolean)) imports.push(await runImport(Number(count)));
    const about = {
      processor: cpus()[0]?.model ?? 'unknown',
      cores,
      libtorch: engineInfo().libtorch,
      libvips: sharp.versions.vips,
      peer: versions,
      /** Images a second of the peer with 0, 1, 2 workers, at the first size. */
      tuning,
      workers,
      loadAverage: [loadAverage, loadavg()[0]!],
    };
    if (args.json) console.log(JSON.stringify({ about, bars: BARS, readings, imports }, null, 2));
    else print(about, readings, imports);
    const missed = readings.some((r) => r.firstPass.ratio < BARS.firstPass || r.cached.ratio < BARS.cached);
    if (args.check && missed) process.exitCode = 1;
  } finally {
    peer.stop();
  }
}

/** Images a second of the peer's second epoch with 0, 1 and 2 workers. */
async function tunePeer(peer: Peer): Promise<number[]> {
  const kind = KINDS[0];
  const { dir, paths } = await photographs(kind, Math.round(kind.count * Number(args.share)));
  const folder = linked(dir, paths, join(args.dir, 'tuning'));
  const rates: number[] = [];
  for (const workers of [0, 1, 2]) {
    const [, second] = await peer.epochs(folder, workers);
    rates.push(second);
    note(`peer with ${workers} workers: ${second.toFixed(0)} images/s`);
  }
  return rates;
}

function print(
  about: { processor: string; cores: number; workers: number; libvips: string; loadAverage: number[] },
  readings: readonly Reading[],
  imports: readonly Import[],
): void {
  const ratio = ({ ratio: r, low, high }: Ratio, bar?: number) =>
    `${r.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})` +
    (bar === undefined ? '' : r >= bar ? ` ≥ ${bar}` : ` misses ${bar}`);
  console.log(
    `${about.processor}, ${about.cores} cores, load ${about.loadAverage.map((l) => l.toFixed(1)).join(' → ')}`,
  );
  console.log(
    `JPEG quality ${photographQuality} to ${SIZE_PX} px; libvips ${about.libvips}; peer with ${about.workers} workers`,
  );
  for (const r of readings) {
    console.log(`\n${r.name}, ${r.images} images of ${(r.meanBytes / 1000).toFixed(0)} kB; images/s`);
    console.log(
      `  first pass ${r.ours.firstPass.toFixed(0)}, peer ${r.peer.first.toFixed(0)}: ${ratio(r.firstPass, BARS.firstPass)}`,
    );
    console.log(`    peer with JPEG draft mode ${r.peer.draft.toFixed(0)}: ${ratio(r.withDraft)}`);
    console.log(
      `  from the cache ${r.ours.cached.toFixed(0)}, peer again ${r.peer.second.toFixed(0)}: ${ratio(r.cached, BARS.cached)}`,
    );
    console.log(
      `  limits: squares alone ${r.limits.squares.toFixed(0)}; decoding whole, and nothing else, ` +
        `${r.limits.libvips.toFixed(0)} (libvips), ${r.limits.peerDecoding.toFixed(0)} (Pillow); ` +
        `reading alone ${r.limits.readMibPerSecond.toFixed(0)} MiB/s`,
    );
  }
  for (const { images, seconds, pairs, peakBytes, readBytes } of imports) {
    const total = seconds.read + seconds.compare + seconds.rest;
    console.log(
      `\nimport of ${images} images of 600×450 (${(readBytes / MIB).toFixed(0)} MiB): ${total.toFixed(0)} s, ` +
        `${(images / total).toFixed(0)} images/s; reading ${seconds.read.toFixed(0)} s, comparing ` +
        `${seconds.compare.toFixed(0)} s, the rest ${seconds.rest.toFixed(0)} s; peak ${(peakBytes / MIB).toFixed(0)} MiB; ` +
        `${pairs} pairs of near-duplicates`,
    );
  }
}

await main();
