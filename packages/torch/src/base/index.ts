/** TODO door */
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
export { parseJson } from './json-text.js';
export { Random, type RandomState } from './random.js';
export { openFile, readBytes, readBytesAsync, readStart, requireFile, specialKind } from './reading.js';
export { userCacheDir } from './user-cache.js';
