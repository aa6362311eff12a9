/**
 * The ISIC archive (docs/isic-archive.md): `createClient` speaks to its API with a long download's manners, `fetchIsic`
 * makes a dataset, or a plain folder, of what a query finds, and goes on where it was stopped.
 */
export { type BulkSummary, bulkMetadataUrl, describeBulkMetadata, fetchBulkMetadata } from './bulk.js';
export { type ArchiveClient, archiveUrl, type ClientOptions, createClient } from './client.js';
export type { DownloadProgress } from './download-all.js';
export { type FetchOptions, type FetchReport, type FetchResult, fetchIsic } from './fetch.js';
export type { FetchImportOptions } from './publish.js';
export { type ArchiveRequest, archiveQuery } from './query.js';
export { expected, surveyArchive } from './survey.js';
export type { Survey } from './work-folder.js';
