/**
 * The tool's own floor, below every room: what is said of no medicine and no network. (The engine's floor is
 * `graft-torch/base`: errors, files, random numbers.)
 */

export { commandLine, shellQuote } from './command-line.js';
// One process a folder; folders that appear whole, and nobody else's files written over.
export { LockedError, ownerIsAlive, readLock, takeLock } from './lock.js';
export {
  inWorkplace,
  keepAside,
  makeFolder,
  publishFolder,
  requireFree,
  requireOwn,
  type Workplace,
} from './output-folder.js';
// Which program this is, and its commands as somebody can paste them.
export { graftVersion, packageRoot } from './package.js';
// Several things at once: requests, worker threads.
export { forEachParallel } from './parallel.js';
// Files by a schema.
export { checkedBy } from './schema.js';
// Passwords and keys that must not be told.
export { givenSecrets, hiddenParts, hideSecrets, shownAddress } from './secrets.js';
export { openThreads, serve } from './threads.js';
// Whose code may run.
export { requireTrustIn, TRUST_VARIABLE, trustCode, trustsCode } from './trust.js';
