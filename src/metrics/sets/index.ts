/** TODO door */
export { type Chosen, type Compared, chooseCompared, requireSome } from './compared.js';
export { type FramingChoice, framingSentence } from './framing.js';
export { type ImageMetricReport, imageMetrics } from './image.js';
export { concatenate, hashPixels, type ImageSet, imageName, type Stretch, toTensor } from './image-set.js';
export type { Pairing } from './pairing.js';
export {
  compareRecords,
  type MetricRecord,
  metricRecordSchema,
  type Protocol,
  readRecords,
} from './record.js';
export { CAUTION_TITLES, type SetCaution, setCautions } from './set-cautions.js';
