/** `graft trial calibrate`: is the instrument right? Simulated trials whose truth is known, through the real analysis. */
import type { Command } from 'commander';
import { examples, globalOptions, integer, output } from './common.js';

interface CalibrateFlags {
  repetitions: number;
  phantoms?: boolean;
  seeds?: number[];
  folds?: number;
  testImages: number;
}

const seedList = (text: string): number[] => text.split(',').map(integer({ min: 2, max: 100 }));

export function registerCalibrate(trial: Command): void {
  const command = trial
    .command('calibrate')
    .description(
      'simulate trials whose truth is known: how often is the verdict wrong, how often is an effect found?',
    )
    .option(
      '--repetitions <count>',
      'trials of each design, without an effect and with one',
      integer({ min: 10 }),
      200,
    )
    .option('--phantoms', 'test images are the factors of phantoms, whose best possible AUC is known')
    .option('--seeds <list>', 'one design of your own: a number of seeds, or looks as 3,5,8', seedList)
    .option('--folds <count>', 'of that design', integer({ min: 1, max: 20 }))
    .option('--test-images <count>', 'of each fold', integer({ min: 50 }), 300)
    .action(async (flags: CalibrateFlags, self: Command) => calibrateCommand(flags, self));
  examples(command, [
    ['the table of docs/trial.md', 'graft trial calibrate'],
    ['the same on phantoms', 'graft trial calibrate --phantoms'],
    ['the design you have in mind', 'graft trial calibrate --seeds 5 --folds 5 --test-images 400'],
  ]);
}

async function calibrateCommand(flags: CalibrateFlags, command: Command): Promise<void> {
  const { calibrate, calibrationTable, defaultDesigns } = await import('../verdict/calibration.js');
  const { binormalModel, phantomModel } = await import('../verdict/simulation.js');
  const { Progress } = await import('../run/progress.js');
  const { quiet, seed } = globalOptions(command);
  const { seeds, folds = 1, testImages } = flags;
  const designs = seeds
    ? [{ folds, seeds: seeds.length === 1 ? seeds[0]! : seeds, testImages }]
    : defaultDesigns.map((design) => ({ ...design, testImages }));
  const progress = new Progress({ label: 'simulating', total: designs.length, unit: 'designs', quiet });
  let done = 0;
  progress.update(0);
  try {
    const calibration = calibrate({
      model: flags.phantoms ? phantomModel : binormalModel,
      designs,
      repetitions: flags.repetitions,
      seed,
      onRow: () => progress.update(++done),
    });
    progress.stop();
    output(command, { json: calibration, text: () => calibrationTable(calibration) });
  } finally {
    progress.stop();
  }
}
