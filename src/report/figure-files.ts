/**
 * A report's figures as files that stand alone: title, legend and panels on one white sheet, as SVG (for a paper)
 * and as PNG at twice the size (for a slide).
 */
import { FONT, standaloneSvg, WIDTHS } from './charts/plot.js';
import type { FigureBlock, GalleryBlock, PicturesBlock } from './document.js';
import { escapeHtml } from './escape.js';
import { legendSign } from './legend.js';
import { LIGHT } from './palette.js';
import { encodedBytes } from './picture.js';

const MARGIN_PX = 24;
const GAP_PX = 16;
/** A letter's mean width at a font size of 1; a little generous, so that legends do not touch. */
const LETTER = 0.58;

interface Sheet {
  svg: string;
  widthPx: number;
  heightPx: number;
}

/** Adds what is drawn from `top` downwards; returns where the next thing begins. */
type Draw = (parts: string[], top: number) => number;

function sheet(title: string, draws: readonly Draw[]): Sheet {
  const parts = [text(title, { x: 0, y: 14, sizePx: 15, weight: 600 })];
  let top = 34;
  for (const draw of draws) top = draw(parts, top);
  const widthPx = WIDTHS.full + 2 * MARGIN_PX;
  const heightPx = Math.ceil(top) + 2 * MARGIN_PX;
  const family = escapeHtml(FONT);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" viewBox="0 0 ${widthPx} ${heightPx}" font-family="${family}">` +
    `<rect width="100%" height="100%" fill="#fff"/><g transform="translate(${MARGIN_PX},${MARGIN_PX})">${parts.join('')}</g></svg>\n`;
  return { svg: standaloneSvg(svg), widthPx, heightPx };
}

function text(
  content: string,
  {
    x,
    y,
    sizePx,
    weight = 400,
    fill = LIGHT['--ink'],
  }: Record<'x' | 'y' | 'sizePx', number> & {
    weight?: number;
    fill?: string;
  },
): string {
  return `<text x="${x}" y="${y}" font-size="${sizePx}" font-weight="${weight}" fill="${fill}">${escapeHtml(content)}</text>`;
}

const legendOf =
  ({ legend }: FigureBlock): Draw =>
  (parts, top) => {
    if (legend.length === 0) return top;
    let [x, y] = [0, top];
    for (const item of legend) {
      const sign = legendSign(item);
      const widthPx = sign.width + 7 + item.label.length * 12 * LETTER;
      if (x > 0 && x + widthPx > WIDTHS.full) [x, y] = [0, y + 20];
      parts.push(`<g transform="translate(${x},${y - 5})">${sign.svg}</g>`);
      parts.push(text(item.label, { x: x + sign.width + 7, y: y + 4, sizePx: 12 }));
      x += widthPx + 18;
    }
    return y + 24;
  };

/** Size of a drawing from its own attributes. */
function sizeOf(svg: string): { width: number; height: number } {
  const read = (name: string): number => Number(new RegExp(`^<svg[^>]* ${name}="([\\d.]+)"`).exec(svg)?.[1]);
  return { width: read('width'), height: read('height') };
}

/** Full panels one under the other, half panels two abreast. */
const panelsOf =
  ({ panels }: FigureBlock): Draw =>
  (parts, top) => {
    let [x, y, rowHeight] = [0, top, 0];
    for (const { title, wide } of panels) {
      const { width, height } = sizeOf(wide);
      if (x > 0 && x + width > WIDTHS.full) [x, y, rowHeight] = [0, y + rowHeight + GAP_PX, 0];
      const titlePx = title ? 20 : 0;
      if (title) parts.push(text(title, { x, y: y + 10, sizePx: 12, weight: 600 }));
      parts.push(wide.replace('<svg', `<svg x="${x}" y="${y + titlePx}"`));
      rowHeight = Math.max(rowHeight, height + titlePx);
      x += width + GAP_PX;
    }
    return y + rowHeight;
  };

const TILES_A_ROW = 6;
const CAPTION_PX = 16;

const galleryRow =
  ({ title, tiles }: GalleryBlock['rows'][number]): Draw =>
  (parts, top) => {
    parts.push(text(title, { x: 0, y: top + 10, sizePx: 12, weight: 600 }));
    const step = (WIDTHS.full + 8) / TILES_A_ROW;
    const side = step - 8;
    const span = Math.max(1, ...tiles.map(({ images }) => images.length));
    const hasCaptions = tiles.some(({ caption }) => caption);
    const rowHeight = side + (hasCaptions ? CAPTION_PX : 0) + 8;
    const perRow = Math.floor(TILES_A_ROW / span);
    tiles.forEach(({ images, caption }, i) => {
      const x = (i % perRow) * step * span;
      const y = top + 20 + Math.floor(i / perRow) * rowHeight;
      images.forEach(({ jpeg }, k) => {
        const data = Buffer.from(jpeg).toString('base64');
        parts.push(
          `<image x="${x + k * (side + 2)}" y="${y}" width="${side}" height="${side}" href="data:image/jpeg;base64,${data}"/>`,
        );
      });
      if (caption) {
        const fill = LIGHT['--muted'];
        const letters = Math.floor((step * span - 8) / (10 * LETTER));
        const shown = caption.length > letters ? `${caption.slice(0, letters - 1)}…` : caption;
        parts.push(text(shown, { x, y: y + side + 12, sizePx: 10, fill }));
      }
    });
    return top + 20 + Math.ceil(tiles.length / perRow) * rowHeight + 8;
  };

/** A figure with its title, legend and panels (or rows of pictures) as one SVG. */
export function figureSheet(block: FigureBlock | GalleryBlock): Sheet {
  const draws = block.kind === 'figure' ? [legendOf(block), panelsOf(block)] : block.rows.map(galleryRow);
  return sheet(block.title, draws);
}

/** Each panel of a figure as a file, or a whole figure with its legend on a sheet. */
export type FigureFiles = 'panels' | 'sheets';

export interface FigureFile {
  title: string;
  /** Name within the folder of figures. */
  file: string;
  content: () => string | Uint8Array;
}

/** The files of a figure that a page names: SVG, but where pictures would make it heavy, and pictures as they are. */
export function figureFiles(
  block: FigureBlock | PicturesBlock | GalleryBlock,
  as: FigureFiles,
): FigureFile[] {
  const { name, title } = block;
  if (block.kind === 'pictures')
    return block.pictures.map((picture) => {
      const { format, bytes } = encodedBytes(picture);
      return { title: picture.title || title, file: `${picture.name}.${format}`, content: () => bytes };
    });
  if (block.kind === 'figure' && as === 'panels')
    return block.panels.map((panel, i, { length }) => ({
      title: panel.title ?? title,
      file: `${name}${length > 1 ? `-${i + 1}` : ''}.svg`,
      content: () => standaloneSvg(panel.wide),
    }));
  const ending = block.kind === 'gallery' && as === 'sheets' ? 'png' : 'svg';
  return [{ title, file: `${name}.${ending}`, content: () => figureSheet(block).svg }];
}
