/**
 * What a cell of a table is. Every place that asks whether two labels, ids or patients are the same, whether a value is
 * missing, or what number a cell holds, asks here: imports, folders, splits, audit, reports, command line.
 *
 * Three layers, each on top of the one before:
 *
 * 1. {@link plainText}: the text without what nobody sees (outer and odd spaces, marks without width, the two ways in
 *    which Unicode writes `é`). Readers of metadata give it to every cell; it is what is stored and shown.
 * 2. Keys: {@link labelKey} and {@link idKey} are alike where two texts are two spellings of one thing. A key is for
 *    comparing only: it is never stored or shown, so that an id `007` stays `007`.
 * 3. Meaning by role: {@link isMissing}, {@link numberOf}, {@link numberReader}.
 *
 * {@link oneSpelling} is what merges: it says what was merged, and its callers tell (`cleaning.csv`, the screen).
 */
import { emptyWords, nobodyWords, unknownWords } from './missing-words.js';

/** What has neither width nor meaning of its own: control characters, soft hyphen, zero-width space, direction marks … */
const invisible =
  /[^\P{Cc}\t\n\r]|[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;
/** Joiners have a meaning between letters (Persian, Hindi, emoji), but none at the ends of a text. */
const outerJoiners = /^[\s\u200c\u200d]+|[\s\u200c\u200d]+$/g;
/** Spaces of other widths, and those that no line may break at. */
const oddSpaces = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]/g;
/** Halves of characters, as cut-off texts in JSON have them: no file can hold them. */
const loneSurrogates = /\p{Surrogate}/gu;
/** What may have to be changed at all: most cells are left as they are without a closer look. */
const suspect = /[^\x21-\x7e]/;

/**
 * A cell's text without what nobody sees: in Unicode's composed form (NFC), with ordinary spaces, none at the ends, and
 * without marks that have no width. Everything that is seen stays: case, inner spaces, punctuation, leading zeros.
 */
export function plainText(text: string): string {
  if (!suspect.test(text)) return text;
  // Composed last: a mark without width may have stood between a letter and its accent.
  return text
    .replace(loneSurrogates, '\ufffd')
    .replace(invisible, '')
    .replace(oddSpaces, ' ')
    .replace(outerJoiners, '')
    .normalize('NFC');
}

/**
 * Cyrillic capitals that are drawn as Latin ones: keyboards that have both put them into words and ids (`Р12`). Greek ones
 * stay apart, since α and a are different names.
 */
const twins: Readonly<Record<string, string>> = Object.fromEntries(
  [...'АВЕКМНОРСТУХІЈЅ'].map((letter, i) => [letter, 'ABEKMHOPCTYXIJS'[i]!]),
);
const twin = /[АВЕКМНОРСТУХІЈЅ]/g;

/**
 * Case folded: also `ß` and `SS`, the two Greek sigmas, the Turkish İ and ı as the i that they mean in other
 * tongues' words, and Cyrillic letters that look like Latin ones.
 */
const foldCase = (text: string): string =>
  text
    .toUpperCase()
    .replace(twin, (letter) => twins[letter]!)
    .toLowerCase()
    .replaceAll('i\u0307', 'i')
    .replaceAll('ς', 'σ');

/** Shown as nothing, yet part of a text: joiners, variation selectors (`♀️`), fillers of Hangul, tags. */
const unseen = /\p{Default_Ignorable_Code_Point}/gu;

/** What two spellings have in common: case, width, composition, dashes, runs of spaces, what is shown as nothing. */
const folded = (text: string): string =>
  foldCase(plainText(text).normalize('NFKC').replace(unseen, '').normalize('NFC'))
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/\s+/g, ' ')
    .trim();

const separators = /(?<=\p{L})[ _-]+(?=[\p{L}\p{N}])|(?<=\p{N})[ _-]+(?=\p{L})/gu;

/**
 * What labels that differ only in spelling have in common: `Melanoma`, `MELANOMA` and `melanoma ` have one key, so have
 * `basal_cell` and `basal cell`, and `1`, `1.0` and `01`. Signs stay apart (`HER2+`, `HER2-`), so do `1` and `true` (but
 * see {@link oneSpelling}).
 */
export function labelKey(label: string): string {
  const text = folded(label);
  return decimal(text) ?? text.replace(separators, ' ');
}

/**
 * What two spellings of one id (of an image, a patient, a lesion) have in common: spaces, case, the form of Unicode;
 * `7`, `007` and `7.0`, as tables and spreadsheets make one of the other. Any other digit counts: `1.1` is not `1.10`.
 * Whole numbers of any length keep every digit. Look for an id as it is written first, and by its key where
 * that finds nothing.
 */
export function idKey(id: string): string {
  const text = folded(id);
  const [, whole] = /^0*(\d+)(?:\.(?:0{0,2}|0{4,})|,0{1,2})?$/.exec(text) ?? [];
  return whole ?? text;
}

/** A column's name as it is looked for: `Patient ID`, `patient_id` and `PatientID` are one. */
export const columnKey = (name: string): string => folded(name).replace(/[ _.-]+/g, '');

/** A number's one form as text, without loss of digits; undefined for what is no number, or absurdly long. */
function decimal(text: string): string | undefined {
  const [, sign, whole = '', dot = '', bare = '', exponent = '0'] =
    /^([+-]?)(?:(\d+)(?:\.(\d*)|,0{1,2})?|\.(\d+))(?:e([+-]?\d{1,3}))?$/.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const fraction = dot || bare;
  const shift = Number(exponent);
  if (Math.abs(shift) > 40) return undefined;
  let digits = whole + fraction;
  let point = whole.length + shift;
  if (point < 0) [digits, point] = ['0'.repeat(-point) + digits, 0];
  digits = digits.padEnd(point, '0');
  const left = digits.slice(0, point).replace(/^0+/, '') || '0';
  const right = digits.slice(point).replace(/0+$/, '');
  const value = right === '' ? left : `${left}.${right}`;
  return sign === '-' && value !== '0' ? `-${value}` : value;
}

/**
 * What a cell is used as. `value`: any metadata; `number`: a column whose other cells are numbers; `group`: a patient, a
 * lesion; `label`: a class; `required`: a value that must be known (`--require`).
 */
export type CellRole = 'value' | 'number' | 'group' | 'label' | 'required';

/** `N / A`, `(n/a)`, `<NA>`, `[unknown]` are one word with `n/a`, `na`, `unknown`. */
function wordKey(text: string): string {
  const key = folded(text)
    .replace(/\s*([/.])\s*/g, '$1')
    .replace(/[_]/g, ' ');
  const [, inner] = /^[([<{](.+)[)\]>}]$/.exec(key) ?? [];
  return (inner ?? key).trim();
}

const missingWords = new Set(['', ...unknownWords.map(wordKey)]);
const emptyAnswers = new Set(emptyWords.map(wordKey));
const nobody = new Set(nobodyWords.map(wordKey));
/** A cell that is longer is no word for a missing one, whatever its spaces and brackets. */
const longestWord = 60;

/**
 * Whether a cell says that its value is not known. In every role: nothing, `NA`, `N/A`, `NaN`, `null`, `unknown`, `-`,
 * `?`, spreadsheets' errors, and their like in the tongues that tables come in, in any case. As a number, patient,
 * lesion, label, or where a value is required: also `none` and `other`. As a patient or lesion: also `anonymous`.
 *
 * A label that the user names (`--positive`, `--classes`) is known, and so is a folder's name: their callers do
 * not ask.
 */
export function isMissing(cell: string, role: CellRole): boolean {
  if (cell.length > longestWord) return false;
  const word = wordKey(cell);
  if (missingWords.has(word)) return true;
  if (role === 'value') return false;
  return emptyAnswers.has(word) || (role === 'group' && nobody.has(word));
}

const plainNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const commaNumber = /^[+-]?\d+,\d+$/;

/**
 * The number that a cell holds; undefined for anything else: nothing, `0x10`, `Infinity`, `12 mm`, `1,5`, and whole
 * numbers above 2⁵³, which are ids and would lose their last digits.
 */
export function numberOf(cell: string): number | undefined {
  const text = plainText(cell).replace(/^\u2212/, '-');
  if (!plainNumber.test(text)) return undefined;
  const value = Number(text);
  const isExact =
    Number.isFinite(value) && (Math.abs(value) <= Number.MAX_SAFE_INTEGER || /[.e]/i.test(text));
  return isExact ? value : undefined;
}

/**
 * How a column's cells are read as numbers, where every one that is not missing is one. Decimal commas are read where
 * they can mean nothing else: not where every fraction has three digits, which may be thousands, but for `0,123`.
 * @returns undefined for a column of words, or without any value; the reader gives undefined for a missing cell
 */
export function numberReader(column: Iterable<string>): ((cell: string) => number | undefined) | undefined {
  const known = [...new Set(column)].filter((cell) => !isMissing(cell, 'number'));
  if (known.length === 0) return undefined;
  if (known.every((cell) => numberOf(cell) !== undefined))
    return (cell) => (isMissing(cell, 'number') ? undefined : numberOf(cell));
  const withComma = known.map(plainText).filter((cell) => commaNumber.test(cell));
  const toPoint = (cell: string): string => {
    const text = plainText(cell);
    return commaNumber.test(text) ? text.replace(',', '.') : text;
  };
  const isDecimal = withComma.some((cell) => !/,\d{3}$/.test(cell) || /^[+-]?0,/.test(cell));
  if (!isDecimal || !known.every((cell) => numberOf(toPoint(cell)) !== undefined && !/\d\.\d/.test(cell)))
    return undefined;
  return (cell) => (isMissing(cell, 'number') ? undefined : numberOf(toPoint(cell)));
}

/**
 * How a column's cells are read as days, where every one that is not missing is a date with the year first
 * (`2019-03-01`, `2019/03`, `20190301`, with or without a time): only their order is unmistakable in every country.
 * @returns undefined for other columns; the reader gives days since 1970, undefined for a missing cell
 */
export function dayReader(column: Iterable<string>): ((cell: string) => number | undefined) | undefined {
  const known = [...new Set(column)].filter((cell) => !isMissing(cell, 'number'));
  if (known.length === 0 || known.some((cell) => dayOf(cell) === undefined)) return undefined;
  return (cell) => (isMissing(cell, 'number') ? undefined : dayOf(cell));
}

function dayOf(cell: string): number | undefined {
  const [, year, month, day = '1'] =
    /^(\d{4})[-/.]?([01]\d)(?:[-/.]?([0-3]\d))?(?:[T ]\d{2}:?\d{2}.*)?$/.exec(plainText(cell)) ?? [];
  if (year === undefined) return undefined;
  return Date.UTC(Number(year), Number(month) - 1, Number(day)) / 86_400_000;
}

/**
 * A column of metadata as reports and subgroups see it: null where missing, one spelling for each value; of a column of
 * numbers their plain form, which `Number` reads.
 */
export function columnValues(cells: readonly string[]): { values: (string | null)[]; isNumeric: boolean } {
  const number = numberReader(cells);
  const different = [...new Set(cells)];
  let read: (cell: string) => string | null;
  if (number)
    read = (cell) => {
      const value = number(cell);
      return value === undefined ? null : String(value);
    };
  else {
    const known = new Set(different.filter((cell) => !isMissing(cell, 'value')));
    const spelling = oneSpelling(cells.filter((cell) => known.has(cell)));
    read = (cell) => (known.has(cell) ? spelling.of(cell) : null);
  }
  // Columns of metadata hold few different cells.
  const shown = new Map(different.map((cell) => [cell, read(cell)]));
  return { values: cells.map((cell) => shown.get(cell)!), isNumeric: number !== undefined };
}

/** Spellings of one thing, and the one that is used for all of them. */
export interface Merged {
  to: string;
  /** The other spellings, the commonest first, and how often each was met. */
  from: { spelling: string; count: number }[];
}

/** By {@link labelKey}; single letters are truth values only beside a longer word, or a digit. */
const truthKeys: ReadonlyMap<string, string> = new Map(
  Object.entries({ true: ['true', '1', 'yes', 't', 'y'], false: ['false', '0', 'no', 'f', 'n'] }).flatMap(
    ([truth, keys]) => keys.map((key): [string, string] => [key, truth]),
  ),
);

/** `true` or `false`, for a label that can mean it: `1`, `Yes`, `TRUE`. */
export const truthOf = (label: string): string | undefined => truthKeys.get(labelKey(label));

/**
 * One spelling for each set of texts with one key: the one that was asked for by name, else the commonest, else the
 * first in order. Labels that are all `0`, `1`, `true` or `false` are truth values, so that a table of `1` and one of
 * `True` fit together.
 * @param texts every occurrence, so that the commonest is known
 * @param options.key what makes two texts one; default {@link labelKey}
 * @param options.named spellings that the user gave, which win over the table's
 * @returns `of`: the spelling to use for a text, also for one that was not met; `merged`: what was changed, sorted
 */
export function oneSpelling(
  texts: Iterable<string>,
  options: { key?: (text: string) => string; named?: readonly string[] } = {},
): { of: (text: string) => string; merged: Merged[] } {
  const { key: ownKey = labelKey, named = [] } = options;
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const all = [...counts.keys(), ...named].map(ownKey).filter((key) => key !== '');
  const isTruth =
    ownKey === labelKey && all.every((key) => truthKeys.has(key)) && all.some((key) => !/^[a-z]$/.test(key));
  const keyOf = (text: string): string => {
    const key = ownKey(text);
    return isTruth ? (truthKeys.get(key) ?? key) : key;
  };
  const chosen = new Map<string, string>();
  for (const name of named) if (!chosen.has(keyOf(name))) chosen.set(keyOf(name), name);
  const order = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const others = new Map<string, Merged['from']>();
  for (const [spelling, count] of order) {
    const key = keyOf(spelling);
    if (!chosen.has(key)) chosen.set(key, spelling);
    if (chosen.get(key) === spelling) continue;
    const own = others.get(key);
    if (own) own.push({ spelling, count });
    else others.set(key, [{ spelling, count }]);
  }
  const known = new Map([...counts.keys()].map((text) => [text, chosen.get(keyOf(text))!]));
  return {
    of: (text) => known.get(text) ?? chosen.get(keyOf(text)) ?? text,
    merged: [...others]
      .map(([key, from]) => ({ to: chosen.get(key)!, from }))
      .sort((a, b) => (a.to < b.to ? -1 : 1)),
  };
}

/**
 * The one of `choices` that a name given on the command line means: as it is written, else the only one with its key.
 * @returns undefined where there is none, or more than one
 */
export function chosenName(
  name: string,
  choices: readonly string[],
  key: (text: string) => string = labelKey,
): string | undefined {
  if (choices.includes(name)) return name;
  const alike = choices.filter((choice) => key(choice) === key(name));
  return alike.length === 1 ? alike[0] : undefined;
}
