/** `graft trial register`: writes down what a trial will do, before it does it. */
import type { Command } from 'commander';
import { commandLine, graftVersion } from '../base/index.js';
import { wholePaths } from '../run/index.js';
import {
  prepareTrial,
  requireMarginReason,
  trialConfigSchema,
  trialPlan,
  withModules,
  withRecipePaths,
} from '../trial/index.js';
import { keepRegistration, makeRegistration } from '../verdict/index.js';
import { addTrustOption, collect, commandConfig, examples, output } from './common.js';
import { registeredText } from './registered-text.js';
import { withPictures } from './trial-run.js';

interface RegisterFlags {
  data?: string;
  set: string[];
  marginReason?: string;
  out: string;
  force?: boolean;
}

export function registerRegister(trial: Command): void {
  const register = addTrustOption(trial.command('register'))
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
  const config = wholePaths('trial', await withModules(withRecipePaths(given)));
  requireMarginReason(config);
  // All that `run` would refuse: a plan that cannot be carried out must not be deposited.
  const trial = prepareTrial(config);
  await withPictures(trial, command);
  const plan = await trialPlan(trial.config, trial.dataset);
  const made = makeRegistration({ by: 'register', name: config.name, version: graftVersion(), plan });
  const kept = keepRegistration(flags.out, made, flags.force);
  const again = flags.set.length > 0 || flags.data !== undefined ? ' (and --set, --data as here)' : '';
  output(
    command,
    registeredText(kept, flags.out, {
      plan,
      next: `${commandLine`graft trial run ${file} --registration ${flags.out}`}${again}`,
    }),
  );
}
