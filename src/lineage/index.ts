/**
 * What a run, a file of weights, a folder of synthetic images or a backbone was fitted to: `traceTraining` asks any of
 * them and follows the answer through every step. The records themselves are `data/lineage`.
 */
export { type Learned, type LearnedRow, readLearned, writeLearned } from './learned.js';
export { fittedMetadata, ownFit, readRecord, writeRecord } from './record.js';
export { generatorSteps, ownSteps, partsOf, traceTraining } from './trace.js';
