/**
 * Finds images that show the same picture: byte-identical files (SHA-256) and near-duplicates (recompressed, rescaled,
 * re-cropped, recoloured, mirrored or turned by right angles), these by the sieves of near.ts over all pairs, on all
 * cores.
 */
import { decodeThumbnail } from '../image/decode.js';
import { alignSizePx } from './align.js';
import {
  createNearTables,
  type DuplicateThresholds,
  type NearPair,
  type NearTask,
  startNearSearch,
} from './near.js';
import { forEachParallel } from './parallel.js';
import { openThreads } from './threads.js';

export type { DuplicateThresholds } from './near.js';

export interface DuplicatePair {
  /** Indices into the input, `a < b`. */
  a: number;
  b: number;
  kind: 'exact' | 'near';
  /** Bits in which the perceptual hashes differ, of 63. */
  hamming: number;
  /** Correlation of the details after registration; 1 for exact duplicates. */
  correlation: number;
  /** Which symmetry of the square leads from a to b (phash.ts); 0 is none. */
  symmetry: number;
}

/** Measured on ISIC 2017, where they find all the duplicates that were seen and no other pair (docs/data.md). */
export const defaultThresholds: DuplicateThresholds = {
  hamming: 18,
  thumbnail: [0.75, 0.86],
  coarse: 0.6,
  detail: 0.84,
};

export interface DuplicateOptions {
  thresholds?: DuplicateThresholds;
  /** Looks for near-duplicates as well; default true. */
  near?: boolean;
  /** Default: all cores for many images, one for a few. Decides nothing but the time. */
  threads?: number;
  /** How much of the search is done, as images of N. */
  onProgress?: (done: number, total: number) => void;
  /** Stops the search. */
  signal?: AbortSignal;
}

/**
 * @param sha256 hash of each file
 * @param thumbnails luma of each image, squashed to 64×64, concatenated: `[N, 64, 64]`
 * @returns pairs ordered by (a, b); each further copy of a file is paired with its first copy alone
 */
export async function findDuplicates(
  sha256: readonly string[],
  thumbnails: Uint8Array,
  options: DuplicateOptions = {},
): Promise<DuplicatePair[]> {
  const pairs: DuplicatePair[] = [];
  const firstCopy = new Map<string, number>();
  const distinct: number[] = [];
  sha256.forEach((hash, b) => {
    const a = firstCopy.get(hash);
    if (a === undefined) {
      firstCopy.set(hash, b);
      distinct.push(b);
    } else pairs.push({ a, b, kind: 'exact', hamming: 0, correlation: 1, symmetry: 0 });
  });
  if (options.near !== false) {
    const found = await findNear(gather(thumbnails, distinct), options);
    for (const pair of found)
      pairs.push({ ...pair, a: distinct[pair.a]!, b: distinct[pair.b]!, kind: 'near' });
  }
  return pairs.sort((p, q) => p.a - q.a || p.b - q.b);
}

/**
 * The same for files that were not decoded yet.
 * @param options.onProgress images decoded, then images compared: of twice as many as there are
 * @throws DataError naming the file that cannot be decoded
 */
export async function findDuplicateFiles(
  files: readonly { path: string; sha256: string }[],
  { onProgress, signal }: Pick<DuplicateOptions, 'onProgress' | 'signal'> = {},
): Promise<DuplicatePair[]> {
  const [n, area] = [files.length, alignSizePx * alignSizePx];
  const thumbnails = new Uint8Array(new SharedArrayBuffer(n * area));
  let done = 0;
  await forEachParallel(
    n,
    async (i) => {
      const { grey } = await decodeThumbnail(files[i]!.path, alignSizePx);
      thumbnails.set(grey, i * area);
      onProgress?.(++done, 2 * n);
    },
    { signal },
  );
  return findDuplicates(
    files.map(({ sha256 }) => sha256),
    thumbnails,
    { onProgress: (compared, total) => onProgress?.(n + Math.floor((compared * n) / total), 2 * n), signal },
  );
}

/** The thumbnails of some images, in memory that threads can share; those given, where they are all and shared. */
function gather(thumbnails: Uint8Array, images: readonly number[]): Uint8Array {
  const area = alignSizePx * alignSizePx;
  if (thumbnails.buffer instanceof SharedArrayBuffer && images.length * area === thumbnails.length)
    return thumbnails;
  const shared = new Uint8Array(new SharedArrayBuffer(images.length * area));
  images.forEach((image, i) => {
    shared.set(thumbnails.subarray(image * area, (image + 1) * area), i * area);
  });
  return shared;
}

/** Below this many images, starting threads takes longer than the search. */
const fewImages = 500;
/** Parts of the search: enough that all threads end at about the same time, and that bars move. */
const parts = 400;

async function findNear(thumbnails: Uint8Array, options: DuplicateOptions): Promise<NearPair[]> {
  const { thresholds = defaultThresholds, onProgress, signal } = options;
  const tables = createNearTables(thumbnails);
  const n = tables.count;
  const threads = openThreads(new URL('./near-worker.js', import.meta.url), startNearSearch, {
    data: { tables, thresholds },
    threads: options.threads ?? (n < fewImages ? 1 : undefined),
  });
  try {
    const results: NearPair[][] = [];
    let done = 0;
    const runAll = (tasks: readonly NearTask[], progress: (share: number) => void): Promise<void> =>
      forEachParallel(
        tasks.length,
        async (t) => {
          results.push(await threads.run(tasks[t]!));
          progress(++done / tasks.length);
        },
        // One more than the threads: the next task lies ready when one ends.
        { width: threads.threads + 1, signal },
      );
    onProgress?.(0, n);
    await runAll(prepareTasks(n), () => {});
    done = 0;
    // Tasks hold equally many pairs, rows do not: counted in tasks, the bar moves evenly.
    await runAll(searchTasks(n), (share) => onProgress?.(Math.floor(share * n), n));
    return bestOf(results.flat());
  } finally {
    await threads.close();
  }
}

function prepareTasks(n: number): NearTask[] {
  const each = 64;
  return Array.from({ length: Math.ceil(n / each) }, (_, t) => ({
    kind: 'prepare',
    from: t * each,
    to: Math.min(n, (t + 1) * each),
  }));
}

/** Rows of the table of all pairs in parts of about as many pairs each: the first rows are the longest. */
function searchTasks(n: number): NearTask[] {
  const each = Math.max(2000, (n * n) / 2 / parts);
  const tasks: NearTask[] = [];
  for (let from = 0; from < n; ) {
    let to = from;
    for (let pairs = 0; to < n && pairs < each; to++) pairs += n - to;
    tasks.push({ kind: 'search', from, to });
    from = to;
  }
  return tasks;
}

/** A symmetric picture may match under several symmetries: the best one stands, of equals the first. */
function bestOf(pairs: readonly NearPair[]): NearPair[] {
  const best = new Map<string, NearPair>();
  for (const pair of pairs) {
    const key = `${pair.a} ${pair.b}`;
    const other = best.get(key);
    if (!other || pair.correlation > other.correlation) best.set(key, pair);
  }
  return [...best.values()];
}
