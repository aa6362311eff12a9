/** What the pages of all metrics have in common: how they open, how they end, and how two sets are told apart. */
import {
  BLUE,
  type ForestRow,
  forestPanel,
  ORANGE,
  type Panel,
  type ReportDocument,
  type Section,
  type SeriesStyle,
  type Summary,
  type TableBlock,
} from '../../report/index.js';
import type { SetCaution } from '../sets/set-cautions.js';

/** What a page is called, and who made it. */
export interface PageWords {
  /** Such as the two folders. */
  title: string;
  subtitle: string;
  footer: string;
}

/** A page with its protocol at the end. */
export function metricPage(
  { title, subtitle, footer }: PageWords,
  page: {
    eyebrow: string;
    summary: Omit<Summary, 'title' | 'tone'> & Partial<Summary>;
    /** Those without blocks are left out. */
    sections: readonly Section[];
    protocol: TableBlock;
  },
): ReportDocument {
  const protocol: Section = { id: 'protocol', title: 'Protocol', blocks: [page.protocol] };
  return {
    eyebrow: `Graft · ${page.eyebrow}`,
    title,
    subtitle,
    summary: { title: 'Summary', tone: 'open', ...page.summary },
    sections: [...page.sections, protocol].filter(({ blocks }) => blocks.length > 0),
    footer,
  };
}

/** How a page opens where a caution stands. */
const CAUTION_TITLES: Readonly<Record<SetCaution['kind'], string>> = {
  copies: 'Copies of real images',
  degenerate: 'No set to judge',
  few: 'Too few images to judge',
};

/**
 * A page that opens with what makes its figures mean less than they seem to; a failure stays one.
 * @param cautions the gravest first
 */
export function cautioned(document: ReportDocument, cautions: readonly SetCaution[]): ReportDocument {
  const [first] = cautions;
  const { summary } = document;
  if (!first || !summary) return document;
  const tone = first.kind === 'few' ? ('open' as const) : ('bad' as const);
  return {
    ...document,
    summary: {
      ...summary,
      ...(summary.tone === 'bad' ? {} : { tone, short: CAUTION_TITLES[first.kind] }),
      sentence: cautions.map(({ words }) => words).join(' '),
      paragraph: `${summary.sentence} ${summary.paragraph}`,
    },
  };
}

/** What is real is blue, what is synthetic orange. */
export const REAL: SeriesStyle = { label: 'real', color: BLUE };
export const SYNTHETIC: SeriesStyle = { label: 'synthetic', color: ORANGE };

interface Estimate {
  value: number;
  interval: readonly [number, number] | null;
}

/** The two sets under each other with their intervals, on an axis of their own. @param options.times of the values */
export function twoSetsPanel(
  sets: { real: Estimate; synthetic: Estimate },
  options: { title: string; axis: string; times?: number },
): Panel {
  const { title, axis, times = 1 } = options;
  const row = (style: SeriesStyle, { value, interval }: Estimate): ForestRow => ({
    ...style,
    value: times * value,
    low: times * interval![0],
    high: times * interval![1],
  });
  const rows = [row(REAL, sets.real), row(SYNTHETIC, sets.synthetic)];
  return forestPanel(rows, { title, half: true, axis: { label: axis }, labelPx: 78 });
}
