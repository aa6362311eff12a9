/**
 * Table formats that metadata is read from. A new one is a file here, beside the others, and its line in the list of
 * `formats.ts`.
 */
export type { Given, Source, TableFormat } from './format.js';
export { formats, readSource } from './formats.js';
