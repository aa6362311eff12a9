/**
 * The floor of the house: errors by cause, files written whole or not at all, files read with errors that name them,
 * random numbers by seed. Knows neither tensors nor the addon.
 */

// Errors by cause: one line for whoever can act on it.

export {
  ConfigError,
  DataError,
  GraftError,
  oneLine,
  TorchError,
  UseAfterFreeError,
  visible,
  WriteError,
} from './errors.js';

// Files: read with errors that name them; written whole, synced, renamed.

export {
  byteText,
  ensureFolder,
  followLinks,
  hiddenName,
  isTemporaryFile,
  makeFolders,
  readJson,
  readText,
  removeTemporaryFiles,
  replaceFile,
  replaceFileAsync,
  sha256,
  sha256File,
  syncPath,
  systemProblem,
  temporaryName,
  whileWriting,
  writeChunks,
  writeFailure,
  writeFileAtomic,
  writeJson,
} from './files.js';
export { openFile, readBytes, readBytesAsync, readStart, requireFile, specialKind } from './reading.js';

// JSON, random numbers by seed, the user’s cache.

export { parseJson } from './json-text.js';
export { Random, type RandomState } from './random.js';
export { userCacheDir } from './user-cache.js';
