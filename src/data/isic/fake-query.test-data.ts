/** The archive's query language, as far as tests need it: terms, quotes, AND, OR, parentheses, `-`, `*`, `[a TO b]`. */

type Fields = Readonly<Record<string, string>>;
export type Matcher = (fields: Fields) => boolean;

const token =
  /\s*(?:(\()|(\))|(AND\b)|(OR\b)|(-?)(\w+):(?:"([^"]*)"|([[{])\s*(\S+) TO (\S+?)\s*([\]}])|([\w*-]+)))/y;

/** @throws Error for a query that the archive would not understand */
export function parseQuery(text: string): Matcher {
  let at = 0;
  const next = (): RegExpExecArray | null => {
    token.lastIndex = at;
    return token.exec(text);
  };
  const take = (group: number): boolean => {
    const found = next();
    if (found?.[group] === undefined) return false;
    at = token.lastIndex;
    return true;
  };
  const either = (): Matcher => {
    let left = both();
    while (take(4)) {
      const [one, other] = [left, both()];
      left = (fields) => one(fields) || other(fields);
    }
    return left;
  };
  const both = (): Matcher => {
    let left = single();
    // As on the server, terms may stand side by side, but a parenthesis needs its AND.
    for (let found = next(); found && (found[3] || found[6]); found = next()) {
      take(3);
      const [one, other] = [left, single()];
      left = (fields) => one(fields) && other(fields);
    }
    return left;
  };
  const single = (): Matcher => {
    if (take(1)) {
      const inner = either();
      if (!take(2)) throw new Error('no closing parenthesis');
      return inner;
    }
    const found = next();
    if (found?.[6] === undefined) throw new Error(`no term at ${at}`);
    at = token.lastIndex;
    return term(found);
  };
  const matcher = either();
  if (text.slice(at).trim() !== '') throw new Error(`nothing more was expected at ${at}`);
  return matcher;
}

function term([, , , , , minus, field, quoted, open, low, high, close, word]: RegExpExecArray): Matcher {
  const matches = (value: string): boolean => {
    if (value === '') return false;
    if (open !== undefined) {
      const n = Number(value);
      const above = low === '*' || (open === '[' ? n >= Number(low) : n > Number(low));
      return above && (high === '*' || (close === ']' ? n <= Number(high) : n < Number(high)));
    }
    const wanted = quoted ?? word!;
    if (wanted === '*') return true;
    if (wanted.endsWith('*')) return value.startsWith(wanted.slice(0, -1));
    return wanted.startsWith('*') ? value.endsWith(wanted.slice(1)) : value === wanted;
  };
  return (fields) => matches(fields[field!] ?? '') !== (minus === '-');
}
