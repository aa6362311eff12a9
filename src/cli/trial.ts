/** `graft trial run | resume | report`. */
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Run } from '../run/run-folder.js';
import type { TrialConfig } from '../trial/config.js';
import type { TrialHooks } from '../trial/run.js';
import { collect, commandConfig, examples, type GlobalOptions, globalOptions, output } from './common.js';

export function register(program: Command): void {
  const trial = program.command('trial').description('compare training sets: arms × seeds → verdict');

  const run = trial
    .command('run')
    .description('train a GAN and the classifiers of every arm, and write the report')
    .argument('<trial.yaml>', 'trial file, or the name of a recipe')
    .option('--data <dataset>', 'dataset folder, instead of the file’s')
    .option('--set <key=value>', 'override a key of the file; repeatable', collect, [])
    .option('--out <dir>', 'trial folder (default: runs/trial-<name>)')
    .option('--dry-run', 'print the resolved configuration and stop')
    .action(async (file: string, options, command: Command) => runCommand(file, options, command));
  examples(run, [
    ['the trial of a file', 'graft trial run my-trial.yaml'],
    ['three seeds on your dataset with the defaults', 'graft trial run trial-64 --data isic2017'],
    [
      'with a GAN that is trained already',
      'graft trial run trial-64 --data isic2017 --set gan.run=runs/sngan-64-melanoma',
    ],
  ]);

  const resume = trial
    .command('resume')
    .description('go on with a trial that was stopped; finished parts are not repeated')
    .argument('<dir>', 'trial folder')
    .action(async (dir: string, _options, command: Command) => resumeCommand(dir, command));
  examples(resume, [['after Ctrl-C, a crash or a power cut', 'graft trial resume runs/trial-melanoma']]);

  const report = trial
    .command('report')
    .description('write the report of a finished trial again')
    .argument('<dir>', 'trial folder')
    .option('--out <dir>', 'folder for the report (default: <dir>/report)')
    .action(async (dir: string, options: { out?: string }, command: Command) => {
      const { readTrialSummary } = await import('../trial/result.js');
      await printReport(dir, await readTrialSummary(dir), command, options.out);
    });
  examples(report, [['into another folder', 'graft trial report runs/trial-melanoma --out report']]);
}

interface RunOptions {
  data?: string;
  set: string[];
  out?: string;
  dryRun?: boolean;
}

async function runCommand(file: string, options: RunOptions, command: Command): Promise<void> {
  const { trialConfigSchema } = await import('../trial/config.js');
  const config = await commandConfig(command, trialConfigSchema, 'trial', { ...options, recipe: file }, [
    { flag: '--data', key: 'data', value: options.data },
  ]);
  if (config === null) return;
  const { createRun } = await import('../run/run-folder.js');
  const { openDataset } = await import('../data/dataset.js');
  openDataset(config.data); // a wrong path must not leave a run folder behind
  await runTrialToEnd(
    createRun(options.out ?? `runs/trial-${config.name}`, { kind: 'trial', config }),
    config,
    command,
  );
}

async function resumeCommand(dir: string, command: Command): Promise<void> {
  const { trialConfigSchema } = await import('../trial/config.js');
  const { resolveConfig } = await import('../run/config.js');
  const { openRun } = await import('../run/run-folder.js');
  const run = openRun(dir, { kind: 'trial' });
  await runTrialToEnd(run, resolveConfig(trialConfigSchema, { file: run.path('config.yaml') }), command);
}

/** Runs (or goes on with) a trial, with progress and the signals caught; writes and prints the report. */
export async function runTrialToEnd(run: Run, config: TrialConfig, command: Command): Promise<void> {
  const { runTrial } = await import('../trial/run.js');
  const { InterruptedError, withInterrupt } = await import('../run/interrupt.js');
  const progress = await makeProgress(globalOptions(command));
  try {
    const summary = await withInterrupt((interrupt) =>
      runTrial(run, config, { ...progress.hooks, interrupt }),
    );
    progress.stop();
    await printReport(run.dir, summary, command);
  } catch (error) {
    // The part that was stopped names its own folder; what is to be resumed is the trial.
    if (!(error instanceof InterruptedError)) throw error;
    throw new InterruptedError(`stopped, state saved; go on with: graft trial resume ${run.dir}`);
  } finally {
    progress.stop();
    run.close();
  }
}

/** One progress bar a part. */
async function makeProgress({ quiet }: GlobalOptions): Promise<{ hooks: TrialHooks; stop: () => void }> {
  const { Progress } = await import('../run/progress.js');
  let bar: InstanceType<typeof Progress> | null = null;
  let title = '';
  const show = (
    label: string,
    done: number,
    total: number,
    unit: string,
    figures?: Record<string, number>,
  ): void => {
    bar ??= new Progress({ label, total, start: Math.max(0, done - 1), unit, quiet });
    bar.update(done, figures);
    if (done === total) stop();
  };
  const stop = (): void => {
    bar?.stop();
    bar = null;
  };
  const hooks: TrialHooks = {
    onPart: (part) => {
      stop();
      title = part;
    },
    onDecode: (done, total) => show('decoding', done, total, 'images'),
    onSample: (done, total) => show('sampling', done, total, 'images'),
    onGanStep: (step, total, { discriminatorLoss, generatorLoss }) =>
      show(title, step, total, 'steps', { D: discriminatorLoss, G: generatorLoss }),
    onClassifierStep: (step, total, { loss, bestAuc }) =>
      show(title, step, total, 'steps', bestAuc === null ? { loss } : { loss, 'best val AUC': bestAuc }),
    warn: (message) => process.stderr.write(`graft: warning: ${message}\n`),
  };
  return { hooks, stop };
}

export async function printReport(
  dir: string,
  summary: Awaited<ReturnType<typeof import('../trial/run.js').runTrial>>,
  command: Command,
  out = join(dir, 'report'),
): Promise<void> {
  const { writeReport } = await import('../trial/report/index.js');
  const { analysis, verdict, html } = writeReport(summary, out, { baseDir: dir });
  const { default: Table } = await import('cli-table3');
  output(command, {
    json: { trial: dir, report: html, verdict, analysis },
    text: () => {
      const table = new Table({
        head: ['arm', 'test AUC', '95 % interval', 'seeds'],
        style: { head: [], border: [] },
      });
      for (const { arm, auc, seeds } of analysis.arms) {
        table.push([
          arm,
          auc.value.toFixed(3),
          `${auc.low.toFixed(3)} – ${auc.high.toFixed(3)}`,
          String(seeds.length),
        ]);
      }
      return `${table.toString()}\n\n${verdict.sentence}\n\nReport: ${html}`;
    },
  });
}
