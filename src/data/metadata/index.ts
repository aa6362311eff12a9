/**
 * Metadata of every vintage as one table of texts: the archive's API, the challenges' tables, any other with a mapping
 * file. `readMetadata` reads CSV, TSV, JSON and Parquet (`formats/` lists what is read), recognises the mapping, and
 * says which column holds ids, labels, patients, lesions.
 */

export type { Metadata, MetadataRow } from './metadata.js';
export { readMetadata } from './read.js';

// Mappings: what the columns of a known table mean.

export { type Mapping, mappingNames, shippedMappings } from './mapping.js';

// Records as columns with dotted names.

export { flattenRecord } from './flatten.js';
