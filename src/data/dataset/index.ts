/** TODO door */

export {
  channelsOf,
  type Dataset,
  type DatasetRow,
  datasetFile,
  framingOf,
  framingOfFolder,
  imagePath,
  manifestColumns,
  manifestFile,
  openDataset,
  type Split,
  shownAs,
  splits,
} from './dataset.js';
export { masksFolder } from './dataset-masks.js';
export { type DatasetSummary, describeDataset } from './describe.js';
export { frameCautions, photographSize } from './frames.js';
export { UnionFind } from './groups.js';
export { type FoundRange, otherRange, rangeText } from './intensity-range.js';
export { type Partition, partitionOf, partitionsOf } from './partition.js';
export { nameSome, type ProblemKind, problemKinds } from './problems.js';
export { reopenDataset } from './reopen.js';
export { assignFolds, assignSplits, parseFractions } from './split.js';
export { splitNamed } from './split-names.js';
