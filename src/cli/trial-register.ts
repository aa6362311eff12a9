/** `graft trial register`: writes down what a trial will do, before it does it. */

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { commandLine, graftVersion } from '../base/index.js';
import { openDataset } from '../data/dataset/index.js';
import { wholePaths } from '../run/index.js';
import {
  checkTrial,
  planTrial,
  requireBalanceArm,
  requireMarginReason,
  trialConfigSchema,
  trialPlan,
  withModule,
  withRecipePaths,
} from '../trial/index.js';
import type { RegistrationFile } from '../verdict/index.js';
import { makeRegistration, readRegistration, writeRegistration } from '../verdict/index.js';
import { collect, commandConfig, examples, output } from './common.js';
import { comparePictures } from './trial-run.js';

interface RegisterFlags {
  data?: string;
  set: string[];
  marginReason?: string;
  out: string;
  force?: boolean;
}

export function registerRegister(trial: Command): void {
  const register = trial
    .command('register')
    .description('write down a trial’s plan before it runs, with a hash to be deposited')
    .argument('<trial.yaml>', 'trial file, or the name of a recipe')
    .option('--data <dataset>', 'dataset folder, instead of the file’s')
    .option('--set <key=value>', 'override a key of the file; repeatable', collect, [])
    .option('--margin-reason <why>', 'why a difference below the margin would not matter')
    .option('--out <file>', 'where the plan is written', 'registration.json')
    .option('--force', 'replace a registration of another plan')
    .action(async (file: string, flags: RegisterFlags, command: Command) =>
      registerCommand(file, flags, command),
    );
  examples(register, [
    [
      'the plan of a trial file',
      'graft trial register my-trial.yaml --margin-reason "less than two readers differ by"',
    ],
    ['then, held to it', 'graft trial run my-trial.yaml --registration registration.json'],
  ]);
}

async function registerCommand(file: string, flags: RegisterFlags, command: Command): Promise<void> {
  const given = await commandConfig(command, trialConfigSchema, 'trial', { set: flags.set, recipe: file }, [
    { flag: '--data', key: 'data', value: flags.data },
    { flag: '--margin-reason', key: 'marginReason', value: flags.marginReason },
  ]);
  if (given === null) return;
  const config = wholePaths('trial', await withModule(withRecipePaths(given)));
  requireMarginReason(config);
  requireBalanceArm(config);
  const dataset = openDataset(config.data);
  // All that `run` would refuse: a plan that cannot be carried out must not be deposited.
  planTrial(config, dataset);
  checkTrial(config, dataset);
  await comparePictures(config, dataset, command);
  const plan = await trialPlan(config, dataset);
  const made = makeRegistration({ by: 'register', name: config.name, version: graftVersion(), plan });
  const before = await earlier(flags, made);
  const kept = before ?? made;
  if (!before) writeRegistration(flags.out, made);
  const { registeredAt, planHash } = kept.registration;
  output(command, {
    json: {
      file: flags.out,
      sha256: kept.fileHash,
      planHash,
      registeredAt,
      unchanged: before !== null,
      plan,
    },
    text: [
      `${flags.out}: ${before ? `this plan was registered already, on ${registeredAt.slice(0, 10)}; left as it is` : 'registered'}`,
      `  SHA-256 of the file  ${kept.fileHash}`,
      `  SHA-256 of the plan  ${planHash}`,
      '',
      'Deposit the file, or its SHA-256, now, where somebody else keeps the date: OSF, Zenodo, a journal, an e-mail to a',
      'colleague. On your own disk it proves nothing. Keep the file, byte by byte. Then:',
      `  ${commandLine`graft trial run ${file} --registration ${flags.out}`}${flags.set.length > 0 || flags.data !== undefined ? ' (and --set, --data as here)' : ''}`,
    ].join('\n'),
  });
}

/** @returns the registration that is there already, of the same plan; @throws ConfigError where it is of another one */
export async function earlier(
  { out, force }: Pick<RegisterFlags, 'out' | 'force'>,
  { registration }: RegistrationFile,
): Promise<RegistrationFile | null> {
  if (!existsSync(out)) return null;
  const before = readRegistration(out); // never over a file of another kind, not even with --force
  if (before.registration.planHash === registration.planHash && before.registration.by === 'register')
    return before;
  if (force) return null;
  throw new ConfigError(
    `${out}: holds the registration of another plan (${before.registration.name}, ${before.registration.registeredAt.slice(0, 10)}); give another --out, or replace it with --force`,
  );
}
