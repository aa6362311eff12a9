/** `graft metrics artefacts --report`: spectra, checkerboards, colours and traits of the two sets. */
import {
  curvesPanel,
  type FigureBlock,
  legendOf,
  list,
  pointsOf,
  type ReportDocument,
} from '../../report/index.js';
import type { ArtefactReport, Channel, SpectrumBand, SpectrumProfiles } from '../artefacts/index.js';
import type { MetricRecord } from '../sets/record.js';
import { metricPage, type PageWords, REAL, SYNTHETIC, twoSetsPanel } from './page.js';
import { ARTEFACT_WORDS, figure, nameOf, protocolTable, recordsTable, standingOf } from './records.js';

export interface ArtefactReportInput extends PageWords {
  report: ArtefactReport;
  records: readonly MetricRecord[];
}

export function composeArtefactReport(input: ArtefactReportInput): ReportDocument {
  const { report, records } = input;
  const own = records.filter((record) => record.class === records[0]!.class);
  return metricPage(input, {
    eyebrow: 'spectrum and artefacts',
    summary: {
      short: 'Read against real images',
      sentence: sentence(own),
      paragraph:
        'What is measured here are traces of how pictures were made: too much or too little fine detail, patterns of the up-sampling, colours, and things that many real images show. A classifier may learn any of them instead of the lesion.',
      figures: ['spectrum', 'checkerboard', 'colour', 'hair'].flatMap((id) => {
        const record = own.find(({ metric }) => metric === id);
        if (!record) return [];
        const note = record.floor ? `real ${figure(record.floor.value)}` : 'too few real images';
        return [{ label: nameOf(record), value: figure(record.value), note }];
      }),
    },
    sections: [
      {
        id: 'scores',
        title: 'Scores',
        blocks: [
          recordsTable(records, ARTEFACT_WORDS, {
            title: 'Synthetic images beside real ones',
            note: 'Distances stand beside those of two random halves of the real images; shares beside that of the real images.',
          }),
        ],
      },
      { id: 'spectrum', title: 'Spectrum', blocks: [spectrumFigure(report), profileFigure(report)] },
      { id: 'colours', title: 'Colours and traits', blocks: [colourFigure(report), ...traitFigure(own)] },
    ],
    protocol: protocolTable(own),
  });
}

function sentence(records: readonly MetricRecord[]): string {
  const unlike = records.filter((record) => standingOf(record) === 'worse');
  return unlike.length === 0
    ? 'Nothing that is measured here tells the synthetic images from real ones.'
    : `The synthetic images are unlike real ones by: ${list(unlike.map(({ name }) => name))}.`;
}

const legend = legendOf([REAL, SYNTHETIC]);

function spectrumFigure({ spectrum }: ArtefactReport): FigureBlock {
  const { frequencies, highFrom, real, synthetic } = spectrum;
  const points = ({ mean, sd }: SpectrumBand) =>
    frequencies.map((x, i) => ({ x, y: mean[i]!, low: mean[i]! - sd[i]!, high: mean[i]! + sd[i]! }));
  const title = 'Radial power spectrum';
  return {
    kind: 'figure',
    name: 'spectrum',
    title,
    shows: `Power of luma by fineness, from coarse on the left to pixel by pixel on the right: means over images, and a standard deviation to both sides. Right of the dotted line (${highFrom} cycles a pixel) is the high band that is scored. Orange below blue there: too soft; above: grain or patterns that real images lack.`,
    doesNotShow:
      'Where in the picture the detail is, or whether it is the right one: noise has a spectrum too.',
    legend,
    panels: [
      curvesPanel(
        [
          { ...REAL, points: points(real) },
          { ...SYNTHETIC, points: points(synthetic) },
        ],
        {
          title,
          x: { label: 'spatial frequency, cycles a pixel' },
          y: { label: 'power, dB' },
          events: [highFrom],
        },
      ),
    ],
  };
}

const PROFILES: Readonly<Record<keyof SpectrumProfiles, string>> = {
  x: 'Along x',
  y: 'Along y',
  both: 'Along both diagonals',
};

function profileFigure({ checkerboard }: ArtefactReport): FigureBlock {
  const { frequencies, real, synthetic } = checkerboard;
  return {
    kind: 'figure',
    name: 'checkerboard',
    title: 'Averaged spectrum along the axes',
    shows:
      'Peaks at 1/2, 1/4 and 1/8 cycles a pixel (dotted) are patterns that repeat every two, four or eight pixels: the checkerboards that transposed convolutions leave. JPEG’s blocks of eight pixels give real images such peaks too, which is why the two are compared.',
    doesNotShow: 'Patterns of other periods, and single bad images among many good ones.',
    legend,
    panels: (Object.keys(PROFILES) as (keyof SpectrumProfiles)[]).map((direction) =>
      curvesPanel(
        [
          { ...REAL, points: pointsOf(frequencies, real[direction]) },
          { ...SYNTHETIC, points: pointsOf(frequencies, synthetic[direction]) },
        ],
        {
          ...{ title: PROFILES[direction], half: true, heightPx: 220, events: [1 / 8, 1 / 4, 1 / 2] },
          x: { label: 'cycles a pixel', ticks: 5 },
          y: { label: 'power, dB' },
        },
      ),
    ),
  };
}

function colourFigure({ colour }: ArtefactReport): FigureBlock {
  const titles: Readonly<Record<Channel, string>> = {
    red: 'Red',
    green: 'Green',
    blue: 'Blue',
    saturation: 'Saturation',
  };
  /** Means of four levels: single ones are ragged in small sets. */
  const smooth = (shares: readonly number[]) =>
    Array.from({ length: shares.length / 4 }, (_, i) => ({
      x: 4 * i + 1.5,
      y: 25 * shares.slice(4 * i, 4 * i + 4).reduce((a, b) => a + b, 0),
    }));
  return {
    kind: 'figure',
    name: 'colours',
    title: 'Histograms of all pixels',
    shows:
      'Which share of the pixels has which level, 0 to 255. Peaks of one set alone are colours that the other lacks.',
    doesNotShow: 'Which colours stand together, and where.',
    legend,
    panels: (Object.keys(titles) as Channel[]).map((channel) =>
      curvesPanel(
        [
          { ...REAL, points: smooth(colour.real[channel]) },
          { ...SYNTHETIC, points: smooth(colour.synthetic[channel]) },
        ],
        {
          ...{ title: titles[channel], half: true, heightPx: 200 },
          x: { label: 'level' },
          y: { label: '% of pixels a level' },
        },
      ),
    ),
  };
}

function traitFigure(records: readonly MetricRecord[]): FigureBlock[] {
  const shares = records.filter(({ unit }) => unit === 'share');
  if (shares.length === 0) return [];
  return [
    {
      kind: 'figure',
      name: 'traits',
      title: 'Hair, rulers and dark corners',
      shows:
        'In which share of the images a simple detector finds them, with 95 % intervals. A generator that leaves out hair makes images that a classifier can tell by that.',
      doesNotShow:
        'The truth about any single image: the detectors err in both directions (docs/metrics.md).',
      legend,
      panels: shares.map((record) =>
        twoSetsPanel(
          { real: record.floor!, synthetic: record },
          { title: record.name, axis: '% of images', times: 100 },
        ),
      ),
    },
  ];
}
