/**
 * Text that came from outside, in Markdown: class names, metadata, licences, file names. It is shown as it is, and neither
 * becomes a link, a heading, a table's cell or HTML, nor ends what it stands in. Right for CommonMark, for GitHub's
 * dialect, and for older renderers that pass HTML on: a `<` is always an entity.
 */
import { oneLine } from 'graft-torch/base';

/** A piece that is Markdown already. */
export interface Markdown {
  markdown: string;
}

/** One line of text, anywhere on a line. */
export function escapeMarkdown(text: string): string {
  return oneLine(text, 10_000)
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]|~$]/g, '\\$&')
    .replace(/&(?=#?\w+;)/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/^ ?(#|[+-](?=[ +-]|$)|=+$)/, '\\$1')
    .replace(/^ ?(\d{1,9})([.)])(?= |$)/, '$1\\$2')
    .trim();
}

/** A line of Markdown, with text put in: md`- Licence: ${licence}.` */
export function md(text: TemplateStringsArray, ...values: readonly (string | number | Markdown)[]): string {
  return text.reduce((line, part, i) => {
    const value = values[i - 1]!;
    return `${line}${typeof value === 'object' ? value.markdown : escapeMarkdown(String(value))}${part}`;
  });
}

/** Text in the type of code; where it has signs of HTML, as plain text. */
export function codeSpan(text: string): Markdown {
  const line = oneLine(text, 10_000);
  if (/[<>&]/.test(line) || line.trim() === '') return { markdown: escapeMarkdown(line) };
  const ticks = '`'.repeat(longestRun(line) + 1);
  const pad = /^`|`$/.test(line) ? ' ' : '';
  return { markdown: `${ticks}${pad}${line}${pad}${ticks}` };
}

/** A block of code of several lines, whatever lies in it. */
export function codeBlock(text: string, language = ''): string {
  const ticks = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${ticks}${language}\n${text}\n${ticks}`;
}

const longestRun = (text: string): number =>
  Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));

/** Rows of a table; the first is its head. */
export function markdownTable(rows: readonly (readonly (string | Markdown)[])[]): string[] {
  const line = (cells: readonly (string | Markdown)[]): string =>
    `| ${cells.map((cell) => (typeof cell === 'string' ? escapeMarkdown(cell) : cell.markdown)).join(' | ')} |`;
  const [head = [], ...rest] = rows;
  return [line(head), `| ${head.map(() => '---').join(' | ')} |`, ...rest.map(line)];
}

/** The address of a file beside the page. */
export const fileAddress = (path: string): string =>
  path
    .split('/')
    .map((part) => encodeURIComponent(part).replace(/[()]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`))
    .join('/');
