/**
 * A dataset folder from images whose labels are known, wherever they come from: decoded, grouped, split, written whole or
 * not at all. Import, prepare, phantoms and the archive end here; a source of one's own gives `createDataset` its items.
 */

export { createDataset, type DatasetHeader, type DatasetJob } from './create.js';
export type { CreateOptions } from './create-options.js';
export type { DatasetItem } from './item.js';
