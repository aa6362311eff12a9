/** `graft classify export`. */
import { type Command, Option } from 'commander';
import { setThreads } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import type { ClassifierExportFormat } from '../classify/index.js';
import { exportClassifier } from '../classify/index.js';
import { addTrustOption, examples, globalOptions, notice, output } from './common.js';

interface ExportFlags {
  format?: ClassifierExportFormat;
  out: string;
}

const ENDINGS: [RegExp, ClassifierExportFormat][] = [
  [/\.safetensors$/, 'safetensors'],
  [/\.pth$/, 'pth'],
  [/\.onnx$/, 'onnx'],
  [/\.(pt|ts)$/, 'torchscript'],
];

export function registerExport(classify: Command): void {
  const command = addTrustOption(classify.command('export'))
    .description('write a trained classifier for other programs: ONNX, TorchScript, safetensors, .pth')
    .argument('<run>', 'run folder of a classifier')
    .requiredOption('--out <file>', 'file to write')
    .addOption(
      new Option('--format <format>', 'default: by the file’s ending').choices(
        ENDINGS.map(([, format]) => format),
      ),
    )
    .action(async (run: string, flags: ExportFlags, command: Command) => exportCommand(run, flags, command));
  examples(command, [
    [
      'a graph for ONNX Runtime, checked against the network',
      'graft classify export runs/first --out classifier.onnx',
    ],
    ['a module for torch.jit.load', 'graft classify export runs/first --out classifier.pt'],
    ['weights under the network’s own key names', 'graft classify export runs/first --out classifier.pth'],
  ]);
}

async function exportCommand(run: string, flags: ExportFlags, command: Command): Promise<void> {
  const format = flags.format ?? ENDINGS.find(([ending]) => ending.test(flags.out))?.[1];
  if (!format) {
    throw new ConfigError(
      `--out ${flags.out}: its ending names no format; use .onnx, .pt, .safetensors or .pth, or say --format`,
    );
  }
  setThreads(globalOptions(command).threads);
  const result = await exportClassifier(run, flags.out, format);
  const { check } = result;
  if (check && !check.checked) notice(command, `graft: warning: ${check.reason}`);
  const runtime = format === 'onnx' ? 'ONNX Runtime' : 'libtorch';
  const checked = check?.checked
    ? `; in ${runtime} the logits differ by ${check.maxDifference.toExponential(1)} at most`
    : '';
  output(command, { json: result, text: `${flags.out}: ${format} of ${run}${checked}` });
}
