/** Options of the commands that look at images through a backbone, and the features it gives. */
import { type Command, Option } from 'commander';
import type { Device, Tensor } from 'graft-torch';
import {
  AUTO,
  autoBackbone,
  type FeatureExtractor,
  openCalibrated,
  parseInput,
  type ResizerName,
  setFeatures,
  settleBackbone,
} from '../metrics/backbone/index.js';
import type { ImageSet } from '../metrics/sets/index.js';
import { addTrustOption, collect, globalOptions, notice } from './common.js';

/** A pretrained network sees more than a random one (docs/metrics.md); which of them it was, every record says. */
const DEFAULT_BACKBONE = AUTO;

export interface BackboneFlags {
  backbone: string;
  resizer: ResizerName;
  input: string[];
  cache: boolean;
}

export const addBackboneOptions = (command: Command): Command =>
  addTrustOption(command)
    .option(
      '--backbone <which>',
      'where features come from: random, a classifier run, NETWORK:FILE (such as efficientnet-lite0:weights.pth), inception:FILE, FILE.pt (TorchScript), FILE.onnx, module:FILE.js; auto: NETWORK:FILE where weights are at hand ($GRAFT_BACKBONE, or fetched before), else random',
      DEFAULT_BACKBONE,
    )
    .addOption(
      new Option(
        '--resizer <name>',
        'how images come to the backbone’s side; tensorflow and pytorch as in published FIDs',
      )
        .choices(['clean', 'tensorflow', 'pytorch'])
        .default('clean'),
    )
    .option(
      '--input <key=value>',
      'what a TorchScript or ONNX backbone takes: sizePx=224, range=1 or 255, mean=R,G,B, std=R,G,B; of NETWORK:FILE sizePx alone; repeatable',
      collect,
      [],
    )
    .option('--no-cache', 'compute features anew, and keep none ($GRAFT_CACHE, else ~/.cache/graft)');

/** A backbone with what gives features of a set, which the caller disposes, as the backbone. */
export interface OpenedBackbone {
  backbone: Awaited<ReturnType<typeof openCalibrated>>;
  featuresOf: (which: string, set: ImageSet) => Promise<Tensor>;
}

/** @param options.calibrate real images, for the random backbone */
export async function openCommandBackbone(
  flags: BackboneFlags,
  command: Command,
  { device, calibrate }: { device: Device; calibrate: ImageSet },
): Promise<OpenedBackbone> {
  const { resizer, input, cache } = flags;
  const { quiet } = globalOptions(command);
  const spec = settleBackbone(flags.backbone);
  if (flags.backbone === AUTO) {
    const { why } = autoBackbone();
    notice(command, `backbone ${spec}: ${why}`);
  }
  const backbone: FeatureExtractor = await openCalibrated(spec, calibrate, {
    ...{ device, resizer },
    ...(input.length > 0 && { input: parseInput(input) }),
  });
  const onNotice = (message: string): void => notice(command, message);
  return {
    backbone,
    featuresOf: (which, set) =>
      setFeatures(backbone, set, { label: `features of ${which} images`, quiet, cache, onNotice }),
  };
}
