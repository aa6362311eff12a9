/** `graft metrics classifier`: GAN-train and GAN-test, what synthetic images are worth to a classifier. */
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import type { ClassifierConfig, GanTrainTestResult } from '../classify/index.js';
import {
  classifierConfigSchema,
  framingOfFolders,
  readSyntheticFolders,
  runGanTrainTest,
} from '../classify/index.js';
import { framingWords } from '../image/index.js';
import { InterruptedError, Progress, settleThreads as settle, withInterrupt } from '../run/index.js';
import { openData } from './classify-data.js';
import {
  addTrustOption,
  collect,
  commandConfig,
  examples,
  globalOptions,
  integer,
  moduleOption,
  notice,
  output,
  warning,
} from './common.js';
import { plainTable, trimmed } from './table.js';

interface ClassifierFlags {
  data: string;
  synthetic: string[];
  recipe: string;
  module?: string;
  set: string[];
  seeds: number;
  count?: number;
  base?: string;
  out?: string;
  dryRun?: boolean;
}

export function registerClassifier(metrics: Command): void {
  const command = addTrustOption(metrics.command('classifier'))
    .description(
      'GAN-train and GAN-test: a classifier trained on synthetic images and tested on real ones, and the reverse',
    )
    .requiredOption('--data <dataset>', 'dataset folder whose training split the GAN learned from')
    .requiredOption(
      '--synthetic <dir>',
      'folder of synthetic images of one class (graft generator sample); repeatable, for every class or the positive one',
      collect,
      [],
    )
    .option('--recipe <name>', 'classifier: recipes/<name>.yaml, or a file', 'efficientnet-b0-64')
    .option('--set <key=value>', 'override a key of the recipe; repeatable', collect, [])
    .option(...moduleOption('a network or an augmentation of your own'))
    .option('--seeds <count>', 'classifiers of each kind', integer({ min: 1, max: 100 }), 3)
    .option(
      '--count <images>',
      'synthetic images of the positive class to train on (default: as many as the training split has)',
      integer({ min: 1 }),
    )
    .option('--base <dir>', 'take the classifiers of real images from this earlier result')
    .option('--out <dir>', 'folder of the runs (default: runs/gan-train-test-<synthetic folder>)')
    .option('--dry-run', 'print the resolved configuration of the classifiers and stop')
    .action(async (flags: ClassifierFlags, command: Command) => classifierCommand(flags, command));
  examples(command, [
    [
      'a GAN of the rare class; after Ctrl-C the same line goes on',
      'graft metrics classifier --data isic2017 --synthetic melanomas --out runs/gan-train-test',
    ],
    [
      'a conditional GAN: synthetic images alone',
      'graft metrics classifier --data isic2017 --synthetic melanomas --synthetic nevi',
    ],
    [
      'another GAN against the same classifiers of real images',
      'graft metrics classifier --data isic2017 --synthetic others --base runs/gan-train-test',
    ],
  ]);
}

async function classifierCommand(flags: ClassifierFlags, command: Command): Promise<void> {
  const config = await commandConfig(command, classifierConfigSchema, 'classifier', { ...flags, settle }, [
    { flag: '--data', key: 'data', value: flags.data },
    { flag: '--synthetic', key: 'synthetic', value: flags.synthetic },
    { flag: '--module', key: 'module', value: flags.module },
  ]);
  if (config === null) return;
  const out = flags.out ?? join('runs', `gan-train-test-${basename(flags.synthetic[0]!)}`);
  const result = await measure(config, { ...flags, out }, command);
  output(command, { json: { folder: out, ...result }, text: () => describe(out, result) });
}

/** Reads the images, trains with one progress bar over all runs and the signals caught. */
async function measure(
  config: ClassifierConfig,
  { out, seeds, count, base }: ClassifierFlags & { out: string },
  command: Command,
): Promise<GanTrainTestResult> {
  const { quiet } = globalOptions(command);
  const { data, synthetic: folders, ...recipe } = config;
  const framing = framingOfFolders(folders);
  const { dataset, cache } = await openData(data, recipe.imageSize, {
    quiet,
    framing,
    channels: recipe.channels ?? undefined,
  });
  notice(command, `Compared: ${framingWords(cache.framing)}${framing ? ', as the generator saw it' : ''}.`);
  let synthetic: Awaited<ReturnType<typeof readSyntheticFolders>> = [];
  let bar: InstanceType<typeof Progress> | null = null;
  try {
    synthetic = await readSyntheticFolders(folders, dataset, {
      sizePx: recipe.imageSize,
      channels: cache.channels,
      shown: cache.framing,
      warn: (message) => notice(command, `graft: warning: ${message}`),
    });
    return await withInterrupt((interrupt) =>
      runGanTrainTest({
        config: recipe,
        out,
        dataset,
        cache,
        synthetic,
        seeds: Array.from({ length: seeds }, (_, i) => recipe.seed + i),
        count,
        base,
        interrupt,
        warn: warning,
        onStep: (done, total, { run, loss, bestAuc }) => {
          bar ??= new Progress({ label: 'GAN-train and GAN-test', total, start: done - 1, quiet });
          bar.update(done, { run, loss, 'best val AUC': bestAuc ?? undefined });
        },
      }),
    );
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    throw new InterruptedError(`stopped, state saved in ${out}; the same command again goes on`);
  } finally {
    (bar as InstanceType<typeof Progress> | null)?.stop();
    cache.images.dispose();
    for (const { images } of synthetic) images.dispose();
  }
}

const scopes: Record<GanTrainTestResult['scope'], string> = {
  'all-classes': 'synthetic images alone',
  'positive-class': 'synthetic positives beside the real negatives',
};

function describe(out: string, result: GanTrainTestResult): string {
  const { ganTrain, ganTest, scope, seeds, dataset, cautions } = result;
  const figure = (value: number, interval: [number, number] | null): string =>
    `${value.toFixed(3)}${interval ? ` [${interval.map((end) => end.toFixed(3)).join(', ')}]` : ''}`;
  const names = { auc: 'AUC', accuracy: 'accuracy', 'called-positive': 'called positive' };
  const table = plainTable(['', 'synthetic', 'real', 'difference']);
  for (const [name, { synthetic, real, difference }] of [
    ['GAN-train, test AUC', ganTrain] as const,
    ...ganTest.map((one) => [`GAN-test, ${names[one.score]}`, one] as const),
  ]) {
    table.push([
      name,
      figure(synthetic.value, synthetic.interval),
      figure(real.value, real.interval),
      figure(difference.value, difference.interval),
    ]);
  }
  return [
    ...cautions,
    ...(cautions.length > 0 ? [''] : []),
    trimmed(table),
    '',
    `GAN-train: trained on ${ganTrain.images.synthetic} ${scopes[scope]}; real: GAN-base, trained on the real images. Both scored on ${ganTrain.images.test} real test images of ${dataset.name} (${ganTrain.images.testPositive} '${dataset.positive}').`,
    'GAN-test: the classifiers of the real images on the synthetic ones; real: on the real test split.',
    `${seeds.length === 1 ? '1 seed; in brackets 95 % over images' : `${seeds.length} seeds; in brackets 95 % over seeds and images`}.`,
    `Runs and scores of every synthetic image: ${out}`,
  ].join('\n');
}
