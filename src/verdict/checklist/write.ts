/** A filled checklist as a page, as Markdown and as a table for a spreadsheet. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, writeFileAtomic } from 'graft-torch/base';
import { graftVersion } from '../../base/index.js';
import { csvText } from '../../data/table/index.js';
import type { ReportDocument, TableBlock } from '../../report/index.js';
import { left, toHtml, toMarkdown } from '../../report/index.js';
import type { Facts } from './answers.js';
import { type Checklist, countText, type FilledItem, fillGuideline } from './fill.js';
import type { GuidelineId } from './guideline.js';
import { guidelines } from './guidelines.js';

const STATUS = { filled: 'filled', part: 'in part', author: 'for the author' } as const;

/** Answers one after the other. */
const answerText = ({ answers }: FilledItem): string => answers.map(({ text }) => text).join(' ');

const whereText = ({ answers }: FilledItem): string =>
  [...new Set(answers.map(({ where }) => where))].join(', ');

const authorText = ({ status, left: rest }: FilledItem): string => (status === 'author' ? 'all of it' : rest);

export function checklistDocument(checklist: Checklist, name: string): ReportDocument {
  const { guideline, items } = checklist;
  const sections = [...new Set(items.map(({ section }) => section))];
  return {
    eyebrow: 'Graft checklist',
    title: `${guideline.name}: ${name}`,
    subtitle: countText(checklist),
    sections: [
      {
        id: 'about',
        title: 'About this list',
        blocks: [
          {
            kind: 'prose',
            text: `${guideline.name}: ${guideline.about}. ${guideline.citation} https://doi.org/${guideline.doi}`,
          },
          {
            kind: 'prose',
            text: 'Numbers are the publication’s; what an item asks stands here in Graft’s own words, for orientation: read and cite the publication, and hand in its own form. Answers are taken from the result and point to the section of its report. “In part”: something is left for the author. An item that is filled says what was done, not that it was done well.',
          },
        ],
      },
      ...sections.map((title, i) => ({
        id: `items-${i + 1}`,
        title,
        blocks: [
          itemsTable(
            items.filter(({ section }) => section === title),
            title,
          ),
        ],
      })),
    ],
    footer: `Made by Graft ${graftVersion()} from summary.json.`,
  };
}

function itemsTable(items: readonly FilledItem[], title: string): TableBlock {
  return {
    kind: 'table',
    title,
    columns: [left('Item'), left('Answer'), left('Report'), left('Status')],
    rows: items.map((item) => [
      `${item.number}. ${item.asks}`,
      [answerText(item), item.left === '' ? '' : `For the author: ${item.left}.`]
        .filter((text) => text !== '')
        .join(' ') || '–',
      whereText(item) || '–',
      STATUS[item.status],
    ]),
  };
}

export const checklistCsv = ({ guideline, items }: Checklist): string =>
  csvText([
    ['guideline', 'item', 'section', 'asks', 'status', 'answer', 'report', 'for the author'],
    ...items.map((item) => [
      guideline.name,
      item.number,
      item.section,
      item.asks,
      STATUS[item.status],
      answerText(item),
      whereText(item),
      authorText(item),
    ]),
  ]);

export interface WrittenChecklist {
  checklist: Checklist;
  files: { html: string; markdown: string; csv: string };
}

/**
 * Fills guidelines and writes each as `claim.html`, `claim.md`, `claim.csv`, by its id.
 * @param to.dir made if missing
 * @param to.name what the facts are of
 * @throws DataError where somebody else's file has a list's name
 */
export function writeChecklists(
  facts: Facts,
  wanted: readonly GuidelineId[],
  { dir, name }: { dir: string; name: string },
): WrittenChecklist[] {
  const pathsOf = (id: GuidelineId) => {
    const path = (ending: string): string => join(dir, `${id}.${ending}`);
    return { html: path('html'), markdown: path('md'), csv: path('csv') };
  };
  for (const { html, markdown, csv } of wanted.map(pathsOf)) {
    // A list is told by its table, which is written first.
    const foreign = existsSync(csv) ? undefined : [html, markdown].find((path) => existsSync(path));
    if (foreign !== undefined)
      throw new DataError(`${foreign} is there already, and not from here; give another folder with --out`);
  }
  return wanted.map((id) => {
    const checklist = fillGuideline(guidelines[id], facts);
    const files = pathsOf(id);
    const page = checklistDocument(checklist, name);
    writeFileAtomic(files.csv, checklistCsv(checklist));
    writeFileAtomic(files.html, toHtml(page));
    writeFileAtomic(files.markdown, toMarkdown(page));
    return { checklist, files };
  });
}
