/** `graft metrics distribution --report`: the sets as a whole, their floor, and what lies at their margins. */
import { aten, noGrad, type Tensor, tidy } from 'graft-torch';
import {
  curvesPanel,
  type FigureBlock,
  type GalleryBlock,
  legendOf,
  list,
  ORANGE,
  type ReportDocument,
  scatterPanel,
  type Tile,
  whole,
} from '../../report/index.js';
import type { FrechetInfinity } from '../distribution/frechet-infinity.js';
import { kthNeighbourRadii, nearestNeighbours } from '../distribution/neighbours.js';
import { type ImageSet, imageName } from '../sets/image-set.js';
import type { MetricRecord } from '../sets/record.js';
import { metricPage, type PageWords, REAL, SYNTHETIC, twoSetsPanel } from './page.js';
import {
  BEYOND_REAL,
  DISTRIBUTION_WORDS,
  figure,
  protocolTable,
  range,
  recordsTable,
  standingOf,
} from './records.js';
import { tileJpeg } from './tile.js';

/** Points of a set in the scatter; more hide each other. */
const SHOWN_POINTS = 600;
const TILES = 12;

export interface DistributionReportInput extends PageWords {
  records: readonly MetricRecord[];
  /** The line that FD∞ comes from. */
  fit: FrechetInfinity | null;
  sets: { real: ImageSet; synthetic: ImageSet };
  /** `[N, D]`, in the order of the images. */
  features: { real: Tensor; synthetic: Tensor };
  /** Of the backbone, a sentence. */
  about: string;
}

export async function composeDistributionReport(input: DistributionReportInput): Promise<ReportDocument> {
  const { records, fit, about } = input;
  const beyond = records.some((record) => standingOf(record) === 'better') ? `${BEYOND_REAL} ` : '';
  return metricPage(input, {
    eyebrow: 'distribution metrics',
    summary: {
      short: 'Read against the floor',
      sentence: sentence(records),
      paragraph: `${beyond}The floor is what two halves of the real images score against each other; no generator can be shown to be better. Features: ${about}. Another backbone gives other figures, and may give another order.`,
      figures: ['frechet', 'kernel', 'precision', 'coverage'].flatMap((id) => {
        const record = records.find(({ metric }) => metric === id);
        return record ? [{ label: record.name, value: figure(record.value), note: floorNote(record) }] : [];
      }),
    },
    sections: [
      {
        id: 'scores',
        title: 'Scores',
        blocks: [
          recordsTable(records, DISTRIBUTION_WORDS, {
            title: 'Synthetic against real images, beside real images among themselves',
            extra: [
              {
                title: 'synthetic at that N',
                text: ({ floor }) =>
                  floor?.matched ? `${figure(floor.matched.value)}${range(floor.matched.interval)}` : '',
              },
            ],
            note: 'Most of these metrics move with the number of images, and halves are half as many: compare the floor with the column that has its N. The reading does.',
          }),
          ...floorFigure(records.filter((record) => record.class === records[0]!.class)),
        ],
      },
      {
        id: 'features',
        title: 'Where the images lie',
        blocks: [scatterFigure(input), ...(fit ? [infinityFigure(fit)] : [])],
      },
      { id: 'margins', title: 'At the margins', blocks: await marginGalleries(input) },
    ],
    protocol: protocolTable(records),
  });
}

function floorNote({ floor }: MetricRecord): string {
  if (!floor) return 'no floor: too few images';
  const matched = floor.matched ? `${figure(floor.matched.value)} at the floor’s N; ` : '';
  return `${matched}floor ${figure(floor.value)}`;
}

function sentence(records: readonly MetricRecord[]): string {
  const own = records.filter((record) => record.class === records[0]!.class);
  const judged = own.filter((record) => standingOf(record) !== null);
  if (judged.length === 0) return 'There are too few images for a floor: these figures cannot be read.';
  const worse = judged.filter((record) => standingOf(record) === 'worse');
  if (worse.length === 0) return 'No metric tells the synthetic images from another half of the real ones.';
  const rest = judged.filter((record) => standingOf(record) === 'overlap').length;
  return `The synthetic images fall short of real ones by ${list(worse.map(({ name }) => name))}${rest > 0 ? `; ${rest === 1 ? 'one metric does' : `${rest} metrics do`} not tell them apart` : ''}.`;
}

/** A panel a metric: real : real and real : synthetic at one N, each with where 95 % of the halves lie. */
function floorFigure(records: readonly MetricRecord[]): FigureBlock[] {
  const drawn = records.flatMap((record) =>
    record.floor?.matched?.interval && record.floor.interval ? [{ record, floor: record.floor }] : [],
  );
  if (drawn.length === 0) return [];
  return [
    {
      kind: 'figure',
      name: 'floor',
      title: 'Against the floor, at one N',
      shows:
        'Halves of the real images against other halves (blue), and against as many synthetic images (orange): means, and where 95 % of the halves lie. Where the bars overlap, the metric does not tell the two apart.',
      doesNotShow:
        'What the backbone does not look at. A set can pass here and show something no lesion has.',
      legend: legendOf([
        { ...REAL, label: 'real : real' },
        { ...SYNTHETIC, label: 'real : synthetic' },
      ]),
      panels: drawn.map(({ record, floor }) =>
        twoSetsPanel(
          { real: floor, synthetic: floor.matched! },
          {
            title: `${record.name}, ${record.better === 'lower' ? 'lower' : 'higher'} is better`,
            axis: '',
          },
        ),
      ),
    },
  ];
}

function scatterFigure({ features }: DistributionReportInput): FigureBlock {
  const { real, synthetic, explained } = project(features);
  const points = [
    ...real.map(([x, y]) => ({ x, y, ...REAL })),
    ...synthetic.map(([x, y]) => ({ x, y, ...SYNTHETIC })),
  ];
  return {
    kind: 'figure',
    name: 'features',
    title: 'Features on the two main axes of the real images',
    shows: `Each dot is an image, at its place on the first two principal components of the real images’ features, which hold ${whole(100 * explained)} % of their variance. Blue without orange: real images that the generator does not make; orange without blue: images that no real one is like.`,
    doesNotShow: `The other ${whole(100 * (1 - explained))} % of the variance: clouds that lie on each other here may be apart.`,
    legend: legendOf([REAL, SYNTHETIC], 'dot'),
    panels: [
      scatterPanel(points, {
        title: 'Features on the two main axes of the real images',
        x: { label: 'first component' },
        y: { label: 'second component' },
      }),
    ],
  };
}

/** Principal components of the real images, by singular values of a part of them; both sets' places on the first two. */
function project({ real, synthetic }: DistributionReportInput['features']): {
  real: [number, number][];
  synthetic: [number, number][];
  explained: number;
} {
  return tidy(() =>
    noGrad(() => {
      const first = (set: Tensor): Tensor =>
        set.narrow(0, 0, Math.min(SHOWN_POINTS, set.shape[0]!)).to({ dtype: 'float64', device: 'cpu' });
      const [own, other] = [first(real), first(synthetic)];
      const mean = own.mean([0], true);
      const [, values, directions] = aten.linalg_svd(own.sub(mean), false);
      const axes = directions.narrow(0, 0, Math.min(2, directions.shape[0]!));
      const variances = values.square();
      const explained = variances.narrow(0, 0, axes.shape[0]!).sum().item() / variances.sum().item();
      const places = (set: Tensor): [number, number][] => {
        const flat = set.sub(mean).matmul(axes.t());
        const width = flat.shape[1]!;
        const numbers = flat.toArray();
        return Array.from({ length: flat.shape[0]! }, (_, i) => [
          Number(numbers[i * width]),
          width > 1 ? Number(numbers[i * width + 1]) : 0,
        ]);
      };
      return {
        real: places(own),
        synthetic: places(other),
        explained: Number.isFinite(explained) ? explained : 1,
      };
    }),
  );
}

function infinityFigure(fit: FrechetInfinity): FigureBlock {
  const points = fit.points.map(({ images, distance }) => ({ x: 1000 / images, y: distance }));
  const far = Math.max(...points.map(({ x }) => x));
  const line = [
    { x: 0, y: fit.value },
    { x: far, y: fit.value + (fit.slope * far) / 1000 },
  ];
  return {
    kind: 'figure',
    name: 'infinity',
    title: 'The Fréchet distance at several N',
    shows: `The distance falls as images are added; the line meets 0 at infinitely many images, at ${figure(fit.value)} [${figure(fit.low)}, ${figure(fit.high)}].`,
    doesNotShow: 'How other real images would have moved all of the points together.',
    legend: [
      ...legendOf([{ ...REAL, label: 'measured' }], 'dot'),
      ...legendOf([{ label: 'line', color: ORANGE }]),
    ],
    panels: [
      curvesPanel([{ label: 'line', color: ORANGE, points: line }], {
        title: 'The Fréchet distance at several N',
        x: { label: '1,000 / N' },
        y: { label: 'FD' },
        dots: { points, color: REAL.color },
      }),
    ],
  };
}

/** Synthetic images that no real one is near, and real images that no synthetic one is near. */
async function marginGalleries({ features, sets }: DistributionReportInput): Promise<GalleryBlock[]> {
  const { real, synthetic } = features;
  if (real.shape[0]! <= 3 || synthetic.shape[0]! <= 3) return [];
  const radii = kthNeighbourRadii(real, 3);
  const toReal = nearestNeighbours(synthetic, real, { k: 1 });
  const toSynthetic = nearestNeighbours(real, synthetic, { k: 1 });
  /** In radii of the real image's own neighbourhood. */
  const strange = toReal.distances.map((d, i) => d / (radii[toReal.indices[i]!]! || 1));
  const missing = toSynthetic.distances.map((d, i) => d / (radii[i]! || 1));
  const farthest = (values: Float64Array): number[] =>
    Array.from(values.keys())
      .sort((a, b) => values[b]! - values[a]!)
      .slice(0, Math.min(TILES, values.length));
  const tiles = (set: ImageSet, values: Float64Array): Promise<Tile[]> =>
    Promise.all(
      farthest(values).map(async (i) => ({
        images: [{ jpeg: await tileJpeg(set, i), alt: imageName(set, i) }],
        caption: values[i]!.toFixed(2),
        facts: [{ name: 'file', value: imageName(set, i) }],
      })),
    );
  return [
    {
      kind: 'gallery',
      name: 'margins',
      title: 'Images at the margins of the two sets',
      shows:
        'Above, synthetic images that lie farthest from any real one; below, real images that lie farthest from any synthetic one. The number is that distance over the one from the real image to its third neighbour: above 1 they count as off the manifold.',
      doesNotShow:
        'How many there are of each: precision and coverage count them. Distances are those of the backbone’s features.',
      rows: [
        { title: 'synthetic, farthest from real images', tiles: await tiles(sets.synthetic, strange) },
        { title: 'real, farthest from synthetic images', tiles: await tiles(sets.real, missing) },
      ],
    },
  ];
}
