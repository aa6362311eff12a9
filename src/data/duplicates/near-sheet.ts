/**
 * `near-duplicates.png`: the pairs that were joined on the least evidence, side by side, the weakest first. Whoever
 * doubts a threshold sees there what it lets through.
 */
import { decodeImage, toPlanar, writeGridPng } from '../../image/index.js';
import type { DuplicatePair } from './duplicates.js';
import { evidenceOf } from './near.js';

export const sheetFile = 'near-duplicates.png';

const sidePx = 144;
const most = 30;
const pairsARow = 3;

/** The least certain of the pairs whose pictures were compared, the weakest first. */
export const leastCertain = (pairs: readonly DuplicatePair[]): DuplicatePair[] =>
  pairs
    .filter(({ kind, correlation }) => kind === 'near' && correlation > 0)
    .sort((p, q) => evidenceOf(p) - evidenceOf(q))
    .slice(0, most);

/**
 * Draws the sheet; where no pair was compared, none.
 * @param path of the sheet
 * @param pairs of indices into `images`
 * @returns whether there is one
 * @throws DataError naming the image that cannot be decoded
 */
export async function writeNearSheet(
  path: string,
  pairs: readonly DuplicatePair[],
  images: readonly { id: string; path: string }[],
): Promise<boolean> {
  const shown = leastCertain(pairs);
  if (shown.length === 0) return false;
  const area = 3 * sidePx * sidePx;
  const ends = shown.flatMap(({ a, b }) => [images[a]!, images[b]!]);
  const data = new Uint8Array(area * ends.length);
  for (const [i, { path: file }] of ends.entries()) {
    const { data: pixels } = await decodeImage(file, { sizePx: sidePx, fit: 'contain' });
    toPlanar(pixels, { into: data.subarray(i * area, (i + 1) * area) });
  }
  const columns = 2 * Math.min(pairsARow, shown.length);
  await writeGridPng({ data, n: ends.length, height: sidePx, width: sidePx }, path, {
    columns,
    captions: shown.flatMap((pair) => [
      `${short(images[pair.a]!.id)}`,
      `${evidenceOf(pair).toFixed(2)}  ${short(images[pair.b]!.id)}`,
    ]),
    breakAfter: Array.from({ length: columns / 2 - 1 }, (_, k) => 2 * k + 1),
    title: 'Near-duplicates, the least certain first (evidence)',
  });
  return true;
}

/** The end of a long id, which tells more than its beginning. */
const short = (id: string): string => (id.length > 18 ? `…${id.slice(-17)}` : id);
