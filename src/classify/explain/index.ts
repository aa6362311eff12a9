/**
 * Where a classifier looks, and whether that means anything: maps of evidence (Grad-CAM, Grad-CAM++, integrated gradients),
 * each beside maps that know nothing, and the same of a network with random weights.
 */

// Which images are explained: of a split, by lot or the most confident errors; or of a folder.

export { type Picked, type PickOptions, pickFromFolder, pickFromSplit, thresholdOfRun } from './pick.js';

// Maps and their figures.

export {
  type ExplainOptions,
  type Explanation,
  explain,
  METHODS,
  type MeanAgainstNull,
  type Method,
} from './explain.js';
export { indexOfClass } from './target.js';

// As files: a sheet, single overlays, the figures.

export { type Shown, writeExplanation } from './write.js';
