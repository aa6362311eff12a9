/** TODO door */
export { type Learned, type LearnedRow, readLearned, writeLearned } from './learned.js';
export { fittedMetadata, ownFit, readRecord, writeRecord } from './record.js';
export { generatorSteps, ownSteps, partsOf, traceTraining } from './trace.js';
