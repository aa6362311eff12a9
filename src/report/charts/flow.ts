/**
 * A flow diagram of images through a study: from what was found to what was kept, from there to the splits, and the
 * collections from elsewhere beside them.
 */
import type { Panel } from '../document.js';
import { escapeHtml } from '../escape.js';
import { shortened } from '../format.js';
import { FONT, type PanelOptions, WIDTHS } from './plot.js';

export interface FlowCard {
  title: string;
  lines: string[];
  /** Drawn dashed: what left, or came from elsewhere. */
  aside?: boolean;
}

export interface FlowCards {
  found: FlowCard | null;
  /** What was left out between found and kept. */
  out: FlowCard | null;
  kept: FlowCard;
  /** Three, abreast. */
  splits: FlowCard[];
  external: FlowCard[];
}

const LINE_PX = 16;
const PAD_PX = 10;
const GAP_PX = 26;
/** Mean width of a letter at 12 px. */
const LETTER_PX = 6.6;

export const flowPanel = (cards: FlowCards, { title }: PanelOptions): Panel => ({
  wide: svg(drawWide(cards), WIDTHS.full, title),
  narrow: svg(drawNarrow(cards), WIDTHS.phone, title),
});

const heightOf = ({ lines }: FlowCard): number => 2 * PAD_PX + LINE_PX * (lines.length + 1) - 2;

/** What was drawn, and down to where. */
interface Drawing {
  parts: string[];
  height: number;
}

function svg({ parts, height }: Drawing, width: number, label: string): string {
  const size = `width="${width}" height="${Math.ceil(height)}" viewBox="0 0 ${width} ${Math.ceil(height)}"`;
  return `<svg class="plot" ${size} xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escapeHtml(label)}" font-size="12" font-family="${escapeHtml(FONT)}" style="font-family:inherit;background:transparent">${parts.join('')}</svg>`;
}

interface Place {
  x: number;
  y: number;
  width: number;
}

function drawCard({ title, lines, aside = false }: FlowCard, { x, y, width }: Place): string {
  const letters = Math.floor((width - 2 * PAD_PX) / LETTER_PX);
  const words = [title, ...lines].map(
    (text, i) =>
      `<text x="${x + PAD_PX}" y="${y + PAD_PX + 10 + LINE_PX * i}"${i === 0 ? ' font-weight="600" fill="var(--ink)"' : ' fill="var(--muted)"'}>${escapeHtml(shortened(text, letters))}</text>`,
  );
  return `<rect x="${x}" y="${y}" width="${width}" height="${heightOf({ title, lines })}" rx="4" fill="${aside ? 'none' : 'var(--soft)'}" stroke="var(--muted)"${aside ? ' stroke-dasharray="4 3"' : ''}/>${words.join('')}`;
}

/** A line through points, x and y by turns, with a head at its end. */
function arrow(...points: readonly number[]): string {
  const [fromX, fromY, x, y] = points.slice(-4) as [number, number, number, number];
  const back = x - 7 * Math.sign(x - fromX);
  const head =
    y === fromY
      ? `M${back},${y - 4}L${x},${y}L${back},${y + 4}`
      : `M${x - 4},${y - 7}L${x},${y}L${x + 4},${y - 7}`;
  const line = points.map((value, i) => (i === 0 ? `M${value}` : i % 2 === 0 ? `L${value}` : `,${value}`));
  return `<path d="${line.join('')}${head}" fill="none" stroke="var(--muted)"/>`;
}

/** Found and kept down the middle, what left beside them, the splits abreast, collections from elsewhere below these. */
function drawWide({ found, out, kept, splits, external }: FlowCards): Drawing {
  const width = WIDTHS.full;
  const centre = width / 2;
  const parts: string[] = [];
  const middle = { x: centre - 120, width: 240 };
  let y = 1;
  if (found) {
    parts.push(drawCard(found, { ...middle, y }));
    const bottom = y + heightOf(found);
    const below = out ? Math.max(GAP_PX, heightOf(out) - heightOf(found) / 2 + 12) : GAP_PX;
    if (out) {
      const side: Place = { x: width - 200, y: bottom - heightOf(found) / 2 + 10, width: 199 };
      const at = Math.min(bottom + below - 8, side.y + heightOf(out) / 2);
      parts.push(drawCard(out, side), arrow(centre, at, side.x, at));
    }
    parts.push(arrow(centre, bottom, centre, bottom + below));
    y = bottom + below;
  }
  parts.push(drawCard(kept, { ...middle, y }));
  y += heightOf(kept);
  const each = (width - 2 * 16 - 2) / 3;
  const columnOf = (i: number): number => 1 + i * (each + 16);
  const top = y + GAP_PX + 6;
  const turn = y + GAP_PX / 2;
  splits.forEach((card, i) => {
    const to = columnOf(i) + each / 2;
    parts.push(drawCard(card, { x: columnOf(i), y: top, width: each }));
    parts.push(arrow(centre, y, centre, turn, to, turn, to, top));
  });
  y = top + Math.max(...splits.map(heightOf));
  for (let row = 0; row < external.length; row += 3) {
    const own = external.slice(row, row + 3);
    // The last column is that of the test images, to which they belong.
    own.forEach((card, i) => {
      parts.push(drawCard(card, { x: columnOf(2 - i), y: y + 14, width: each }));
    });
    y += 14 + Math.max(...own.map(heightOf));
  }
  return { parts, height: y + 2 };
}

/** One under the other; what left is indented. */
function drawNarrow({ found, out, kept, splits, external }: FlowCards): Drawing {
  const parts: string[] = [];
  let y = 1;
  const add = (card: FlowCard, { indent = false, joined = false } = {}): void => {
    const x = indent ? 60 : 1;
    const gap = joined && !indent ? GAP_PX - 8 : 10;
    if (y > 1) {
      const middle = y + 10 + heightOf(card) / 2;
      if (indent) parts.push(arrow(30, y, 30, middle, x, middle));
      else if (joined) parts.push(arrow(30, y, 30, y + gap));
      y += gap;
    }
    parts.push(drawCard(card, { x, y, width: WIDTHS.phone - x - 1 }));
    if (indent) parts.push(`<path d="M30,${y - 10}V${y + heightOf(card)}" stroke="var(--muted)"/>`);
    y += heightOf(card);
  };
  if (found) add(found);
  if (out) add(out, { indent: true, joined: true });
  add(kept, { joined: true });
  splits.forEach((card, i) => {
    add(card, { joined: i === 0 });
  });
  for (const card of external) add(card);
  return { parts, height: y + 2 };
}
