/** `graft verdict register`: what will be asked of the scores, written down before anybody has seen them. */
import type { Command } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { commandLine, graftVersion } from '../base/index.js';
import { keepRegistration, makeRegistration } from '../verdict/index.js';
import { askedOf, requireWhole } from '../verdict/table/index.js';
import { collect, examples, output } from './common.js';
import { registeredText } from './registered-text.js';
import { addTableOptions, ownFlags, planOf, type TableFlags } from './verdict-options.js';

interface RegisterFlags extends TableFlags {
  out?: string;
  force?: boolean;
  folds?: string;
  seeds?: string;
  groups?: string;
  generators?: string;
  externalSet: string[];
  kind?: string;
}

const file = 'registration.json';

export function registerVerdictRegister(verdict: Command): void {
  const register = verdict
    .command('register')
    .description('write down what will be asked, before the scores are seen, with a hash to be deposited')
    .option('--out <file>', 'where it is written', file)
    .option('--force', 'replace a registration of another plan');
  addTableOptions(register)
    .optionsGroup('How the table will be built (or `design:` in verdict.yaml):')
    .option('--folds <count|list>', 'how many folds, or which: 5 or a,b,c')
    .option('--seeds <count|list>', 'how many seeds in each fold, or which: 3 or 0,1,2')
    .option('--groups <yes|no>', 'whether a column says which images are of one patient')
    .option('--generators <yes|no>', 'whether a column says whose synthetic images a run was trained with')
    .option('--external-set <name>', 'an external test set; repeatable', collect, [])
    .option('--kind <scores|aucs>', 'a row an image, or AUCs alone (default: scores)')
    .action(async (_: object, command: Command) => registerCommand(ownFlags(command), command));
  examples(register, [
    ['what verdict.yaml says', 'graft verdict register --plan verdict.yaml'],
    [
      'five folds of three seeds, patients known, one generator a fold',
      'graft verdict register --plan verdict.yaml --folds 5 --seeds 3 --groups yes --generators no',
    ],
    ['then, held to it', `graft verdict scores.csv --registration ${file}`],
  ]);
}

function registerCommand(flags: RegisterFlags, command: Command): void {
  const plan = planOf(flags, {}, designFlags(flags));
  requireWhole(plan);
  const out = flags.out ?? file;
  const made = makeRegistration({
    by: 'register',
    name: plan.name,
    version: graftVersion(),
    plan: askedOf(plan),
  });
  const kept = keepRegistration(out, made, flags.force);
  const next = commandLine`graft verdict scores.csv --registration ${out}`;
  output(command, registeredText(kept, out, { plan: kept.registration.plan, next }));
}

/** The table's design as keys of verdict.yaml. */
function designFlags(flags: RegisterFlags): { flag: string; key: string; value: unknown }[] {
  const yes = (flag: string, text: string | undefined): boolean | undefined => {
    if (text === undefined) return undefined;
    if (text !== 'yes' && text !== 'no') throw new ConfigError(`${flag} ${text}: expected yes or no`);
    return text === 'yes';
  };
  // A single number is a count; a list says which.
  const some = (text: string | undefined): number | string[] | undefined =>
    text === undefined
      ? undefined
      : /^\d+$/.test(text.trim())
        ? Number(text)
        : text.split(',').map((part) => part.trim());
  const { externalSet } = flags;
  return [
    { flag: '--folds', key: 'design.folds', value: some(flags.folds) },
    { flag: '--seeds', key: 'design.seeds', value: some(flags.seeds) },
    { flag: '--groups', key: 'design.groups', value: yes('--groups', flags.groups) },
    { flag: '--generators', key: 'design.generators', value: yes('--generators', flags.generators) },
    {
      flag: '--external-set',
      key: 'design.external',
      value: externalSet.length > 0 ? externalSet : undefined,
    },
    { flag: '--kind', key: 'design.kind', value: flags.kind },
  ];
}
