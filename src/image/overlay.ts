/** Words laid over pictures: small SVGs that sharp draws on pixels. */

export interface Label {
  text: string;
  /** Of the text's anchor on its base line, in px from the upper left. */
  x: number;
  y: number;
  /** Which end of the text stands at x; default `middle`. */
  anchor?: 'start' | 'middle' | 'end';
  sizePx?: number;
  bold?: boolean;
}

/** Size of letters in px, unless told. */
export const LABEL_SIZE_PX = 11;
/** Height in px of a line of them. */
export const lineHeightPx = (sizePx: number): number => sizePx + 5;
/** Widths of letters at a font size of 1, broad ones apart; generous, because fonts differ and labels may be bold. */
const LETTER = 0.68;
const BROAD_LETTER = 1.05;

/** Room that a text needs, in px: an estimate, since no font is asked. */
export const textWidthPx = (text: string, sizePx = LABEL_SIZE_PX): number =>
  Math.ceil(
    [...text].reduce((sum, letter) => sum + (/[mwMW]/.test(letter) ? BROAD_LETTER : LETTER), 0) * sizePx,
  );

const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

/** Transparent but for the labels, as `sharp(…).composite([{ input }])` takes it. */
export function labelOverlay(labels: readonly Label[], size: { width: number; height: number }): Buffer {
  const texts = labels.map(({ text, x, y, anchor = 'middle', sizePx = LABEL_SIZE_PX, bold = false }) => {
    const weight = bold ? ' font-weight="600"' : '';
    return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${sizePx}"${weight}>${escapeXml(text)}</text>`;
  });
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" ` +
      `font-family="sans-serif" fill="#333">${texts.join('')}</svg>`,
  );
}
