/** What the reports of two and of several classes have in common. */
import type { Block, ReportDocument, Section, Summary } from '../../report/index.js';
import { day, fixed, plural, range, whole } from '../../report/index.js';
import type { Calibrated, Calibration, EvaluationFrame, Score } from '../evaluation.js';

export type { Calibrated };

import type { ClassCount } from '../few.js';
import type { ReportSubject } from './input.js';

/** The page around the sections; those without blocks are left out. */
export function documentOf(
  subject: ReportSubject,
  content: { images: number; hasPictures: boolean; summary: Summary; sections: readonly Section[] },
): ReportDocument {
  const { dataset } = subject;
  return {
    eyebrow: 'Graft classifier report',
    title: subject.run,
    subtitle: [
      `${subject.architecture}, ${subject.sizePx} px`,
      `${subject.split} split of ${dataset.name}`,
      plural(content.images, 'image'),
      day(subject.madeAt),
    ].join(' · '),
    summary: content.summary,
    sections: content.sections.filter(({ blocks }) => blocks.length > 0),
    footer:
      `Made by Graft ${subject.graft} from the run folder.` +
      (content.hasPictures && dataset.kind === 'images'
        ? ' This page holds images of the dataset: pass it on as you would pass on the images.'
        : '') +
      ' Not a medical device.',
  };
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

/** @param note what the temperature changes, and what not */
export function calibrationTableOf({ calibration, tempered, temperature }: Calibrated, note: string): Block {
  const columns = [
    { name: 'As they are', own: calibration },
    ...(tempered ? [{ name: `Temperature ${fixed(temperature.temperature, 2)}`, own: tempered }] : []),
  ];
  const line = (title: string, value: (own: Calibration) => string): string[] => [
    title,
    ...columns.map(({ own }) => value(own)),
  ];
  return {
    kind: 'table',
    title: 'Probabilities before and after temperature scaling',
    columns: [
      { title: 'Measure', align: 'left' },
      ...columns.map(({ name }) => ({ title: name, align: 'right' as const })),
    ],
    rows: [
      line('Expected calibration error', ({ error }) => fixed(error)),
      line('… of true probabilities', ({ floor }) => `${fixed(floor.mean)}, 95 % below ${fixed(floor.high)}`),
      line('Brier score', ({ brier }) => fixed(brier)),
      line('Log loss, nats', ({ logLoss }) => fixed(logLoss)),
    ],
    note: `Lower is better. ${note}`,
    slim: true,
  };
}

/**
 * How it was measured.
 * @param content.calls how a class is called, as a row of the table; content.calibrated: of which probability
 */
export function protocolBlocksOf(
  { dataset, split, scoring }: ReportSubject,
  content: {
    images: string;
    calls: [what: string, how: string];
    calibrated: string;
    evaluation: EvaluationFrame;
  },
): Block[] {
  const { protocol, temperature } = content.evaluation;
  return [
    {
      kind: 'table',
      title: 'Protocol',
      columns: [
        { title: 'What', align: 'left' },
        { title: 'How', align: 'left' },
      ],
      rows: [
        ['Dataset', `${dataset.name}, ${split} split`],
        ['Images', content.images],
        ['Scoring', scoring ?? 'one pass an image, no augmentation'],
        content.calls,
        ['Temperature', `maximum likelihood on ${whole(temperature.validationImages)} validation images`],
        [
          'Intervals',
          `${protocol.interval}; bootstrap: ${whole(protocol.replicates)} replicates, seed ${protocol.seed}`,
        ],
        ['Calibration error', `${protocol.calibrationBins} bins of equal width, ${content.calibrated}`],
      ],
      note: 'Intervals are over the choice of these images. Another training run, another hospital, another camera are not in them.',
      slim: true,
    },
    {
      kind: 'prose',
      text: 'Figures of two classifiers on the same images are compared in pairs (graft trial), not by their intervals.',
    },
  ];
}
