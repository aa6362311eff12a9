/** Prints the report as one self-contained HTML page: style inline, figures as SVG, pictures as base64. */
import type { Block, FigureBlock, PicturesBlock, ReportDocument, TableBlock } from './document.js';
import { STYLE } from './style.js';

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);

/** Paths of the legend's symbols in a box of 22 × 10. */
const SYMBOLS: Record<string, string> = {
  circle: '<circle cx="11" cy="5" r="4.2"/>',
  square: '<rect x="7.3" y="1.3" width="7.4" height="7.4"/>',
  triangle: '<path d="M11 .2 15.8 8.8H6.2Z"/>',
  diamond2: '<path d="M11 -.4 16.4 5 11 10.4 5.6 5Z"/>',
  star: '<path d="M11 0l1.5 3.4 3.7.4-2.8 2.5.8 3.7L11 8.1 7.8 10l.8-3.7L5.8 3.8l3.7-.4Z"/>',
  wye: '<path d="M9.6 10V6.2L6.2 3.8 7.7 1.4 11 3.4l3.3-2 1.5 2.4-3.4 2.4V10Z"/>',
};

function legend(items: FigureBlock['legend']): string {
  if (items.length === 0) return '';
  const entries = items.map(({ label, color, symbol }) => {
    const shape = SYMBOLS[symbol] ?? '';
    const line = `<path d="M0 5H22" stroke="${color}" stroke-width="2.4"/>`;
    return `<li><svg viewBox="0 0 22 10" aria-hidden="true"><g fill="${color}">${line}${shape}</g></svg>${escapeHtml(label)}</li>`;
  });
  return `<ul class="legend">${entries.join('')}</ul>`;
}

function caption(number: number, { title, shows, doesNotShow }: FigureBlock | PicturesBlock): string {
  return `<figcaption><b>Figure ${number}. ${escapeHtml(title)}.</b> ${escapeHtml(shows)}<span><b>What it does not show.</b> ${escapeHtml(doesNotShow)}</span></figcaption>`;
}

function figure(block: FigureBlock, number: number): string {
  const panels = block.panels.map(({ title, wide, narrow }) => {
    const heading = title ? `<p class="panel-title">${escapeHtml(title)}</p>` : '';
    return narrow === null
      ? `<div class="panel">${heading}${wide}</div>`
      : `<div class="panel">${heading}<div class="wide">${wide}</div><div class="narrow">${narrow}</div></div>`;
  });
  return `<figure id="figure-${block.name}">${legend(block.legend)}<div class="panels">${panels.join('')}</div>${caption(number, block)}</figure>`;
}

function pictures(block: PicturesBlock, number: number): string {
  const items = block.pictures.map(
    ({ title, png, width, height }) =>
      `<div><p class="panel-title">${escapeHtml(title)}</p><img alt="${escapeHtml(title)}" width="${width}" height="${height}" src="data:image/png;base64,${Buffer.from(png).toString('base64')}"></div>`,
  );
  return `<figure id="figure-${block.name}"><div class="pictures">${items.join('')}</div>${caption(number, block)}</figure>`;
}

function table(block: TableBlock, number: number): string {
  const side = (align: string): string => (align === 'right' ? ' class="right"' : '');
  const head = block.columns.map(
    ({ title, align }) => `<th scope="col"${side(align)}>${escapeHtml(title)}</th>`,
  );
  const strong = new Set(block.strong ?? []);
  const rows = block.rows.map(
    (row, i) =>
      `<tr${strong.has(i) ? ' class="strong"' : ''}>${row
        .map((text, column) => `<td${side(block.columns[column]!.align)}>${escapeHtml(text)}</td>`)
        .join('')}</tr>`,
  );
  const note = block.note ? `<p class="note">${escapeHtml(block.note)}</p>` : '<p class="note"></p>';
  return `<div class="scroll"><table><caption><b>Table ${number}. ${escapeHtml(block.title)}.</b></caption><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>${note}`;
}

/** The whole page as a string. */
export function toHtml(report: ReportDocument): string {
  let figures = 0;
  let tables = 0;
  const print = (block: Block): string => {
    switch (block.kind) {
      case 'prose':
        return `<p>${block.lead ? `<b>${escapeHtml(block.lead)}</b> ` : ''}${escapeHtml(block.text)}</p>`;
      case 'subheading':
        return `<h3>${escapeHtml(block.text)}</h3>`;
      case 'list':
        return `<ul class="points">${block.items.map(({ lead, text }) => `<li><b>${escapeHtml(lead)}</b> ${escapeHtml(text)}</li>`).join('')}</ul>`;
      case 'code':
        return `<h3>${escapeHtml(block.title)}</h3><pre>${escapeHtml(block.text)}</pre>`;
      case 'table':
        return table(block, ++tables);
      case 'figure':
        return figure(block, ++figures);
      case 'pictures':
        return pictures(block, ++figures);
    }
  };
  const { verdict } = report;
  const key = verdict.figures.map(
    ({ label, value, note }) =>
      `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}<small>${escapeHtml(note)}</small></dd></div>`,
  );
  const contents = report.sections.map(({ id, title }) => `<a href="#${id}">${escapeHtml(title)}</a>`);
  const sections = report.sections.map(
    ({ id, title, blocks }) =>
      `<section id="${id}"><h2>${escapeHtml(title)}</h2>\n${blocks.map(print).join('\n')}\n</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(report.title)}: ${escapeHtml(verdict.short)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header><p class="eyebrow">Graft trial report</p><h1>${escapeHtml(report.title)}</h1><p class="subtitle">${escapeHtml(report.subtitle)}</p></header>
<section class="verdict ${verdict.kind}" aria-label="Verdict"><p class="eyebrow">${escapeHtml(verdict.short)}</p><p class="sentence">${escapeHtml(verdict.sentence)}</p><p class="more">${escapeHtml(verdict.paragraph)}</p>${key.length > 0 ? `<dl class="key">${key.join('')}</dl>` : ''}</section>
<nav aria-label="Contents">${contents.join('')}</nav>
${sections.join('\n')}
<footer>${escapeHtml(report.footer)}</footer>
</main>
</body>
</html>
`;
}
