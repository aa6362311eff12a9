/**
 * Commands that are printed for the user to paste. Folders have spaces, quotes, `$` and leading dashes in their names; what
 * is pasted must reach the program as it is meant, and a name must never run as a command.
 */

/**
 * A command line with what is put in quoted for a POSIX shell: commandLine`graft generator resume ${dir}`. A file's name that
 * begins with a dash would be taken for an option and gets `./` in front; the value of an option may begin with one.
 */
export function commandLine(text: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return text.reduce((line, part, i) => {
    const value = String(values[i - 1]);
    const isFile = value.startsWith('-') && !/--[\w-]+ $/.test(text[i - 1]!);
    return `${line}${shellQuote(isFile ? `./${value}` : value)}${part}`;
  });
}

/** One word of a command line. */
export function shellQuote(word: string): string {
  if (/^[\w@%+:,./=-]+$/.test(word)) return word;
  // A line feed within quotes would be right, but would make two lines of one.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f\u0085\u2028\u2029]/.test(word)) return `"$(printf '${octal(word)}')"`;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

const octal = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
