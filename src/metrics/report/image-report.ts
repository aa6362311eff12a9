/** `graft metrics image --report`: full-reference scores, their null, and pairs to look at. */
import {
  type FigureBlock,
  type GalleryBlock,
  GREY,
  legendOf,
  list,
  plural,
  polygonPanel,
  type ReportDocument,
  type SeriesStyle,
  type Tile,
} from '../../report/index.js';
import type { ImageMetricReport, ScoredPairs } from '../sets/image.js';
import type { ImageSet } from '../sets/image-set.js';
import type { MetricRecord } from '../sets/record.js';
import { metricPage, type PageWords, REAL, SYNTHETIC } from './page.js';
import {
  figure,
  IMAGE_WORDS,
  nameOf,
  protocolTable,
  range,
  recordsTable,
  type Standing,
  standingOf,
} from './records.js';
import { tileJpeg } from './tile.js';

const TILES = 6;

export interface ImageReportInput extends PageWords {
  report: ImageMetricReport;
  real: ImageSet;
  synthetic: ImageSet;
}

export async function composeImageReport(input: ImageReportInput): Promise<ReportDocument> {
  const { report } = input;
  const { records, diversity } = report;
  return metricPage(input, {
    eyebrow: 'full-reference metrics',
    summary: {
      short: 'Read against the null',
      sentence: sentence(records),
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
          scoresFigure(report),
        ],
      },
      { id: 'pairs', title: 'Pairs', blocks: await pairGallery(input) },
    ],
    protocol: protocolTable(records),
  });
}

function sentence(records: readonly MetricRecord[]): string {
  const names = (standing: Standing): string =>
    list(records.filter((record) => standingOf(record) === standing).map(({ name }) => name));
  const [more, less] = [names('better'), names('worse')];
  if (records.every(({ floor }) => floor === null))
    return 'There are too few real images for a null: nothing can be said.';
  if (more === '' && less === '') return 'No metric tells real : synthetic pairs from real : real pairs.';
  const parts = [
    ...(more === '' ? [] : [`more alike than two real images by ${more}`]),
    ...(less === '' ? [] : [`less alike by ${less}`]),
  ];
  return `Pairs of a real and a synthetic image are ${parts.join(', ')}.`;
}

function scoresFigure({ records, pairs }: ImageMetricReport): FigureBlock {
  const samples: { style: SeriesStyle; of: ScoredPairs | null }[] = [
    { style: { ...SYNTHETIC, label: 'real : synthetic' }, of: pairs.synthetic },
    { style: { ...REAL, label: 'real : real' }, of: pairs.realNull },
    { style: { label: 'synthetic : synthetic', color: GREY }, of: pairs.diversity },
  ];
  const drawn = samples.flatMap(({ of, style }) => (of ? [{ style, of }] : []));
  return {
    kind: 'figure',
    name: 'scores',
    title: 'Scores of single pairs',
    shows:
      'How the scores of pairs spread. Where orange lies on blue, a synthetic picture is as far from a real one as another real one is.',
    doesNotShow:
      'Whether the pictures are good: a set of blurred or repeated images can lie on the null, or on the better side of it.',
    legend: legendOf(drawn.map(({ style }) => style)),
    panels: records.map((record) =>
      polygonPanel(
        drawn.map(({ style, of }) => ({ ...style, values: of.scores[record.metric]! })),
        {
          ...{ title: nameOf(record), half: true, heightPx: 210 },
          x: record.unit || record.name,
          of: 'pairs',
        },
      ),
    ),
  };
}

/** The most and the least alike pairs, and some in between. */
async function pairGallery({ report, real, synthetic }: ImageReportInput): Promise<GalleryBlock[]> {
  const { pairs, records } = report;
  const judge = records.find(({ metric }) => metric === 'ssim') ?? records[0];
  if (!judge) return [];
  const scores = pairs.synthetic.scores[judge.metric]!;
  const sign = judge.better === 'lower' ? 1 : -1;
  const order = Array.from(scores.keys()).sort((a, b) => sign * (scores[a]! - scores[b]!));
  const each = Math.min(TILES / 2, Math.floor(order.length / 3));
  if (each < 1) return [];
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
  return [
    {
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
    },
  ];
}
