/**
 * Which backbone, in one string for a command line or a configuration:
 *
 *   random            EfficientNet-B0 with random weights, calibrated on the real images
 *   RUN_DIR           a classifier run (`./random` for one of that name)
 *   inception:FILE    InceptionV3 in FID's variant with weights from a .pth or .safetensors file
 *   script:FILE       a TorchScript file; also FILE.pt
 *   onnx:FILE         an ONNX file; also FILE.onnx
 *   module:FILE       a backbone of one's own, in a module of JavaScript (./own.ts)
 */
import { existsSync, statSync } from 'node:fs';
import { ConfigError } from 'graft-torch/base';
import { INCEPTION_WEIGHTS } from '../../models/index.js';

export type BackboneSpec =
  | { readonly kind: 'random' }
  | { readonly kind: 'run' | 'inception' | 'script' | 'onnx' | 'module'; readonly path: string };

/** For help texts and error messages. */
export const BACKBONE_FORMS = 'random, RUN_DIR, inception:FILE, FILE.pt, FILE.onnx, module:FILE.js';

const prefixes = ['inception', 'script', 'onnx', 'module'] as const;

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

/** @throws ConfigError when it is none of the forms: says what was probably meant */
export function parseBackboneSpec(spec: string): BackboneSpec {
  if (spec === 'random') return { kind: 'random' };
  for (const kind of prefixes) {
    if (spec === kind || spec === `${kind}:`) {
      const file = kind === 'inception' ? `${kind}:FILE, with ${INCEPTION_WEIGHTS}` : `${kind}:FILE`;
      throw new ConfigError(`backbone '${spec}' names no file: write ${file}`);
    }
    if (spec.startsWith(`${kind}:`)) return { kind, path: spec.slice(kind.length + 1) };
  }
  if (isFolder(spec)) return { kind: 'run', path: spec };
  if (/\.pt$/i.test(spec)) return { kind: 'script', path: spec };
  if (/\.onnx$/i.test(spec)) return { kind: 'onnx', path: spec };
  if (/\.(pth|safetensors)$/i.test(spec)) {
    throw new ConfigError(
      `backbone '${spec}' holds weights without a network: write inception:${spec} if they are InceptionV3's, or give a TorchScript or ONNX file`,
    );
  }
  if (/^[a-z]+:[^\\]/i.test(spec) && !existsSync(spec)) {
    throw new ConfigError(`backbone '${spec}' is of no known kind; forms: ${BACKBONE_FORMS}`);
  }
  return { kind: 'run', path: spec };
}
