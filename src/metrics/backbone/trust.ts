/** A backbone that is a program runs only where the user trusts it (../../base/trust.ts). */
import { requireTrustIn } from '../../base/index.js';
import { parseBackboneSpec } from './spec.js';

/**
 * @param backbone as in a configuration; null for none
 * @throws ConfigError for a TorchScript file or a module, unless the user trusts it
 */
export function requireTrust(
  backbone: string | null,
  env: Record<string, string | undefined> = process.env,
): void {
  if (backbone === null || backbone === 'random') return;
  const spec = parseBackboneSpec(backbone, env);
  const otherwise =
    ', or take an ONNX file (FILE.onnx) or weights alone (NETWORK:FILE or inception:FILE.safetensors)';
  if (spec.kind === 'script') requireTrustIn(spec.path, { what: 'a TorchScript file', otherwise }, env);
  if (spec.kind === 'module') requireTrustIn(spec.path, { what: 'a module', otherwise }, env);
}
