/**
 * The floor of the house: errors by cause, files written whole or not at all, files read with errors that name them,
 * random numbers by seed. Knows neither tensors nor the addon.
 */
// Errors: one line for whoever can act on it.
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
// Files: atomic and durable writing, hashes.
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
// JSON, random numbers, careful reading, the user's cache.
export { parseJson } from './json-text.js';
export { Random, type RandomState } from './random.js';
export { openFile, readBytes, readBytesAsync, readStart, requireFile, specialKind } from './reading.js';
export { userCacheDir } from './user-cache.js';
