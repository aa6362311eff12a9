/**
 * Any network in a TorchScript file (`.pt`) as backbone: one that was traced in Python, one of this project's exports, or
 * NVIDIA's `inception-2015-12-05.pt` and `vgg16.pt` (a flag `return_features` of theirs is set; declare `range: 255`,
 * `mean: [0, 0, 0]`, `std: [1, 1, 1]` and their side, 299 or 224, for they normalise inside).
 */
import { basename } from 'node:path';
import { openScript, refuseStandIn, type Script, type Tensor, tidy } from 'graft-torch';
import { ConfigError, DataError, TorchError } from 'graft-torch/base';
import type { Backbone, BackboneOptions } from './backbone.js';
import { makeBackbone } from './extraction.js';
import { hashFile, hashProtocol } from './identity.js';
import { describeInput, describeResizer, settleInput, toInput } from './input.js';

/**
 * What a network gives for n images as features: a vector each, or maps whose mean over the places is taken.
 *
 * @param output `[n, D]` or `[n, C, H, W]`
 * @returns float32 `[n, D]`
 * @throws DataError naming the file when it gives something else
 */
export function toVectors(output: Tensor, n: number, path: string): Tensor {
  const { shape } = output;
  if (shape[0] !== n || (shape.length !== 2 && shape.length !== 4)) {
    throw new DataError(
      `${path}: gives [${shape.join(', ')}] for ${n} images; a backbone gives vectors [N, D] or maps [N, C, H, W]`,
    );
  }
  return tidy(() => (shape.length === 4 ? output.float().mean([2, 3]) : output.float()));
}

/**
 * Runs the file's code: `openBackbone` has asked whether it is trusted.
 *
 * @param path TorchScript file whose `forward` takes images `[N, 3, side, side]`; of a tuple the first is taken
 * @throws ConfigError when there is no such file, or the declared input is none
 * @throws DataError when it is no TorchScript file; later, when it refuses images or gives no features
 */
export function openScriptBackbone(path: string, options: BackboneOptions = {}): Backbone {
  const { device = 'cpu', input: declared = {}, resizer } = options;
  const input = settleInput(declared, resizer);
  const protocol = describeInput(input);
  const hash = hashFile(hashProtocol(`TorchScript; ${protocol}; `), path).digest('hex');
  refuseStandIn(path);
  const script = open(path, device);
  return makeBackbone(
    {
      device,
      sizePx: input.sizePx,
      name: basename(path),
      description: `the TorchScript file ${path}, input ${protocol}`,
      hash,
      resizer: describeResizer(input.resizer),
    },
    {
      embed: (images) => toVectors(run(script, toInput(images, input, device), path), images.shape[0]!, path),
      dispose: () => script.dispose(),
    },
  );
}

function open(path: string, device: BackboneOptions['device']): Script {
  try {
    return openScript(path, device);
  } catch (error) {
    if (!(error instanceof TorchError)) throw error;
    throw new ConfigError(
      `${path}: is no TorchScript file (${lineOf(error, 0)}); save the network with torch.jit.save, or name InceptionV3's weights as inception:${path}`,
    );
  }
}

function run(script: Script, input: Tensor, path: string): Tensor {
  try {
    const [first] = script.forward(input);
    if (!first) throw new DataError(`${path}: gives nothing`);
    return first;
  } catch (error) {
    if (!(error instanceof TorchError)) throw error;
    throw new DataError(
      `${path}: refuses images [${input.shape.join(', ')}]: ${lineOf(error, -1)}; declare the input it takes`,
    );
  }
}

/** libtorch shows where in the source it failed; the cause is the last line. Its own words are the error's cause. */
const lineOf = ({ message, cause }: Error, index: number): string =>
  (cause instanceof Error ? cause.message : message).trim().split('\n').at(index)!;
