/**
 * JSON that keeps the numbers JSON lacks. `JSON.stringify` turns NaN and ±Infinity into null without a word,
 * and a diverged loss is just what a log must not lose. They are written as {"$number": "NaN"}.
 */

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
 * @throws SyntaxError when the text is not JSON.
 */
export function decodeJson(text: string): unknown {
  return JSON.parse(text, (_key, inner) => {
    const isMarked = typeof inner === 'object' && inner !== null && typeof inner.$number === 'string';
    return isMarked && Object.keys(inner).length === 1 ? Number(inner.$number) : inner;
  });
}
