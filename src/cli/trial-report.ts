/** `graft trial report | export`: the result of a finished trial, as tables, as pages, and for other programs. */
import { dirname, join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { ConfigError, GraftError } from 'graft-torch/base';
import { requireOwn, shellQuote } from '../base/index.js';
import { writePdf } from '../report/index.js';
import { Progress, withTotal } from '../run/index.js';
import { exportMlflow, exportTensorBoard } from '../trial/export/index.js';
import type { TrialSummary } from '../trial/index.js';
import { readTrialSummary, registeredSummary } from '../trial/index.js';
import { failurePictures, writeReport } from '../trial/report/index.js';
import { examples, globalOptions, notice, output, warning } from './common.js';
import { verdictText } from './verdict-text.js';

interface ReportFlags {
  out?: string;
  pdf?: boolean;
  deviation?: string;
  /** False with --no-pictures. */
  pictures?: boolean;
}

/** `--deviation`, for commands that hold a trial to its plan. */
export const addDeviationOption = (command: Command): Command =>
  command.option(
    '--deviation <why>',
    'go on though something is not as it was registered; the reason stands in the report',
    (text: string) => {
      if (text.trim() === '') throw new InvalidArgumentError('Expected a reason.');
      return text;
    },
  );

export function registerReport(trial: Command): void {
  const report = addDeviationOption(trial.command('report'))
    .description('write the report of a finished trial again')
    .argument('<dir>', 'trial folder')
    .option('--out <dir>', 'folder for the report (default: <dir>/report)')
    .option('--pdf', 'print it as report.pdf too, through Chromium')
    .option('--no-pictures', 'name the images that were judged wrong, and show none of them')
    .action(async (dir: string, flags: ReportFlags, command: Command) => {
      const summary = registeredSummary(dir, readTrialSummary(dir), flags.deviation);
      await printReport({ dir, summary }, command, flags);
    });
  examples(report, [
    ['into another folder', 'graft trial report runs/trial-melanoma --out report'],
    ['to be mailed or printed', 'graft trial report runs/trial-melanoma --pdf'],
    [
      'to be passed on without test images',
      'graft trial report runs/trial-melanoma --no-pictures --out shared',
    ],
  ]);

  const exports = trial
    .command('export')
    .description('all curves of a trial for TensorBoard or MLflow')
    .argument('<dir>', 'trial folder; it need not have finished')
    .option('--tensorboard <dir>', 'write event files there')
    .option('--mlflow <url>', 'send to this tracking server; a second time adds what is new')
    .option('--experiment <name>', 'of MLflow', 'graft')
    .action(async (dir: string, flags: ExportFlags, command: Command) => exportCommand(dir, flags, command));
  examples(exports, [
    ['then: tensorboard --logdir curves', 'graft trial export runs/trial-melanoma --tensorboard curves'],
    [
      'to a server',
      'graft trial export runs/trial-melanoma --mlflow http://localhost:5000 --experiment melanoma',
    ],
  ]);
}

/** What lies in a report's folder, so that nobody else's files are written over. */
export const reportFolder = {
  marks: ['report.html', 'report.md', 'summary.json'],
  own: /^(figures|report\.(html|md|pdf)|summary\.json)$/,
};

export async function printReport(
  { dir, summary }: { dir: string; summary: TrialSummary },
  command: Command,
  flags: ReportFlags = {},
): Promise<void> {
  if (flags.out !== undefined) requireOwn(flags.out, reportFolder);
  const written = writeReport(summary, flags.out ?? join(dir, 'report'), {
    baseDir: dir,
    ...(flags.pictures === false ? {} : { pictures: await failurePictures(summary, dir) }),
  });
  const { html, registration, verdict, analysis } = written;
  const pdf = flags.pdf ? await printPdf(html) : null;
  output(command, {
    json: { trial: dir, report: html, pdf, registration, verdict, analysis },
    text: () => `${verdictText(written, 'trial')}\n\nReport: ${pdf === null ? html : `${html}, ${pdf}`}`,
  });
}

/** The page on paper; without a browser the rest of the report stands. */
export async function printPdf(html: string): Promise<string | null> {
  const pdf = join(dirname(html), 'report.pdf');
  try {
    await writePdf(html, pdf);
    return pdf;
  } catch (error) {
    if (!(error instanceof GraftError)) throw error;
    warning(error.message);
    return null;
  }
}

interface ExportFlags {
  tensorboard?: string;
  mlflow?: string;
  experiment: string;
}

async function exportCommand(dir: string, flags: ExportFlags, command: Command): Promise<void> {
  const { quiet } = globalOptions(command);
  if (flags.tensorboard === undefined && flags.mlflow === undefined)
    throw new ConfigError('say where to: --tensorboard <dir> or --mlflow <url>');
  const result: Record<string, unknown> = { trial: dir };
  const lines: string[] = [];
  if (flags.tensorboard !== undefined) {
    const out = flags.tensorboard;
    const written = withTotal({ label: 'TensorBoard', unit: 'runs', quiet }, (onProgress) =>
      exportTensorBoard(dir, out, { onProgress }),
    );
    result.tensorboard = { dir: out, ...written };
    lines.push(
      `${written.files.length} runs, ${written.scalars} numbers and ${written.pictures} pictures in ${out}; look at them with: tensorboard --logdir ${shellQuote(out)}`,
    );
  }
  if (flags.mlflow !== undefined) {
    let progress: InstanceType<typeof Progress> | undefined;
    const sent = await exportMlflow(dir, {
      uri: flags.mlflow,
      experiment: flags.experiment,
      onProgress: (done, total) => {
        progress ??= new Progress({ label: 'MLflow', total, unit: 'runs', quiet });
        progress.update(done);
      },
    }).finally(() => progress?.stop());
    if (sent.notFinite > 0)
      notice(command, `${sent.notFinite} numbers that are not finite were left out: MLflow takes none`);
    if (!sent.takesFiles)
      notice(command, 'the server takes no files through its interface: pictures were left out');
    result.mlflow = sent;
    lines.push(
      `${sent.created} runs new, ${sent.updated} added to, ${sent.unchanged} complete already; ${sent.metrics} numbers, ${sent.files} files: ${sent.page}`,
    );
  }
  output(command, { json: result, text: lines.join('\n') });
}
