/** `graft metrics`: how synthetic images compare with real ones, with the null beside each figure. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Table from 'cli-table3';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { ImageMetricReport, Stretch, Summary } from '../metrics/image.js';
import { examples, globalOptions, integer, output, startEngine } from './common.js';

interface ImageFlags {
  real: string;
  synthetic: string;
  class?: string;
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
    .requiredOption('--real <dir>', 'dataset (its training images of the class) or any folder of real images')
    .requiredOption('--synthetic <dir>', 'folder of synthetic images')
    .option('--class <label>', 'class of a dataset to compare with (default: the one in lineage.json)')
    .option('--size <pixels>', 'resize both to this square', integer({ min: 11, max: 1024 }), 64)
    .addOption(
      new Option('--fit <how>', 'how a frame becomes square').choices(['cover', 'fill']).default('fill'),
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
      const { withProgress } = await import('../run/progress.js');
      const { quiet } = globalOptions(command);
      const load = (label: string, dir: string, files: string[]) =>
        withProgress({ label, total: files.length, unit: 'images', quiet }, (progress) =>
          loadFolder(dir, { sizePx, fit, kernel, files, onProgress: (done) => progress.update(done) }),
        );
      const realFiles = await realImages(flags);
      const real = await load('reading real images', flags.real, realFiles);
      const synthetic = await load(
        'reading synthetic images',
        flags.synthetic,
        await listImages(flags.synthetic),
      );
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
      'a GAN’s samples against the images it learned from',
      'graft metrics image --real isic2017 --synthetic synthetic',
    ],
    ['any two folders, for a program', 'graft metrics image --real real/ --synthetic samples/ --json'],
  ]);
}

/** The images to compare with: those a GAN of this class may have seen, where the folder is a dataset. */
async function realImages({ real, synthetic, class: wanted }: ImageFlags): Promise<string[]> {
  const { datasetFile, imagePath, openDataset } = await import('../data/dataset.js');
  const { ConfigError } = await import('../errors.js');
  if (!existsSync(join(real, datasetFile))) {
    if (wanted !== undefined)
      throw new ConfigError(`--class ${wanted}: ${real} is no dataset; leave --class out`);
    const { listImages } = await import('../image/folder.js');
    return listImages(real);
  }
  const { LINEAGE_FILE, readLineage } = await import('../data/lineage.js');
  const label =
    wanted ?? (existsSync(join(synthetic, LINEAGE_FILE)) ? readLineage(synthetic).class : undefined);
  const dataset = openDataset(real);
  const classes = dataset.classes.join(', ');
  if (label === undefined) {
    throw new ConfigError(
      `${synthetic} has no ${LINEAGE_FILE}: say with --class which class of ${real} it shows (${classes})`,
    );
  }
  if (!dataset.classes.includes(label))
    throw new ConfigError(`${real}: no class '${label}'; the classes are ${classes}`);
  const rows = dataset.rows.filter((row) => row.split === 'train' && row.label === label);
  return rows.map((row) => imagePath(dataset, row));
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
