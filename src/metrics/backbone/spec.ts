/**
 * Which backbone, in one string for a command line or a configuration:
 *
 *   random            EfficientNet-B0 with random weights, calibrated on the real images
 *   RUN_DIR           a classifier run (`./random` for one of that name)
 *   NETWORK:FILE      a network of `models/networks.ts` with weights from a file or the hub:
 *                     `efficientnet-lite0:weights.pth`, `efficientnet-b0:hf:timm/…/model.safetensors` (./network.ts)
 *   inception:FILE    InceptionV3 in FID's variant with weights from a .pth or .safetensors file
 *   script:FILE       a TorchScript file; also FILE.pt
 *   onnx:FILE         an ONNX file; also FILE.onnx
 *   module:FILE       a backbone of one's own, in a module of JavaScript (./own.ts)
 *   auto              NETWORK:FILE where weights are at hand, else random (./auto.ts)
 */
import { existsSync, statSync } from 'node:fs';
import { ConfigError } from 'graft-torch/base';
import { HUB_PREFIX, INCEPTION_WEIGHTS, listed, networkNames } from '../../models/index.js';
import { settleBackbone } from './auto.js';
import { type NetworkForm, parseNetworkForm } from './network-form.js';

export type BackboneSpec =
  | { readonly kind: 'random' }
  | ({ readonly kind: 'network' } & NetworkForm)
  | { readonly kind: 'run' | 'inception' | 'script' | 'onnx' | 'module'; readonly path: string };

/** For help texts and error messages. */
export const BACKBONE_FORMS =
  'random, RUN_DIR, NETWORK:FILE, inception:FILE, FILE.pt, FILE.onnx, module:FILE.js, auto';

const prefixes = ['inception', 'script', 'onnx', 'module'] as const;

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

/**
 * @param env says what `auto` is
 * @throws ConfigError when it is none of the forms: says what was probably meant
 */
export function parseBackboneSpec(
  spec: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): BackboneSpec {
  const settled = settleBackbone(spec, env);
  if (settled === 'random') return { kind: 'random' };
  return parseForm(settled);
}

function parseForm(spec: string): BackboneSpec {
  for (const kind of prefixes) {
    if (spec === kind || spec === `${kind}:`) {
      const file = kind === 'inception' ? `${kind}:FILE, with ${INCEPTION_WEIGHTS}` : `${kind}:FILE`;
      throw new ConfigError(`backbone '${spec}' names no file: write ${file}`);
    }
    if (spec.startsWith(`${kind}:`)) return { kind, path: spec.slice(kind.length + 1) };
  }
  if (isFolder(spec)) return { kind: 'run', path: spec };
  const network = parseNetworkForm(spec);
  if (network) return { kind: 'network', ...network };
  const isThere = existsSync(spec);
  const form = /^([\w.-]{2,}):[^\\]/.exec(spec)?.[1];
  if (form !== undefined && !isThere && !spec.startsWith(HUB_PREFIX))
    throw new ConfigError(
      `backbone '${spec}': '${form}' is neither a kind of backbone nor a network; forms: ${BACKBONE_FORMS}; networks: ${listed(networkNames)} (\`graft classify networks\`)`,
    );
  if (/\.pt$/i.test(spec)) return { kind: 'script', path: spec };
  if (/\.onnx$/i.test(spec)) return { kind: 'onnx', path: spec };
  if (/\.(pth|safetensors)$/i.test(spec) || spec.startsWith(HUB_PREFIX)) {
    throw new ConfigError(
      `backbone '${spec}' holds weights without a network: write inception:${spec} if they are InceptionV3's, NETWORK:${spec} for another (${listed(networkNames)}), or give a TorchScript or ONNX file`,
    );
  }
  return { kind: 'run', path: spec };
}
