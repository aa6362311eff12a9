/** The most confident errors: what one looks at first to learn what a classifier does not know, or which labels are wrong. */
import { type Dataset, type DatasetRow, imagePath } from '../../data/dataset/index.js';
import { columnTitle, thumbnail } from '../../data/eda/index.js';
import { isMissing } from '../../data/table/index.js';
import type { GalleryBlock, Tile } from '../../report/index.js';
import { fixed, plural, whole } from '../../report/index.js';
import type { Scores } from '../score-run.js';
import { wrongest, wrongestCalls } from '../worst.js';
import type { ErrorRow } from './input.js';

/** Images of each kind of error; of each class, where there are several, a row of the gallery on a wide page. */
const GALLERY_IMAGES = { kind: 12, class: 6 };

/** What is told of an image, at the most this many columns of metadata. */
const FACTS = 8;

interface Found {
  id: string;
  caption: string;
  facts: Tile['facts'];
}

/**
 * The errors with their pictures, the surest first: by a threshold of the positive class and of all others, those furthest
 * on the wrong side; of several classes those of each, by the probability of what they are called.
 * @param decision the threshold, or the classes in the order of the probabilities
 * @throws DataError when a picture can no longer be read
 */
export async function errorTiles(
  dataset: Dataset,
  scores: Scores,
  decision: { threshold: number } | { classes: readonly string[] },
): Promise<ErrorRow[]> {
  const known = new Map(dataset.rows.map((row) => [row.id, row]));
  const rows =
    'threshold' in decision
      ? thresholdErrors(dataset, scores, decision.threshold)
      : classErrors(scores, decision.classes);
  const most = 'threshold' in decision ? GALLERY_IMAGES.kind : GALLERY_IMAGES.class;
  return Promise.all(
    rows.map(async ({ name, found }) => {
      const tiles = found.slice(0, most).flatMap((one) => {
        const row = known.get(one.id);
        return row ? [tileOf(dataset, row, one)] : [];
      });
      return { name, total: found.length, tiles: await Promise.all(tiles) };
    }),
  );
}

const thresholdErrors = ({ positive }: Dataset, { rows }: Scores, threshold: number) =>
  ([1, 0] as const).map((label) => ({
    name: label === 1 ? positive : 'other',
    found: wrongest(rows, label, threshold).map(
      ({ id, score }): Found => ({
        id,
        caption: fixed(score),
        facts: [{ name: 'probability', value: fixed(score, 4) }],
      }),
    ),
  }));

function classErrors({ classRows }: Scores, classes: readonly string[]) {
  const errors = wrongestCalls(classRows!, classes);
  return classes.map((name, k) => ({
    name,
    found: errors
      .filter(({ row }) => row.label === name)
      .map(
        ({ row, called, probability }): Found => ({
          id: row.id,
          caption: `${called} ${fixed(probability, 2)}; own ${fixed(row.probabilities[k]!, 2)}`,
          facts: classes.map((one, c) => ({
            name: `probability of ${one}`,
            value: fixed(row.probabilities[c]!, 4),
          })),
        }),
      ),
  }));
}

async function tileOf(dataset: Dataset, row: DatasetRow, { caption, facts: told }: Found): Promise<Tile> {
  const known = Object.entries(row.extra).filter(([, value]) => !isMissing(value, 'value'));
  const facts = [
    { name: 'id', value: row.id },
    { name: 'label', value: row.label },
    ...told,
    ...known.slice(0, FACTS).map(([name, value]) => ({ name: columnTitle(name), value })),
    { name: 'group', value: row.group },
  ];
  const alt = `${row.id}, ${row.label}; probability: ${caption}`;
  return { images: [{ jpeg: await thumbnail(imagePath(dataset, row)), alt }], caption, facts };
}

const LOOK =
  'Look for wrong labels, for hair, rulers, ink and dark corners, and for a kind of lesion that recurs.';

/**
 * The gallery of errors; null where there is none to show.
 * @param images that were scored, where several classes are told apart
 */
export function errorGallery(errors: readonly ErrorRow[], images: number | null): GalleryBlock | null {
  const shown = errors.filter(({ tiles }) => tiles.length > 0);
  if (shown.length === 0) return null;
  const part = ({ tiles, total }: ErrorRow): string =>
    tiles.length < total
      ? `${whole(tiles.length)} of ${whole(total)}, the surest first`
      : `all ${whole(total)}`;
  const wrong = errors.reduce((sum, { total }) => sum + total, 0);
  const [missed, alarms] = errors.map(({ total }) => total);
  return {
    kind: 'gallery',
    name: 'errors',
    title:
      images === null ? 'The most confident errors' : 'The most confident errors, by what the images are',
    shows:
      images === null
        ? `Of ${plural(missed!, 'missed image')} and ${plural(alarms!, 'false alarm')}, those whose probability lies furthest on the wrong side of the threshold; the probability stands below. ${LOOK}`
        : `Of ${whole(wrong)} of ${plural(images, 'image')} that are called something else than they are, those whose wrong class got the highest probability. It stands below, with the probability of their own class. ${LOOK}`,
    doesNotShow:
      'How frequent such images are: these are the worst, not a sample. Nor why the classifier erred: graft classify explain shows where it looked.',
    rows: shown.map((row) => ({
      title:
        images !== null
          ? `'${row.name}' called something else: ${part(row)}`
          : row === errors[0]
            ? `'${row.name}' that it missed, the surest first`
            : 'False alarms, the surest first',
      tiles: row.tiles,
    })),
  };
}
