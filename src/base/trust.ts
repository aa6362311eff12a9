/**
 * Whose code may run. A TorchScript file and a module are programs: opened, they do what their author wrote, with the
 * user's rights. So they run only where the user has said so: all of them by `--trust-code`, one file by naming it with
 * `--module`. Never by a recipe, a trial or a run's configuration: such a file may come from the same hands.
 */
import { resolve } from 'node:path';
import { ConfigError } from 'graft-torch/base';

/** '1' for all code, else whole paths of files, a line each. Processes of a trial's jobs inherit it. */
export const TRUST_VARIABLE = 'GRAFT_TRUST_CODE';

type Environment = Record<string, string | undefined>;

/** Whether the user has said that this file's code may run. */
export const trustsCode = (path: string, env: Environment = process.env): boolean =>
  env[TRUST_VARIABLE] === '1' || (env[TRUST_VARIABLE] ?? '').split('\n').includes(resolve(path));

/** Says so, for this process and those that it starts. @param path one file; default: all code */
export function trustCode(path?: string, env: Environment = process.env): void {
  const known = env[TRUST_VARIABLE];
  if (known === '1') return;
  env[TRUST_VARIABLE] = path === undefined ? '1' : [...(known ? [known] : []), resolve(path)].join('\n');
}

/** @throws ConfigError unless the user trusts it. @param what it is: 'a TorchScript file' */
export function requireTrustIn(
  path: string,
  { what, otherwise = '' }: { what: string; otherwise?: string },
  env: Environment = process.env,
): void {
  if (trustsCode(path, env)) return;
  throw new ConfigError(
    `${path}: ${what} is a program of its author's, which may read and write your files: say --trust-code if you know where it comes from${otherwise}`,
  );
}
