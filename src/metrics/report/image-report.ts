/** `graft metrics image --report`: full-reference scores, their null, and pairs to look at. */
import sharp from 'sharp';
import type { Block, FigureBlock, GalleryBlock, ReportDocument, Tile } from '../../report/index.js';
import { list, plural } from '../../report/index.js';
import type { ImageMetricReport, ScoredPairs } from '../sets/image.js';
import type { ImageSet } from '../sets/image-set.js';
import type { MetricRecord } from '../sets/record.js';
import { densityPanel } from './density.js';
import { figure, IMAGE_WORDS, nameOf, protocolTable, range, recordsTable, standingOf } from './records.js';

const BLUE = 'var(--blue)';
const ORANGE = 'var(--orange)';
const GREY = 'var(--grey)';

const TILES = 6;
const TILE_PX = 128;

export interface ImageReportInput {
  report: ImageMetricReport;
  real: ImageSet;
  synthetic: ImageSet;
  /** What the page is called: the two folders. */
  title: string;
  subtitle: string;
  footer: string;
}

export async function composeImageReport(input: ImageReportInput): Promise<ReportDocument> {
  const { report, title, subtitle, footer } = input;
  const { records, diversity } = report;
  const gallery = await pairGallery(input);
  const more = records.filter((record) => standingOf(record) === 'better');
  const less = records.filter((record) => standingOf(record) === 'worse');
  return {
    eyebrow: 'Graft · full-reference metrics',
    title,
    subtitle,
    summary: {
      title: 'Summary',
      tone: 'open',
      short: 'Read against the null',
      sentence: sentence(records, more, less),
      paragraph:
        'Full-reference metrics ask how alike two pictures are. A generated picture has no counterpart, so what they mostly measure is how much any two lesions differ; a good generator’s scores are those of two real images, neither less nor more. They cannot show that a generator is good.',
      figures: records
        .filter(({ metric }) => ['psnr', 'ssim', 'haarpsi'].includes(metric))
        .map((record) => ({
          label: nameOf(record),
          value: figure(record.value),
          note: record.floor ? `real : real ${figure(record.floor.value)}` : 'no null: too few images',
        })),
    },
    sections: [
      {
        id: 'scores',
        title: 'Scores',
        blocks: [
          recordsTable(records, IMAGE_WORDS, {
            title: 'Means over pairs, beside those of real images among themselves',
            extra: [
              {
                title: 'synthetic : synthetic',
                text: ({ metric }) => {
                  const own = diversity[metric];
                  return own ? `${figure(own.mean)}${range([...own.interval])}` : '';
                },
              },
            ],
            note: `${plural(report.pairs.synthetic.left.length, 'pair')}; intervals: bootstrap over pairs, lesions drawn whole where the dataset names them. Synthetic images that are more alike among themselves than real ones are short of variety.`,
          }),
          densityFigure(report),
        ],
      },
      ...(gallery ? [{ id: 'pairs', title: 'Pairs', blocks: [gallery] as Block[] }] : []),
      { id: 'protocol', title: 'Protocol', blocks: [protocolTable(records)] },
    ],
    footer,
  };
}

function sentence(
  records: readonly MetricRecord[],
  more: readonly MetricRecord[],
  less: readonly MetricRecord[],
): string {
  const names = (some: readonly MetricRecord[]): string => list(some.map(({ name }) => name));
  if (records.every(({ floor }) => floor === null))
    return 'There are too few real images for a null: nothing can be said.';
  if (more.length === 0 && less.length === 0)
    return 'No metric tells real : synthetic pairs from real : real pairs.';
  const parts = [
    ...(more.length > 0 ? [`more alike than two real images by ${names(more)}`] : []),
    ...(less.length > 0 ? [`less alike by ${names(less)}`] : []),
  ];
  return `Pairs of a real and a synthetic image are ${parts.join(', ')}.`;
}

function densityFigure({ records, pairs }: ImageMetricReport): FigureBlock {
  const samples: { label: string; color: string; of: ScoredPairs | null }[] = [
    { label: 'real : synthetic', color: ORANGE, of: pairs.synthetic },
    { label: 'real : real', color: BLUE, of: pairs.realNull },
    { label: 'synthetic : synthetic', color: GREY, of: pairs.diversity },
  ];
  const drawn = samples.flatMap(({ of, ...rest }) => (of ? [{ ...rest, of }] : []));
  return {
    kind: 'figure',
    name: 'scores',
    title: 'Scores of single pairs',
    shows:
      'How the scores of pairs spread. Where orange lies on blue, a synthetic picture is as far from a real one as another real one is.',
    doesNotShow:
      'Whether the pictures are good: a set of blurred or repeated images can lie on the null, or on the better side of it.',
    legend: drawn.map(({ label, color }) => ({ label, color, symbol: 'line' })),
    panels: records.map((record) =>
      densityPanel(
        nameOf(record),
        drawn.map(({ label, color, of }) => ({ label, color, values: of.scores[record.metric]! })),
        record.unit || record.name,
      ),
    ),
  };
}

/** The most and the least alike pairs, and some in between. */
async function pairGallery({ report, real, synthetic }: ImageReportInput): Promise<GalleryBlock | null> {
  const { pairs, records } = report;
  const judge = records.find(({ metric }) => metric === 'ssim') ?? records[0];
  if (!judge) return null;
  const scores = pairs.synthetic.scores[judge.metric]!;
  const sign = judge.better === 'lower' ? 1 : -1;
  const order = Array.from(scores.keys()).sort((a, b) => sign * (scores[a]! - scores[b]!));
  const each = Math.min(TILES / 2, Math.floor(order.length / 3));
  if (each < 1) return null;
  const start = Math.floor((order.length - each) / 2);
  const tiles = (which: readonly number[]): Promise<Tile[]> =>
    Promise.all(
      which.map(async (pair) => {
        const [left, right] = [pairs.synthetic.left[pair]!, pairs.synthetic.right[pair]!];
        return {
          images: [
            { jpeg: await tileJpeg(real, left), alt: 'real' },
            { jpeg: await tileJpeg(synthetic, right), alt: 'synthetic' },
          ],
          caption: `${judge.name} ${figure(scores[pair]!)}`,
          facts: [
            ...(real.files ? [{ name: 'real', value: real.files[left]! }] : []),
            ...(synthetic.files ? [{ name: 'synthetic', value: synthetic.files[right]! }] : []),
            ...records.map((record) => ({
              name: record.name,
              value: figure(pairs.synthetic.scores[record.metric]![pair]!),
            })),
          ],
        };
      }),
    );
  return {
    kind: 'gallery',
    name: 'pairs',
    title: `Pairs by ${judge.name}: a real image beside a synthetic one`,
    shows: 'What the scores above are made of.',
    doesNotShow: 'The set as a whole: these are a few pairs out of many, chosen by their score.',
    rows: [
      { title: 'most alike', tiles: await tiles(order.slice(0, each)) },
      { title: 'in the middle', tiles: await tiles(order.slice(start, start + each)) },
      { title: 'least alike', tiles: await tiles(order.slice(-each)) },
    ],
  };
}

/** One image of a set, 128 px a side: small ones with hard edges, as their pixels are. */
export function tileJpeg(set: ImageSet, index: number): Promise<Buffer> {
  const plane = set.width * set.height;
  const planar = set.data.subarray(index * 3 * plane, (index + 1) * 3 * plane);
  const pixels = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) pixels[3 * i + c] = planar[c * plane + i]!;
  return sharp(pixels, { raw: { width: set.width, height: set.height, channels: 3 } })
    .resize(TILE_PX, TILE_PX, { kernel: set.width < TILE_PX ? 'nearest' : 'lanczos3', fit: 'fill' })
    .jpeg({ quality: 88, chromaSubsampling: '4:4:4' })
    .toBuffer();
}
