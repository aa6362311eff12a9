/**
 * JSON from files that anybody may have written. `JSON.parse` takes nesting of any depth, which whatever walks the
 * value afterwards does not survive, keeps the last of two equal keys without a word, and quotes the file over several
 * lines where it is wrong. Here every such text is an error of one line.
 */
import { DataError } from './errors.js';

export interface JsonRules {
  /** Arrays and objects within one another. Default 100: no file of this project reaches 20. */
  maxDepth?: number;
  /** Refuses keys that an object has twice, of which `JSON.parse` keeps the last alone. */
  uniqueKeys?: boolean;
  /** Refuses keys that an object has twice, and numbers that are not whole and exact: for headers of binary files. */
  strict?: boolean;
}

/**
 * @param label the file, for messages
 * @throws DataError naming the file, and line and column where it is known: not JSON, nested too deeply, a key twice
 */
export function parseJson(text: string, label: string, rules: JsonRules = {}): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${label}: not valid JSON (${reasonOf(error as Error, text)})`);
  }
  checkTokens(text, label, rules);
  return value;
}

/** What V8 says, without the piece of the file that it quotes, but with the place that the piece tells. */
function reasonOf({ message }: Error, text: string): string {
  const position = /^(.*?)(?: in JSON)? at position (\d+)/s.exec(message);
  if (position) return `${position[1]} at ${placeOf(text, Number(position[2]))}`;
  const quoting = /^(Unexpected token '(.)'), (\.\.\.)?"(.*)"(\.\.\.)? is not valid JSON$/su.exec(message);
  if (!quoting) return message;
  const [, what, token, isCutBefore, piece] = quoting;
  const start = text.indexOf(piece!);
  if (start < 0 || text.indexOf(piece!, start + 1) >= 0) return what!;
  // Ten characters stand before the token where there are as many.
  const at = isCutBefore ? start + 10 : text.indexOf(token!, start);
  return text.startsWith(token!, at) ? `${what} at ${placeOf(text, at)}` : what!;
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split(/\r\n|\n|\r/);
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

const Code = {
  quote: 0x22,
  backslash: 0x5c,
  colon: 0x3a,
  open: 0x7b,
  close: 0x7d,
  list: 0x5b,
  end: 0x5d,
} as const;

/** Walks over a text that is known to be JSON. */
function checkTokens(
  text: string,
  label: string,
  { maxDepth = 100, strict = false, uniqueKeys = strict }: JsonRules,
): void {
  const fail = (offset: number, what: string): never => {
    throw new DataError(`${label}: ${what} (${placeOf(text, offset)})`);
  };
  /** Keys of each object around the place; undefined for an array. */
  const around: (Set<string> | undefined)[] = [];
  /** The outermost object's key that the place lies under. */
  let under = '';
  let [start, end] = [0, 0]; // of the last string
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === Code.quote) {
      [start, end] = [i, closingQuote(text, i)];
      i = end;
    } else if (code === Code.open || code === Code.list) {
      if (around.length === maxDepth) fail(i, `nested more than ${maxDepth} deep`);
      around.push(code === Code.open && uniqueKeys ? new Set() : undefined);
    } else if (code === Code.close || code === Code.end) {
      around.pop();
    } else if (uniqueKeys && code === Code.colon) {
      const key = JSON.parse(text.slice(start, end + 1)) as string;
      const keys = around.at(-1)!;
      if (keys.has(key))
        fail(
          start,
          `${around.length > 1 ? under : ''}the key ${JSON.stringify(key.slice(0, 80))} stands there twice`,
        );
      keys.add(key);
      if (strict && /\p{Cs}/u.test(key)) fail(start, 'a key with half a character');
      if (around.length === 1) under = `${JSON.stringify(key.slice(0, 80))}: `;
    } else if (strict && isNumberStart(code)) {
      const number = /[-+.\deE]+/y;
      number.lastIndex = i;
      const written = number.exec(text)![0];
      if (!/^(0|-?[1-9]\d{0,15})$/.test(written) || !Number.isSafeInteger(Number(written)))
        fail(i, `${under}${written.slice(0, 40)} where a whole number belongs`);
      i += written.length - 1;
    }
  }
}

function closingQuote(text: string, from: number): number {
  for (let i = from + 1; ; i++) {
    const code = text.charCodeAt(i);
    if (code === Code.quote) return i;
    if (code === Code.backslash) i++;
  }
}

const isNumberStart = (code: number): boolean => code === 0x2d || (code >= 0x30 && code <= 0x39);
