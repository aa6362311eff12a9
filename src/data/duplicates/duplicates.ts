/**
 * Finds images that show the same picture: byte-identical files (SHA-256) and near-duplicates (recompressed, rescaled,
 * cropped, recoloured, mirrored or turned by right angles, behind an aperture …), these by the search of near.ts, on all
 * cores.
 */

import { forEachParallel, openThreads } from '../../base/index.js';
import { type ContentMaps, createContentMaps, gatherContents, readContent, setContent } from './content.js';
import {
  bestOf,
  betweenTasks,
  createNearTables,
  defaultEvidence,
  type NearPair,
  type NearTask,
  startNearSearch,
} from './near.js';

export interface DuplicatePair {
  /** Indices into the input, `a < b`. */
  a: number;
  b: number;
  kind: 'exact' | 'near';
  /** Mean correlation of the details after registration (match.ts); 1 for exact duplicates, 0 for pairs known by name. */
  correlation: number;
  /** Share of the picture that was compared and has details, 0…1. */
  informative: number;
  /** Which symmetry of the square leads from a to b (symmetry.ts); 0 is none. */
  symmetry: number;
}

export interface DuplicateOptions {
  /** Least evidence that joins (near.ts). */
  evidence?: number;
  /** Looks for near-duplicates as well; default true. */
  near?: boolean;
  /** Default: all cores for many images, one for a few. Decides nothing but the time. */
  threads?: number;
  /** How much of the search is done, as images of N. */
  onProgress?: (done: number, total: number) => void;
  /** Told when a phase has ended, for whoever measures them. */
  onPhase?: (phase: 'sketch' | 'index' | 'search') => void;
  /** Stops the search. */
  signal?: AbortSignal;
}

/**
 * @param sha256 hash of each file
 * @param contents what each image shows
 * @returns pairs ordered by (a, b); each further copy of a file is paired with its first copy alone
 */
export async function findDuplicates(
  sha256: readonly string[],
  contents: ContentMaps,
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
    } else pairs.push({ a, b, kind: 'exact', correlation: 1, informative: 1, symmetry: 0 });
  });
  if (options.near !== false) {
    const all = distinct.length === sha256.length;
    const found = await findNear(all ? contents : gatherContents(contents, distinct), options);
    for (const { a, b, correlation, informative, symmetry } of found)
      pairs.push({ a: distinct[a]!, b: distinct[b]!, kind: 'near', correlation, informative, symmetry });
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
  const n = files.length;
  const contents = createContentMaps(n);
  let done = 0;
  await forEachParallel(
    n,
    async (i) => {
      setContent(contents, i, (await readContent(files[i]!.path)).content);
      onProgress?.(++done, 2 * n);
    },
    { signal },
  );
  return findDuplicates(
    files.map(({ sha256 }) => sha256),
    contents,
    { onProgress: (compared, total) => onProgress?.(n + Math.floor((compared * n) / total), 2 * n), signal },
  );
}

/** Below this many images, starting threads takes longer than the search. */
const fewImages = 500;
/**
 * Images of a task: few enough that all threads end at about the same time, and that bars move. A search for many at
 * once reads the index less often.
 */
const taskImages = (n: number) =>
  ({ sketch: 64, assign: 512, search: Math.min(512, Math.max(32, Math.ceil(n / 64))) }) as const;

async function findNear(contents: ContentMaps, options: DuplicateOptions): Promise<NearPair[]> {
  const { evidence = defaultEvidence, onProgress, onPhase, signal } = options;
  const tables = createNearTables(contents);
  const n = tables.count;
  const threads = openThreads(new URL('./near-worker.js', import.meta.url), startNearSearch, {
    data: { tables, evidence },
    threads: options.threads ?? (n < fewImages ? 1 : undefined),
  });
  try {
    const results: NearPair[][] = [];
    const runAll = (kind: NearTask['kind'], progress: (share: number) => void): Promise<void> => {
      const each = taskImages(n)[kind];
      const tasks = Math.ceil(n / each);
      let done = 0;
      return forEachParallel(
        tasks,
        async (t) => {
          const task = { kind, from: t * each, to: Math.min(n, (t + 1) * each) };
          results.push(await threads.run(task));
          progress(++done / tasks);
        },
        // One more than the threads: the next task lies ready when one ends.
        { width: threads.threads + 1, signal },
      );
    };
    onProgress?.(0, n);
    await runAll('sketch', (share) => onProgress?.(Math.floor(sketchShare * share * n), n));
    onPhase?.('sketch');
    betweenTasks(tables, 'assign');
    await runAll('assign', () => {});
    betweenTasks(tables, 'search');
    onPhase?.('index');
    await runAll('search', (share) =>
      onProgress?.(Math.floor((sketchShare + (1 - sketchShare) * share) * n), n),
    );
    onPhase?.('search');
    return bestOf(results.flat());
  } finally {
    await threads.close();
  }
}

/** Of the time that the search takes, what goes into sketches, about. */
const sketchShare = 0.4;
