/** `graft gan sample`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { examples, globalOptions, integer, notice, number, output, startEngine } from './common.js';

interface SampleFlags {
  count: number;
  out: string;
  class?: string;
  checkpoint?: number | 'best' | 'last';
  weights?: 'ema' | 'raw';
  truncation?: number;
  keep: number;
  standing: number;
}

export function registerSample(gan: Command): void {
  const sample = gan
    .command('sample')
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
    .option('--truncation <psi>', 'draw |z| below psi: more typical, less varied', number({ min: 0.02 }))
    .option(
      '--keep <share>',
      'keep the share that the discriminator holds most real',
      number({ min: 0.01, max: 1 }),
      1,
    )
    .option('--standing <n>', 'compute batch statistics anew over n batches', integer({ min: 0 }), 0)
    .action(async (dir: string, flags: SampleFlags, command: Command) => sampleCommand(dir, flags, command));
  examples(sample, [
    ['500 images', 'graft gan sample runs/sngan-64-melanoma --count 500 --out synthetic'],
    [
      'others of the same generator',
      'graft gan sample runs/sngan-64-melanoma --count 500 --seed 1 --out synthetic-1',
    ],
    [
      'one class of several',
      'graft gan sample runs/acgan-64-melanoma+nevus --class melanoma --out synthetic',
    ],
    [
      'the better half, from narrowed latents',
      'graft gan sample runs/sngan-64-melanoma --keep 0.5 --truncation 1.5 --out synthetic',
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
  const { openGenerator, sampleToFolder } = await import('../gan/sample.js');
  const { withProgress } = await import('../run/progress.js');
  const { quiet, seed = 0, threads } = globalOptions(command);
  const device = await startEngine(command);
  const { count, out, keep: keptShare, truncation, checkpoint, weights, standing } = flags;
  const withDiscriminator = keptShare < 1;
  const generator = await openGenerator(dir, {
    checkpoint,
    weights,
    standing,
    withDiscriminator,
    device,
    threads,
  });
  const draw = { seed, class: flags.class, truncation, keptShare };
  const lineage = await withProgress({ label: 'sampling', total: count, unit: 'images', quiet }, (progress) =>
    sampleToFolder(generator, { ...draw, count, out, onProgress: (done) => progress.update(done) }),
  );
  generator.network.dispose();
  generator.discriminator?.dispose();
  notice(command, `seed ${seed}, ${lineage.weights} weights of step ${lineage.checkpoint.step}`);
  output(command, { json: { out, ...lineage }, text: `${count} images and lineage.json in ${out}` });
}
