/** TODO door */
export {
  compareFit,
  type Fit,
  fitSchema,
  type Held,
  heldOf,
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
