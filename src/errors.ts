/**
 * Errors by cause. Each message is one line for the user: what is wrong, where, and what to do next.
 * The command line prints the message alone; `--debug` adds the stack.
 */

/** Base of every error that Graft raises on purpose. */
export class GraftError extends Error {
  override name = 'GraftError';
}

/** A configuration key is unknown, missing or out of range: names the file, the key and what was expected. */
export class ConfigError extends GraftError {
  override name = 'ConfigError';
}

/** A data file or row is unusable: names the file (and row) and the remedy. */
export class DataError extends GraftError {
  override name = 'DataError';
}

/** A file could not be written: names the file, what the system said, the room that is left and the remedy. */
export class WriteError extends GraftError {
  override name = 'WriteError';
}

/** An operator refused its arguments: carries the operator and the shapes it was given. */
export class TorchError extends GraftError {
  override name = 'TorchError';
}

/** A tensor was used after it, or the scope that owned it, was disposed. */
export class UseAfterFreeError extends TorchError {
  override name = 'UseAfterFreeError';
}
