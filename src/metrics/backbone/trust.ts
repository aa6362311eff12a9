/**
 * Whose code may run. A TorchScript file is a program: opened, it does what its author wrote, with the user's rights. So
 * it is opened only where the user has said so, on the command line (`--trust-code`) or in the environment. Never in a
 * recipe, a trial or a run's configuration: such a file may come from the same hands.
 */
import { ConfigError } from 'graft-torch/base';
import { parseBackboneSpec } from './spec.js';

/** Set by `--trust-code`, so that the processes of a trial's jobs inherit it. */
export const TRUST_VARIABLE = 'GRAFT_TRUST_CODE';

/**
 * @param backbone as in a configuration; null for none
 * @throws ConfigError for a TorchScript file, unless the user trusts it
 */
export function requireTrust(
  backbone: string | null,
  env: Readonly<Record<string, string | undefined>> = process.env,
): void {
  if (backbone === null || backbone === 'random' || env[TRUST_VARIABLE] === '1') return;
  const spec = parseBackboneSpec(backbone);
  if (spec.kind !== 'script') return;
  throw new ConfigError(
    `${spec.path}: a TorchScript file is a program of its author's, which may read and write your files: say --trust-code if you know where it comes from, or take an ONNX file (FILE.onnx) or weights alone (inception:FILE.safetensors)`,
  );
}
