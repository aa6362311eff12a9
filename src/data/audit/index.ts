/**
 * What a reviewer asks of a data set: do its splits share patients, lesions or pictures (leaks), and can the label be
 * told from anything but the lesion (confounds)? Asked of a dataset, of a manifest that cannot be opened, or of tables
 * without images; docs/audit.md has the method.
 */

export { type AuditOptions, auditDataset, auditManifest } from './dataset.js';
export { type AuditTable, auditTables, type TableAuditOptions } from './tables.js';

// What was found.

export type { AuditResult, Confound, Leak, LeakKind } from './result.js';
