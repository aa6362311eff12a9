export { flattenRecord } from './flatten.js';
export { type Mapping, mappingNames, shippedMappings } from './mapping.js';
export { type Metadata, type MetadataRow, readMetadata } from './read.js';
