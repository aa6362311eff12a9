/**
 * Sets of images to compare, and records of what was measured. `chooseCompared` picks which images of a dataset a
 * generator learned from and how their frames become squares, from its lineage; `readSets` reads both sets alike;
 * `imageMetrics` measures pairs. A `MetricRecord` is a score one can defend: value, interval, N, floor and protocol.
 */

// Which images, how framed, read alike.
export { type Chosen, type Compared, type ComparedOptions, chooseCompared, requireSome } from './compared.js';
export { type FramingChoice, framingSentence } from './framing.js';
// Pairs of pictures, measured.
export { type ImageMetricOptions, type ImageMetricReport, imageMetrics } from './image.js';
// Sets in memory.
export { concatenate, hashPixels, type ImageSet, imageName, type Stretch, toTensor } from './image-set.js';
export { describeSets, type LoadedSets, poolSets, type ReadOptions, readImages, readSets } from './loaded.js';
export type { Pairing } from './pairing.js';
// Records.
export {
  type ComparedRecord,
  type Comparison,
  compareFiles,
  compareRecords,
  type MetricRecord,
  metricRecordSchema,
  type Protocol,
  readRecords,
} from './record.js';
export { type SetCaution, setCautions } from './set-cautions.js';
