/** Prints a report as Markdown; figures are files in `figures/`. */
import type {
  Block,
  FigureBlock,
  GalleryBlock,
  PicturesBlock,
  ReportDocument,
  TableBlock,
} from './document.js';
import { ended } from './format.js';
import { encodedBytes } from './picture.js';

/** Plain text into Markdown: what would be markup is escaped. */
const escapeText = (text: string): string => text.replace(/[\\`*_<>[\]|]/g, '\\$&');

const cell = (text: string): string => escapeText(text).replace(/\n/g, ' ');

function table(block: TableBlock, number: number): string {
  const strong = new Set(block.strong ?? []);
  const rows = block.rows.map(
    (row, i) => `| ${row.map((text) => (strong.has(i) ? `**${cell(text)}**` : cell(text))).join(' | ')} |`,
  );
  return [
    `**Table ${number}. ${escapeText(ended(block.title))}**`,
    '',
    `| ${block.columns.map(({ title }) => cell(title)).join(' | ')} |`,
    `| ${block.columns.map(({ align }) => (align === 'right' ? '--:' : ':--')).join(' | ')} |`,
    ...rows,
    ...(block.note ? ['', escapeText(block.note)] : []),
  ].join('\n');
}

/** File name of a figure's panel within `figures/`. */
export const panelFile = (figure: string, panel: number, panels: number): string =>
  `${figure}${panels > 1 ? `-${panel + 1}` : ''}.svg`;

/** The files that a figure's Markdown names. */
function filesOf(
  block: FigureBlock | PicturesBlock | GalleryBlock,
  figures: 'panels' | 'sheets',
): { title: string; file: string }[] {
  switch (block.kind) {
    case 'figure':
      if (figures === 'sheets') return [{ title: block.title, file: `${block.name}.svg` }];
      return block.panels.map(({ title = block.title }, i) => ({
        title,
        file: panelFile(block.name, i, block.panels.length),
      }));
    case 'pictures':
      return block.pictures.map((picture) => ({
        title: picture.title || block.title,
        file: `${picture.name}.${encodedBytes(picture).format}`,
      }));
    case 'gallery':
      return [{ title: block.title, file: `${block.name}.png` }];
  }
}

export interface MarkdownOptions {
  /**
   * What the figures' files hold: each `panel` of a figure (see `panelFile`; the default), or a whole figure on a
   * `sheet` with its legend, as `writeFigureFiles` writes it.
   */
  figures?: 'panels' | 'sheets';
}

export function toMarkdown(report: ReportDocument, options: MarkdownOptions = {}): string {
  const { figures: kind = 'panels' } = options;
  let figures = 0;
  let tables = 0;
  const print = (block: Block): string => {
    switch (block.kind) {
      case 'prose':
        return `${block.lead ? `**${escapeText(block.lead)}** ` : ''}${escapeText(block.text)}`;
      case 'subheading':
        return `### ${escapeText(block.text)}`;
      case 'list':
        return block.items
          .map(({ lead, text }) => `- **${escapeText(lead)}** ${escapeText(text)}`)
          .join('\n');
      case 'code':
        return `**${escapeText(block.title)}**\n\n\`\`\`yaml\n${block.text}\n\`\`\``;
      case 'table':
        return table(block, ++tables);
      case 'gallery':
      case 'figure':
      case 'pictures': {
        const images = filesOf(block, kind).map(
          ({ title, file }) => `![${escapeText(title)}](figures/${file})`,
        );
        const legend =
          block.kind === 'figure' && block.legend.length > 0 && kind === 'panels'
            ? ` Colours: ${escapeText(block.legend.map(({ label, color }) => `${label} ${COLOUR_NAMES[color] ?? ''}`.trim()).join(', '))}.`
            : '';
        return [
          images.join(' '),
          '',
          `**Figure ${++figures}. ${escapeText(ended(block.title))}** ${escapeText(block.shows)}${legend} _What it does not show:_ ${escapeText(block.doesNotShow)}`,
        ].join('\n');
      }
    }
  };
  const { summary } = report;
  return `${[
    `# ${escapeText(report.title)}`,
    escapeText(report.subtitle),
    ...(summary ? [`> **${escapeText(summary.sentence)}**`, escapeText(summary.paragraph)] : []),
    ...report.sections.flatMap(({ title, blocks }) => [`## ${escapeText(title)}`, ...blocks.map(print)]),
    '---',
    escapeText(report.footer),
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
