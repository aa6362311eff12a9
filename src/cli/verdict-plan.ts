/** `graft verdict plan`: what a design will be able to see, from assumptions or from a pilot table of scores. */
import type { Command } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { pilotOfTable, planPower } from '../verdict/index.js';
import { examples, integer, number, output } from './common.js';
import { powerText } from './power-text.js';
import { addTableOptions, ownFlags, planOf, type TableFlags } from './verdict-options.js';

interface PlanFlags extends TableFlags {
  pilot?: string[];
  seeds?: number;
  folds?: number;
  positives?: number;
  negatives?: number;
  generatorEach?: string;
  auc?: number;
  seedDeviation?: number;
  generatorDeviation?: number;
}

export function registerVerdictPlan(verdict: Command): void {
  const plan = verdict
    .command('plan')
    .description('the smallest difference that a design can find, before anything is trained')
    .option('--seeds <count>', 'in each fold (default: 3, or the pilot’s)', integer({ min: 1 }))
    .option('--folds <count>', 'default: 1, or the pilot’s', integer({ min: 1 }))
    .option('--positives <count>', 'positive test patients (groups), over all folds', integer({ min: 1 }))
    .option('--negatives <count>', 'negative ones', integer({ min: 1 }))
    .option('--generator-each <part>', 'one generator a fold, or one a seed: fold or seed (default: fold)')
    .option('--pilot <scores.csv...>', 'a table of scores whose variances are taken, instead of assumptions')
    .option('--auc <value>', 'test AUC that is expected', number({ min: 0.5, max: 1 }))
    .option(
      '--seed-deviation <value>',
      'standard deviation of the paired difference over seeds',
      number({ min: 0 }),
    )
    .option(
      '--generator-deviation <value>',
      'standard deviation of the difference over generators',
      number({ min: 0 }),
    );
  addTableOptions(plan).action(async (_: object, command: Command) =>
    planCommand(ownFlags(command), command),
  );
  examples(plan, [
    [
      'five folds of three seeds, 100 malignant and 500 benign patients',
      'graft verdict plan --folds 5 --seeds 3 --positives 100 --negatives 500',
    ],
    ['with the variances of a first table', 'graft verdict plan --pilot first.csv --baseline real --seeds 8'],
  ]);
}

async function planCommand(flags: PlanFlags, command: Command): Promise<void> {
  const plan = planOf(flags);
  const each = flags.generatorEach ?? 'fold';
  if (each !== 'fold' && each !== 'seed')
    throw new ConfigError(`--generator-each ${each}: expected fold or seed`);
  const pilot = flags.pilot === undefined ? null : await pilotOfTable(flags.pilot, plan);
  const positives = flags.positives ?? pilot?.pilot.test.positives;
  const negatives = flags.negatives ?? pilot?.pilot.test.negatives;
  if (positives === undefined || negatives === undefined)
    throw new ConfigError(
      'say how many test patients of each class there are, --positives and --negatives, or give a pilot table with --pilot',
    );
  const power = planPower({
    seeds: flags.seeds ?? pilot?.seeds ?? 3,
    folds: flags.folds ?? pilot?.folds ?? 1,
    each: plan.synthetic ? each : 'none',
    test: { positives, negatives },
    margin: plan.margin,
    level: plan.level,
    power: plan.power,
    looks: plan.looks,
    ...(pilot && { pilot: pilot.pilot }),
    assume: {
      ...(flags.auc !== undefined && { auc: flags.auc }),
      ...(flags.seedDeviation !== undefined && { seedDeviation: flags.seedDeviation }),
      ...(flags.generatorDeviation !== undefined && { generatorDeviation: flags.generatorDeviation }),
      ...(!plan.synthetic && flags.generatorDeviation === undefined && { generatorDeviation: 0 }),
    },
  });
  output(command, { json: { plan, power }, text: () => powerText(power) });
}
