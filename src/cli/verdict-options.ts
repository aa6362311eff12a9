/** The options that say what is asked of a table of scores, and how it is read; also keys of verdict.yaml. */
import type { Command } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { resolveConfig } from '../run/index.js';
import { type VerdictPlan, verdictPlanSchema } from '../verdict/index.js';
import { collect, number } from './common.js';

export interface TableFlags {
  plan?: string;
  name?: string;
  baseline?: string;
  arm?: string;
  balanceControl: string[];
  /** False with --no-generator. */
  generator: boolean;
  margin?: number;
  marginReason?: string;
  testToTrain?: number;
  level?: number;
  power?: number;
  looks?: string;
  positive?: string;
  column: string[];
  wide?: string | true;
  files?: string;
  subgroup: string[];
}

/**
 * The options of a command below `graft verdict`: whatever both have, `graft verdict` itself has taken from the line.
 */
export function ownFlags<Flags>(command: Command): Flags {
  const above = command.parent!;
  const given = Object.entries(above.opts()).filter(([name]) => above.getOptionValueSource(name) === 'cli');
  return { ...command.opts(), ...Object.fromEntries(given) } as Flags;
}

export function addTableOptions(command: Command): Command {
  return command
    .optionsGroup('What is asked:')
    .option('--plan <verdict.yaml>', 'a file with these options, written before the scores were seen')
    .option('--baseline <arm>', 'the arm that the others are held against')
    .option('--arm <arm>', 'the arm that the verdict is about')
    .option(
      '--balance-control <arm>',
      're-balances the real images; "helps" must hold against it too; repeatable',
      collect,
      [],
    )
    .option('--no-generator', 'the arms are any two recipes: nothing is said of synthetic images')
    .option('--margin <auc>', 'difference too small to matter (default: 0.02)', number({ min: 0 }))
    .option('--margin-reason <text>', 'why that margin')
    .option(
      '--test-to-train <ratio>',
      'of a table of AUCs: test over training images (default: the table’s, else 1 / (folds − 1))',
      number({ min: 0 }),
    )
    .option('--level <share>', 'of intervals (default: 0.95)', number({ min: 0.5, max: 1 }))
    .option(
      '--power <share>',
      'that detectable differences are stated for (default: 0.8)',
      number({ min: 0.5, max: 1 }),
    )
    .option('--looks <3,5,8>', 'numbers of seeds at which the scores are looked at')
    .option('--name <text>', 'stands above the report')
    .optionsGroup('How the table is read:')
    .option('--positive <label>', 'label of the positive class')
    .option(
      '--column <role=name>',
      'a column whose name is not the usual one: score=prob; repeatable',
      collect,
      [],
    )
    .option('--wide [pattern]', "a column a run: '{arm}_f{fold}_s{seed}'")
    .option('--files <pattern>', 'a file a run: pattern of the files’ names')
    .option('--subgroup <column>', 'keep this column for results by its values; repeatable', collect, [])
    .optionsGroup('Options:');
}

/**
 * The plan of a command line: verdict.yaml, else what was registered, and what the options say over it.
 * @throws ConfigError as `resolveConfig`
 */
export function planOf(
  flags: TableFlags,
  registered: Readonly<Record<string, unknown>> = {},
  design: readonly { flag: string; key: string; value: unknown }[] = [],
): VerdictPlan {
  const columns = flags.column.map((text) => {
    const [, role, name] = /^([a-z]+)=(.+)$/.exec(text) ?? [];
    if (role === undefined || name === undefined)
      throw new ConfigError(`--column ${text}: expected role=name, such as score=prob`);
    return { flag: `--column ${text}`, key: `columns.${role}`, value: name };
  });
  const many = (list: readonly string[]): readonly string[] | undefined =>
    list.length > 0 ? list : undefined;
  const looks = flags.looks?.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  return resolveConfig(verdictPlanSchema, {
    file: flags.plan,
    flags: [
      ...(flags.plan === undefined
        ? Object.entries(registered).map(([key, value]) => ({ flag: '--registration', key, value }))
        : []),
      { flag: '--name', key: 'name', value: flags.name },
      { flag: '--baseline', key: 'baseline', value: flags.baseline },
      { flag: '--arm', key: 'arm', value: flags.arm },
      { flag: '--balance-control', key: 'balanceControls', value: many(flags.balanceControl) },
      { flag: '--no-generator', key: 'synthetic', value: flags.generator ? undefined : false },
      { flag: '--margin', key: 'margin', value: flags.margin },
      { flag: '--margin-reason', key: 'marginReason', value: flags.marginReason },
      { flag: '--test-to-train', key: 'testToTrain', value: flags.testToTrain },
      { flag: '--level', key: 'level', value: flags.level },
      { flag: '--power', key: 'power', value: flags.power },
      { flag: '--looks', key: 'looks', value: looks },
      { flag: '--positive', key: 'positive', value: flags.positive },
      { flag: '--wide', key: 'wide', value: flags.wide },
      { flag: '--files', key: 'files', value: flags.files },
      { flag: '--subgroup', key: 'subgroups', value: many(flags.subgroup) },
      ...columns,
      ...design,
    ],
  });
}
