/** `graft metrics`: how synthetic images compare with real ones, with the null beside each figure. */
import Table from 'cli-table3';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { ImageMetricReport, Stretch, Summary } from '../metrics/image.js';
import { examples, globalOptions, integer, output, startEngine } from './common.js';

interface ImageFlags {
  real: string;
  synthetic: string;
  size: number;
  fit: 'cover' | 'fill';
  stretch: Stretch;
  limit?: number;
}

export function register(program: Command): void {
  const metrics = program.command('metrics').description('compare synthetic with real images');
  const image = metrics
    .command('image')
    .description('full-reference metrics (PSNR, SSIM) of random pairs, beside the same for real against real')
    .requiredOption('--real <dir>', 'folder of real images')
    .requiredOption('--synthetic <dir>', 'folder of synthetic images')
    .option('--size <pixels>', 'resize both to this square', integer({ min: 11, max: 1024 }), 64)
    .addOption(
      new Option('--fit <how>', 'how a frame becomes square').choices(['cover', 'fill']).default('cover'),
    )
    .addOption(
      new Option('--stretch <how>', 'stretch each image to its full range before comparing')
        .choices(['none', 'image'])
        .default('none'),
    )
    .option('--limit <pairs>', 'at most so many pairs (default: all)', integer({ min: 1 }))
    .action(async (flags: ImageFlags, command: Command) => {
      const device = await startEngine(command);
      const { listImages, loadFolder } = await import('../image/folder.js');
      const { decoderId } = await import('../image/decode.js');
      const { imageMetrics } = await import('../metrics/image.js');
      const { size: sizePx, fit, stretch, limit } = flags;
      const { seed } = globalOptions(command);
      const kernel = 'lanczos3' as const;
      const load = async (dir: string) =>
        loadFolder(dir, { sizePx, fit, kernel, files: await listImages(dir) });
      const real = await load(flags.real);
      const synthetic = await load(flags.synthetic);
      const report = imageMetrics(real, synthetic, { stretch, device, seed, limit });
      const json = {
        ...report,
        protocol: {
          ...report.protocol,
          resize: { sizePx, fit, kernel, decoder: decoderId },
          realDir: flags.real,
          syntheticDir: flags.synthetic,
        },
      };
      output(command, { json, text: () => describe(report) });
    });
  examples(image, [
    [
      'a run’s samples against the malignant images',
      'graft metrics image --real real/ --synthetic samples/ --json',
    ],
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
