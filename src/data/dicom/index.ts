/**
 * DICOM in: a file → an image file that any reader of the dataset takes, and fields without what names a patient
 * (docs/dicom.md). `isDicom` tells by content; `readDicomHeader` looks at fields alone; `readDicom` gives the picture.
 */

export { isDicom } from './parse.js';
export { type DicomHeader, type DicomImage, dicomExtensions, readDicom, readDicomHeader } from './read.js';

// De-identification: which fields are kept, and the pseudonyms in place of names.

export { type DeidentifyOptions, dicomColumns } from './fields.js';
export { pseudonym } from './pseudonym.js';
