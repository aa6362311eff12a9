/** What stands in tables where nothing is known. cell.ts compares with them, whatever their case, spaces and brackets. */

const words = (text: string): string[] => text.split('|');

/** Not known, whatever the column is about. */
export const unknownWords = [
  // Programs: R, pandas, SQL, SAS, SPSS, spreadsheets.
  ...words('na|n/a|nan|nat|-nan|null|nul|\\n|undefined|n.a.|n.a|#n/a|#n/a n/a|#na|#nv|#null!|#value!|#ref!'),
  ...words('#div/0!|#name?|#num!|1.#ind|-1.#ind|1.#qnan|-1.#qnan|0000-00-00|00/00/0000|00.00.0000'),
  // Signs, and empty values of programs as text.
  ...words('-|--|---|.|..|...|…|?|??|???|/|//|*|**|_|&nbsp;|[]|{}|()|""'),
  // English.
  ...words('unknown|unkown|unknwon|unk|unk.|undetermined|unspecified|not specified|not known|not available'),
  ...words('not applicable|not recorded|not reported|not provided|not given|not stated|not determined'),
  ...words('no data|missing|missing value|blank|empty|unassigned|unlabelled|unlabeled|redacted|withheld'),
  ...words('tbd|tba|tbc|to be determined|to be confirmed|pending|not done|not assessed|not documented'),
  // German, French, Spanish, Portuguese, Italian, Dutch, Polish, Swedish, Danish, Norwegian, Turkish.
  ...words('unbekannt|nicht bekannt|keine angabe|keine angaben|ohne angabe|k.a.|k.a|o.a.|fehlt|fehlend'),
  ...words('inconnu|inconnue|non renseigné|non renseignée|non connu|non précisé|manquant|n.d.|n/d|s/d'),
  ...words('desconocido|desconocida|sin dato|sin datos|no consta|no disponible|desconhecido|desconhecida'),
  ...words('não informado|ignorado|sconosciuto|sconosciuta|non noto|non disponibile|onbekend|niet bekend'),
  ...words('nieznany|nieznane|brak|brak danych|okänd|okänt|saknas|ukendt|ukjent|bilinmiyor|bilinmeyen'),
  // Russian, Chinese, Japanese, Korean.
  ...words('неизвестно|неизвестен|нет данных|н/д|未知|不明|不详|未提供|缺失|미상|알 수 없음|모름'),
];

/** An answer among values (hair: none; site: other), but neither a number, nor a patient, nor a diagnosis. */
export const emptyWords = words(
  'none|other|nil|keine|keiner|sonstige|autre|otro|otra|outro|altro|無|无|なし|없음',
);

/** What is left of patients' ids where they were taken out. */
export const nobodyWords = words(
  'anonymous|anonymised|anonymized|anonym|anonymisiert|anon|deidentified|de-identified|xxx|xxxx',
);
