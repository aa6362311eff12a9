/**
 * A report as plain data: what a trial or a dataset's description composes, and ./html.ts and ./markdown.ts print.
 * All text is plain text; the printers escape it.
 */

export interface TableBlock {
  kind: 'table';
  title: string;
  columns: { title: string; align: 'left' | 'right' }[];
  rows: string[][];
  /** Printed small under the table. */
  note?: string;
  /** Rows set in bold (the comparison the verdict is about). */
  strong?: number[];
  /** Narrow enough for a phone: is not given the width that makes tables scroll there. */
  slim?: boolean;
  /** A press on a column's head sorts the rows. */
  sortable?: boolean;
}

/** One drawing. A half panel is drawn once, about 350 px wide; a full one for a wide page and for a phone. */
export interface Panel {
  title?: string;
  wide: string;
  narrow: string | null;
  /** What is told of its points when they are pointed at, or reached by the arrow keys. */
  hover?: Hover;
}

/** Points of one curve, in the order of the arrow keys. */
export interface HoverSeries {
  /** The legend's entry that shows and hides it; see {@link LegendItem}. */
  series?: string;
  label: string;
  /** `[x, y]`, or `[x, y, low, high]` with an interval of y; in the plot's own units. */
  points: (readonly number[])[];
  /** Told in place of x and y, one a point. */
  texts?: string[];
}

export interface Hover {
  /** Names of the axes. */
  x: string;
  y: string;
  series: HoverSeries[];
}

/** What every numbered figure has. */
export interface Captioned {
  /** File name without ending, for copies beside the report. */
  name: string;
  title: string;
  /** One plain line each. */
  shows: string;
  doesNotShow: string;
}

export interface LegendItem {
  label: string;
  color: string;
  /** `line`, `area`, `dot`, or one of the plot's symbols, which is drawn on a line. */
  symbol: string;
  /** Of the line, as SVG's stroke-dasharray. */
  dash?: string;
  /** A press on the entry hides and shows what is drawn with the class `series-NAME` in this figure. */
  series?: string;
}

export interface FigureBlock extends Captioned {
  kind: 'figure';
  legend: LegendItem[];
  panels: Panel[];
}

/** An encoded picture; WebP where it moves, or where PNG would make the page heavy. */
export type EncodedPicture = ({ png: Uint8Array } | { webp: Uint8Array }) & { width: number; height: number };

export type Picture = EncodedPicture & {
  title: string;
  /** File name without ending, for a copy beside the report. */
  name: string;
};

/** Pictures side by side. */
export interface PicturesBlock extends Captioned {
  kind: 'pictures';
  pictures: Picture[];
}

/** One or two small pictures of which more is told when they are pointed at, or tapped. */
export interface Tile {
  images: { jpeg: Uint8Array; alt: string }[];
  /** Printed small under the picture. */
  caption?: string;
  /** Told on demand, a line each. */
  facts: { name: string; value: string }[];
}

/** Rows of small square pictures. */
export interface GalleryBlock extends Captioned {
  kind: 'gallery';
  rows: { title: string; tiles: Tile[] }[];
}

export type Block =
  | { kind: 'prose'; lead?: string; text: string }
  | { kind: 'list'; items: { lead: string; text: string }[] }
  | { kind: 'code'; title: string; text: string }
  | { kind: 'subheading'; text: string }
  | TableBlock
  | FigureBlock
  | PicturesBlock
  | GalleryBlock;

export interface Section {
  id: string;
  title: string;
  blocks: Block[];
}

/** The box that a report opens with. */
export interface Summary {
  /** What a screen reader calls it. */
  title: string;
  /** Good and bad news; even: neither; open: nothing can be said, or something is to be looked at. */
  tone: 'good' | 'bad' | 'even' | 'open';
  /** A few words for a headline. */
  short: string;
  /** What was asked, above the sentence that answers it. */
  asked?: string;
  sentence: string;
  paragraph: string;
  /** Under the paragraph, one below the other: what limits the sentence. */
  points?: string[];
  /** Right under the paragraph: what it was held to. */
  note?: string;
  /** At most four; a broad one gets more room. */
  figures: { label: string; value: string; note: string; broad?: boolean }[];
}

export interface ReportDocument {
  /** What kind of report it is, small above the title. */
  eyebrow: string;
  title: string;
  subtitle: string;
  summary?: Summary;
  sections: Section[];
  footer: string;
}
