/** `graft metrics image`: how synthetic images compare with real ones, with the null beside each figure. */
import Table from 'cli-table3';
import { type Command, Option } from 'commander';
import type { ImageMetricReport, Stretch, Summary } from '../metrics/image.js';
import { examples, globalOptions, integer, output, startEngine } from './common.js';
import { addSetOptions, loadSets, type SetFlags } from './metrics-sets.js';

interface ImageFlags extends SetFlags {
  stretch: Stretch;
  limit?: number;
}

export function registerImage(metrics: Command): void {
  const image = addSetOptions(
    metrics
      .command('image')
      .description(
        'full-reference metrics (PSNR, SSIM) of random pairs, beside the same for real against real',
      ),
  )
    .addOption(
      new Option('--stretch <how>', 'stretch each image to its full range before comparing')
        .choices(['none', 'image'])
        .default('none'),
    )
    .option('--limit <pairs>', 'at most so many pairs (default: all)', integer({ min: 1 }))
    .action(async (flags: ImageFlags, command: Command) => {
      const device = await startEngine(command);
      const { imageMetrics } = await import('../metrics/image.js');
      const { real, synthetic, protocol } = await loadSets(flags, command);
      const { stretch, limit } = flags;
      const { seed } = globalOptions(command);
      const report = imageMetrics(real, synthetic, { stretch, device, seed, limit });
      const json = { ...report, protocol: { ...report.protocol, ...protocol } };
      output(command, { json, text: () => describe(report) });
    });
  examples(image, [
    [
      'a GAN’s samples against the images it learned from',
      'graft metrics image --real isic2017 --synthetic synthetic',
    ],
    ['any two folders, for a program', 'graft metrics image --real real/ --synthetic samples/ --json'],
  ]);
}

function describe(report: ImageMetricReport): string {
  const table = new Table({
    head: ['metric', 'real : synthetic', 'real : real', ''],
    style: { head: [], border: [] },
  });
  for (const name of ['psnr', 'ssim'] as const) {
    const { synthetic, realNull, unit } = report[name];
    table.push([
      name.toUpperCase() + (unit ? ` (${unit})` : ''),
      cell(synthetic),
      realNull ? cell(realNull) : 'too few images',
      verdict(synthetic, realNull),
    ]);
  }
  const { counts, protocol } = report;
  return [
    table.toString(),
    `Mean ± SD over pairs [95 % interval of the mean]; ${counts.real} real, ${counts.synthetic} synthetic images, ` +
      `${protocol.widthPx}×${protocol.heightPx} pixels, seed ${protocol.seed}.`,
    'Higher is more alike. Any two real lesions differ: read the first column against the second.',
  ].join('\n');
}

const cell = ({ mean, sd, n, interval }: Summary): string =>
  `${mean.toFixed(3)} ± ${Number.isNaN(sd) ? '–' : sd.toFixed(3)} [${interval.map((x) => x.toFixed(3)).join(', ')}] N=${n}`;

/** What the two intervals allow to say, and no more. */
function verdict(synthetic: Summary, realNull: Summary | null): string {
  if (!realNull) return '';
  if (synthetic.interval[0] > realNull.interval[1]) return 'more alike than two real images';
  if (synthetic.interval[1] < realNull.interval[0]) return 'less alike than two real images';
  return 'the intervals overlap';
}
