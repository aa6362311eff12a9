/** Composes an evaluation's report from plain data. */
import { writeFileAtomic } from 'graft-torch/base';
import type { Block, ReportDocument, Section } from '../../report/index.js';
import { day, fixed, plural, toHtml, whole } from '../../report/index.js';
import type { Calibrated, Calibration } from '../evaluation.js';
import { classParts } from './class-parts.js';
import type { ReportParts } from './common-blocks.js';
import type { AnyReportInput, ClassReportInput } from './input.js';
import { thresholdParts } from './threshold-parts.js';

const isOfClasses = (input: AnyReportInput): input is ClassReportInput => 'byClass' in input.evaluation;

export function composeEvaluationReport(input: AnyReportInput): ReportDocument {
  const { dataset, evaluation, errors } = input;
  const parts = isOfClasses(input) ? classParts(input) : thresholdParts(input);
  const { reliability, gallery } = parts;
  const none: Block[] = errors ? [{ kind: 'prose', text: 'There is no error to show.' }] : [];
  const sections: Section[] = [
    ...parts.sections,
    {
      id: 'calibration',
      title: 'Calibration',
      blocks: [reliability, calibrationTable(evaluation, parts.temperature)],
    },
    { id: 'subgroups', title: 'Does it serve all alike?', blocks: parts.subgroups },
    { id: 'errors', title: 'The most confident errors', blocks: gallery ? [gallery] : none },
    { id: 'protocol', title: 'How it was measured', blocks: protocolBlocks(input, parts.protocol) },
  ];
  return {
    eyebrow: 'Graft classifier report',
    title: input.run,
    subtitle: [
      `${input.architecture}, ${input.sizePx} px`,
      `${input.split} split of ${dataset.name}`,
      plural(evaluation.images, 'image'),
      day(input.madeAt),
    ].join(' · '),
    summary: parts.summary,
    sections: sections.filter(({ blocks }) => blocks.length > 0),
    footer:
      `Made by Graft ${input.graft} from the run folder.` +
      (errors !== null && dataset.kind === 'images'
        ? ' This page holds images of the dataset: pass it on as you would pass on the images.'
        : '') +
      ' Not a medical device.',
  };
}

/** Writes the page. */
export function writeEvaluationReport(path: string, input: AnyReportInput): void {
  writeFileAtomic(path, toHtml(composeEvaluationReport(input)));
}

/** @param note what the temperature changes, and what not */
function calibrationTable({ calibration, tempered, temperature }: Calibrated, note: string): Block {
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

/** How it was measured. */
function protocolBlocks(
  { dataset, split, scoring, evaluation }: AnyReportInput,
  content: ReportParts['protocol'],
): Block[] {
  const { protocol, temperature } = evaluation;
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
