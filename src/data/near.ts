/**
 * The search for near-duplicates, a row of the table of all pairs at a time, so that rows can be shared out among
 * threads (near-worker.ts). Each image costs 12 KB in tables that all threads read; no table of pairs is ever made.
 *
 * Sieves, each finer and dearer than the one before; a pair must pass all, under one of the eight symmetries:
 * 1. Hamming distance of the perceptual hashes (phash.ts);
 * 2. correlation of the 32×32 thumbnails, after an upper bound of it (bound.ts);
 * 3. correlation of the details after a coarse registration at 32×32 (align.ts);
 * 4. the same after a fine one at 64×64, by a plausible map.
 */
import {
  alignSizePx,
  type CoarseLevel,
  compareAligned,
  halve,
  type MovingLevel,
  type MovingThumbnail,
  movingLevel,
  movingThumbnail,
  registerCoarse,
  smoothen,
} from './align.js';
import {
  type BlockMeans,
  correlation,
  correlationBound,
  fillBlockMeans,
  meansArea,
  meansSide,
} from './bound.js';
import { hammingDistance, hashSizePx, perceptualHashes, symmetries, symmetryMap } from './phash.js';

export interface DuplicateThresholds {
  /** Largest Hamming distance of the hashes. */
  hamming: number;
  /** Smallest correlation of the 32×32 thumbnails: where hashes agree closely, and at the largest distance. */
  thumbnail: readonly [near: number, far: number];
  /** Smallest correlation of the details after coarse registration, at 32×32: what is worth refining. */
  coarse: number;
  /** Smallest correlation of the details after registration, at 64×64. */
  detail: number;
}

/** Hashes this near agree closely; few pairs do, so that the next sieve may be wide for them. */
const closeHamming = 8;

/** A map between two scans of one picture stretches and shifts little; beyond this, registration has gone astray. */
const plausible = { stretch: 1.35, shift: 0.25 };

const smallArea = hashSizePx * hashSizePx;
const largeArea = alignSizePx * alignSizePx;

/** What the search reads, all of it in shared memory; filled by {@link prepareImages}. */
export interface NearTables {
  count: number;
  /** Luma, `[N, 64, 64]`. */
  thumbnails: Uint8Array;
  /** `[8, 2, N]`: the words of each image's hash under each symmetry. */
  hashes: Int32Array;
  /** The 32×32 thumbnail with zero mean and unit variance, and its blur: `[N, 32, 32]` each. */
  small: Float32Array;
  smooth: Float32Array;
  blocks: BlockMeans;
}

/** @param thumbnails luma `[N, 64, 64]`, in shared memory */
export function createNearTables(thumbnails: Uint8Array): NearTables {
  const count = thumbnails.length / largeArea;
  const floats = (each: number) => new Float32Array(new SharedArrayBuffer(4 * each * count));
  return {
    count,
    thumbnails,
    hashes: new Int32Array(new SharedArrayBuffer(4 * 2 * symmetries * count)),
    small: floats(smallArea),
    smooth: floats(smallArea),
    blocks: { means: floats(meansArea), rest: floats(1) },
  };
}

/** Zero mean, unit variance. A flat thumbnail becomes all zeros and so correlates with nothing. */
function standardise(grey: Float32Array, into: Float32Array): void {
  let mean = 0;
  for (let i = 0; i < grey.length; i++) mean += grey[i]! / grey.length;
  let variance = 0;
  for (let i = 0; i < grey.length; i++) variance += (grey[i]! - mean) ** 2 / grey.length;
  const scale = variance > 1e-3 ? 1 / Math.sqrt(variance) : 0;
  for (let i = 0; i < grey.length; i++) into[i] = (grey[i]! - mean) * scale;
}

const levelOf = ({ small, smooth }: NearTables, i: number): CoarseLevel => ({
  small: small.subarray(i * smallArea, (i + 1) * smallArea),
  smooth: smooth.subarray(i * smallArea, (i + 1) * smallArea),
});

/** Fills the tables for images `from` to `to − 1`. */
function prepareImages(tables: NearTables, from: number, to: number): void {
  const { count, thumbnails, hashes, blocks } = tables;
  for (let i = from; i < to; i++) {
    const grey = halve(thumbnails.subarray(i * largeArea, (i + 1) * largeArea), alignSizePx);
    const words = perceptualHashes(grey);
    for (let w = 0; w < words.length; w++) hashes[w * count + i] = words[w]!;
    const level = levelOf(tables, i);
    standardise(grey, level.small);
    smoothen(level);
    fillBlockMeans(level.small, blocks, i);
  }
}

/** A near-duplicate: row, column, and how they are alike (see DuplicatePair). */
export interface NearPair {
  a: number;
  b: number;
  hamming: number;
  correlation: number;
  symmetry: number;
}

const smallMaps = Array.from({ length: symmetries }, (_, k) => symmetryMap(k, hashSizePx));
const largeMaps = Array.from({ length: symmetries }, (_, k) => symmetryMap(k, alignSizePx));
const blockMaps = Array.from({ length: symmetries }, (_, k) => symmetryMap(k, meansSide));

/** Candidates of a row under one symmetry that passed the first sieve, with their distances. */
interface Candidates {
  columns: Int32Array;
  distances: Uint8Array;
}

/** Sieve 1: columns after `row` whose hash is within `limit` bits; returns how many there are. */
function nearbyHashes(
  { count, hashes }: NearTables,
  row: number,
  options: { symmetry: number; limit: number; into: Candidates },
): number {
  const { symmetry, limit, into } = options;
  const { columns, distances } = into;
  const low = hashes[2 * symmetry * count + row]!;
  const high = hashes[(2 * symmetry + 1) * count + row]!;
  let found = 0;
  for (let column = row + 1; column < count; column++) {
    const distance = hammingDistance(low ^ hashes[column]!, high ^ hashes[count + column]!);
    if (distance > limit) continue;
    columns[found] = column;
    distances[found++] = distance;
  }
  return found;
}

/** Rows (images) of the table of all pairs: their part of the tables is filled, or they are compared with all later ones. */
export interface NearTask {
  kind: 'prepare' | 'search';
  from: number;
  to: number;
}

/**
 * What a thread does: `prepare` tasks for all images come before the first `search` task.
 * @returns of a task, the pairs found, each perhaps under several symmetries
 */
export function startNearSearch(data: {
  tables: NearTables;
  thresholds: DuplicateThresholds;
}): (task: NearTask) => NearPair[] {
  const { tables, thresholds } = data;
  const searchRow = createRowSearch(tables, thresholds);
  return ({ kind, from, to }) => {
    const pairs: NearPair[] = [];
    if (kind === 'prepare') prepareImages(tables, from, to);
    else for (let row = from; row < to; row++) searchRow(row, pairs);
    return pairs;
  };
}

/** The search over a row; keeps its buffers between rows. */
function createRowSearch(
  tables: NearTables,
  thresholds: DuplicateThresholds,
): (row: number, pairs: NearPair[]) => void {
  const { count, thumbnails, small, blocks } = tables;
  const [near, far] = thresholds.thumbnail;
  const needed = Float64Array.from(
    { length: 65 },
    (_, bits) =>
      near + (far - near) * Math.max(0, (bits - closeHamming) / (thresholds.hamming - closeHamming)),
  );
  const candidates = { columns: new Int32Array(count), distances: new Uint8Array(count) };
  const turnedMeans = new Float32Array(meansArea);
  const turnedSmall = new Float32Array(smallArea);
  const thumbnailOf = (i: number) => thumbnails.subarray(i * largeArea, (i + 1) * largeArea);

  const searchTurned = (row: number, symmetry: number, pairs: NearPair[]): void => {
    const found = nearbyHashes(tables, row, { symmetry, limit: thresholds.hamming, into: candidates });
    if (found === 0) return;
    turn(blocks.means.subarray(row * meansArea, (row + 1) * meansArea), blockMaps[symmetry]!, turnedMeans);
    turn(levelOf(tables, row).small, smallMaps[symmetry]!, turnedSmall);
    const turned = { means: turnedMeans, rest: blocks.rest[row]! };
    // Made for the first candidate that gets so far, for all of them.
    let moving: MovingLevel | undefined;
    let thumbnail: MovingThumbnail | undefined;
    for (let c = 0; c < found; c++) {
      const column = candidates.columns[c]!;
      const hamming = candidates.distances[c]!;
      const least = needed[hamming]!;
      if (correlationBound(turned, blocks, column) < least) continue;
      if (correlation(turnedSmall, small, column) < least) continue;
      moving ??= movingLevel(levelOf(tables, row), smallMaps[symmetry]!);
      const first = registerCoarse(moving, levelOf(tables, column));
      if (first.correlation < thresholds.coarse) continue;
      thumbnail ??= movingThumbnail(thumbnailOf(row), largeMaps[symmetry]!);
      const aligned = compareAligned(thumbnail, thumbnailOf(column), first.map);
      const { stretch, shift } = aligned;
      if (aligned.correlation < thresholds.detail) continue;
      if (stretch[0] < 1 / plausible.stretch || stretch[1] > plausible.stretch) continue;
      if (shift > plausible.shift) continue;
      pairs.push({ a: row, b: column, hamming, correlation: aligned.correlation, symmetry });
    }
  };

  return (row, pairs) => {
    for (let symmetry = 0; symmetry < symmetries; symmetry++) searchTurned(row, symmetry, pairs);
  };
}

/** `into[i] = image[map[i]]` */
function turn(image: Float32Array, map: Int32Array, into: Float32Array): void {
  for (let i = 0; i < map.length; i++) into[i] = image[map[i]!]!;
}
