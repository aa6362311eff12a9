/**
 * Which images of a dataset belong together: duplicates among them, the groups that these and known patients and lesions
 * make, and what is removed for being a duplicate.
 */
import { join } from 'node:path';
import { assignGroups } from '../dataset/groups.js';
import type { Problem } from '../dataset/problems.js';
import type { NamedPair } from '../dataset/report.js';
import type { ContentMaps } from '../duplicates/content.js';
import { type DuplicatePair, findDuplicates } from '../duplicates/duplicates.js';
import { joiningPairs, nearDoubts, restingOnPixels } from '../duplicates/near-groups.js';
import { sheetFile, writeNearSheet } from '../duplicates/near-sheet.js';
import { type NearPolicy, receipt, removeDuplicates } from './cleaning.js';
import type { CreateOptions } from './create-options.js';
import type { DatasetItem } from './item.js';
import type { ReadImage } from './read-images.js';

export interface GroupedImage extends ReadImage {
  group: string;
}

export interface Grouped {
  /** Of every image that was read, under the name that may be shown. */
  found: DatasetItem[];
  /** Duplicates by place in `found`. */
  pairs: DuplicatePair[];
  /** Groups were known before. */
  settled: boolean;
  kept: GroupedImage[];
  problems: Problem[];
}

/**
 * Groups come before any removal: what is removed still ties its partners together.
 * @param dir the dataset in the making, where the sheet of near-duplicates goes
 */
export async function groupImages(
  dir: string,
  { read, contents }: { read: readonly ReadImage[]; contents: ContentMaps },
  options: CreateOptions,
): Promise<Grouped> {
  const found = read.map(({ item }) => ({ ...item, name: item.publicName ?? item.name }));
  const settled = found.every((item) => item.group !== undefined);
  const hashes = read.map(({ sha256 }) => sha256);
  const pairs = settled
    ? unnamed(found, options.pairs ?? [])
    : await findPairs(found, { hashes, contents }, options);
  const { exact = 'remove', near = 'group' } = options.duplicates ?? {};
  const joined = joiningPairs(found.length, pairs, near);
  const groups = settled ? found.map((item) => item.group!) : assignGroups(found, joined.joining);
  const { gone, problems } = removeDuplicates(
    read.map(({ width, height }, i) => ({ ...found[i]!, width, height })),
    settled ? [] : joined.joining,
    { exact, near },
  );
  if (!settled) {
    const toLookAt = restingOnPixels(found, joined, near);
    // While all images are there: what is removed is to be seen as well.
    await writeNearSheet(
      join(dir, sheetFile),
      near === 'keep' ? [...toLookAt.joining, ...toLookAt.apart] : toLookAt.joining,
      read.map(({ item, file }) => ({ id: item.id, path: join(dir, file) })),
    );
    const ids = found.map(({ id }) => id);
    problems.push(...nearDoubts(ids, toLookAt, near));
  }
  const left = pairs.filter(({ a, b }) => !gone.has(a) && !gone.has(b));
  problems.push(...labelConflicts(found, left, near));
  const kept = read
    .map((one, i) => ({ ...one, item: found[i]!, group: groups[i]! }))
    .filter((_, i) => !gone.has(i));
  return { found, pairs, settled, kept, problems };
}

function labelConflicts(
  items: readonly DatasetItem[],
  pairs: readonly DuplicatePair[],
  near: NearPolicy,
): Problem[] {
  const where = near === 'keep' ? '' : ', in one group';
  return pairs
    .map(({ a, b, kind }) => ({ one: items[a]!, other: items[b]!, kind }))
    .filter(({ one, other }) => one.label !== other.label)
    .map(({ one, other, kind }) =>
      receipt(
        'label-conflict',
        other,
        `${kind} duplicate of ${one.id} (${one.label}), but labelled ${other.label}; both are kept${where}`,
      ),
    );
}

/** Pairs by index, as far as both images are there. */
function unnamed(items: readonly DatasetItem[], pairs: readonly NamedPair[]): DuplicatePair[] {
  const place = new Map(items.map(({ id }, i) => [id, i]));
  return pairs
    .map((pair) => ({ ...pair, a: place.get(pair.a) ?? -1, b: place.get(pair.b) ?? -1 }))
    .filter(({ a, b }) => a >= 0 && b >= 0);
}

/** Duplicates among the pictures, and those that are known by name. */
async function findPairs(
  items: readonly DatasetItem[],
  { hashes, contents }: { hashes: readonly string[]; contents: ContentMaps },
  options: CreateOptions,
): Promise<DuplicatePair[]> {
  const pairs = await findDuplicates(hashes, contents, {
    near: options.nearDuplicates ?? true,
    evidence: options.nearEvidence,
    onProgress: (done, total) => options.onProgress?.('compare', done, total),
    signal: options.signal,
  });
  const known = new Set(pairs.map(({ a, b }) => `${a} ${b}`));
  const named = (options.knownDuplicates ?? []).map(
    ([a, b]): NamedPair => ({ a, b, kind: 'near', correlation: 0, informative: 0, symmetry: 0 }),
  );
  for (const pair of unnamed(items, named)) {
    const [a, b] = [Math.min(pair.a, pair.b), Math.max(pair.a, pair.b)];
    if (a === b || known.has(`${a} ${b}`)) continue;
    known.add(`${a} ${b}`);
    pairs.push({ ...pair, a, b });
  }
  return pairs;
}
