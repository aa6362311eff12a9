/**
 * Secrets stay out of everything that is printed or stored: passwords in addresses and connection strings, keys in their
 * queries, tokens in the environment.
 *
 * Nobody can tell where an ill-formed password ends. So an address is shown only where it can be read in one way, and what
 * was hidden of it is then blanked out of every message, also of libraries: any four characters in a row of it.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** Shorter pieces than this tell nothing, and occur in every text. */
const leastLength = 4;
const blank = '…';

/** `scheme://user:password@host:port/path?query`, with none of the marks in places where they may mean two things. */
const plainAddress =
  /^([a-z][a-z0-9+.-]*:\/\/)(?:([^\s:@/?#]*)(?::([^\s@/?#]*))?@)?((?:\[[0-9a-f:.]+\]|[^\s:@/?#[\]]*)(?::\d{1,5})?)(\/[^\s:@?#]*)?(?:\?([^\s@]*))?$/i;

/** An address as it may be shown: without password and query, and without what cannot be told from them. */
export function shownAddress(address: string): string {
  const [, scheme = '', user = '', password, host = '', path = ''] = plainAddress.exec(address) ?? [];
  if (scheme !== '') {
    // On the web a token may stand in the user's place, alone.
    const shownUser = password !== undefined || /^postgres/i.test(scheme) ? user : '';
    return `${scheme}${shownUser && `${shownUser}@`}${host}${path}`;
  }
  if (/^[\w./-]*$/.test(address)) return address; // a name or path: nothing is given in it
  return `${/^[a-z][a-z0-9+.-]*:\/\//i.exec(address)?.[0] ?? ''}${blank}`;
}

/** What `shownAddress` leaves out, as it is written and as programs may read it. */
export function hiddenParts(address: string): string[] {
  const found = plainAddress.exec(address);
  const [, , user = '', password = '', , , query = ''] = found ?? [];
  const shown = shownAddress(address);
  const parts = found
    ? [password, shown.includes(`${user}@`) ? '' : user, harmless.test(query) ? '' : query]
    : [shown === address ? '' : address.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')];
  return parts
    .flatMap((part) => [part, decoded(part), encoded(part)])
    .filter((part) => part.length >= leastLength);
}

/** Parameters of a database's address that give nothing away: the folder of a socket would blank out every path there. */
const harmless =
  /^((^|&)(host|hostaddr|port|user|dbname|sslmode|application_name|connect_timeout)=[\w./:%-]*)+$/i;

const encoded = (text: string): string => encodeURIComponent(Buffer.from(text).toString()); // half a character is none

function decoded(text: string): string {
  // Piece by piece: one bad sign must not keep the others from being read.
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (codes) => {
    try {
      return decodeURIComponent(codes);
    } catch {
      return codes;
    }
  });
}

const secretName = /(pass(word|wd|phrase)?|secret(_key)?|token|access_key(_id)?|api_?key)$/i;

/** A query with a secret, or something before an `@` where a host is expected. */
const hasSecret = /^(?!file:)[a-z][a-z0-9+.-]*:\/\/[^\s/]*@|[?&][^=&]*(pass|secret|token|key|sig)[^=&]*=/i;
/** The same where an address was to be given: also what is no address, `user:password@host`, `host=… password=…`. */
const mayHaveSecret =
  /^(?!file:)[a-z][a-z0-9+.-]*:\/\/.*[@?]|^(\/\/)?[^\s/:@]+:[^\s@]+@|\b(pass(word|wd)?|pwd|(access|account)_?key)\s*=/is;

/** Secrets that a process was given: in its environment, and in addresses on its command line. */
export function givenSecrets(args: readonly string[], env: Environment): string[] {
  const values = Object.entries(env).flatMap(([name, value = '']) => [{ name, value: value.trim() }]);
  const named = values.filter(
    ({ name, value }) => secretName.test(name) && !/^(true|false|none)$/i.test(value),
  );
  const addresses = [
    ...args.map((arg) => arg.replace(/^--[a-z-]+=/, '')).filter((text) => mayHaveSecret.test(text)),
    ...values.flatMap(({ value }) => (hasSecret.test(value) ? [value] : [])),
  ];
  return [...named.map(({ value }) => value), ...addresses.flatMap(hiddenParts)].filter(
    (value) => value.length >= leastLength,
  );
}

const namedValue =
  /(?<![a-z])((?:ssl)?pass(?:word|wd|phrase|(?=["']?\s*=|["']?:\S))|pwd|pgpassword|secret(?:_?access)?(?:_?key)?|(?:access|auth|refresh|session|security)?_?token|(?:shared_?access|access|account)_?key(?:_?id)?|api_?key|x-amz-(?:signature|credential|security-token)|sig(?:nature)?|awsaccesskeyid)(["']?\s*[=:]\s*)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s&;,'"]+)/gi;

/**
 * A text without secrets: the given ones, and what looks like one.
 * @param given as `givenSecrets` and `hiddenParts` give them
 */
export function hideSecrets(text: string, given: readonly string[] = []): string {
  return withoutPieces(text, given)
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s'"<>]*@/gi, (whole, scheme: string) =>
      whole.includes(`${blank}@`) || !/[:]/.test(whole.slice(scheme.length)) ? whole : `${scheme}${blank}@`,
    )
    .replace(namedValue, `$1$2${blank}`)
    .replace(/\b(bearer|basic)\s+[\w+/=.~-]{8,}/gi, `$1 ${blank}`)
    .replace(/\bhf_[A-Za-z0-9]{8,}|\bA[KS]IA[A-Z0-9]{12,}/g, blank);
}

/** Blanks out every run of four characters or more that also stands in one of the secrets. */
function withoutPieces(text: string, secrets: readonly string[]): string {
  const pieces = new Set<string>();
  for (const secret of secrets)
    for (let i = 0; i + leastLength <= secret.length; i++) pieces.add(secret.slice(i, i + leastLength));
  if (pieces.size === 0) return text;
  let shown = '';
  let hiddenTo = 0;
  for (let i = 0; i < text.length; i++) {
    if (pieces.has(text.slice(i, i + leastLength))) {
      if (hiddenTo <= i) shown += blank;
      hiddenTo = i + leastLength;
    }
    if (hiddenTo <= i) shown += text[i];
  }
  return shown;
}
