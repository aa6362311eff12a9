/**
 * The way of the images through the study, as a diagram: from what was found to what was kept, from there to training,
 * validation and test by class with groups, and the collections from elsewhere beside them.
 */
import type { FigureBlock } from '../../report/index.js';
import { escapeHtml, FONT, plural, shortened, WIDTHS, whole } from '../../report/index.js';
import type { TrialSummary } from '../summary.js';
import { countsIn, spanOf } from './span.js';

interface Card {
  title: string;
  lines: string[];
  /** Drawn dashed: what left, or came from elsewhere. */
  aside?: boolean;
}

const LINE_PX = 16;
const PAD_PX = 10;
const GAP_PX = 26;
/** Mean width of a letter at 12 px. */
const LETTER_PX = 6.6;

export function flowFigure(summary: TrialSummary): FigureBlock {
  const cards = cardsOf(summary);
  const label = `Flow of images: ${[cards.found, cards.kept, ...cards.splits].flatMap((card) => (card ? [`${card.title} ${card.lines.join(', ')}`] : [])).join('; ')}`;
  const several = summary.folds.length > 1;
  return {
    kind: 'figure',
    name: 'participants',
    title: 'From the images that were found to those that were scored',
    shows: `Images by class${summary.dataset.group === 'image' ? '' : `, in brackets ${summary.dataset.group}s`}.${several ? ` In each of ${summary.folds.length} folds; where these differ, from the smallest to the largest.` : ''}${cards.out ? ' What was left out counts under its first fault.' : ''}`,
    doesNotShow: `${cards.found ? '' : 'What was left out when the dataset was made: its folder has no record of it. '}Who came into the collection, and who did not: that was decided before anything was found.`,
    legend: [],
    panels: [{ wide: drawWide(cards, label), narrow: drawNarrow(cards, label) }],
  };
}

interface Cards {
  found: Card | null;
  out: Card | null;
  kept: Card;
  splits: Card[];
  external: Card[];
}

function cardsOf({ dataset, folds, flow, external }: TrialSummary): Cards {
  const { classes, group, positive, name } = dataset;
  const grouped = group !== 'image';
  const line = (label: string, images: string, groups: string): string =>
    `${label}: ${images}${grouped && groups !== images ? ` (${groups})` : ''}`;
  const splits = (['train', 'val', 'test'] as const).map((split): Card => {
    const spans = (key: 'images' | 'groups', label?: string): string =>
      spanOf(countsIn(folds, split, { label, key }));
    return {
      title: `${{ train: 'Training', val: 'Validation', test: 'Test' }[split]}: ${spans('images')}`,
      lines: classes.map((label) => line(label, spans('images', label), spans('groups', label))),
    };
  });
  const sum = (label?: string): number =>
    folds[0]!.counts
      .filter((row) => label === undefined || row.label === label)
      .reduce((total, { images }) => total + images, 0);
  const last = flow?.at(-1);
  const first = flow?.[0];
  const kept: Card = {
    title: `${shortened(name, 30)}: ${plural(sum(), 'image')}`,
    lines: classes.map((label) => `${label}: ${whole(sum(label))}`),
  };
  const reasons = (flow ?? []).slice(1).flatMap(({ text, images }, i) => {
    const gone = flow![i]!.images - images;
    return gone > 0 ? [`${text}: ${whole(gone)}`] : [];
  });
  return {
    found: first
      ? {
          title: `Found: ${plural(first.images, 'image')}`,
          lines: labelsOf(first.byLabel, classes),
        }
      : null,
    out:
      first && last && last.images < first.images
        ? { title: `Left out: ${whole(first.images - last.images)}`, lines: reasons, aside: true }
        : null,
    kept,
    splits,
    external: external.map(
      (set): Card => ({
        title: `External: ${shortened(set.name, 18)}, ${whole(set.labels.length)}`,
        lines: [positive, 'others'].map((label, i) => {
          const own = set.labels.flatMap((value, at) => (value === 1 - i ? [set.groups[at]!] : []));
          return line(label, whole(own.length), whole(new Set(own).size));
        }),
        aside: true,
      }),
    ),
  };
}

/** The classes, and what has no label or another one together. */
function labelsOf(byLabel: Readonly<Record<string, number>>, classes: readonly string[]): string[] {
  const other = Object.entries(byLabel).reduce(
    (sum, [label, count]) => sum + (classes.includes(label) ? 0 : count),
    0,
  );
  return [
    ...classes.map((label) => `${label}: ${whole(byLabel[label] ?? 0)}`),
    ...(other > 0 ? [`no or another label: ${whole(other)}`] : []),
  ];
}

const heightOf = ({ lines }: Card): number => 2 * PAD_PX + LINE_PX * (lines.length + 1) - 2;

interface Place {
  x: number;
  y: number;
  width: number;
}

function drawCard({ title, lines, aside = false }: Card, { x, y, width }: Place): string {
  const letters = Math.floor((width - 2 * PAD_PX) / LETTER_PX);
  const words = [title, ...lines].map(
    (text, i) =>
      `<text x="${x + PAD_PX}" y="${y + PAD_PX + 10 + LINE_PX * i}"${i === 0 ? ' font-weight="600" fill="var(--ink)"' : ' fill="var(--muted)"'}>${escapeHtml(shortened(text, letters))}</text>`,
  );
  return `<rect x="${x}" y="${y}" width="${width}" height="${heightOf({ title, lines })}" rx="4" fill="${aside ? 'none' : 'var(--soft)'}" stroke="var(--muted)"${aside ? ' stroke-dasharray="4 3"' : ''}/>${words.join('')}`;
}

/** A line with a head at its end, through the given points. */
const arrow = (points: readonly (readonly [number, number])[]): string => {
  const [x, y] = points.at(-1)!;
  const [fromX, fromY] = points.at(-2)!;
  const down = y !== fromY;
  const head = down
    ? `M${x - 4},${y - 7}L${x},${y}L${x + 4},${y - 7}`
    : `M${x - 7 * Math.sign(x - fromX)},${y - 4}L${x},${y}L${x - 7 * Math.sign(x - fromX)},${y + 4}`;
  return `<path d="M${points.map((point) => point.join(',')).join('L')}${head}" fill="none" stroke="var(--muted)"/>`;
};

const svg = (
  parts: readonly string[],
  { width, height, label }: { width: number; height: number; label: string },
): string =>
  `<svg class="plot" width="${width}" height="${Math.ceil(height)}" viewBox="0 0 ${width} ${Math.ceil(height)}" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escapeHtml(label)}" font-size="12" font-family="${escapeHtml(FONT)}" style="font-family:inherit;background:transparent">${parts.join('')}</svg>`;

/** Found and kept down the middle, what left beside them, the splits abreast, collections from elsewhere below these. */
function drawWide({ found, out, kept, splits, external }: Cards, label: string): string {
  const width = WIDTHS.full;
  const parts: string[] = [];
  const middle: Place = { x: width / 2 - 120, y: 1, width: 240 };
  let y = 1;
  if (found) {
    parts.push(drawCard(found, { ...middle, y }));
    const bottom = y + heightOf(found);
    const below = out ? Math.max(GAP_PX, heightOf(out) - heightOf(found) / 2 + 12) : GAP_PX;
    if (out) {
      const side: Place = { x: width - 200, y: bottom - heightOf(found) / 2 + 10, width: 199 };
      const at = Math.min(bottom + below - 8, side.y + heightOf(out) / 2);
      parts.push(drawCard(out, side));
      parts.push(
        arrow([
          [width / 2, at],
          [side.x, at],
        ]),
      );
    }
    parts.push(
      arrow([
        [width / 2, bottom],
        [width / 2, bottom + below],
      ]),
    );
    y = bottom + below;
  }
  parts.push(drawCard(kept, { ...middle, y }));
  y += heightOf(kept);
  const each = (width - 2 * 16 - 2) / 3;
  const top = y + GAP_PX + 6;
  splits.forEach((card, i) => {
    const place: Place = { x: 1 + i * (each + 16), y: top, width: each };
    const centre = place.x + each / 2;
    parts.push(drawCard(card, place));
    parts.push(
      arrow([
        [width / 2, y],
        [width / 2, y + GAP_PX / 2],
        [centre, y + GAP_PX / 2],
        [centre, top],
      ]),
    );
  });
  y = top + Math.max(...splits.map(heightOf));
  for (let row = 0; row < external.length; row += 3) {
    const own = external.slice(row, row + 3);
    // The last column is that of the test images, to which they belong.
    own.forEach((card, i) => {
      parts.push(drawCard(card, { x: 1 + (2 - i) * (each + 16), y: y + 14, width: each }));
    });
    y += 14 + Math.max(...own.map(heightOf));
  }
  return svg(parts, { width, height: y + 2, label });
}

/** One under the other; what left is indented. */
function drawNarrow({ found, out, kept, splits, external }: Cards, label: string): string {
  const width = WIDTHS.phone;
  const parts: string[] = [];
  let y = 1;
  const add = (card: Card, from: { indent?: boolean; joined: boolean }): void => {
    const x = from.indent ? 60 : 1;
    if (y > 1) {
      const start: [number, number] = [30, y];
      if (from.joined && !from.indent) parts.push(arrow([start, [30, y + GAP_PX - 8]]));
      if (from.indent)
        parts.push(
          arrow([
            [30, y],
            [30, y + 10 + heightOf(card) / 2],
            [x, y + 10 + heightOf(card) / 2],
          ]),
        );
      y += from.indent ? 10 : from.joined ? GAP_PX - 8 : 10;
    }
    parts.push(drawCard(card, { x, y, width: width - x - 1 }));
    if (from.indent) parts.push(`<path d="M30,${y - 10}V${y + heightOf(card)}" stroke="var(--muted)"/>`);
    y += heightOf(card);
  };
  if (found) add(found, { joined: false });
  if (out) add(out, { indent: true, joined: true });
  add(kept, { joined: true });
  splits.forEach((card, i) => {
    add(card, { joined: i === 0 });
  });
  for (const card of external) add(card, { joined: false });
  return svg(parts, { width, height: y + 2, label });
}
