/**
 * Prints a report as one self-contained HTML page: style inline, figures as SVG, pictures as base64. The scripts there are
 * sort tables and tell a figure's values, and stand only on pages that have such. Without them the page reads the same.
 */
import type {
  Block,
  FigureBlock,
  GalleryBlock,
  LegendItem,
  PicturesBlock,
  ReportDocument,
  Summary,
  TableBlock,
} from './document.js';
import { escapeHtml } from './escape.js';
import { EXPLORE_SCRIPT, EXPLORE_STYLE } from './explore-script.js';
import { ended } from './format.js';
import { legendSign } from './legend.js';
import { encodedBytes } from './picture.js';
import { SORT_SCRIPT, SORT_STYLE } from './sort-script.js';
import { GALLERY_STYLE, STYLE } from './style.js';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

function legend(items: readonly LegendItem[]): string {
  if (items.length === 0) return '';
  const entries = items.map((item) => {
    const { svg, width } = legendSign(item);
    // The style's width is that of a line.
    const style = width === 22 ? '' : ` style="width:${((1.5 * width) / 22).toFixed(2)}rem"`;
    const series = item.series ? ` data-series="${escapeHtml(item.series)}"` : '';
    return `<li${series}><svg viewBox="0 0 ${width} 10"${style} aria-hidden="true">${svg}</svg>${escapeHtml(item.label)}</li>`;
  });
  return `<ul class="legend">${entries.join('')}</ul>`;
}

function caption(
  number: number,
  { title, shows, doesNotShow }: FigureBlock | PicturesBlock | GalleryBlock,
): string {
  return `<figcaption><b>Figure ${number}. ${escapeHtml(ended(title))}</b> ${escapeHtml(shows)}<span><b>What it does not show.</b> ${escapeHtml(doesNotShow)}</span></figcaption>`;
}

function figure(block: FigureBlock, number: number): string {
  const panels = block.panels.map(({ title, wide, narrow, hover }) => {
    const heading = title ? `<p class="panel-title">${escapeHtml(title)}</p>` : '';
    const told = hover ? ` data-hover="${escapeHtml(JSON.stringify(hover))}"` : '';
    return narrow === null
      ? `<div class="panel"${told}>${heading}${wide}</div>`
      : `<div class="panel"${told}>${heading}<div class="wide">${wide}</div><div class="narrow">${narrow}</div></div>`;
  });
  // Panels as wide as the page stand one under the other, others in a grid; a printed page may end between them.
  const isWide = block.panels.every(({ narrow }) => narrow !== null);
  const isTall = block.panels.length > (isWide ? 1 : 2);
  const layout = isTall ? (isWide ? ' tall' : ' many') : '';
  return `<figure id="figure-${block.name}"${isTall ? ' class="tall"' : ''}>${legend(block.legend)}<div class="panels${layout}">${panels.join('')}</div>${caption(number, block)}</figure>`;
}

function pictures(block: PicturesBlock, number: number): string {
  const items = block.pictures.map((picture) => {
    const { title, width, height } = picture;
    const { format, bytes } = encodedBytes(picture);
    const heading = title ? `<p class="panel-title">${escapeHtml(title)}</p>` : '';
    // A picture alone has room to grow, and would only get blurred.
    const style = block.pictures.length === 1 ? ` style="max-width:${width}px"` : '';
    return `<div>${heading}<img alt="${escapeHtml(title || block.title)}" width="${width}" height="${height}"${style} src="data:image/${format};base64,${base64(bytes)}"></div>`;
  });
  return `<figure id="figure-${block.name}"><div class="pictures">${items.join('')}</div>${caption(number, block)}</figure>`;
}

/** What is told of a picture shows on hover and on focus, which a tap gives. */
function gallery(block: GalleryBlock, number: number): string {
  const rows = block.rows.map(({ title, tiles }) => {
    const items = tiles.map(({ images, caption: text, facts }) => {
      const pictures = images.map(
        ({ jpeg, alt }) =>
          `<img alt="${escapeHtml(alt)}" width="128" height="128" src="data:image/jpeg;base64,${base64(jpeg)}">`,
      );
      const lines = facts.map(
        ({ name, value }) => `<span><i>${escapeHtml(name)}</i> ${escapeHtml(value)}</span>`,
      );
      const tip = lines.length > 0 ? `<div class="tip" aria-hidden="true">${lines.join('')}</div>` : '';
      const under = text ? `<small>${escapeHtml(text)}</small>` : '';
      return `<div class="tile${images.length > 1 ? ' pair' : ''}" tabindex="0"><div class="shots">${pictures.join('')}</div>${under}${tip}</div>`;
    });
    return `<p class="panel-title">${escapeHtml(title)}</p><div class="gallery">${items.join('')}</div>`;
  });
  return `<figure id="figure-${block.name}">${rows.join('')}${caption(number, block)}</figure>`;
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
  const names = [...(block.slim ? ['slim'] : []), ...(block.sortable ? ['sortable'] : [])];
  const classes = names.length > 0 ? ` class="${names.join(' ')}"` : '';
  const note = block.note ? `<p class="note">${escapeHtml(block.note)}</p>` : '<p class="note"></p>';
  return `<div class="scroll"><table${classes}><caption><b>Table ${number}. ${escapeHtml(ended(block.title))}</b></caption><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>${note}`;
}

function summaryBox({
  title,
  tone,
  short,
  asked,
  sentence,
  paragraph,
  points = [],
  note,
  figures,
}: Summary): string {
  const key = figures.map(
    ({ label, value, note }) =>
      `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}<small>${escapeHtml(note)}</small></dd></div>`,
  );
  const columns = figures.map(({ broad }) => (broad ? '1.7fr' : '1fr')).join(' ');
  const list = key.length > 0 ? `<dl class="key" style="--columns:${columns}">${key.join('')}</dl>` : '';
  return `<section class="summary ${tone}" aria-label="${escapeHtml(title)}"><p class="eyebrow">${escapeHtml(short)}</p>${asked ? `<p class="asked">${escapeHtml(asked)}</p>` : ''}<p class="sentence">${escapeHtml(sentence)}</p><p class="more">${escapeHtml(paragraph)}</p>${points.length > 0 ? `<ul class="more">${points.map((point) => `<li>${escapeHtml(point)}</li>`).join('')}</ul>` : ''}${note ? `<p class="more held">${escapeHtml(note)}</p>` : ''}${list}</section>`;
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
      case 'gallery':
        return gallery(block, ++figures);
    }
  };
  const { summary } = report;
  const contents = report.sections.map(({ id, title }) => `<a href="#${id}">${escapeHtml(title)}</a>`);
  const sections = report.sections.map(
    ({ id, title, blocks }) =>
      `<section id="${id}"><h2>${escapeHtml(title)}</h2>\n${blocks.map(print).join('\n')}\n</section>`,
  );
  const has = (test: (block: Block) => boolean): boolean =>
    report.sections.some(({ blocks }) => blocks.some(test));
  const hasGallery = has(({ kind }) => kind === 'gallery');
  const sorts = has((block) => block.kind === 'table' && block.sortable === true);
  const explores = has(
    (block) => block.kind === 'figure' && block.panels.some(({ hover }) => hover !== undefined),
  );
  const scripts = [...(sorts ? [SORT_SCRIPT] : []), ...(explores ? [EXPLORE_SCRIPT] : [])];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml([report.title, ...(summary ? [summary.short] : [])].join(': '))}</title>
<style>${STYLE}${hasGallery ? GALLERY_STYLE : ''}${sorts ? SORT_STYLE : ''}${explores ? EXPLORE_STYLE : ''}</style>
</head>
<body>
<main>
<header><p class="eyebrow">${escapeHtml(report.eyebrow)}</p><h1>${escapeHtml(report.title)}</h1><p class="subtitle">${escapeHtml(report.subtitle)}</p></header>
${summary ? summaryBox(summary) : ''}
<nav aria-label="Contents">${contents.join('')}</nav>
${sections.join('\n')}
<footer>${escapeHtml(report.footer)}</footer>
</main>
${scripts.map((script) => `<script>${script}</script>\n`).join('')}</body>
</html>
`;
}
