/**
 * A dataset folder: `openDataset` reads and checks it (description, manifest, splits that no group spans), the rest
 * tells what is in it. Everything that trains, measures or reports begins here; import, prepare and phantoms make them.
 */

export {
  channelsOf,
  type Dataset,
  type DatasetDescription,
  type DatasetRow,
  datasetFile,
  imagePath,
  manifestColumns,
  manifestFile,
  openDataset,
  type Split,
  splits,
} from './dataset.js';
export { reopenDataset } from './reopen.js';

// How its frames become the squares that a network sees.

export { framingOf, framingOfFolder, shownAs } from './dataset.js';
export { frameCautions, photographSize } from './frames.js';

// What is in it, and how it was made.

export { masksFolder } from './dataset-masks.js';
export { type DatasetSummary, describeDataset } from './describe.js';
export { type FoundRange, otherRange, rangeText } from './intensity-range.js';
export { nameSome, type Problem, type ProblemKind, problemKinds } from './problems.js';
export { type ImportReport, readImportReport } from './report.js';

// Splits, folds and groups: what belongs together stays together.

export { UnionFind } from './groups.js';
export { assignFolds, assignSplits, type Fractions, parseFractions } from './split.js';
export { splitNamed } from './split-names.js';

// Subgroups of its images, by metadata.

export { type Partition, partitionOf, partitionsOf } from './partition.js';
