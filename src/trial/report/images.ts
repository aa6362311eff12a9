/** The part of the report about synthetic images: their GANs, grids, metrics beside their null, and privacy. */

import { lossFigure } from '../../generate/report/index.js';
import { DISTRIBUTION_WORDS, recordsTable } from '../../metrics/report/index.js';
import type { Block, PicturesBlock, Section, TableBlock } from '../../report/index.js';
import { duration, fixed, list, plural, whole } from '../../report/index.js';
import type { TrialGan, TrialMetric, TrialSummary } from '../summary.js';
import { originalTables } from './original.js';

/** Reads a PNG that the summary names. */
export type ReadPng = (path: string) => { png: Uint8Array; width: number; height: number };

/** Pictures make a page heavy: of more GANs than these, grids and losses stay in the trial's folder. */
const MOST_SHOWN = 6;

export function imagesSection(summary: TrialSummary, readPng: ReadPng): Section {
  const { gans, metrics } = summary;
  const shown = gans.slice(0, MOST_SHOWN);
  const others = [...new Set(metrics.map(({ gan }) => gan))].filter(
    (gan) => !gans.some(({ name }) => name === gan),
  );
  return {
    id: 'images',
    title: 'Synthetic images',
    blocks: [
      ...(gans.length === 1 ? [ganProse(gans[0]!)] : gans.length > 1 ? [gansTable(gans)] : []),
      ...(gans.length > MOST_SHOWN
        ? [
            prose(
              `Grids and losses of the first ${MOST_SHOWN} GANs are shown; those of the others stand in the trial’s folder.`,
            ),
          ]
        : []),
      ...shown.flatMap((gan, index): Block[] => {
        const pictures = gridPictures(gan, suffixOf(index, gans.length), readPng);
        return pictures ? [pictures] : [];
      }),
      ...privacyBlocks(gans),
      ...(metrics.length > 0 ? [metricsTable(metrics, gans.length + others.length > 1)] : []),
      ...distributionTables(summary),
      ...originalTables(summary),
      ...shown.flatMap((gan, index): Block[] => {
        const losses = ganLosses(gan, index, gans.length);
        return losses ? [losses] : [];
      }),
    ],
  };
}

const prose = (text: string): Block => ({ kind: 'prose', text });

const ganProse = (gan: TrialGan): Block =>
  prose(
    `${gan.name} (recipe ${gan.recipe}, seed ${gan.seed}) was trained for ${plural(gan.steps, 'step')} with batches of ${gan.batchSize} ` +
      `on ${plural(gan.trainingImages, `${gan.label} image`)} of the training split at ${gan.sizePx} px (${duration(gan.seconds)}); ` +
      `${plural(gan.sampledImages, 'image')} were sampled. Source: ${gan.lineage.run}, checkpoint ${gan.lineage.checkpoint}, dataset ${gan.lineage.datasetHash.slice(0, 16)}.`,
  );

function gansTable(gans: readonly TrialGan[]): TableBlock {
  const right = (title: string) => ({ title, align: 'right' as const });
  const fractions = new Set(gans.map(({ realFraction }) => realFraction)).size > 1;
  return {
    kind: 'table',
    title: 'GANs whose images were used',
    columns: [
      { title: 'GAN', align: 'left' },
      { title: 'Recipe', align: 'left' },
      right('Fold'),
      ...(fractions ? [right('Share of the real')] : []),
      right('Seed'),
      right('Training images'),
      right('Steps'),
      right('Sampled'),
      right('Time'),
    ],
    rows: gans.map((gan) => [
      gan.name,
      `${gan.recipe}, ${gan.sizePx} px, batch ${gan.batchSize}`,
      String(gan.fold),
      ...(fractions ? [`${Number((100 * gan.realFraction).toFixed(1))} %`] : []),
      String(gan.seed),
      whole(gan.trainingImages),
      whole(gan.steps),
      whole(gan.sampledImages),
      duration(gan.seconds),
    ]),
    sortable: true,
    note: 'Each was trained on training images of its own fold alone. Where its images come from in full stands in the appendix.',
  };
}

/** '-2' behind a file's name where there are several. */
const suffixOf = (index: number, count: number): string => (count > 1 ? `-${index + 1}` : '');

/** @param suffix of file names where there are several GANs; '' where there is one */
function gridPictures(gan: TrialGan, suffix: string, readPng: ReadPng): PicturesBlock | null {
  const pictures = (
    [
      ['Real', 'real', gan.realGrid],
      ['Synthetic', 'synthetic', gan.syntheticGrid],
    ] as const
  ).flatMap(([word, name, path]) =>
    path === null ? [] : [{ title: `${word} ${gan.label}`, name: `${name}${suffix}`, ...readPng(path) }],
  );
  if (pictures.length === 0) return null;
  const what = pictures.length > 1 ? 'Real and synthetic' : pictures[0]!.title.split(' ')[0];
  return {
    kind: 'pictures',
    name: `grids${suffix}`,
    title: `${what} ${gan.label} images${suffix ? `: ${gan.name}` : ''}`,
    shows:
      'A sample of each. Look for detail, for colour, and for how much the images differ among themselves.',
    doesNotShow:
      'Whether the synthetic images vary enough, or repeat training images, cannot be judged from a few dozen.',
    pictures,
  };
}

function ganLosses(gan: TrialGan, index: number, count: number): Block | null {
  const curve = (key: 'discriminatorLoss' | 'generatorLoss') =>
    gan.curve.flatMap(({ step, [key]: loss }) => (loss === null ? [] : [{ x: step, y: loss }]));
  return lossFigure(
    { discriminatorLoss: curve('discriminatorLoss'), generatorLoss: curve('generatorLoss') },
    { name: `gan-loss${suffixOf(index, count)}`, title: `Losses of the GAN ${gan.name}` },
  );
}

/** What the privacy checks said of each GAN; that nothing was checked is said, too. */
function privacyBlocks(gans: readonly TrialGan[]): Block[] {
  if (gans.length === 0) return [];
  const checked = gans.filter(({ privacy }) => privacy !== null);
  if (checked.length === 0)
    return [
      {
        kind: 'prose',
        lead: 'Privacy.',
        text: 'It was not checked whether the images repeat training images: graft metrics privacy does.',
      },
    ];
  const order = ['fail', 'undecided', 'pass'] as const;
  const counts = order
    .map((verdict) => ({ verdict, n: checked.filter(({ privacy }) => privacy!.verdict === verdict).length }))
    .filter(({ n }) => n > 0);
  return [
    {
      kind: 'table',
      title: 'Do the synthetic images repeat training images?',
      columns: [
        { title: 'GAN', align: 'left' },
        { title: 'Verdict', align: 'left' },
        { title: 'What the checks found', align: 'left' },
      ],
      rows: gans.map(({ name, privacy }) => [
        name,
        privacy?.verdict ?? 'not checked',
        privacy?.sentence ?? '',
      ]),
      strong: gans.flatMap(({ privacy }, i) => (privacy?.verdict === 'fail' ? [i] : [])),
      note: `${list(counts.map(({ verdict, n }) => `${whole(n)} ${verdict}`))}. A pass says that what these checks would have found is not there; it is no proof of privacy, which only training with differential privacy gives. “Undecided” is no pass.`,
    },
  ];
}

function metricsTable(metrics: readonly TrialMetric[], several: boolean): TableBlock {
  const spread = ({ mean, deviation, n }: TrialMetric['realSynthetic'], unit: string): string => {
    const digits = Math.abs(mean) >= 10 ? 2 : 3;
    return `${fixed(mean, digits)} ± ${fixed(deviation, digits)}${unit ? ` ${unit}` : ''} (${whole(n)})`;
  };
  return {
    kind: 'table',
    title: `Image metrics${several ? '' : ` of ${metrics[0]!.gan}`} beside their null`,
    columns: [
      ...(several ? [{ title: 'GAN', align: 'left' as const }] : []),
      { title: 'Metric', align: 'left' },
      { title: 'Real – synthetic', align: 'right' },
      { title: 'Real – real (null)', align: 'right' },
      { title: 'Reading', align: 'left' },
    ],
    rows: metrics.map((metric) => [
      ...(several ? [metric.gan] : []),
      `${metric.name} ${metric.better === 'higher' ? '↑' : '↓'}`,
      spread(metric.realSynthetic, metric.unit),
      metric.realReal ? spread(metric.realReal, metric.unit) : '–',
      metricReading(metric),
    ]),
    sortable: true,
    note:
      'Mean ± standard deviation (pairs). ↑ higher, ↓ lower means more alike. The null is the same metric between real images and other real images: ' +
      `a score at the null is what two different real lesions reach, not proof of a good GAN. Protocol: ${list([...new Set(metrics.map(({ name, protocol }) => `${name}, ${protocol}`))])}.`,
  };
}

/** In plain words, by the distance of the means in standard deviations of the null. */
export function metricReading({ realSynthetic, realReal, better }: TrialMetric): string {
  if (!realReal) return 'no null was measured: cannot be read';
  const distance = realSynthetic.mean - realReal.mean;
  if (Math.abs(distance) <= 0.2 * realReal.deviation) return 'as alike as two real images';
  const more = distance > 0 === (better === 'higher');
  return more
    ? 'more alike than two real images (which may mean smooth or uniform)'
    : 'less alike than two real images';
}

/** One table a GAN, as `graft metrics distribution` prints them. */
function distributionTables({ distribution }: TrialSummary): TableBlock[] {
  return [...new Set(distribution.map(({ gan }) => gan))].map((gan) => {
    const records = distribution.filter((one) => one.gan === gan).map(({ record }) => record);
    const { n, protocol } = records[0]!;
    return recordsTable(records, DISTRIBUTION_WORDS, {
      title: `Distribution metrics of ${gan}`,
      note: `${whole(n.real)} real and ${whole(n.synthetic)} synthetic images; backbone: ${String(protocol.backbone ?? 'not recorded')}.`,
    });
  });
}
