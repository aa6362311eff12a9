/** How the commands of `graft metrics` end: a page, and figures on stdout. */
import type { Command } from 'commander';
import { graftVersion } from '../base/index.js';
import { cautioned, figure, type PageWords, range } from '../metrics/report/index.js';
import { describeSets, type LoadedSets, type MetricRecord } from '../metrics/sets/index.js';
import { type ReportDocument, writePage } from '../report/index.js';
import { notice, output } from './common.js';
import { plainTable, trimmed } from './table.js';

export interface Answer {
  sets: LoadedSets;
  /** Composes the page, which is written where `--report` names one. */
  page: (words: PageWords) => ReportDocument | Promise<ReportDocument>;
  json: object;
  text: () => string;
}

/** Writes the page, whole or not at all, and prints the result below what makes its figures mean less than they seem to. */
export async function answer(
  command: Command,
  { report }: { report?: string },
  { sets, page, json, text }: Answer,
): Promise<void> {
  const { cautions } = sets;
  if (report !== undefined) {
    const footer = `Made by Graft ${graftVersion()}. This page may hold real images: pass it on as you would pass on the images. Not a medical device.`;
    const document = await page({ ...describeSets(sets), footer });
    writePage(cautioned(document, cautions), report);
    notice(command, `report: ${report}`);
  }
  const warnings = cautions.length > 0 ? [...cautions.map(({ words }) => words), ''] : [];
  output(command, { json, text: () => [...warnings, text()].join('\n') });
}

/** '0.457 [0.41, 0.50]', or what stands there without one. */
export const cell = (
  of: { value: number; interval: readonly [number, number] | null } | null | undefined,
  without = 'too few images',
): string => (of ? `${figure(of.value)}${range(of.interval)}` : without);

/** Records as a table, with their class where there are several. @param columns a head, and a text a record */
export function printedRecords(
  records: readonly MetricRecord[],
  columns: readonly (readonly [head: string, text: (record: MetricRecord) => string])[],
): string {
  const byClass = new Set(records.map((record) => record.class)).size > 1;
  const classColumn = ['class', (record: MetricRecord) => record.class ?? 'all'] as const;
  const [first, ...rest] = columns as [(typeof columns)[number], ...typeof columns];
  const all = byClass ? [first, classColumn, ...rest] : columns;
  const table = plainTable(
    all.map(([head]) => head),
    byClass ? 2 : 1,
  );
  for (const record of records) table.push(all.map(([, text]) => text(record)));
  return trimmed(table);
}
