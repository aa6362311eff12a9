/** `graft trial calibrate`: is the instrument right? Simulated trials whose truth is known, through the real analysis. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Progress } from '../run/index.js';
import type { CalibrationOptions } from '../verdict/index.js';
import {
  calibrate,
  calibrationTable,
  scenarioList,
  scenariosNamed,
  usualScenarios,
} from '../verdict/index.js';
import { scenarios } from '../verdict/simulation/index.js';
import { collect, examples, globalOptions, integer, number, output } from './common.js';

interface CalibrateFlags {
  scenario: string[];
  all?: boolean;
  list?: boolean;
  repetitions: number;
  effect: number;
  margin: number;
  folds?: number;
  seeds?: number[];
  each?: 'fold' | 'seed' | 'trial';
}

function seedList(text: string): number[] {
  const seeds = text.split(',').map(integer({ min: 1, max: 100 }));
  if (seeds.some((count, i) => i > 0 && count <= seeds[i - 1]!))
    throw new InvalidArgumentError('looks are at growing numbers of seeds, as in 3,5,8.');
  return seeds;
}

export function registerCalibrate(trial: Command): void {
  const command = trial
    .command('calibrate')
    .description(
      'simulate trials whose truth is known: how often is the verdict wrong, how often is an effect found?',
    )
    .option('--scenario <name>', 'a null to ask about; repeatable (default: a dozen of them)', collect, [])
    .option('--all', 'every scenario in every design, the tables of docs/trial.md; takes hours')
    .option('--list', 'says which scenarios there are, and ends')
    .option('--repetitions <count>', 'trials a row and truth', integer({ min: 10 }), 200)
    .option(
      '--effect <auc>',
      'difference in true AUC that should be found',
      number({ min: 0.001, max: 0.3 }),
      0.05,
    )
    .option('--margin <auc>', 'equivalence margin', number({ min: 0.001, max: 0.2 }), 0.02)
    .option('--folds <count>', 'a design of your own: folds', integer({ min: 1, max: 20 }))
    .option('--seeds <list>', 'seeds in each fold, or looks as 3,5,8', seedList)
    .addOption(
      new Option('--each <what>', 'what has a generator of its own').choices(['fold', 'seed', 'trial']),
    )
    .action(async (flags: CalibrateFlags, self: Command) => calibrateCommand(flags, self));
  examples(command, [
    ['a dozen nulls, some minutes', 'graft trial calibrate'],
    ['which nulls there are', 'graft trial calibrate --list'],
    ['one null, more trials', 'graft trial calibrate --scenario giant --repetitions 1000'],
    [
      'the design you have in mind, where generators differ',
      'graft trial calibrate --scenario tau-02 --scenario tau-05 --folds 10 --seeds 2 --each fold',
    ],
    ['looks after 3, 5 and 8 seeds', 'graft trial calibrate --scenario tau-02 --seeds 3,5,8'],
  ]);
}

async function calibrateCommand(flags: CalibrateFlags, command: Command): Promise<void> {
  if (flags.list) {
    output(command, { json: scenarios, text: () => scenarioList(scenarios) });
    return;
  }
  const { quiet, seed } = globalOptions(command);
  const { repetitions, effect, margin } = flags;
  const options: CalibrationOptions = {
    scenarios: flags.all
      ? scenarios
      : flags.scenario.length > 0
        ? scenariosNamed(flags.scenario)
        : usualScenarios(),
    designs: ownDesign(flags),
    repetitions,
    effect,
    margin,
    seed,
  };
  let progress: InstanceType<typeof Progress> | undefined;
  try {
    const calibration = calibrate({
      ...options,
      onTrial: (done, total) => {
        progress ??= new Progress({ label: 'simulating', total, unit: 'trials', quiet });
        progress.update(done);
      },
    });
    progress?.stop();
    output(command, { json: calibration, text: () => calibrationTable(calibration) });
  } finally {
    progress?.stop();
  }
}

/** One design where any part of it was given; else the scenarios' own. */
function ownDesign({ folds, seeds, each }: CalibrateFlags): CalibrationOptions['designs'] {
  if (folds === undefined && seeds === undefined && each === undefined) return undefined;
  const counts = seeds ?? [3];
  const looks = counts.length > 1 ? counts : null;
  return [{ folds: folds ?? 5, seeds: counts.at(-1)!, each: each ?? 'fold', looks }];
}
