/**
 * The report as plain data: what ./content.ts composes and ./html.ts and ./markdown.ts print. All text is plain
 * text; the printers escape it.
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
}

/** One drawing. A half panel is drawn once, about 350 px wide; a full one for a wide page and for a phone. */
export interface Panel {
  title?: string;
  wide: string;
  narrow: string | null;
}

export interface FigureBlock {
  kind: 'figure';
  /** File name without ending, for the copies beside report.md. */
  name: string;
  title: string;
  /** One plain line each. */
  shows: string;
  doesNotShow: string;
  legend: { label: string; color: string; symbol: string }[];
  panels: Panel[];
}

/** Pictures side by side. */
export interface PicturesBlock {
  kind: 'pictures';
  name: string;
  title: string;
  shows: string;
  doesNotShow: string;
  pictures: { title: string; name: string; png: Uint8Array; width: number; height: number }[];
}

export type Block =
  | { kind: 'prose'; lead?: string; text: string }
  | { kind: 'list'; items: { lead: string; text: string }[] }
  | { kind: 'code'; title: string; text: string }
  | { kind: 'subheading'; text: string }
  | TableBlock
  | FigureBlock
  | PicturesBlock;

export interface Section {
  id: string;
  title: string;
  blocks: Block[];
}

export interface ReportDocument {
  title: string;
  subtitle: string;
  verdict: {
    kind: string;
    short: string;
    sentence: string;
    paragraph: string;
    figures: { label: string; value: string; note: string }[];
  };
  sections: Section[];
  footer: string;
}
