/** Prints a report as Markdown; figures are files in `figures/`. */
import type { Block, ReportDocument, TableBlock } from './document.js';
import { type FigureFiles, figureFiles } from './figure-files.js';
import { ended } from './format.js';
import { codeBlock, escapeMarkdown, fileAddress } from './markdown-text.js';

function table(block: TableBlock, number: number): string {
  const strong = new Set(block.strong ?? []);
  const rows = block.rows.map(
    (row, i) =>
      `| ${row.map((text) => (strong.has(i) ? `**${escapeMarkdown(text)}**` : escapeMarkdown(text))).join(' | ')} |`,
  );
  return [
    `**Table ${number}. ${escapeMarkdown(ended(block.title))}**`,
    '',
    `| ${block.columns.map(({ title }) => escapeMarkdown(title)).join(' | ')} |`,
    `| ${block.columns.map(({ align }) => (align === 'right' ? '--:' : ':--')).join(' | ')} |`,
    ...rows,
    ...(block.note ? ['', escapeMarkdown(block.note)] : []),
  ].join('\n');
}

export interface MarkdownOptions {
  /** Which files in `figures/` it names; default `panels`. */
  figures?: FigureFiles;
}

export function toMarkdown(report: ReportDocument, options: MarkdownOptions = {}): string {
  const { figures: kind = 'panels' } = options;
  let figures = 0;
  let tables = 0;
  const print = (block: Block): string => {
    switch (block.kind) {
      case 'prose':
        return `${block.lead ? `**${escapeMarkdown(block.lead)}** ` : ''}${escapeMarkdown(block.text)}`;
      case 'subheading':
        return `### ${escapeMarkdown(block.text)}`;
      case 'list':
        return block.items
          .map(({ lead, text }) => `- **${escapeMarkdown(lead)}** ${escapeMarkdown(text)}`)
          .join('\n');
      case 'code':
        return `**${escapeMarkdown(block.title)}**\n\n${codeBlock(block.text, 'yaml')}`;
      case 'table':
        return table(block, ++tables);
      case 'gallery':
      case 'figure':
      case 'pictures': {
        const images = figureFiles(block, kind).map(
          ({ title, file }) => `![${escapeMarkdown(title)}](figures/${fileAddress(file)})`,
        );
        const legend =
          block.kind === 'figure' && block.legend.length > 0 && kind === 'panels'
            ? ` Colours: ${escapeMarkdown(block.legend.map(({ label, color }) => `${label} ${COLOUR_NAMES[color] ?? ''}`.trim()).join(', '))}.`
            : '';
        return [
          images.join(' '),
          '',
          `**Figure ${++figures}. ${escapeMarkdown(ended(block.title))}** ${escapeMarkdown(block.shows)}${legend} _What it does not show:_ ${escapeMarkdown(block.doesNotShow)}`,
        ].join('\n');
      }
    }
  };
  const { summary } = report;
  return `${[
    `# ${escapeMarkdown(report.title)}`,
    escapeMarkdown(report.subtitle),
    ...(summary
      ? [
          ...(summary.asked ? [escapeMarkdown(summary.asked)] : []),
          `> **${escapeMarkdown(summary.sentence)}**`,
          escapeMarkdown(summary.paragraph),
          ...(summary.points?.length
            ? [summary.points.map((point) => `- ${escapeMarkdown(point)}`).join('\n')]
            : []),
          ...(summary.note ? [escapeMarkdown(summary.note)] : []),
        ]
      : []),
    ...report.sections.flatMap(({ title, blocks }) => [`## ${escapeMarkdown(title)}`, ...blocks.map(print)]),
    '---',
    escapeMarkdown(report.footer),
  ].join('\n\n')}\n`;
}

const COLOUR_NAMES: Record<string, string> = {
  'var(--grey)': '(grey)',
  'var(--blue)': '(blue)',
  'var(--orange)': '(orange)',
  'var(--green)': '(green)',
  'var(--purple)': '(purple)',
  'var(--ochre)': '(ochre)',
};
