/** `graft generator export`. */
import { type Command, Option } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { exportGenerator, openGenerator } from '../generate/index.js';
import { addTrustOption, examples, globalOptions, notice, output, partOption } from './common.js';
import { checkpoint } from './generator-sample.js';

interface ExportFlags {
  format?: 'safetensors' | 'pth' | 'onnx' | 'torchscript';
  out: string;
  checkpoint?: number | 'best' | 'last';
  weights?: 'ema' | 'raw';
  part?: string;
}

const ENDINGS: [RegExp, NonNullable<ExportFlags['format']>][] = [
  [/\.safetensors$/, 'safetensors'],
  [/\.pth$/, 'pth'],
  [/\.onnx$/, 'onnx'],
  [/\.(pt|ts)$/, 'torchscript'],
];

export function registerExport(generator: Command): void {
  const command = addTrustOption(generator.command('export'))
    .description('write a trained generator for other programs: safetensors, .pth, ONNX, TorchScript')
    .argument('<run>', 'run folder of a finished GAN, or a file of a generator’s weights')
    .requiredOption('--out <file>', 'file to write')
    .addOption(
      new Option('--format <format>', 'default: by the file’s ending').choices([
        'safetensors',
        'pth',
        'onnx',
        'torchscript',
      ]),
    )
    .option(
      '--checkpoint <which>',
      'a step, best or last (default: the best where one is declared)',
      checkpoint,
    )
    .addOption(
      new Option('--weights <kind>', 'ema or raw (default: ema where the run has it)').choices([
        'ema',
        'raw',
      ]),
    )
    .option(...partOption)
    .action(async (source: string, flags: ExportFlags, command: Command) =>
      exportCommand(source, flags, command),
    );
  examples(command, [
    [
      'a graph for ONNX Runtime, checked against the network',
      'graft generator export runs/sngan-64-melanoma --out generator.onnx',
    ],
    ['a state dict for PyTorch', 'graft generator export runs/sngan-64-melanoma --out generator.pth'],
    ['a module for torch.jit.load', 'graft generator export runs/sngan-64-melanoma --out generator.pt'],
  ]);
}

async function exportCommand(source: string, flags: ExportFlags, command: Command): Promise<void> {
  const format = flags.format ?? ENDINGS.find(([ending]) => ending.test(flags.out))?.[1];
  if (!format) {
    throw new ConfigError(
      `--out ${flags.out}: its ending names no format; use .safetensors, .pth, .onnx or .pt, or say --format`,
    );
  }
  const { checkpoint, weights, part } = flags;
  const { threads } = globalOptions(command);
  const generator = await openGenerator(source, { checkpoint, weights, part, device: 'cpu', threads });
  const result = await exportGenerator(generator, flags.out, format);
  generator.network.dispose();
  const { check } = result;
  if (check && !check.checked) notice(command, `graft: warning: ${check.reason}`);
  const checked = check?.checked
    ? `; in ONNX Runtime the images differ by ${check.maxDifference.toExponential(1)} at most`
    : '';
  output(command, { json: result, text: `${flags.out}: ${format} of ${source}${checked}` });
}
