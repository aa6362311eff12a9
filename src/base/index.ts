/** TODO door */
export { commandLine, shellQuote } from './command-line.js';
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
export { graftVersion, packageName, packageRoot } from './package.js';
export { forEachParallel } from './parallel.js';
export { givenSecrets, hiddenParts, hideSecrets, shownAddress } from './secrets.js';
export { openThreads, serve } from './threads.js';
