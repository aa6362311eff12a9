/**
 * Errors by cause. Each message is one line for the user: what is wrong, where, and what to do next.
 * The command line prints the message alone; `--debug` adds the stack.
 */

/** More than this is a dump of somebody's file, not a message. */
const longestMessage = 2000;
/** What is kept of its end. */
const remedyLength = 300;

/** Every control character, line breaks and the marks that turn the direction of writing included. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text that came from outside, as part of a message: one line, no character that moves a terminal's cursor, and cut
 * where it is long. What a line break or tab stood for becomes a space, other controls their code (`\u001b`). A message
 * that is cut keeps its end, where the remedy stands.
 */
export function oneLine(text: string, limit = longestMessage): string {
  const line = text.length <= 2 * limit ? flat(text) : '';
  if (text.length <= 2 * limit && line.length <= limit) return line;
  const tail = limit < longestMessage ? '' : flat(text.slice(-remedyLength)).slice(-remedyLength);
  const head = flat(text.slice(0, 2 * limit)).slice(0, limit - tail.length);
  return `${head}… (${text.length} characters)${tail && ` …${tail}`}`;
}

const flat = (text: string): string => text.replace(/\s*[\r\n]\s*|\t/g, ' ').replace(controls, codeOf);

/**
 * Text of several lines for a terminal: control characters of what came from outside become their codes. Line breaks,
 * tabs and colours stay.
 */
export function visible(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    /\u001b\[[\d;]*m|[\n\t]|[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (found) => (found.length > 1 || found === '\n' || found === '\t' ? found : codeOf(found)),
  );
}

const codeOf = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Base of every error that Graft raises on purpose. Its message is one line, whatever file it quotes. */
export class GraftError extends Error {
  override name = 'GraftError';

  constructor(message = '', options?: ErrorOptions) {
    super(oneLine(message), options);
  }
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
