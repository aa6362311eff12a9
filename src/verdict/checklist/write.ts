/** A filled checklist as a page, as Markdown and as a table for a spreadsheet. */
import { join } from 'node:path';
import { writeFileAtomic } from 'graft-torch/base';
import { csvText } from '../../data/table/index.js';
import type { ReportDocument, TableBlock } from '../../report/index.js';
import { toHtml, toMarkdown } from '../../report/index.js';
import { type Checklist, countText, type FilledItem } from './fill.js';

const STATUS = { filled: 'filled', part: 'in part', author: 'for the author' } as const;

const left = (title: string) => ({ title, align: 'left' as const });

/** Answers one after the other. */
const answerText = ({ answers }: FilledItem): string => answers.map(({ text }) => text).join(' ');

const whereText = ({ answers }: FilledItem): string =>
  [...new Set(answers.map(({ where }) => where))].join(', ');

const authorText = ({ status, left: rest }: FilledItem): string => (status === 'author' ? 'all of it' : rest);

/** @param made by what: 'Graft 0.1.0' */
export function checklistDocument(checklist: Checklist, name: string, made: string): ReportDocument {
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
    footer: `Made by ${made} from summary.json.`,
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

/** Writes `claim.html`, `claim.md`, `claim.csv`, as the guideline is called; the folder is made if missing. */
export function writeChecklist(
  checklist: Checklist,
  dir: string,
  { name, made }: { name: string; made: string },
): { html: string; markdown: string; csv: string } {
  const path = (ending: string): string => join(dir, `${checklist.guideline.id}.${ending}`);
  const paths = { html: path('html'), markdown: path('md'), csv: path('csv') };
  const page = checklistDocument(checklist, name, made);
  writeFileAtomic(paths.csv, checklistCsv(checklist));
  writeFileAtomic(paths.html, toHtml(page));
  writeFileAtomic(paths.markdown, toMarkdown(page));
  return paths;
}
