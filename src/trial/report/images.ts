/** The part of the report about synthetic images: their GANs, grids, and metrics beside their null. */

import { lossFigure } from '../../gan/report/figures.js';
import type { Block, PicturesBlock, Section, TableBlock } from '../../report/document.js';
import { duration, fixed, list, plural, whole } from '../../report/format.js';
import type { TrialMetric, TrialSummary } from '../summary.js';

/** Reads a PNG that the summary names. */
export type ReadPng = (path: string) => { png: Uint8Array; width: number; height: number };

export function imagesSection(summary: TrialSummary, readPng: ReadPng): Section {
  const blocks: Block[] = [];
  summary.gans.forEach((gan, index) => {
    const suffix = summary.gans.length > 1 ? `-${index + 1}` : '';
    blocks.push({
      kind: 'prose',
      text:
        `${gan.name} (recipe ${gan.recipe}, seed ${gan.seed}) was trained for ${plural(gan.steps, 'step')} with batches of ${gan.batchSize} ` +
        `on ${plural(gan.trainingImages, `${gan.label} image`)} of the training split at ${gan.sizePx} px (${duration(gan.seconds)}); ` +
        `${plural(gan.sampledImages, 'image')} were sampled. Source: ${gan.lineage.run}, checkpoint ${gan.lineage.checkpoint}, dataset ${gan.lineage.datasetHash.slice(0, 16)}.`,
    });
    const pictures: PicturesBlock['pictures'] = [];
    if (gan.realGrid !== null)
      pictures.push({ title: `Real ${gan.label}`, name: `real${suffix}`, ...readPng(gan.realGrid) });
    if (gan.syntheticGrid !== null)
      pictures.push({
        title: `Synthetic ${gan.label}`,
        name: `synthetic${suffix}`,
        ...readPng(gan.syntheticGrid),
      });
    if (pictures.length > 0) {
      blocks.push({
        kind: 'pictures',
        name: `grids${suffix}`,
        title: `${pictures.length > 1 ? 'Real and synthetic' : pictures[0]!.title.split(' ')[0]} ${gan.label} images`,
        shows:
          'A sample of each. Look for detail, for colour, and for how much the images differ among themselves.',
        doesNotShow:
          'Whether the synthetic images vary enough, or repeat training images, cannot be judged from a few dozen.',
        pictures,
      });
    }
    const own = summary.metrics.filter((metric) => metric.gan === gan.name);
    if (own.length > 0) blocks.push(metricsTable(own, gan.name));
    const curve = (key: 'discriminatorLoss' | 'generatorLoss') =>
      gan.curve.flatMap(({ step, [key]: loss }) => (loss === null ? [] : [{ x: step, y: loss }]));
    const losses = lossFigure(
      { discriminatorLoss: curve('discriminatorLoss'), generatorLoss: curve('generatorLoss') },
      { name: `gan-loss${suffix}`, title: `Losses of the GAN ${gan.name}` },
    );
    if (losses) blocks.push(losses);
  });
  const others = summary.metrics.filter((metric) => !summary.gans.some((gan) => gan.name === metric.gan));
  if (others.length > 0) blocks.push(metricsTable(others, list([...new Set(others.map(({ gan }) => gan))])));
  return { id: 'images', title: 'Synthetic images', blocks };
}

function metricsTable(metrics: readonly TrialMetric[], gan: string): TableBlock {
  const spread = ({ mean, deviation, n }: TrialMetric['realSynthetic'], unit: string): string =>
    `${fixed(mean, Math.abs(mean) >= 10 ? 2 : 3)} ± ${fixed(deviation, Math.abs(mean) >= 10 ? 2 : 3)}${unit ? ` ${unit}` : ''} (${whole(n)})`;
  return {
    kind: 'table',
    title: `Image metrics of ${gan} beside their null`,
    columns: [
      { title: 'Metric', align: 'left' },
      { title: 'Real – synthetic', align: 'right' },
      { title: 'Real – real (null)', align: 'right' },
      { title: 'Reading', align: 'left' },
    ],
    rows: metrics.map((metric) => [
      `${metric.name} ${metric.better === 'higher' ? '↑' : '↓'}`,
      spread(metric.realSynthetic, metric.unit),
      metric.realReal ? spread(metric.realReal, metric.unit) : '–',
      metricReading(metric),
    ]),
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
