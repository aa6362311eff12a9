/** `graft demo`: the whole way on phantoms. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { openDataset } from '../data/dataset/index.js';
import { createPhantomDataset } from '../data/phantom/index.js';
import { createRun, openRun, resolveConfig, runStatus, wholePaths, withProgress } from '../run/index.js';
import {
  openTrial,
  readTrialSummary,
  registeredSummary,
  settleTrialThreads,
  trialConfigSchema,
  trialOf,
} from '../trial/index.js';
import { examples, globalOptions, integer, notice, requireEngine } from './common.js';
import { printReport } from './trial-report.js';
import { runTrialToEnd } from './trial-run.js';

/** Size of the demo's phantom set: rare enough positives that there is something to balance. */
const PHANTOMS = { count: 1200, sizePx: 64, prevalence: 0.25 };

export function register(program: Command): void {
  const demo = program
    .command('demo')
    .description('phantoms → GAN → trial → report, a few minutes on two cores')
    .option('--out <dir>', 'folder for everything the demo makes', 'graft-demo')
    .option('--phantoms <count>', 'images in the phantom dataset', integer({ min: 200 }), PHANTOMS.count)
    .action(async (options: { out: string; phantoms: number }, command: Command) =>
      demoCommand(options, command),
    );
  examples(demo, [
    ['the whole way in ./graft-demo; a second call goes on where the first stopped', 'graft demo'],
    ['look at the result', 'xdg-open graft-demo/trial/report/report.html'],
  ]);
}

async function demoCommand(options: { out: string; phantoms: number }, command: Command): Promise<void> {
  requireEngine();
  const { quiet, seed = 0, device, threads } = globalOptions(command);
  const data = join(options.out, 'phantoms');
  const dir = join(options.out, 'trial');
  if (!existsSync(data)) {
    await withProgress(
      { label: 'drawing phantoms', total: options.phantoms, unit: 'images', quiet },
      (progress) =>
        createPhantomDataset(data, {
          ...PHANTOMS,
          count: options.phantoms,
          seed,
          onProgress: (done) => progress.update(done),
        }),
    );
  }
  const status = runStatus(dir);
  if (status === 'finished') {
    notice(
      command,
      `${dir} holds a finished demo; this is its result. For a new one: graft demo --out <dir>`,
    );
    await printReport({ dir, summary: registeredSummary(dir, readTrialSummary(dir)) }, command);
    return;
  }
  const config = resolveConfig(trialConfigSchema, {
    ...(status === 'empty' ? { recipe: 'demo' } : { file: join(dir, 'config.yaml') }),
    kind: 'trial',
    flags: [
      { flag: 'demo', key: 'data', value: data },
      { flag: '--device', key: 'device', value: device },
      { flag: '--threads', key: 'threads', value: threads },
    ],
  });
  const whole = wholePaths('trial', settleTrialThreads(config));
  const run =
    status === 'empty' ? createRun(dir, { kind: 'trial', config: whole }) : openRun(dir, { kind: 'trial' });
  const dataset = status === 'empty' ? openDataset(whole.data) : openTrial(dir).dataset;
  await runTrialToEnd({ run, trial: trialOf(whole, dataset) }, command);
}
