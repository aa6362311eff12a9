/** `graft generator report`. */
import type { Command } from 'commander';
import { requireOwn } from '../base/index.js';
import { writeTrainingAnimation } from '../generate/pictures/index.js';
import { writeGanReport } from '../generate/report/index.js';
import { Progress } from '../run/index.js';
import { addTrustOption, collect, examples, globalOptions, output, startEngine, warning } from './common.js';

interface ReportFlags {
  out?: string;
  data?: string;
  animation: string[];
}

export function registerReport(generator: Command): void {
  const report = addTrustOption(generator.command('report'))
    .description('write a page on a run: curves, pictures, findings, settings')
    .argument('<run>', 'run folder, finished or not')
    .option('--out <dir>', 'folder of the report (default: report in the run folder)')
    .option('--data <dataset>', 'where the run’s dataset is now, if that has moved')
    .option(
      '--animation <file>',
      'also write the training as .webp, .gif or .mp4 (needs ffmpeg); repeatable',
      collect,
      [],
    )
    .action(async (dir: string, flags: ReportFlags, command: Command) => reportCommand(dir, flags, command));
  examples(report, [
    [
      'the page, its figures as files, and the same in Markdown',
      'graft generator report runs/sngan-64-melanoma',
    ],
    ['with the training as a film', 'graft generator report runs/sngan-64-melanoma --animation training.mp4'],
    ['others of its images', 'graft generator report runs/sngan-64-melanoma --seed 1 --out report-1'],
  ]);
}

async function reportCommand(dir: string, flags: ReportFlags, command: Command): Promise<void> {
  const { quiet, seed, threads } = globalOptions(command);
  if (flags.out !== undefined)
    requireOwn(flags.out, { marks: ['report.html', 'report.md'], own: /^(figures|report\.(html|md))$/ });
  const device = await startEngine(command);
  let progress: InstanceType<typeof Progress> | null = null;
  const paths = await writeGanReport(dir, {
    dir: flags.out,
    data: flags.data,
    seed,
    device,
    threads,
    warn: warning,
    onProgress: (done, total) => {
      progress ??= new Progress({ label: 'report', total, unit: 'parts', quiet });
      progress.update(done);
      if (done === total) progress.stop();
    },
  });
  for (const path of flags.animation) await writeTrainingAnimation(dir, path);
  const animations = flags.animation.map((path) => `\nAnimation: ${path}`).join('');
  output(command, {
    json: { ...paths, animations: flags.animation },
    text: `Report: ${paths.html}${animations}`,
  });
}
