/**
 * Metrics of synthetic images beside real ones: pairs of pictures, sets as a whole, memorisation, artefacts. Every figure
 * comes as a record with its interval, what real images score against each other, and the protocol it was taken under.
 *
 *   const compared = await chooseCompared({ real: 'isic2017', synthetic: 'samples' });
 *   const sets = await readSets(compared, compared.framings[0]!);
 *   const backbone = await openCalibrated('random', sets.real, { device: 'cpu' });
 *   const features = { real: await setFeatures(backbone, sets.real, { label: 'real' }), … };
 *   const { records } = measureAll(backbone, features, { groups: sets.real.groups });
 *
 * A metric of one's own is a value: an `OwnMetric` of two sets of images for `measureOwn`, a `FullReferenceMetric` for
 * `imageMetrics(…, { metrics })`, a `DistributionMetric` of features for `measureAll(…, { known })`. So is a backbone. Those that come along are listed in `registry.ts`, one file each.
 */
export * from './artefacts/index.js';
export * from './backbone/index.js';
export * from './distribution/index.js';
export * from './full-reference/index.js';
export * from './privacy/index.js';
export { DISTRIBUTION_METRICS } from './registry.js';
export {
  composeArtefactReport,
  composeDistributionReport,
  composeImageReport,
  composePrivacyReport,
  type PageWords,
  readingOf,
  recordsTable,
  type Standing,
  standingOf,
} from './report/index.js';
export * from './sets/index.js';
