/**
 * Which images of a dataset show a picture that another dataset has, too: collections of dermoscopy are made of each
 * other, and a picture that was compressed anew, resized or turned on the way has another checksum.
 */
import { type Dataset, type DatasetRow, imagePath } from '../dataset/dataset.js';
import { type DuplicateOptions, findDuplicateFiles } from '../duplicates/duplicates.js';

/** Some rows of a dataset. */
export interface Rows extends Pick<Dataset, 'dir'> {
  rows: readonly DatasetRow[];
}

export interface SharedPicture {
  image: DatasetRow;
  /** Of the other dataset; of several, that which is most alike. */
  twin: DatasetRow;
  kind: 'exact' | 'near';
  /** Correlation of the details; 1 for the same file. */
  correlation: number;
}

/**
 * @param options.onProgress images decoded, then compared: of twice as many as both have
 * @returns one for each image of `dataset` that `other` shows, in order
 * @throws DataError naming the file that cannot be decoded
 */
export async function sharedPictures(
  dataset: Rows,
  other: Rows,
  options: Pick<DuplicateOptions, 'onProgress' | 'signal'> = {},
): Promise<SharedPicture[]> {
  // The other's first: of several copies of a file, each is paired with the first one.
  const sets = [other, dataset];
  const files = sets.flatMap((set) =>
    set.rows.map((row) => ({ path: imagePath(set, row), sha256: row.sha256 })),
  );
  const found = new Map<number, SharedPicture>();
  for (const { a, b, kind, correlation } of await findDuplicateFiles(files, options)) {
    const own = b - other.rows.length;
    if (a >= other.rows.length || own < 0) continue;
    if ((found.get(own)?.correlation ?? 0) >= correlation) continue;
    found.set(own, { image: dataset.rows[own]!, twin: other.rows[a]!, kind, correlation });
  }
  return [...found].sort(([i], [j]) => i - j).map(([, shared]) => shared);
}

/** 'ISIC_1 = ISIC_2 (correlation 0.97), …': the first few. */
export function nameShared(shared: readonly SharedPicture[], limit = 5): string {
  const named = shared
    .slice(0, limit)
    .map(({ image, twin, kind, correlation }) =>
      [
        image.id === twin.id ? image.id : `${image.id} = ${twin.id}`,
        ...(kind === 'near' ? [`(alike to ${correlation.toFixed(2)})`] : []),
      ].join(' '),
    );
  return `${named.join(', ')}${shared.length > limit ? ', …' : ''}`;
}
