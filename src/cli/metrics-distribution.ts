/** `graft metrics distribution`: distances between the sets as a whole, beside their real-against-real floor. */
import type { Command } from 'commander';
import type { DistanceRecord } from '../metrics/distribution/distances.js';
import { examples, globalOptions, output, startEngine } from './common.js';
import { addSetOptions, loadSets, type SetFlags } from './metrics-sets.js';
import { plainTable, trimmed } from './table.js';

interface DistributionFlags extends SetFlags {
  backbone: string;
}

export function registerDistribution(metrics: Command): void {
  const command = addSetOptions(
    metrics
      .command('distribution')
      .description('Fréchet and kernel distance (FD, KID) of the two sets, beside real against real'),
  )
    .option('--backbone <which>', 'where features come from: a classifier run, or random', 'random')
    .action(async (flags: DistributionFlags, command: Command) => distributionCommand(flags, command));
  examples(command, [
    [
      'a GAN’s samples against the images it learned from',
      'graft metrics distribution --real isic2017 --synthetic synthetic',
    ],
    [
      'with features of a classifier that knows the field',
      'graft metrics distribution --real isic2017 --synthetic synthetic --backbone runs/efficientnet-b0',
    ],
  ]);
}

async function distributionCommand(flags: DistributionFlags, command: Command): Promise<void> {
  const device = await startEngine(command);
  const { openBackbone } = await import('../metrics/backbone/index.js');
  const { measureDistances } = await import('../metrics/distribution/distances.js');
  const { tensor, tidy } = await import('../torch/index.js');
  const { real, synthetic, protocol } = await loadSets(flags, command);
  const { seed } = globalOptions(command);
  const pixels = ({ data, n, height, width }: typeof real) => tensor(data, [n, 3, height, width]);
  const { records, about } = tidy(() => {
    const realPixels = pixels(real);
    const backbone = openBackbone(flags.backbone, { device, calibrate: realPixels });
    try {
      const features = {
        real: backbone.features(realPixels),
        synthetic: backbone.features(pixels(synthetic)),
      };
      const records = measureDistances(backbone, features, { seed });
      return { records, about: backbone.description };
    } finally {
      backbone.dispose();
    }
  });
  output(command, {
    json: { ...records, protocol: { ...protocol, seed: seed ?? 0, backbone: about } },
    text: () => describe(records, about),
  });
}

function describe(records: { frechet: DistanceRecord; kernel: DistanceRecord }, about: string): string {
  const table = plainTable(['distance', 'real : synthetic', 'floor, real : real', 'times the floor']);
  for (const [name, { value, sd, floor }] of Object.entries({ FD: records.frechet, KID: records.kernel })) {
    const spread = sd === null ? '' : ` ± ${sd.toPrecision(2)}`;
    const ratio = floor !== null && floor > 0 ? (value / floor).toFixed(2) : '–';
    table.push([name, `${value.toPrecision(4)}${spread}`, floor?.toPrecision(4) ?? 'too few images', ratio]);
  }
  const { real, synthetic } = records.frechet;
  return [
    trimmed(table),
    '',
    `${real} real, ${synthetic} synthetic images; floor: two random halves of the real ones. Lower is nearer.`,
    about,
  ].join('\n');
}
