/** `graft metrics distribution`: the sets as a whole, beside real against real. */
import type { Command } from 'commander';
import { cat, dispose, type Tensor } from 'graft-torch';
import { loadMetrics, type MeasureOptions, measureAll, measureOwn } from '../metrics/distribution/index.js';
import {
  BEYOND_REAL,
  composeDistributionReport,
  DISTRIBUTION_WORDS,
  readingOf,
  standingOf,
} from '../metrics/report/index.js';
import type { LoadedSets, MetricRecord } from '../metrics/sets/index.js';
import { withTotal } from '../run/index.js';
import { examples, globalOptions, integer, moduleOption, startEngine } from './common.js';
import { addBackboneOptions, type BackboneFlags, openCommandBackbone } from './metrics-backbone.js';
import { answer, cell, printedRecords } from './metrics-output.js';
import { addSetOptions, type ClassFlags, loadClasses } from './metrics-sets.js';

interface DistributionFlags extends ClassFlags, BackboneFlags {
  replicates: number;
  module?: string;
}

export function registerDistribution(metrics: Command): void {
  const command = addBackboneOptions(
    addSetOptions(
      metrics
        .command('distribution')
        .description(
          'Fréchet and kernel distance (FD, KID), precision, recall, density, coverage, FD∞, Inception Score, beside real against real',
        ),
      { page: 'figures and protocol', many: true },
    ),
  )
    .option(
      '--replicates <count>',
      'half-samples for intervals; 0: none',
      integer({ min: 0, max: 10_000 }),
      50,
    )
    .option(...moduleOption('metrics of your own'))
    .action(async (flags: DistributionFlags, command: Command) => distributionCommand(flags, command));
  examples(command, [
    [
      'a GAN’s samples against the images it learned from',
      'graft metrics distribution --real isic2017 --synthetic synthetic --report distribution.html',
    ],
    [
      'by class, and all together',
      'graft metrics distribution --real isic2017 --synthetic melanomas --synthetic nevi',
    ],
    [
      'FID as it is published: InceptionV3 with its weights from a file',
      'graft metrics distribution --real isic2017 --synthetic synthetic --backbone inception:pt_inception-2015-12-05-6726825d.pth',
    ],
    [
      'with a pretrained network, its weights from a file',
      'graft metrics distribution --real isic2017 --synthetic synthetic --backbone efficientnet-lite0:efficientnet-lite0-57934424.pth',
    ],
    [
      'the same, its weights from the Hugging Face hub',
      'graft metrics distribution --real isic2017 --synthetic synthetic --backbone efficientnet-lite0:hf:timm/tf_efficientnet_lite0.in1k/model.safetensors',
    ],
    [
      'with a metric of one’s own beside them (examples/my-metric.ts)',
      'graft metrics distribution --real isic2017 --synthetic synthetic --module ./my-metric.js',
    ],
    [
      'with features of a classifier that knows the field',
      'graft metrics distribution --real isic2017 --synthetic synthetic --backbone runs/efficientnet-b0',
    ],
  ]);
}

/** Images and features of one class, or of all of them together. */
interface Compared {
  label: string | null;
  sets: Pick<LoadedSets, 'real' | 'synthetic'>;
  /** Which real images. */
  reference: string;
  features: { real: Tensor; synthetic: Tensor };
}

async function distributionCommand(flags: DistributionFlags, command: Command): Promise<void> {
  const device = await startEngine(command);
  const own = flags.module === undefined ? [] : (await loadMetrics(flags.module)).metrics;
  const { classes, all: sets } = await loadClasses(flags, command);
  const { backbone, featuresOf } = await openCommandBackbone(flags, command, {
    device,
    calibrate: sets.real,
  });
  const compared: Compared[] = [];
  try {
    for (const { real, synthetic, label, reference } of classes) {
      const which = label && classes.length > 1 ? ` ${label}` : '';
      const features = {
        real: await featuresOf(`real${which}`, real),
        synthetic: await featuresOf(`synthetic${which}`, synthetic),
      };
      compared.push({ label, sets: { real, synthetic }, reference, features });
    }
    if (compared.length > 1) {
      const all = (which: 'real' | 'synthetic') => cat(compared.map(({ features }) => features[which]));
      compared.unshift({
        label: null,
        sets,
        reference: sets.reference,
        features: { real: all('real'), synthetic: all('synthetic') },
      });
    }
    const { seed, quiet } = globalOptions(command);
    const results = compared.map(({ label, sets: images, features, reference }) => {
      const name = label && compared.length > 1 ? `measuring ${label}` : 'measuring';
      return withTotal({ label: name, unit: 'metrics', quiet }, (onProgress) => {
        const options: MeasureOptions = {
          ...{ seed, class: label, replicates: flags.replicates, onProgress },
          groups: images.real.groups,
          protocol: { ...sets.protocol, reference },
        };
        const { records, fit } = measureAll(backbone, features, options);
        const { onProgress: _, ...alike } = options;
        return { records: [...records, ...measureOwn(own, images, alike)], fit };
      });
    });
    const records = results.flatMap((result) => result.records);
    const about = backbone.description;
    await answer(command, flags, {
      sets,
      page: (words) =>
        composeDistributionReport({
          ...{ records, fit: results[0]!.fit, sets, features: compared[0]!.features, about },
          ...words,
        }),
      json: {
        ...{ real: flags.real, synthetic: flags.synthetic, seed: seed ?? 0, about },
        ...{ cautions: sets.cautions, records },
      },
      text: () => describe(records, about),
    });
  } finally {
    dispose(compared.flatMap(({ features }) => Object.values(features)));
    await backbone.dispose();
  }
}

function describe(records: readonly MetricRecord[], about: string): string {
  const { n } = records[0]!;
  return [
    printedRecords(records, [
      ['metric', ({ name }) => name],
      ['real : synthetic', cell],
      ['at the floor’s N', ({ floor }) => cell(floor?.matched, '–')],
      ['floor, real : real', ({ floor }) => cell(floor)],
      ['better', ({ better }) => better],
      ['which', (record) => readingOf(record, DISTRIBUTION_WORDS)],
    ]),
    '',
    `${n.real} real, ${n.synthetic} synthetic images [95 % interval]; floor: random halves of the real images, and next to it the synthetic ones at that N.`,
    about,
    ...(records.some((record) => standingOf(record) === 'better') ? ['', BEYOND_REAL] : []),
  ].join('\n');
}
