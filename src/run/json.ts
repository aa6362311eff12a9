/**
 * JSON that keeps the numbers JSON lacks. `JSON.stringify` turns NaN and ±Infinity into null without a word,
 * and a diverged loss is just what a log must not lose. They are written as {"$number": "NaN"}.
 */
import { parseJson } from 'graft-torch/base';

/** A plain value: what events, summaries and checkpoint metadata are made of. */
export type Json = null | boolean | number | string | readonly Json[] | { [key: string]: Json | undefined };

/** One line of JSON; non-finite numbers survive `decodeJson`. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner) =>
    typeof inner === 'number' && !Number.isFinite(inner) ? { $number: String(inner) } : inner,
  );
}

/**
 * Reads what `encodeJson` wrote, and any other JSON.
 * @param label the file, for messages
 * @throws DataError when the text is not JSON, or nested too deeply.
 */
export function decodeJson(text: string, label = 'JSON'): unknown {
  return revive(parseJson(text, label));
}

/** In place: arrays and objects are the parser's own. */
function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [[key, inner] = []] = entries;
  if (entries.length === 1 && key === '$number' && typeof inner === 'string') return Number(inner);
  for (const [key, inner] of entries) {
    const revived = revive(inner);
    if (revived !== inner)
      Object.defineProperty(value, key, {
        value: revived,
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return value;
}
