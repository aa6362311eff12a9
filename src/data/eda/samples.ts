/** A few images of each class, drawn by lot. */
import { Random } from 'graft-torch/base';
import { forEachParallel } from '../../base/index.js';
import type { GalleryBlock, Tile } from '../../report/index.js';
import { whole } from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';
import type { Column } from './columns.js';
import { factsOf, shot } from './thumbnails.js';

/** Two rows of images a class, or one where that would be more than this in all: the page stays small. */
const mostInAll = 192;
const aRow = 6;

/** Indices into the rows: of each class some, from different groups as far as there are. */
export function drawSamples(
  dataset: Dataset,
  seed: number,
): { label: string; all: number; rows: number[] }[] {
  const size = 2 * aRow * dataset.classes.length <= mostInAll ? 2 * aRow : aRow;
  const random = new Random(seed).fork('eda samples');
  return dataset.classes.map((label) => {
    const own = dataset.rows.flatMap((row, i) => (row.label === label ? [i] : []));
    const all = own.length;
    random.fork(label).shuffle(own);
    const groups = new Set<string>();
    const first = own.filter((i) => {
      const { group } = dataset.rows[i]!;
      return !groups.has(group) && groups.add(group);
    });
    const chosen = new Set([...first, ...own].slice(0, first.length >= size ? size : undefined));
    return { label, all, rows: [...chosen].slice(0, size) };
  });
}

export async function samplesGallery(
  dataset: Dataset,
  columns: readonly Column[],
  options: { seed: number; onProgress?: (done: number, total: number) => void; signal?: AbortSignal },
): Promise<GalleryBlock> {
  const drawn = drawSamples(dataset, options.seed).filter(({ rows }) => rows.length > 0);
  const jobs = drawn.flatMap(({ rows }, k) => rows.map((at) => ({ k, at })));
  const tiles: Tile[] = new Array(jobs.length);
  let done = 0;
  await forEachParallel(
    jobs.length,
    async (i) => {
      const { at } = jobs[i]!;
      const row = dataset.rows[at]!;
      const facts = factsOf(row, at, columns);
      tiles[i] = { images: [await shot(dataset, row, facts)], facts };
      options.onProgress?.(++done, jobs.length);
    },
    { signal: options.signal },
  );
  return {
    kind: 'gallery',
    name: 'samples',
    title: 'Images of each class',
    shows: `Drawn by lot (seed ${options.seed}), from different groups as far as there are; the centre of each. Point at an image, or tap it, to read what is known of it.`,
    doesNotShow:
      'The range of a class: a dozen images are not enough for that. Look for what is no lesion: rulers, stickers, hair, dark corners, and whether one class has more of it.',
    rows: drawn.map(({ label, all }, k) => ({
      title: `${label}: ${tiles.filter((_, i) => jobs[i]!.k === k).length} of ${whole(all)}`,
      tiles: tiles.filter((_, i) => jobs[i]!.k === k),
    })),
  };
}
