/** `graft generator sample`. */
import { relative } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from 'graft-torch/base';
import type { ChoiceLineage, Lineage } from '../data/lineage/index.js';
import type { ChoiceOptions } from '../generate/index.js';
import { needsDiscriminator, openGenerator, sampleToFolder } from '../generate/index.js';
import { settleBackbone } from '../metrics/backbone/index.js';
import { InterruptedError, Progress, withInterrupt } from '../run/index.js';
import {
  addTrustOption,
  examples,
  globalOptions,
  integer,
  notice,
  number,
  output,
  partOption,
  startEngine,
} from './common.js';

interface SampleFlags {
  count: number;
  out: string;
  class?: string;
  checkpoint?: number | 'best' | 'last';
  weights?: 'ema' | 'raw';
  truncation?: number;
  keep: number;
  standing: number;
  choose?: string[];
  pool?: number;
  data?: string;
  backbone?: string;
  sheet?: string;
  part?: string;
}

export function registerSample(generator: Command): void {
  const sample = addTrustOption(generator.command('sample'))
    .description('write images of a trained generator, with their lineage')
    .argument(
      '<run>',
      'run folder of a finished GAN, or a file of a generator’s weights (.pth, .safetensors)',
    )
    .option('--count <n>', 'how many', integer({ min: 1 }), 500)
    .requiredOption('--out <dir>', 'folder for the PNG files and lineage.json; must be new or empty')
    .option('--class <label>', 'what the images are to be, of a GAN that learned several classes')
    .option(
      '--checkpoint <which>',
      'a step, best or last (default: the best where one is declared)',
      checkpoint,
    )
    .addOption(
      new Option(
        '--weights <kind>',
        'ema: the moving average; raw (default: ema where the run has it)',
      ).choices(['ema', 'raw']),
    )
    .option(...partOption)
    .option('--truncation <psi>', 'draw |z| below psi: more typical, less varied', number({ min: 0.02 }))
    .option(
      '--keep <share>',
      'keep the share that the discriminator holds most real',
      number({ min: 0.01, max: 1 }),
      1,
    )
    .option('--standing <n>', 'compute batch statistics anew over n batches', integer({ min: 0 }), 0)
    .option(
      '--choose <policy>',
      'choose from a pool: random, best (by the discriminator), diverse (by k-means), filtered (no other class, no near copy); filtered,best and filtered,diverse do both',
      (text: string) => text.split(',').map((name) => name.trim()),
    )
    .option(
      '--pool <n>',
      'images drawn for each one that is kept (default: 4)',
      number({ min: 1, max: 1000 }),
    )
    .option('--data <dir>', 'dataset that the run was trained on, if it has moved: diverse, filtered')
    .option(
      '--backbone <which>',
      'features for diverse and filtered: random, a classifier run on the same dataset, NETWORK:FILE, inception:FILE, FILE.pt or FILE.onnx, auto (default: random)',
    )
    .option('--sheet <file.png>', 'contact sheet of what was chosen, passed over and rejected')
    .action(async (dir: string, flags: SampleFlags, command: Command) => sampleCommand(dir, flags, command));
  examples(sample, [
    ['500 images', 'graft generator sample runs/sngan-64-melanoma --count 500 --out synthetic'],
    [
      'others of the same generator',
      'graft generator sample runs/sngan-64-melanoma --count 500 --seed 1 --out synthetic-1',
    ],
    [
      'one class of several',
      'graft generator sample runs/acgan-64-melanoma+nevus --class melanoma --out synthetic',
    ],
    [
      'the better half, from narrowed latents',
      'graft generator sample runs/sngan-64-melanoma --keep 0.5 --truncation 1.5 --out synthetic',
    ],
    [
      'by the features of a pretrained network',
      'graft generator sample runs/sngan-64-melanoma --choose diverse --backbone efficientnet-lite0:weights.pth --out synthetic',
    ],
    [
      'varied images that show their class and copy nothing',
      'graft generator sample runs/sngan-64-melanoma --choose filtered,diverse --sheet choice.png --out synthetic',
    ],
  ]);
}

/** Parser of `--checkpoint`. */
export function checkpoint(text: string): number | 'best' | 'last' {
  if (text === 'best' || text === 'last') return text;
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a step, best or last.');
}

async function sampleCommand(dir: string, flags: SampleFlags, command: Command): Promise<void> {
  const { quiet, seed = 0, threads } = globalOptions(command);
  const choice = await choiceOf(flags);
  const withDiscriminator = flags.keep < 1 || (choice !== undefined && needsDiscriminator(choice.policies));
  const device = await startEngine(command);
  const { count, out, keep: keptShare, truncation, checkpoint, weights, standing, sheet, part } = flags;
  const generator = await openGenerator(dir, {
    checkpoint,
    weights,
    standing,
    withDiscriminator,
    part,
    device,
    threads,
  });
  const advice = 'nothing is kept of an unfinished set';
  const { show, stop } = await partBars(quiet);
  const sampled = (interrupt: { readonly requested: boolean }): Promise<Lineage> => {
    const onPart = (name: string, done: number, total: number): void => {
      if (interrupt.requested) throw new InterruptedError(`stopped; ${advice}`);
      show(name, done, total);
    };
    return sampleToFolder(generator, {
      seed,
      class: flags.class,
      truncation,
      keptShare,
      choice,
      sheet,
      count,
      out,
      onPart,
      onProgress: (done) => onPart(choice ? 'writing' : 'sampling', done, count),
      warn: (message) => notice(command, `graft: warning: ${message}`),
    });
  };
  try {
    const lineage = await withInterrupt(sampled, `stopping; ${advice}`);
    stop();
    notice(command, `seed ${seed}, ${lineage.weights} weights of step ${lineage.checkpoint.step}`);
    if (lineage.choice) notice(command, describeChoice(lineage.choice));
    output(command, { json: { out, ...lineage }, text: `${count} images and lineage.json in ${out}` });
  } finally {
    stop();
    generator.network.dispose();
    generator.discriminator?.dispose();
  }
}

/** @throws ConfigError for what is said of a choice that is not made, and a sheet among the images */
async function choiceOf(flags: SampleFlags): Promise<ChoiceOptions | undefined> {
  const { choose, pool, data, backbone, sheet, out } = flags;
  if (choose === undefined) {
    const [alone] = Object.entries({ pool, data, backbone, sheet }).find(([, it]) => it !== undefined) ?? [];
    if (alone !== undefined) throw new ConfigError(`--${alone}: is of --choose; say how to choose`);
    return undefined;
  }
  if (sheet !== undefined && !relative(out, sheet).startsWith('..'))
    throw new ConfigError(
      `--sheet ${sheet}: lies in ${out}, where every picture is a synthetic image; name a file elsewhere`,
    );
  return {
    policies: choose,
    pool,
    data,
    // Once: the choice and the record of what it was fitted to are of one backbone.
    backbone: backbone === undefined ? undefined : settleBackbone(backbone),
  };
}

/** One progress bar for each part of the work. */
async function partBars(quiet: boolean): Promise<{
  show: (part: string, done: number, total: number) => void;
  stop: () => void;
}> {
  let bar: InstanceType<typeof Progress> | null = null;
  let shown = '';
  const stop = (): void => {
    bar?.stop();
    bar = null;
  };
  const show = (part: string, done: number, total: number): void => {
    if (part !== shown) stop();
    shown = part;
    bar ??= new Progress({ label: part, total, unit: 'images', quiet });
    bar.update(done);
  };
  return { show, stop };
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

function describeChoice({ policies, drawn, passed, label, distances, backbone }: ChoiceLineage): string {
  const lines = [
    `${policies.join(', ')}: chosen from ${drawn} images${passed < drawn ? `, of which ${passed} passed` : ''}`,
  ];
  if (label) {
    lines.push(
      `${label.rejected} seem to show another class; of real images ${percent(label.sensitivity)} of the class and ${percent(label.specificity)} of the others are told rightly`,
    );
  }
  for (const { space, rejected, threshold } of distances)
    lines.push(
      `${rejected} are too near to a training image in ${space}: within ${threshold.toPrecision(3)}, as hardly two training images are`,
    );
  if (backbone) lines.push(`features: ${backbone.name}`);
  return lines.join('\n');
}
