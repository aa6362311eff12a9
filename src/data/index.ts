/**
 * Everything about datasets. Each line is a room with a door of its own: whoever needs DICOM alone imports
 * `graft-gan/data/dicom`, and loads nothing else.
 */
export * from './audit/index.js';
export * from './augment/index.js';
export * from './dataset/index.js';
export * from './dicom/index.js';
export * from './duplicates/index.js';
export * from './eda/index.js';
export * from './import/index.js';
export * from './isic/index.js';
export * from './lineage/index.js';
export * from './metadata/index.js';
export * from './phantom/index.js';
export * from './pixels/index.js';
export * from './prepare/index.js';
export * from './table/index.js';
