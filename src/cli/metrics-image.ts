/** `graft metrics image`: how synthetic images compare with real ones, with the null beside each figure. */
import { type Command, Option } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { FULL_REFERENCE_METRICS, openLpipsMetric } from '../metrics/full-reference/index.js';
import { composeImageReport, IMAGE_WORDS, nameOf, readingOf } from '../metrics/report/index.js';
import { type ImageMetricReport, imageMetrics, type Pairing, type Stretch } from '../metrics/sets/index.js';
import { withTotal } from '../run/index.js';
import { collect, examples, globalOptions, integer, startEngine } from './common.js';
import { answer, printedRecords } from './metrics-output.js';
import { addSetOptions, loadSets, type SetFlags } from './metrics-sets.js';

interface ImageFlags extends SetFlags {
  protocol: 'random' | 'original' | 'nearest';
  stretch?: Stretch;
  metric: string[];
  lpips?: string;
  limit?: number;
}

/** The original's: the i-th real against the i-th fake, each stretched to its full range. */
const PROTOCOLS: Record<ImageFlags['protocol'], { pairing: Pairing; stretch: Stretch }> = {
  random: { pairing: 'random', stretch: 'none' },
  original: { pairing: 'index', stretch: 'image' },
  nearest: { pairing: 'nearest', stretch: 'none' },
};

export function registerImage(metrics: Command): void {
  const image = addSetOptions(
    metrics
      .command('image')
      .description(
        'full-reference metrics (PSNR, SSIM, MS-SSIM, GMSD, MS-GMSD, MDSI, HaarPSI) of pairs, beside real against real',
      ),
    { page: 'figures, pairs and protocol' },
  )
    .addOption(
      new Option(
        '--protocol <how>',
        'random pairs; original: by index, each image stretched, as the original system; nearest real image',
      )
        .choices(Object.keys(PROTOCOLS))
        .default('random'),
    )
    .addOption(
      new Option('--stretch <how>', 'stretch each image to its full range before comparing').choices([
        'none',
        'image',
      ]),
    )
    .option('--metric <id>', 'only this metric; repeatable (default: all that fit the size)', collect, [])
    .option(
      '--lpips <network:trunk[,heads]>',
      'LPIPS too: alex, vgg or squeeze with weights from files (torchvision’s network, the authors’ heads)',
    )
    .option('--limit <pairs>', 'at most so many pairs (default: all)', integer({ min: 1 }))
    .action(async (flags: ImageFlags, command: Command) => imageCommand(flags, command));
  examples(image, [
    [
      'a GAN’s samples against the images it learned from',
      'graft metrics image --real isic2017 --synthetic synthetic --report image.html',
    ],
    [
      'as the original system measured, to stand beside its table',
      'graft metrics image --real isic2017 --synthetic synthetic --protocol original',
    ],
    [
      'LPIPS besides, from torchvision’s weights and the authors’ (version 0.1)',
      'graft metrics image --real real/ --synthetic samples/ --lpips alex:alexnet-owt-7be5be79.pth,alex.pth',
    ],
    ['any two folders, for a program', 'graft metrics image --real real/ --synthetic samples/ --json'],
  ]);
}

async function imageCommand(flags: ImageFlags, command: Command): Promise<void> {
  const device = await startEngine(command);
  const fitting = (side: number) => FULL_REFERENCE_METRICS.filter(({ minSidePx }) => side >= minSidePx);
  const asked = flags.metric.map((id) => {
    const found = FULL_REFERENCE_METRICS.find((metric) => metric.id === id);
    if (found) return found;
    const known = FULL_REFERENCE_METRICS.map((metric) => metric.id).join(', ');
    throw new ConfigError(`--metric ${id}: there is ${known}`);
  });
  const { pairing, stretch } = {
    ...PROTOCOLS[flags.protocol],
    ...(flags.stretch && { stretch: flags.stretch }),
  };
  const { quiet, seed } = globalOptions(command);
  const lpips = flags.lpips === undefined ? null : await openLpipsMetric(flags.lpips, device);
  const sets = await loadSets(flags, command);
  const { real, synthetic } = sets;
  const report = withTotal({ label: 'comparing', unit: 'pairs', quiet }, (onProgress) =>
    imageMetrics(real, synthetic, {
      ...{ pairing, stretch, device, seed, limit: flags.limit, class: sets.label, onProgress },
      ...((asked.length > 0 || lpips) && {
        metrics: [...(asked.length > 0 ? asked : fitting(real.width)), ...(lpips ? [lpips] : [])],
      }),
      protocol: sets.protocol,
    }),
  );
  lpips?.dispose();
  const { records, diversity, pairs } = report;
  await answer(command, flags, {
    sets,
    page: (words) => composeImageReport({ report, real, synthetic, ...words }),
    json: {
      ...sets.folders,
      ...{ cautions: sets.cautions, seed: seed ?? 0, pairs: pairs.synthetic.left.length },
      ...{ records, diversity },
    },
    text: () => describe(report),
  });
}

function describe({ records, diversity, pairs }: ImageMetricReport): string {
  const cell = (of: { value: number; interval: readonly [number, number] | null } | null): string =>
    of
      ? `${of.value.toFixed(3)}${of.interval ? ` [${of.interval.map((x) => x.toFixed(3)).join(', ')}]` : ''}`
      : 'too few images';
  const ownOf = (metric: string) => {
    const own = diversity[metric];
    return own ? { value: own.mean, interval: own.interval } : null;
  };
  const { n, protocol } = records[0]!;
  return [
    printedRecords(records, [
      ['metric', nameOf],
      ['real : synthetic', cell],
      ['real : real', ({ floor }) => cell(floor)],
      ['synthetic : synthetic', ({ metric }) => cell(ownOf(metric))],
      ['better', ({ better }) => better],
      ['which', (record) => readingOf(record, IMAGE_WORDS)],
    ]),
    '',
    `Mean over ${pairs.synthetic.left.length} pairs [95 % interval]; ${n.real} real, ${n.synthetic} synthetic images, ${protocol.widthPx}×${protocol.heightPx} pixels.`,
    `Pairs: ${protocol.pairing}; stretch: ${protocol.stretch}.`,
    'Any two real lesions differ: read the first column against the second.',
  ].join('\n');
}
