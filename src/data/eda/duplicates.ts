/** Images that show the same picture and were joined into groups: how many, and what they look like. */
import type { Block, GalleryBlock, Tile } from '../../report/index.js';
import { percent, plural, whole } from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';
import type { ImportReport, NamedPair } from '../dataset/report.js';
import type { Column } from './columns.js';
import { factsOf, shot } from './thumbnails.js';

/** Pairs shown of either kind: the most alike, and the least. */
const most = 6;

/** Pairs whose two images are in the dataset: the most alike first; copies of a file at the end. */
export function pairsOf(dataset: Dataset, duplicates: readonly NamedPair[]): NamedPair[] {
  const ids = new Set(dataset.rows.map(({ id }) => id));
  const rank = ({ kind, correlation }: NamedPair): number => (kind === 'exact' ? -1 : correlation);
  return duplicates
    .filter(({ a, b }) => ids.has(a) && ids.has(b))
    .sort((p, q) => rank(q) - rank(p) || (p.a < q.a ? -1 : 1));
}

export async function duplicateBlocks(
  dataset: Dataset,
  columns: readonly Column[],
  report: ImportReport | null,
): Promise<Block[]> {
  const { exactDuplicates, nearDuplicates } = dataset.counts;
  const pairs = pairsOf(dataset, report?.duplicates ?? []);
  const labels = new Map(dataset.rows.map(({ id, label }) => [id, label]));
  const disagree = pairs.filter(({ a, b }) => labels.get(a) !== labels.get(b)).length;
  const text =
    exactDuplicates + nearDuplicates === 0
      ? 'No two images were joined as showing the same picture when the dataset was made.'
      : `${plural(exactDuplicates, 'pair')} of identical files and ${plural(nearDuplicates, 'pair')} of near-duplicates were found (rescaled, re-cropped, recoloured, mirrored or turned). ` +
        (pairs.length === 0
          ? 'None of them is in the dataset with both its images.'
          : `${plural(pairs.length, 'pair')} ${pairs.length === 1 ? 'is' : 'are'} in the dataset with both images; each is one group, in one split. ` +
            (disagree === 0
              ? 'The two always have the same label.'
              : `${plural(disagree, 'pair')} ${disagree === 1 ? 'has' : 'have'} two different labels: look at them.`));
  const gallery = await pairsGallery(dataset, columns, pairs);
  return [{ kind: 'prose', lead: 'Duplicates.', text }, ...(gallery ? [gallery] : [])];
}

async function pairsGallery(
  dataset: Dataset,
  columns: readonly Column[],
  pairs: readonly NamedPair[],
): Promise<GalleryBlock | null> {
  const near = pairs.filter(({ kind }) => kind === 'near');
  const shown = near.length > 0 ? near : pairs;
  if (shown.length === 0) return null;
  const at = new Map(dataset.rows.map(({ id }, i) => [id, i]));
  const tile = async (pair: NamedPair): Promise<Tile> => {
    const facts = [pair.a, pair.b].map((id) => factsOf(dataset.rows[at.get(id)!]!, at.get(id)!, columns));
    const images = await Promise.all(
      [pair.a, pair.b].map((id, k) => shot(dataset, dataset.rows[at.get(id)!]!, facts[k]!)),
    );
    const [a, b] = [pair.a, pair.b].map((id) => dataset.rows[at.get(id)!]!);
    return {
      images,
      caption:
        pair.kind === 'exact'
          ? `identical: ${pair.a}`
          : `${pair.correlation.toFixed(3)}: ${pair.a}, ${pair.b}`,
      facts: [
        { name: 'pair', value: `${pair.a}, ${pair.b}` },
        { name: 'labels', value: a!.label === b!.label ? a!.label : `${a!.label}, ${b!.label}` },
        { name: 'split', value: a!.split },
        ...(pair.kind === 'near'
          ? [
              { name: 'correlation of details', value: pair.correlation.toFixed(3) },
              { name: 'share of the picture with details', value: percent(pair.informative) },
              ...(pair.symmetry === 0 ? [] : [{ name: 'mirrored or turned', value: 'yes' }]),
            ]
          : []),
      ],
    };
  };
  const rows = async (title: string, some: readonly NamedPair[]): Promise<GalleryBlock['rows'][number]> => ({
    title,
    tiles: await Promise.all(some.map(tile)),
  });
  const both = shown.length > 2 * most;
  return {
    kind: 'gallery',
    name: 'duplicates',
    title: near.length > 0 ? 'Near-duplicates that were joined' : 'Identical files',
    shows:
      `Two images of a pair side by side${near.length > 0 ? ', with the correlation of their details after registration' : ''}. ${shown.length > 2 * most ? `${2 * most} of ${whole(shown.length)} pairs are shown.` : ''}`.trim(),
    doesNotShow:
      'Pairs that were missed: another photograph of the same lesion, from another angle or distance, is not found by its pixels.',
    rows: both
      ? [
          await rows('The most alike', shown.slice(0, most)),
          await rows('The least alike that were still joined', shown.slice(-most)),
        ]
      : [
          await rows(
            near.length > 0 ? 'The most alike first' : 'One picture under two names',
            shown.slice(0, 2 * most),
          ),
        ],
  };
}
