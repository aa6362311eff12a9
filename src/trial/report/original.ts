/**
 * What the original system published (AIDL21, "GAN-based synthetic medical image augmentation", 2021, README), beside this
 * trial's figures. Its metrics compared the i-th real with the i-th synthetic image of a batch, each stretched so that its
 * darkest value is 0 and its brightest 1; its classifier's scores come from single runs, on a validation split drawn by
 * image and through a re-balancing sampler.
 */
import type { TableBlock } from '../../report/index.js';
import { fixed } from '../../report/index.js';
import { armLabel } from '../../verdict/report/index.js';
import type { TrialMetric, TrialSummary } from '../summary.js';

const METRICS = ['PSNR', 'SSIM', 'MS-GMSD', 'MDSI', 'HaarPSI'] as const;

const PUBLISHED_IMAGES: readonly [string, ...number[]][] = [
  ['DC-GAN 64', 12.92, 0.35, 0.29, 0.45, 0.39],
  ['AC-GAN 64', 12.17, 0.32, 0.27, 0.49, 0.31],
  ['AC-GAN 128', 11.81, 0.39, 0.25, 0.47, 0.31],
  ['W-GAN 64', 12.63, 0.3, 0.27, 0.5, 0.35],
  ['W-GAN 128', 12.27, 0.31, 0.14, 0.44, 0.4],
  ['SN-GAN 64', 12.21, 0.21, 0.26, 0.49, 0.41],
  ['SN-GAN 128', 12.18, 0.24, 0.15, 0.52, 0.45],
];

/** Training set, accuracy on it and on the validation split. */
const PUBLISHED_CLASSIFIERS: readonly [string, number, number][] = [
  ['real, 18 blocks frozen', 0.88, 0.88],
  ['AC-GAN, balanced by 40 % synthetic', 0.9, 0.82],
  ['AC-GAN, +10 % synthetic', 0.86, 0.83],
  ['DC/SN-GAN, balanced', 0.86, 0.8],
  ['DC/SN-GAN, +10 % synthetic', 0.92, 0.85],
];

/** A metric's name without what stands beside it: 'PSNR (dB)' is PSNR. */
const isMetric = (metric: TrialMetric, name: string): boolean =>
  metric.name.toUpperCase().replace(/[^A-Z]/g, '') === name.toUpperCase().replace(/[^A-Z]/g, '');

const digits = (name: string): number => (name === 'PSNR' ? 2 : 3);

/** Nothing for phantoms, which the original never saw. */
export function originalTables(summary: TrialSummary): TableBlock[] {
  if (summary.dataset.kind === 'phantom') return [];
  return [imagesTable(summary), classifierTable(summary)].filter((table) => table !== null);
}

function imagesTable({ metrics, gans }: TrialSummary): TableBlock | null {
  const cells = (own: readonly TrialMetric[], which: 'realSynthetic' | 'realReal'): string[] =>
    METRICS.map((name) => {
      const values = own
        .filter((metric) => isMetric(metric, name))
        .flatMap((metric) => metric[which]?.mean ?? []);
      return values.length > 0 ? fixed(values.reduce((a, b) => a + b, 0) / values.length, digits(name)) : '–';
    });
  const measured = gans.filter(({ name }) =>
    metrics.some((metric) => metric.gan === name && METRICS.some((wanted) => isMetric(metric, wanted))),
  );
  if (measured.length === 0) return null;
  return {
    kind: 'table',
    title: 'Image metrics beside those of the original system',
    columns: [
      { title: 'Images', align: 'left' },
      ...METRICS.map((name, i) => ({
        title: `${name} ${i === 2 || i === 3 ? '↓' : '↑'}`,
        align: 'right' as const,
      })),
    ],
    rows: [
      ...measured.map(({ name, recipe }) => [
        `This trial: ${name} (${recipe})`,
        ...cells(
          metrics.filter(({ gan }) => gan === name),
          'realSynthetic',
        ),
      ]),
      ['This trial: real against other real', ...cells(metrics, 'realReal')],
      ...PUBLISHED_IMAGES.map(([name, ...values]) => [
        `The original: ${name}`,
        ...values.map((value) => fixed(value, 2)),
      ]),
    ],
    strong: measured.map((_, i) => i),
    note: 'Not one protocol: the original paired images by their place in a batch and stretched each to its full range; this trial’s pairs are random and as they are (graft metrics image --protocol original repeats the original’s). Two real images of different lesions score about the same: a figure near that row is no merit, and none far from it a fault.',
  };
}

function classifierTable({ arms, runs }: TrialSummary): TableBlock {
  const mean = (arm: string, pick: (run: (typeof runs)[number]) => number): string => {
    const own = runs.filter((run) => run.arm === arm);
    return own.length > 0 ? fixed(own.reduce((sum, run) => sum + pick(run), 0) / own.length, 2) : '–';
  };
  return {
    kind: 'table',
    title: 'Accuracy beside that of the original system',
    columns: [
      { title: 'Training set', align: 'left' },
      { title: 'Training accuracy', align: 'right' },
      { title: 'Validation accuracy', align: 'right' },
      { title: 'Test accuracy', align: 'right' },
    ],
    rows: [
      ...arms.map(({ name }) => [
        `This trial: ${armLabel(name)}`,
        '–',
        mean(name, ({ validation }) => validation.accuracy),
        mean(name, ({ test }) => test.accuracy),
      ]),
      ...PUBLISHED_CLASSIFIERS.map(([name, train, validation]) => [
        `The original: ${name}`,
        fixed(train, 2),
        fixed(validation, 2),
        '–',
      ]),
    ],
    note: 'The original’s figures are those of single runs, split by image (patients stand on both sides), on a validation split drawn through its re-balancing sampler, and its GANs saw images that were evaluated on: they are no baseline that a fair trial should reach. Accuracy at a threshold that maximises balanced accuracy is low where one class is rare.',
  };
}
