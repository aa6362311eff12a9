/** What pages have in common, whichever way a class is called. */
import type { Block, FigureBlock, GalleryBlock, Section, Summary } from '../../report/index.js';
import { fixed, plural, range, whole } from '../../report/index.js';
import type { Calibrated, Score } from '../evaluation.js';
import type { ClassCount } from '../few.js';
import type { ReportSubject } from './input.js';

export type { Calibrated };

/** What differs between pages by the rule that calls a class. */
export interface ReportParts {
  summary: Summary;
  /** Before the calibration. */
  sections: Section[];
  reliability: FigureBlock;
  /** What the temperature changes, and what not. */
  temperature: string;
  subgroups: Block[];
  /** Null where there is no error to show, or no picture was read. */
  gallery: GalleryBlock | null;
  /** How a class is called, as a row of the table; which probability is to be true. */
  protocol: { images: string; calls: [what: string, how: string]; calibrated: string };
}

/** How the page opens: figures over images that the classifier knows say nothing, however high they are. */
export function standing(
  { known }: ReportSubject,
  { beatsChance, few }: { beatsChance: boolean; few: ClassCount | null },
): Pick<Summary, 'tone' | 'short'> {
  if (known > 0) return { tone: 'bad', short: `learned from ${whole(known)} of these images` };
  if (few) return { tone: 'open', short: `too few to judge: ${plural(few.groups, 'group')} of ${few.name}` };
  return beatsChance
    ? { tone: 'even', short: 'better than chance' }
    : { tone: 'open', short: 'not shown to be better than chance' };
}

/** What a reader must know of the data before anything else. */
export const cautions = ({ dataset, notes }: ReportSubject, fitted: string): string[] => [
  ...notes,
  ...(dataset.foreign
    ? [`These are not the data that it was validated on: ${fitted} its own validation split.`]
    : []),
  ...(dataset.kind === 'phantom'
    ? ['The images are phantoms: drawn by a program, with no patient behind them.']
    : []),
];

const METHODS = { delong: 'DeLong', wilson: 'Wilson', bootstrap: 'bootstrap' };

/** Scores under their titles, in the order of the titles. */
export function scoreTableOf<Name extends string>(
  titles: Readonly<Record<Name, string>>,
  scores: Readonly<Record<Name, Score>>,
  note: string,
): Block {
  return {
    kind: 'table',
    title: 'Every score',
    columns: [
      { title: 'Score', align: 'left' },
      { title: 'Value', align: 'right' },
      { title: '95 % interval', align: 'right' },
      { title: 'Interval by', align: 'left' },
    ],
    rows: (Object.keys(titles) as Name[]).map((name) => {
      const { value, interval, method } = scores[name];
      return [
        titles[name],
        value === null ? '–' : fixed(value),
        interval ? range(interval) : '–',
        interval ? METHODS[method] : '',
      ];
    }),
    note,
  };
}
