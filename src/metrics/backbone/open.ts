/** Opens whichever backbone a string names; see `spec.ts`. */
import { ConfigError } from 'graft-torch/base';
import type { Backbone, BackboneOptions, FeatureExtractor } from './backbone.js';
import { openClassifierBackbone } from './classifier-run.js';
import { openInceptionBackbone } from './inception.js';
import { bringBackbone, openNetworkBackbone } from './network.js';
import { openOnnxExtractor } from './onnx.js';
import { openModuleBackbone } from './own.js';
import { openRandomBackbone } from './random.js';
import { openScriptBackbone } from './script.js';
import { type BackboneSpec, parseBackboneSpec } from './spec.js';
import { requireTrust } from './trust.js';

/** Kinds that are fed as Graft's own networks are. */
const ONE_RESIZER: readonly BackboneSpec['kind'][] = ['random', 'run', 'network'];

/**
 * A backbone that answers at once. Weights on the hub must have been brought (`bringBackbone`).
 *
 * @param spec see `spec.ts`
 * @throws ConfigError for an ONNX file and a module, which `openExtractor` opens, for a TorchScript file that nobody said to trust, and
 *   for options and files that do not fit
 * @throws DataError when a file or folder does not hold what it should, or images are missing
 */
export function openBackbone(spec: string, options: BackboneOptions = {}): Backbone {
  const parsed = parseBackboneSpec(spec);
  const { resizer = 'clean', device = 'cpu' } = options;
  if (ONE_RESIZER.includes(parsed.kind) && resizer !== 'clean') {
    throw new ConfigError(
      `backbone '${spec}': its resizer is 'clean'; '${resizer}' is for InceptionV3, TorchScript and ONNX files`,
    );
  }
  switch (parsed.kind) {
    case 'random':
      return openRandomBackbone(options);
    case 'run':
      return openClassifierBackbone(parsed.path, device);
    case 'network':
      return openNetworkBackbone(parsed, options);
    case 'inception':
      return openInceptionBackbone(parsed.path, { device, resizer });
    case 'script':
      requireTrust(spec);
      return openScriptBackbone(parsed.path, options);
    case 'onnx':
    case 'module':
      throw new ConfigError(
        `backbone '${spec}': ${parsed.kind === 'onnx' ? 'an ONNX file' : 'a module'} cannot be asked in the middle of a training loop; convert it to TorchScript, or measure samples afterwards`,
      );
  }
}

/**
 * Any backbone, behind `extract`. Weights that it names on the hub are fetched unless they are here.
 *
 * @throws ConfigError, DataError as `openBackbone`; ConfigError also when ONNX Runtime is not installed
 */
export async function openExtractor(
  spec: string,
  options: BackboneOptions = {},
): Promise<FeatureExtractor | Backbone> {
  const parsed = parseBackboneSpec(spec);
  await bringBackbone(spec);
  if (parsed.kind === 'onnx') return openOnnxExtractor(parsed.path, options);
  return parsed.kind === 'module' ? openModuleBackbone(parsed.path, options) : openBackbone(spec, options);
}
