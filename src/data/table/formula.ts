/**
 * Cells that a spreadsheet would run as a formula. A name from a table of somebody else may be `=HYPERLINK(…)`: such cells
 * are written behind an apostrophe, as spreadsheets themselves mark text, and lose it when they are read back.
 *
 * Numbers are left alone, also negative ones, and so are signs by themselves (`-` for a missing value, `+` for a finding):
 * a spreadsheet takes neither for a formula.
 */

/** What sets a formula off, also in the width that East Asian keyboards write; apostrophes in front count as ours. */
const formula = /^'*(?:\s*[=+\-@＝＋－＠]|[\t\r\n])/;
const harmless = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]{1,3})$/i;

/** A cell as it is written. `unguardFormula(guardFormula(text)) === text` for every text. */
export const guardFormula = (text: string): string =>
  formula.test(text) && !harmless.test(text) ? `'${text}` : text;

/** A cell as it was before {@link guardFormula}; what was never guarded stays. */
export const unguardFormula = (text: string): string =>
  text.startsWith("'") && formula.test(text) ? text.slice(1) : text;
