/**
 * What is said of a GAN's images beside what they do to a classifier: pictures, full-reference and distribution metrics
 * with their nulls, and whether they repeat training images. Written into a folder of the trial, for its report.
 */
import { join } from 'node:path';
import { dispose, gatherRows, tidy } from 'graft-torch';
import { ensureFolder, Random, readJson, writeJson } from 'graft-torch/base';
import { z } from 'zod';
import { checkedBy } from '../base/index.js';
import { type Dataset, type DatasetRow, shownAs } from '../data/dataset/index.js';
import { readLineage } from '../data/lineage/index.js';
import { openPixelCache } from '../data/pixels/index.js';
import { type Framing, framingWords, loadFolder, toRgb, writeGridPng } from '../image/index.js';
import { openBackbone } from '../metrics/backbone/index.js';
import { measureDistribution } from '../metrics/distribution/index.js';
import { assessPrivacy, type PrivacySets } from '../metrics/privacy/index.js';
import { type ImageSet, imageMetrics, metricRecordSchema, toTensor } from '../metrics/sets/index.js';
import { meanAndDeviation } from '../stats/index.js';
import { JUDGEMENT_FILE } from './jobs.js';
import { metricSchema, privacySchema } from './summary.js';

/** Images in each of the two grids of the report, and most pairs of an image metric. */
const GRID_IMAGES = 48;
const METRIC_PAIRS = 500;

export const REAL_GRID = 'real.png';
export const SYNTHETIC_GRID = 'synthetic.png';

/** Content of `judgement.json`. */
const judgementSchema = z.strictObject({
  images: z.array(metricSchema.omit({ gan: true })),
  distribution: z.array(metricRecordSchema),
  privacy: privacySchema,
});
export type Judgement = z.output<typeof judgementSchema>;

/** @throws DataError when the file is damaged */
export function readJudgement(dir: string): Judgement {
  const path = join(dir, JUDGEMENT_FILE);
  return checkedBy(judgementSchema, readJson(path), {
    where: path,
    remedy: '; remove it and resume the trial',
  });
}

/**
 * @param syntheticDir samples with their lineage
 * @param dir where the grids and `judgement.json` go
 */
export async function judgeImages(dataset: Dataset, syntheticDir: string, dir: string): Promise<void> {
  const { imageSize, framing } = readLineage(syntheticDir);
  const cache = await openPixelCache(dataset, imageSize, shownAs(dataset, framing));
  const positives = (wanted: (row: DatasetRow) => boolean): number[] =>
    cache.rows.flatMap((row, i) => (row.label === dataset.positive && wanted(row) ? [i] : []));
  // In random order, so that the first ones are a fair sample for the grid.
  const order = new Random(0).shuffle(positives(({ split }) => split === 'train'));
  const train = await readRows(cache, order);
  const heldOut = await readRows(
    cache,
    positives(({ split }) => split !== 'train'),
  );
  const synthetic: ImageSet = await loadFolder(syntheticDir, { sizePx: imageSize, ...cache.framing });
  cache.images.dispose();
  ensureFolder(dir);
  for (const [set, file] of [
    [train, REAL_GRID],
    [synthetic, SYNTHETIC_GRID],
  ] as const) {
    await writeGridPng({ ...set, n: Math.min(GRID_IMAGES, set.n) }, join(dir, file), { columns: 8 });
  }
  const judgement: Judgement = {
    images: fullReference(train, synthetic, cache.framing),
    ...(await byFeatures({ train, heldOut, synthetic }, cache.framing)),
  };
  writeJson(join(dir, JUDGEMENT_FILE), judgement);
}

async function readRows(
  cache: Awaited<ReturnType<typeof openPixelCache>>,
  rows: readonly number[],
): Promise<ImageSet> {
  const images = await gatherRows(cache.images, rows);
  const data = tidy(() => toRgb(images).contiguous().toArray() as Uint8Array);
  images.dispose();
  return {
    data,
    n: rows.length,
    height: cache.sizePx,
    width: cache.sizePx,
    groups: rows.map((i) => cache.rows[i]!.group),
  };
}

function fullReference(real: ImageSet, synthetic: ImageSet, framing: Framing): Judgement['images'] {
  const { records, pairs } = imageMetrics(real, synthetic, { limit: METRIC_PAIRS });
  const spread = (scores: Float64Array) => ({ ...meanAndDeviation(scores), n: scores.length });
  return records.map(({ metric, name, unit, better, protocol }) => ({
    name,
    unit,
    better: better === 'higher' ? 'higher' : 'lower',
    realSynthetic: spread(pairs.synthetic.scores[metric]!),
    realReal: pairs.realNull && spread(pairs.realNull.scores[metric]!),
    protocol: `${protocol.pairing}; ${real.width} px, ${framingWords(framing)}; values ${protocol.values}; ${protocol.settings}`,
  }));
}

/** Distribution metrics and privacy, on the features of one backbone. */
async function byFeatures(
  { train, heldOut, synthetic }: PrivacySets<ImageSet>,
  framing: Framing,
): Promise<Pick<Judgement, 'distribution' | 'privacy'>> {
  const images = { train: toTensor(train), heldOut: toTensor(heldOut), synthetic: toTensor(synthetic) };
  const backbone = openBackbone('random', { calibrate: images.train });
  const features = {
    train: await backbone.extract(images.train),
    heldOut: await backbone.extract(images.heldOut),
    synthetic: await backbone.extract(images.synthetic),
  };
  try {
    const distribution = measureDistribution(
      backbone,
      { real: features.train, synthetic: features.synthetic },
      { groups: train.groups, protocol: { sizePx: train.width, ...framing } },
    );
    const groups = { train: train.groups!, heldOut: heldOut.groups! };
    const { passed, checks } = tidy(() => assessPrivacy({ features, images, groups }));
    const named = (wanted: boolean | null): string =>
      checks
        .filter((check) => check.passed === wanted)
        .map(({ name }) => name)
        .join(', ');
    return {
      distribution,
      privacy: {
        verdict: passed === null ? 'undecided' : passed ? 'pass' : 'fail',
        sentence: passed
          ? `All ${checks.length} checks for copies and memorisation passed.`
          : `${passed === null ? 'Undecided' : 'Failed'}: ${named(passed)} (of ${checks.length} checks for copies and memorisation).`,
      },
    };
  } finally {
    dispose(Object.values(features));
    dispose(Object.values(images));
    await backbone.dispose();
  }
}
