/** `graft metrics artefacts --report`: spectra, checkerboards, colours and traits of the two sets. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock, ReportDocument } from '../../report/index.js';
import {
  type Curve,
  curveLegend,
  curvePlot,
  fullPanel,
  halfPanel,
  list,
  type Point,
  plainAxis,
  RULE,
  WIDTHS,
} from '../../report/index.js';
import type { ArtefactReport, Channel, SpectrumBand, SpectrumProfiles } from '../artefacts/index.js';
import type { MetricRecord } from '../sets/record.js';
import { ARTEFACT_WORDS, figure, nameOf, protocolTable, recordsTable, standingOf } from './records.js';

const BLUE = 'var(--blue)';
const ORANGE = 'var(--orange)';

export interface ArtefactReportInput {
  report: ArtefactReport;
  records: readonly MetricRecord[];
  title: string;
  subtitle: string;
  footer: string;
}

export function composeArtefactReport(input: ArtefactReportInput): ReportDocument {
  const { report, records, title, subtitle, footer } = input;
  const own = records.filter((record) => record.class === records[0]!.class);
  return {
    eyebrow: 'Graft · spectrum and artefacts',
    title,
    subtitle,
    summary: {
      title: 'Summary',
      tone: 'open',
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
      {
        id: 'spectrum',
        title: 'Spectrum',
        blocks: [spectrumFigure(report), profileFigure(report)],
      },
      {
        id: 'colours',
        title: 'Colours and traits',
        blocks: [colourFigure(report), ...traitFigure(own)],
      },
      { id: 'protocol', title: 'Protocol', blocks: [protocolTable(own)] },
    ],
    footer,
  };
}

function sentence(records: readonly MetricRecord[]): string {
  const unlike = records.filter((record) => standingOf(record) === 'worse');
  return unlike.length === 0
    ? 'Nothing that is measured here tells the synthetic images from real ones.'
    : `The synthetic images are unlike real ones by: ${list(unlike.map(({ name }) => name))}.`;
}

const legend = curveLegend([
  { label: 'real', color: BLUE, points: [] },
  { label: 'synthetic', color: ORANGE, points: [] },
]);

const pointsOf = (x: readonly number[], y: readonly number[]): Point[] =>
  x.map((value, i) => ({ x: value, y: y[i]! }));

function spectrumFigure({ spectrum }: ArtefactReport): FigureBlock {
  const { frequencies, highFrom } = spectrum;
  const sets = [
    { band: spectrum.real, color: BLUE, label: 'real' },
    { band: spectrum.synthetic, color: ORANGE, label: 'synthetic' },
  ];
  const area = ({ mean, sd }: SpectrumBand) =>
    frequencies.map((x, i) => ({ x, low: mean[i]! - sd[i]!, high: mean[i]! + sd[i]! }));
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
      fullPanel((width) => {
        const curves = sets.map(
          ({ band, color, label }): Curve => ({ label, color, points: pointsOf(frequencies, band.mean) }),
        );
        const plot = curvePlot(
          curves,
          { x: 'spatial frequency, cycles a pixel', y: 'power, dB', events: [highFrom] },
          width,
        );
        const bands = sets.map(({ band, color }) =>
          Plot.areaY(area(band), { x: 'x', y1: 'low', y2: 'high', fill: color, fillOpacity: 0.14 }),
        );
        return { ...plot, x: { ...plot.x, tickFormat: String }, marks: [...bands, ...plot.marks!] };
      }, title),
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
    panels: (Object.keys(PROFILES) as (keyof SpectrumProfiles)[]).map((direction) => {
      const plot = curvePlot(
        [
          { label: 'real', color: BLUE, points: pointsOf(frequencies, real[direction]) },
          { label: 'synthetic', color: ORANGE, points: pointsOf(frequencies, synthetic[direction]) },
        ],
        { x: 'cycles a pixel', y: 'power, dB', heightPx: 220, events: [1 / 8, 1 / 4, 1 / 2] },
        WIDTHS.half,
      );
      return halfPanel(PROFILES[direction], { ...plot, x: { ...plot.x, tickFormat: String } });
    }),
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
  const smooth = (shares: readonly number[]): Point[] =>
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
      halfPanel(
        titles[channel],
        curvePlot(
          [
            { label: 'real', color: BLUE, points: smooth(colour.real[channel]) },
            { label: 'synthetic', color: ORANGE, points: smooth(colour.synthetic[channel]) },
          ],
          { x: 'level', y: '% of pixels a level', heightPx: 200 },
          WIDTHS.half,
        ),
      ),
    ),
  };
}

function traitFigure(records: readonly MetricRecord[]): FigureBlock[] {
  const shares = records.filter(({ unit }) => unit === 'share');
  if (shares.length === 0) return [];
  const percent = ([low, high]: readonly [number, number]) => ({ low: 100 * low, high: 100 * high });
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
      panels: shares.map((record) => {
        const { value, interval, floor } = record;
        const rows = [
          { y: 'real', value: 100 * floor!.value, ...percent(floor!.interval!), color: BLUE },
          { y: 'synthetic', value: 100 * value, ...percent(interval!), color: ORANGE },
        ];
        return halfPanel(record.name, {
          width: WIDTHS.half,
          height: 120,
          marginLeft: 66,
          marginRight: 24,
          marginBottom: 42,
          marginTop: 8,
          x: { ...plainAxis('% of images', true), nice: true },
          y: { label: null, tickSize: 0 },
          marks: [
            Plot.gridX({ stroke: RULE, strokeOpacity: 1, ticks: 5 }),
            Plot.ruleY(rows, { y: 'y', x1: 'low', x2: 'high', stroke: 'color', strokeWidth: 2.5 }),
            Plot.dot(rows, { y: 'y', x: 'value', fill: 'color', r: 4.5 }),
          ],
        });
      }),
    },
  ];
}
