/**
 * The search for near-duplicates: images that show one picture, also recompressed, rescaled, cropped, recoloured,
 * mirrored, turned by right angles, or with something laid over or about them. All of it works on content maps
 * (content.ts), so that what lies around a picture plays no part.
 *
 * 1. An index of sketches (sketch.ts, near-index.ts) gives each image those that it may be a copy of: a few, however
 *    many there are.
 * 2. Each of these is registered and compared, at a quarter, at half and at the full size of the maps (match.ts); a
 *    pair must pass all three.
 *
 * The work is done by tasks, so that threads can share it (near-worker.ts); each image costs about 8 KB in tables that
 * all threads read. No table of pairs is ever made.
 */

import { compose, inverse, symmetries, symmetryMap } from '../pixels/symmetry.js';
import { type ContentMaps, contentArea, contentSizePx } from './content.js';
import { createMap, createMatcher, type Match, type MatchMap } from './match.js';
import {
  assignRows,
  createSketchIndex,
  findLike,
  learnCentres,
  type Queries,
  type SketchIndex,
  sortRows,
} from './near-index.js';
import { comparePrints, printArea, printInto, printSizePx } from './print.js';
import {
  cornerUnder,
  cropWindows,
  risesOf,
  sketchInto,
  sketchLength,
  sketchUnit,
  turns,
  type Window,
  wholeWindows,
} from './sketch.js';

/**
 * How strongly a match speaks for one picture: the correlation of the details on Fisher's scale, times the square root
 * of how much there is to compare, so that what little two plain pictures share does not join them.
 * docs/data.md says how many pairs of different pictures reach which evidence.
 */
export const evidenceOf = ({
  correlation,
  informative,
}: Pick<Match, 'correlation' | 'informative'>): number =>
  Math.atanh(Math.min(correlation, 0.9999)) * Math.sqrt(informative);

/** Evidence that joins, unless another is asked for. */
export const defaultEvidence = 0.65;
/** Of it, what is enough for pictures that lie on each other as they are: there are fewer ways to be alike by chance.
 * Not of pictures smaller than the maps, which have little to tell them apart by. */
const asTheyAre = 0.74;

/**
 * Least products of sketches that are worth a look, of all crops and of corners alone; how many are looked at: of crops
 * more than the fewest where there are not many images.
 */
const sieve = { crop: 0.8, corner: 0.88, crops: { fewest: 6, most: 20, ofAll: 300_000 }, corners: 3 };
const looksAt = ({ fewest, most, ofAll }: typeof sieve.crops, images: number): number =>
  Math.min(most, Math.max(fewest, Math.round(ofAll / images)));
/** Least correlation of the prints, and of the details at half the size. */
const coarse = { print: 0.55, half: 0.6 };
/** Share of the smaller field that both must show; share of the map that must have details. */
const least = { overlap: 0.6, informative: 0.02 };
/** A copy's content is not stretched further than this along an axis, nor turned (tangent) or sheared by more. */
const furthest = { stretch: 2.6, turn: 0.3, shear: 0.15 };
/** Maps that change so little leave a picture as it is: by stretch, turn, shift in half sides. */
const unmoved = { stretch: 0.12, turn: 0.12, shift: 0.12 };

const corners = 4;

/** What the search reads and writes, all of it in shared memory. */
export interface NearTables {
  count: number;
  /** Content maps, `[N, 64, 64]`. */
  contents: Uint8Array;
  aspects: Float32Array;
  fills: Float32Array;
  /** Sketches of crops; the first row of each image, `[N + 1]`. */
  crops: SketchIndex;
  firstCrop: Int32Array;
  /** Content maps at a quarter of their size, `[N, 16, 16]`, and prints, `[N, 32, 32]`. */
  quarters: Uint8Array;
  prints: Int8Array;
  /** Sketches of corners, each turned to the top left by symmetry 0 to 3: `[N, 4]`. */
  corners: SketchIndex;
}

const words = (n: number) => new Int32Array(new SharedArrayBuffer(4 * n));

export function createNearTables({ luma: contents, aspects, fills }: ContentMaps): NearTables {
  const count = aspects.length;
  const firstCrop = words(count + 1);
  for (let i = 0; i < count; i++) firstCrop[i + 1] = firstCrop[i]! + cropWindows(aspects[i]!).length;
  const crops = createSketchIndex(firstCrop[count]!);
  const cornerSketches = createSketchIndex(corners * count);
  for (let i = 0; i < count; i++) {
    crops.owners.fill(i, firstCrop[i], firstCrop[i + 1]);
    cornerSketches.owners.fill(i, corners * i, corners * (i + 1));
  }
  return {
    count,
    contents,
    aspects,
    fills,
    crops,
    firstCrop,
    quarters: new Uint8Array(new SharedArrayBuffer(count * quarterArea)),
    prints: new Int8Array(new SharedArrayBuffer(count * printArea)),
    corners: cornerSketches,
  };
}

const contentOf = ({ contents }: NearTables, i: number): Uint8Array =>
  contents.subarray(i * contentArea, (i + 1) * contentArea);

const quarterSizePx = contentSizePx >> 2;
const quarterArea = quarterSizePx * quarterSizePx;
const quarterOf = ({ quarters }: NearTables, i: number): Uint8Array =>
  quarters.subarray(i * quarterArea, (i + 1) * quarterArea);

const printOf = ({ prints }: NearTables, i: number): Int8Array =>
  prints.subarray(i * printArea, (i + 1) * printArea);

const rowOf = ({ rows }: Pick<SketchIndex, 'rows'>, row: number): Int8Array =>
  rows.subarray(row * sketchLength, (row + 1) * sketchLength);

function turnInto(sketch: Int8Array, symmetry: number, into: Int8Array): Int8Array {
  const turn = turns[symmetry]!;
  for (let i = 0; i < sketchLength; i++) into[i] = sketch[turn[i]!]!;
  return into;
}

/** Makes the sketches of images `from` to `to − 1`. */
function sketchImages(tables: NearTables, from: number, to: number): void {
  const corner = new Int8Array(sketchLength);
  for (let i = from; i < to; i++) {
    const content = contentOf(tables, i);
    quarterInto(content, quarterOf(tables, i));
    printInto(matchers[1].prepare(content, undefined, fixedMaps[1]!), printOf(tables, i));
    const rises = risesOf(content);
    cropWindows(tables.aspects[i]!).forEach((window, w) => {
      sketchInto(rises, window, rowOf(tables.crops, tables.firstCrop[i]! + w));
    });
    for (let k = 0; k < corners; k++) {
      sketchInto(rises, cornerUnder(k), corner);
      turnInto(corner, k, rowOf(tables.corners, corners * i + k));
    }
  }
}

/** A near-duplicate: two images, and how they are alike (see DuplicatePair). */
export interface NearPair extends Match {
  a: number;
  b: number;
  symmetry: number;
}

/** Images that a task is about. */
export interface NearTask {
  kind: 'sketch' | 'assign' | 'search';
  from: number;
  to: number;
}

/** Between the tasks of one kind and those of the next: what one thread alone can do. */
export function betweenTasks(tables: NearTables, next: NearTask['kind']): void {
  for (const index of [tables.crops, tables.corners])
    if (next === 'assign') learnCentres(index);
    else sortRows(index);
}

/**
 * What a thread does: all `sketch` tasks, `betweenTasks`, all `assign` tasks, `betweenTasks`, all `search` tasks.
 * @returns of a task, the pairs found; a pair may be found from either side
 */
export function startNearSearch(data: {
  tables: NearTables;
  evidence: number;
}): (task: NearTask) => NearPair[] {
  const { tables, evidence } = data;
  let search: ((from: number, to: number) => NearPair[]) | undefined;
  return ({ kind, from, to }) => {
    if (kind === 'sketch') sketchImages(tables, from, to);
    else if (kind === 'assign') {
      assignRows(tables.crops, tables.firstCrop[from]!, tables.firstCrop[to]!);
      assignRows(tables.corners, corners * from, corners * to);
    } else {
      search ??= createImageSearch(tables, evidence);
      return search(from, to);
    }
    return [];
  };
}

/** An image that the one at hand may be a copy of. */
interface Candidate {
  image: number;
  /** What turns the image at hand so that it looks like this one. */
  symmetry: number;
  /** The map to begin with, from this image to the turned one at hand. */
  start: Float64Array;
}

/** The map that lays window `from` of a turned image onto window `to`. */
function mapBetween(from: Window, symmetry: number, to: Window): Float64Array {
  const [width, height] =
    symmetry & 4 ? [from.halfHeight, from.halfWidth] : [from.halfWidth, from.halfHeight];
  const [x, y] = [width / to.halfWidth, height / to.halfHeight];
  return Float64Array.of(x, 0, -to.x * x, 0, y, -to.y * y);
}

const whole = Float64Array.of(1, 0, 0, 0, 1, 0);

const products = (share: number): number => Math.ceil(share * sketchUnit * sketchUnit);

/** What images `from` to `to − 1` may be copies of. */
function candidatesOf(tables: NearTables, from: number, to: number): Candidate[][] {
  const { crops, firstCrop, aspects } = tables;
  const wholes = queriesOf(from, to, (i, ask) => {
    for (const w of wholeWindows(aspects[i]!))
      for (let k = 0; k < symmetries; k++) ask(rowOf(crops, firstCrop[i]! + w), k);
  });
  const byCrops = findLike(crops, wholes, {
    most: looksAt(sieve.crops, tables.count),
    least: products(sieve.crop),
  });
  // Of two forms of each corner, the index has one; the other comes from it by mirroring along the diagonal.
  const cornered = queriesOf(from, to, (i, ask) => {
    for (let k = 0; k < corners; k++)
      for (const transposed of [0, 4]) ask(rowOf(tables.corners, corners * i + k), transposed);
  });
  const byCorners = findLike(tables.corners, cornered, {
    most: sieve.corners,
    least: products(sieve.corner),
  });
  return byCrops.map((finds, n) => {
    const image = from + n;
    const windows = cropWindows(aspects[image]!);
    const asked = wholeWindows(aspects[image]!);
    return [
      ...finds.map(({ owner, row, query }): Candidate => {
        const symmetry = query % symmetries;
        const onto = cropWindows(aspects[owner]!)[row - firstCrop[owner]!]!;
        const start = mapBetween(windows[asked[Math.floor(query / symmetries)]!]!, symmetry, onto);
        return { image: owner, symmetry, start };
      }),
      ...byCorners[n]!.map(({ owner, row, query }): Candidate => {
        const k = query >> 1;
        const turn = query & 1 ? compositions[k]![4]! : k;
        return {
          image: owner,
          symmetry: compositions[turn]![inverses[row % corners]!]!,
          start: whole.slice(),
        };
      }),
    ];
  });
}

/** The sketches, turned, that `each` asks for, image by image. */
function queriesOf(
  from: number,
  to: number,
  each: (image: number, ask: (sketch: Int8Array, symmetry: number) => void) => void,
): Queries {
  const asked: { image: number; sketch: Int8Array; symmetry: number }[] = [];
  for (let image = from; image < to; image++)
    each(image, (sketch, symmetry) => asked.push({ image, sketch, symmetry }));
  const sketches = new Int8Array(asked.length * sketchLength);
  asked.forEach(({ sketch, symmetry }, q) => {
    turnInto(sketch, symmetry, sketches.subarray(q * sketchLength, (q + 1) * sketchLength));
  });
  return { sketches, askers: Int32Array.from(asked, ({ image }) => image) };
}

const inverses = Array.from({ length: symmetries }, (_, k) => inverse(k));
/** `[first][then]` */
const compositions = Array.from({ length: symmetries }, (_, first) =>
  Array.from({ length: symmetries }, (_, then) => compose(first, then)),
);

const matchers = [
  createMatcher({
    sourcePx: quarterSizePx,
    shrink: 1,
    sigma: { smooth: 0, detail: 1.3, place: 2 },
    steps: 4,
  }),
  createMatcher({ shrink: 2, sigma: { smooth: 0.7, detail: 1.5, place: 2.5 }, steps: 4 }),
  createMatcher({ shrink: 1, sigma: { smooth: 1.2, detail: 2, place: 3.5 }, steps: 8 }),
] as const;
const shrinker = createMatcher({ shrink: 4, sigma: { smooth: 0, detail: 1, place: 1 }, steps: 0 });
const shrunken = createMap(quarterSizePx);
/** 0 is what lies outside, as in the content maps. */
function quarterInto(content: Uint8Array, into: Uint8Array): void {
  const { luma, inside } = shrinker.prepare(content, undefined, shrunken);
  for (let i = 0; i < quarterArea; i++) into[i] = inside[i] === 0 ? 0 : Math.max(1, Math.round(luma[i]!));
}
const fixedMaps = matchers.map(({ side }) => createMap(side));
const turnMaps = [quarterSizePx, contentSizePx, contentSizePx].map((sizePx) =>
  Array.from({ length: symmetries }, (_, k) => symmetryMap(k, sizePx)),
);
/** What the matcher of a level is given. */
const sourceOf = (tables: NearTables, level: number, i: number): Uint8Array =>
  level === 0 ? quarterOf(tables, i) : contentOf(tables, i);
const printMaps = Array.from({ length: symmetries }, (_, k) => symmetryMap(k, printSizePx));

/** An image under the symmetries in which it is compared with others; made for the first that needs it. */
function createTurned(tables: NearTables) {
  const maps = matchers.map(({ side }) => Array.from({ length: symmetries }, () => createMap(side)));
  const prints = Array.from({ length: symmetries }, () => new Int8Array(printArea));
  const made = new Set<number>();
  let image = -1;
  return {
    image: (): number => image,
    show: (next: number): void => {
      image = next;
      made.clear();
    },
    map: (level: number, symmetry: number): MatchMap => {
      const map = maps[level]![symmetry]!;
      const key = level * symmetries + symmetry;
      if (!made.has(key)) {
        matchers[level]!.prepare(sourceOf(tables, level, image), turnMaps[level]![symmetry], map);
      }
      made.add(key);
      return map;
    },
    print: (symmetry: number): Int8Array => {
      const print = prints[symmetry]!;
      const key = matchers.length * symmetries + symmetry;
      if (!made.has(key)) {
        const own = printOf(tables, image);
        const map = printMaps[symmetry]!;
        for (let i = 0; i < printArea; i++) print[i] = own[map[i]!]!;
      }
      made.add(key);
      return print;
    },
  };
}

/** The search among all for pairs with images `from` to `to − 1`; keeps its buffers between tasks. */
function createImageSearch(tables: NearTables, evidence: number): (from: number, to: number) => NearPair[] {
  const turned = createTurned(tables);

  /** What the two have in common; undefined as soon as it is too little. `map` becomes the map between them. */
  const matchWith = ({ image, symmetry, start: map }: Candidate): Match | undefined => {
    const fixed = (level: 0 | 1 | 2): MatchMap =>
      matchers[level].prepare(sourceOf(tables, level, image), undefined, fixedMaps[level]);
    const start = map.slice();
    matchers[0].register(turned.map(0, symmetry), fixed(0), map);
    const [print, own] = [turned.print(symmetry), printOf(tables, image)];
    let alike = comparePrints(print, own, map);
    if (alike < unsure) {
      const begun = comparePrints(print, own, start);
      if (begun > alike) map.set(start);
      alike = Math.max(alike, begun);
    }
    if (alike < coarse.print) return undefined;
    const half = refine(1, [turned.map(1, symmetry), fixed(1)], map);
    if (half.correlation < coarse.half) return undefined;
    const match = refine(2, [turned.map(2, symmetry), fixed(2)], map);
    const fill = Math.min(tables.fills[image]!, tables.fills[turned.image()]!);
    match.informative *= fill;
    const needed = symmetry === 0 && fill === 1 && isUnmoved(map) ? asTheyAre * evidence : evidence;
    return evidenceOf(match) >= needed && isPlausible(match, map) ? match : undefined;
  };

  return (from, to) => {
    const pairs: NearPair[] = [];
    candidatesOf(tables, from, to).forEach((candidates, n) => {
      const image = from + n;
      turned.show(image);
      for (const candidate of candidates) {
        const match = matchWith(candidate);
        if (!match) continue;
        const { image: other, symmetry } = candidate;
        const forwards = image < other;
        pairs.push({
          ...match,
          a: Math.min(image, other),
          b: Math.max(image, other),
          symmetry: forwards ? symmetry : inverses[symmetry]!,
        });
      }
    });
    return pairs;
  };
}

/** Prints, and details, that agree so well need no second look. */
const unsure = 0.8;

/** Registers and compares; the map changes where that is for the better: a watermark may lead registration astray. */
function refine(level: 1 | 2, [moving, fixed]: readonly [MatchMap, MatchMap], map: Float64Array): Match {
  const matcher = matchers[level];
  const start = map.slice();
  matcher.register(moving, fixed, map);
  const refined = matcher.compare(moving, fixed, map);
  if (refined.correlation >= unsure) return refined;
  const begun = matcher.compare(moving, fixed, start);
  if (begun.correlation <= refined.correlation) return refined;
  map.set(start);
  return begun;
}

function isPlausible({ overlap, informative }: Match, map: Float64Array): boolean {
  const [across, slant, , tilt, down] = map as unknown as [number, number, number, number, number];
  const scale = Math.max(across, down);
  return (
    overlap >= least.overlap &&
    informative >= least.informative &&
    [across, down].every((stretch) => stretch <= furthest.stretch && stretch * furthest.stretch >= 1) &&
    [slant, tilt].every((value) => Math.abs(value) <= furthest.turn * scale) &&
    Math.abs(slant + tilt) <= furthest.shear * scale
  );
}

function isUnmoved(map: Float64Array): boolean {
  const [across, slant, right, tilt, down, below] = map as unknown as readonly number[];
  return (
    [across!, down!].every((stretch) => Math.abs(stretch - 1) <= unmoved.stretch) &&
    [slant!, tilt!].every((value) => Math.abs(value) <= unmoved.turn) &&
    [right!, below!].every((value) => Math.abs(value) <= unmoved.shift)
  );
}

/** Of a pair that was found several times, the best; ordered by (a, b). */
export function bestOf(pairs: readonly NearPair[]): NearPair[] {
  const best = new Map<string, NearPair>();
  for (const pair of pairs) {
    const key = `${pair.a} ${pair.b}`;
    const other = best.get(key);
    if (!other || pair.correlation > other.correlation) best.set(key, pair);
  }
  return [...best.values()].sort((p, q) => p.a - q.a || p.b - q.b);
}

/** Images between two calls of `onProgress`: about a quarter of a second. */
const IMAGES_PER_TURN = 64;

/**
 * The whole search on this thread, for a few thousand images.
 * @param options.onProgress is told how many images were compared with all others
 * @returns pairs `a < b`, ordered
 */
export function searchNear(
  contents: ContentMaps,
  { evidence = defaultEvidence, onProgress }: { evidence?: number; onProgress?: (done: number) => void } = {},
): NearPair[] {
  const tables = createNearTables(contents);
  const run = startNearSearch({ tables, evidence });
  const all = { from: 0, to: tables.count };
  run({ kind: 'sketch', ...all });
  betweenTasks(tables, 'assign');
  run({ kind: 'assign', ...all });
  betweenTasks(tables, 'search');
  const found: NearPair[] = [];
  onProgress?.(0); // what came before would make the first estimate of the time left far too long
  for (let from = 0; from < tables.count; from += IMAGES_PER_TURN) {
    const to = Math.min(from + IMAGES_PER_TURN, tables.count);
    found.push(...run({ kind: 'search', from, to }));
    onProgress?.(to);
  }
  return bestOf(found);
}
