/**
 * Data: folders of images become datasets, and are looked at before anything is trained on them.
 *
 * `importDataset` makes one of a folder with labels, `prepareDataset` one of another, `fetchIsic` one of the ISIC archive,
 * `createPhantomDataset` one of procedural pictures; `createDataset` takes images from anywhere. `openDataset` reads it,
 * `auditDataset` asks what a reviewer would, `writeEdaReport` shows it, `Loader` feeds it to a network.
 *
 * For those who use graft-gan as a library; rooms of the house enter the rooms below by their own doors.
 */

// Datasets.

export * from './build/index.js';
export * from './dataset/index.js';

// Where they come from.

export * from './dicom/index.js';
export { type ImportOptions, importDataset, importSchema } from './import/index.js';
export * from './isic/index.js';
export * from './phantom/index.js';
export * from './prepare/index.js';

// Tables and metadata.

export * from './metadata/index.js';
export * from './table/index.js';

// What is in them.

export * from './audit/index.js';
export * from './duplicates/index.js';
export { type EdaOptions, makeEdaReport, writeEdaReport } from './eda/index.js';

// What was learned from them.

export * from './lineage/index.js';

// On the way to a network.

export * from './augment/index.js';
export * from './pixels/index.js';
