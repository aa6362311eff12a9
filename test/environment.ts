/**
 * One environment for every process of every test. Variables of the user's decide the last bits of a run
 * (OPENBLAS_CORETYPE), how numbers and dates are written (LC_ALL, TZ), whether output has colours, and where caches lie;
 * a test that compares two processes, or a process with a file, would hang on them. vitest.config.ts settles it before
 * any worker starts, and the workers' children inherit it. What the program does in other environments is for
 * environment.test.ts to see.
 */
import { addonCacheDir } from 'graft-torch/setup';

/** What the user's environment may not decide. */
const FOREIGN = [
  // Kernels, their block sizes, and numbers of threads.
  /^(OPENBLAS|GOTO|MKL|DNNL|ONEDNN|ATEN|CUBLAS|NVIDIA_TF32|TORCH_ALLOW|OMP|GOMP|KMP)_/,
  // Language, time zone, colours, terminal, continuous integration.
  /^(LANG|LANGUAGE|LC_\w+|TZ|NO_COLOR|FORCE_COLOR|CLICOLOR\w*|TERM|COLUMNS|LINES|CI)$/,
  // Of the services that Graft talks to, and of Graft itself; GRAFT_TEST_… says where a test finds what is not in the tree.
  /^(GRAFT(?!_TEST_)|HF|AWS|MLFLOW|SLURM|SBATCH|KUBE|PG)_?[A-Z]/,
  /^XDG_CACHE_HOME$/,
];

/** The engine is the user's, wherever a test puts other caches. */
const engineDir = (env: NodeJS.ProcessEnv) => ({ GRAFT_ADDON_CACHE: addonCacheDir(env) });

/** What `--backbone auto` takes must not depend on weights that the user has fetched. */
const SETTLED = { GRAFT_BACKBONE: 'random', LC_ALL: 'C.UTF-8', TZ: 'UTC', TERM: 'dumb' };

/** Settles the environment in place. */
export function settleEnvironment(env: NodeJS.ProcessEnv): void {
  const engine = engineDir(env);
  for (const name of Object.keys(env)) if (FOREIGN.some((pattern) => pattern.test(name))) delete env[name];
  Object.assign(env, SETTLED, engine);
}
