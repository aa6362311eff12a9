/** `graft metrics privacy --report`: the checks, the distances behind them, and the closest pairs to look at. */

import type { Tensor } from 'graft-torch';
import {
  type Block,
  type FigureBlock,
  type GalleryBlock,
  left,
  legendOf,
  plural,
  polygonPanel,
  type ReportDocument,
  right,
  type TableBlock,
  type Tile,
} from '../../report/index.js';
import { nearestNeighbours } from '../distribution/neighbours.js';
import type { PrivacyAssessment, PrivacyCheck, PrivacySets } from '../privacy/index.js';
import { checkNumber, passesWith, sharedNotes, symmetryNames } from '../privacy/index.js';
import { type ImageSet, imageName } from '../sets/image-set.js';
import type { Protocol } from '../sets/record.js';
import { metricPage, type PageWords, REAL, SYNTHETIC } from './page.js';
import { tileJpeg } from './tile.js';

type ListBlock = Extract<Block, { kind: 'list' }>;

/** Pairs a row of the gallery holds. */
const PAIRS = 9;

export interface PrivacyReportInput extends PageWords {
  assessment: PrivacyAssessment;
  sets: PrivacySets<ImageSet>;
  features: PrivacySets<Tensor>;
  protocol: Protocol;
}

export async function composePrivacyReport(input: PrivacyReportInput): Promise<ReportDocument> {
  const { assessment, protocol, subtitle } = input;
  const { checks, passed, counts } = assessment;
  const ofVerdict = (wanted: boolean | null): string =>
    listed(checks.filter((check) => check.passed === wanted));
  const words = { ...input, subtitle: `${subtitle} · ${plural(counts.heldOut, 'held-out image')}` };
  return metricPage(words, {
    eyebrow: 'memorisation and privacy',
    summary: {
      title: 'Verdict',
      tone: passed === true ? 'good' : passed === false ? 'bad' : 'open',
      short: passed === true ? 'Pass' : passed === false ? 'Fail' : 'Undecided',
      sentence:
        passed === true
          ? 'None of the checks finds what copying would leave.'
          : passed === false
            ? `The synthetic images fail by: ${ofVerdict(false)}.`
            : `Not decided, which is not a pass: ${ofVerdict(null)}.`,
      paragraph:
        'The checks compare how near synthetic images come to the real ones that the generator saw with how near they come to real images it did not see. A pass says that what these checks would have found is not there; it is no proof of privacy, which only training with differential privacy gives.',
      figures: checks
        .filter(({ id }) => ['pictureCopies', 'nearShare', 'copyTest', 'membershipAuc'].includes(id))
        .map((check) => ({
          label: check.name,
          value: checkNumber(check.value),
          note: `passes with ${passesWith(check)}: ${verdict(check.passed)}`,
        })),
    },
    sections: [
      { id: 'checks', title: 'Checks', blocks: [checksTable(checks), meaningsOf(checks)] },
      { id: 'distances', title: 'Distances', blocks: [distanceFigure(input)] },
      { id: 'pairs', title: 'The closest pairs', blocks: [await closestGallery(input)] },
    ],
    protocol: protocolBlock(protocol, assessment),
  });
}

const verdict = (passed: boolean | null): string =>
  passed === null ? 'undecided' : passed ? 'pass' : 'fail';

function checksTable(checks: readonly PrivacyCheck[]): TableBlock {
  return {
    kind: 'table',
    title: 'Every check with what it is held to',
    sortable: true,
    columns: [
      left('check'),
      ...['value', 'interval', 'reference', 'passes with'].map(right),
      left('verdict'),
    ],
    rows: checks.map((check) => [
      check.name,
      checkNumber(check.value),
      check.interval ? `${checkNumber(check.interval[0])} to ${checkNumber(check.interval[1])}` : '',
      checkNumber(check.reference),
      passesWith(check),
      verdict(check.passed),
    ]),
    strong: checks.flatMap(({ passed }, i) => (passed === false ? [i] : [])),
    note: 'The reference is what held-out images score, or what is expected of a generator that copies nothing. Thresholds were chosen so that such a generator fails in at most 4 of 100 cases (docs/metrics.md).',
  };
}

/** Names have commas and capitals of their own: 'membership inference, AUC'. */
const listed = (checks: readonly PrivacyCheck[]): string =>
  checks.map(({ name }) => name.charAt(0).toLowerCase() + name.slice(1)).join('; ');

function meaningsOf(checks: readonly PrivacyCheck[]): ListBlock {
  const shared = sharedNotes(checks);
  return {
    kind: 'list',
    items: [
      ...(shared.length > 0 ? [{ lead: 'Of several checks.', text: shared.join(' · ') }] : []),
      ...checks.map(({ name, meaning, notes }) => ({
        lead: `${name}.`,
        text: [meaning, ...notes.filter((note) => !shared.includes(note))].join(' · '),
      })),
    ],
  };
}

function distanceFigure({ features }: PrivacyReportInput): FigureBlock {
  const nearest = (queries: Tensor): Float64Array =>
    nearestNeighbours(queries, features.train, { k: 1 }).distances;
  const samples = [
    { ...SYNTHETIC, label: 'synthetic → training', values: nearest(features.synthetic) },
    { ...REAL, label: 'held-out → training', values: nearest(features.heldOut) },
  ];
  return {
    kind: 'figure',
    name: 'nearest',
    title: 'Distance to the nearest training image',
    shows:
      'How far synthetic images lie from what the generator saw, beside real images it did not see. A heap of orange at the left, where no blue is, would be copies.',
    doesNotShow:
      'Copied parts of pictures, and what the backbone’s features do not see. Orange to the right of blue is no privacy either: bad pictures lie far from everything.',
    legend: legendOf(samples),
    panels: [
      polygonPanel(samples, {
        title: 'Distance to the nearest training image',
        x: 'distance',
        of: 'images',
      }),
    ],
  };
}

async function closestGallery({ assessment, sets, features }: PrivacyReportInput): Promise<GalleryBlock> {
  const { pictures, shrunken } = assessment.copies;
  const tile = async (synthetic: number, train: number, caption: string): Promise<Tile> => ({
    images: [
      { jpeg: await tileJpeg(sets.synthetic, synthetic), alt: 'synthetic' },
      { jpeg: await tileJpeg(sets.train, train), alt: 'training' },
    ],
    caption,
    facts: [
      { name: 'synthetic', value: imageName(sets.synthetic, synthetic) },
      { name: 'training', value: imageName(sets.train, train) },
    ],
  });
  const { indices, distances } = nearestNeighbours(features.synthetic, features.train, { k: 1 });
  const order = Array.from(distances.keys())
    .sort((a, b) => distances[a]! - distances[b]!)
    .slice(0, PAIRS);
  const rows = [
    {
      title: 'copied pictures: synthetic beside the training image it shows',
      tiles: await Promise.all(
        (pictures?.pairs ?? [])
          .slice(0, PAIRS)
          .map(({ synthetic, train, correlation, symmetry }) =>
            tile(synthetic, train, `${symmetryNames[symmetry]}, r = ${correlation.toFixed(2)}`),
          ),
      ),
    },
    {
      title: 'nearer as small pictures than two real ones are: synthetic beside training',
      tiles: await Promise.all(
        (shrunken?.pairs ?? [])
          .slice(0, PAIRS)
          .map(({ synthetic, train, distance, symmetry }) =>
            tile(synthetic, train, `${symmetryNames[symmetry]}, ${distance.toPrecision(3)}`),
          ),
      ),
    },
    {
      title: 'nearest in features: synthetic beside training',
      tiles: await Promise.all(
        order.map((i) => tile(i, indices[i]!, `distance ${distances[i]!.toPrecision(3)}`)),
      ),
    },
  ];
  return {
    kind: 'gallery',
    name: 'pairs',
    title: 'The pairs of a synthetic and a training image that are closest',
    shows: 'What the checks call near. Look whether two pictures show one lesion, or two that are alike.',
    doesNotShow: 'The other pairs. A row that is missing has nothing to show.',
    rows: rows.filter(({ tiles }) => tiles.length > 0),
  };
}

function protocolBlock(protocol: Protocol, { thresholds }: PrivacyAssessment): TableBlock {
  const { minimum, ...limits } = thresholds;
  return {
    kind: 'table',
    title: 'The protocol',
    slim: true,
    columns: [left('field'), left('value')],
    rows: [
      ...Object.entries(protocol),
      ...Object.entries(limits).map(([key, value]) => [`threshold ${key}`, value]),
      ...Object.entries(minimum).map(([key, value]) => [`fewest images of ${key}`, value]),
    ].map(([key, value]) => [String(key), String(value)]),
  };
}
