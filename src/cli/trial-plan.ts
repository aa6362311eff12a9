/** `graft trial plan`: what a trial will do, what it will be able to see, and what it will cost, before anything runs. */
import type { Command } from 'commander';
import { unknownWords } from '../data/lineage/index.js';
import { plural } from '../report/index.js';
import {
  type ArmImages,
  armImages,
  armsOf,
  type Cost,
  comparisonPairs,
  estimateCost,
  measureRoom,
  prepareTrial,
  type Room,
  rolesOf,
  settleTrialThreads,
  type Trial,
  type TrialJob,
  trialConfigSchema,
  trialPower,
  withModules,
  withRecipePaths,
} from '../trial/index.js';
import type { PowerPlan } from '../verdict/index.js';
import {
  addTrustOption,
  collect,
  commandConfig,
  examples,
  integer,
  notice,
  number,
  output,
  warning,
} from './common.js';
import { powerText } from './power-text.js';
import { plainTable, trimmed } from './table.js';
import { withPictures } from './trial-run.js';

interface PlanFlags {
  data?: string;
  set: string[];
  jobs?: number;
  measure: boolean;
  pilot?: string;
  auc?: number;
  seedDeviation?: number;
  generatorDeviation?: number;
}

export function registerPlan(trial: Command): void {
  const plan = addTrustOption(trial.command('plan'))
    .description('arms, comparisons, power and cost of a trial, before anything runs')
    .argument('<trial.yaml>', 'trial file, or the name of a recipe')
    .option('--data <dataset>', 'dataset folder, instead of the file’s')
    .option('--set <key=value>', 'override a key of the file; repeatable', collect, [])
    .option('--jobs <count>', 'jobs at once (default: measured)', integer({ min: 1, max: 1024 }))
    .option('--no-measure', 'no cost: nothing is run at all')
    .option('--pilot <dir>', 'a finished trial whose variances are taken, instead of assumptions')
    .option('--auc <value>', 'test AUC that is expected', number({ min: 0.5, max: 1 }))
    .option(
      '--seed-deviation <value>',
      'standard deviation of the paired difference over seeds that is expected',
      number({ min: 0 }),
    )
    .option(
      '--generator-deviation <value>',
      'standard deviation of the difference over generators of the recipe that is expected',
      number({ min: 0 }),
    )
    .action(async (file: string, flags: PlanFlags, command: Command) => planCommand(file, flags, command));
  examples(plan, [
    ['is it worth starting?', 'graft trial plan trial-64 --data isic2017'],
    ['with the variances of a smaller trial', 'graft trial plan big.yaml --pilot runs/trial-small'],
    ['on a machine that is busy', 'graft trial plan big.yaml --no-measure'],
  ]);
}

async function planCommand(file: string, flags: PlanFlags, command: Command): Promise<void> {
  const given = await commandConfig(
    command,
    trialConfigSchema,
    'trial',
    { ...flags, recipe: file, settle: settleTrialThreads },
    [{ flag: '--data', key: 'data', value: flags.data }],
  );
  if (given === null) return;
  const config = await withModules(withRecipePaths(given));
  const trial = prepareTrial(config);
  for (const unknown of trial.unknown ?? []) warning(unknownWords(unknown));
  await withPictures(trial, command);
  const arms = armsOf(config);
  const pairs = comparisonPairs(arms);
  const roles = rolesOf(pairs);
  const comparisons = pairs.map(({ arm, baseline, question }, i) => ({
    arm: arm.name,
    baseline: baseline.name,
    question,
    role: roles[i]!,
  }));
  const { auc, seedDeviation, generatorDeviation } = flags;
  const power = trialPower(trial, { pilot: flags.pilot, assume: { auc, seedDeviation, generatorDeviation } });
  const measured = flags.measure ? await costOf(trial, flags, command) : null;
  const parts = { trial, images: armImages(trial), comparisons, power, measured };
  output(command, {
    json: {
      config,
      arms,
      images: parts.images,
      comparisons,
      jobs: trial.jobs().map(({ id, kind, needs }) => ({ id, kind, needs })),
      power,
      ...measured,
    },
    text: () => planText(parts),
  });
}

async function costOf(trial: Trial, flags: PlanFlags, command: Command): Promise<{ room: Room; cost: Cost }> {
  const room = await measureRoom(trial.config, {
    gans: [...new Set(trial.jobs().flatMap((job) => (job.kind === 'gan' ? [job.gan] : [])))],
    threads: trial.config.threads,
    parallel: flags.jobs,
    onProbe: (title) => notice(command, `measuring: ${title}`),
  });
  return { room, cost: estimateCost(trial, room) };
}

interface PlanParts {
  trial: Trial;
  images: readonly ArmImages[];
  comparisons: { arm: string; baseline: string; question: string; role: string }[];
  power: PowerPlan;
  measured: { room: Room; cost: Cost } | null;
}

function planText({ trial, images, comparisons, power, measured }: PlanParts): string {
  const { config } = trial;
  const arms = plainTable(['arm', 'real', 'of them positive', 'synthetic'], 1);
  for (const { arm, real, positives, synthetic } of images)
    arms.push([arm, String(real), String(positives), synthetic > 0 ? String(synthetic) : '–']);
  const held = plainTable(['role', 'comparison', 'asks'], 3);
  for (const { arm, baseline, question, role } of comparisons)
    held.push([role, `${arm} − ${baseline}`, question]);
  const count = (kind: TrialJob['kind']): number => trial.jobs().filter((job) => job.kind === kind).length;
  const { folds, sequential, seeds } = config;
  const seedText = sequential
    ? `looks at ${sequential.looks.join(', ')} seeds`
    : plural(seeds.length, 'seed');
  return [
    `${config.name}: ${plural(images.length, 'arm')} × ${seedText}${folds > 1 ? ` × ${folds} folds` : ''}: ${plural(count('classifier'), 'classifier')}, ${plural(count('gan'), 'GAN')}${sequential ? ' at most' : ''}`,
    '',
    `training images${folds > 1 ? ' (first fold)' : ''}`,
    trimmed(arms),
    '',
    trimmed(held),
    '',
    powerText(power),
    ...(measured ? ['', ...costLines(measured)] : []),
  ].join('\n');
}

function costLines({ room, cost }: { room: Room; cost: Cost }): string[] {
  const hours = (seconds: number): string =>
    seconds < 90
      ? `${Math.round(seconds)} s`
      : seconds < 5400
        ? `${Math.round(seconds / 60)} min`
        : `${(seconds / 3600).toFixed(1)} h`;
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const tried = room.tried.map(
    ({ parallel, threads, secondsPerStep, peakBytes }) =>
      `  ${parallel} at once, ${threads} ${threads === 1 ? 'thread' : 'threads'} each: ${(parallel / secondsPerStep).toFixed(2)} classifier steps/s, ${gib(peakBytes)} each`,
  );
  return [
    `cost on this machine (${room.cores} cores, ${gib(room.memoryBytes)} free): about ${hours(cost.seconds)}, ${room.chosen.parallel} at once, ${gib(cost.memoryBytes)}`,
    ...cost.kinds.map(
      ({ kind, jobs, steps, seconds }) =>
        `  ${plural(jobs, kind)}, ${plural(steps, 'step')}: ${hours(seconds)} one after the other`,
    ),
    ...tried,
  ];
}
