/**
 * Lineage as records: what something was fitted to (`Fit`), held against the images that it is to be judged on
 * (`compareFit`), and `lineage.json` beside synthetic images. The room `lineage` asks runs and weights for theirs.
 */
export {
  compareFit,
  type Fit,
  fitSchema,
  type Held,
  heldOf,
  NOTHING_SEEN,
  requireUnseen,
  rootsOf,
  seenOf,
  steppedInto,
  type UnknownTraining,
  unknownFit,
  unknownSteps,
  unknownWords,
  withheld,
} from './fitted.js';
export {
  type ChoiceLineage,
  enlargedWords,
  fitOfGroups,
  fitsOfLineage,
  LINEAGE_FILE,
  type Lineage,
  readLineage,
  requireSameFrames,
  UNKNOWN_DATASET,
  withGroups,
} from './lineage.js';
