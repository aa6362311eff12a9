/** Where the jobs of a trial are done: on this machine, or by workers that an engine or somebody starts. */
import { resolve } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { commandLine, TRUST_VARIABLE } from '../../base/index.js';
import type { Executor } from '../run.js';
import { programPath } from '../work.js';
import { elsewhere } from './elsewhere.js';
import { type KubernetesOptions, kubernetesWorkers } from './kubernetes.js';
import { kubernetesManifest } from './kubernetes-job.js';
import { type ObjectStore, type ObjectStoreOptions, openObjectStore } from './object-store.js';
import { describeSlurm, type SlurmOptions, slurmWorkers } from './slurm.js';
import { coordinatedStore, openMirror } from './stored-trial.js';
import { keptGoing } from './workers.js';

export const executorNames = ['local', 'slurm', 'kubernetes', 'queue', 'workers'] as const;

/** As the command line has them. */
export interface ExecutorOptions {
  /** Default: local. */
  executor?: (typeof executorNames)[number];
  /** `s3://BUCKET/FOLDER`, of a queue. */
  store?: string;
  /** Workers at a time. */
  workers?: number;
  workerCpus?: number;
  /** MiB */
  workerMemory?: number;
  workerGpus?: number;
  partition?: string;
  account?: string;
  /** Minutes. */
  time?: number;
  sbatch?: string[];
  image?: string;
  namespace?: string;
  claim?: string;
  mount?: string;
  kubeconfig?: string;
  kubeApi?: string;
}

/** Workers trust the code that this process was told to trust: jobs load the same modules. */
const trust = (): string[] => (process.env[TRUST_VARIABLE] === '1' ? ['--trust-code'] : []);

type Engine = { kind: 'slurm'; options: SlurmOptions } | { kind: 'kubernetes'; options: KubernetesOptions };

/** @throws ConfigError where an option is missing */
function engineOf(trialDir: string, given: ExecutorOptions): Engine | null {
  const { executor, image, claim, mount } = given;
  if (executor === 'slurm')
    return {
      kind: 'slurm',
      options: {
        trialDir,
        command: [process.execPath, programPath, 'trial', 'work', resolve(trialDir), '--quiet', ...trust()],
        partition: given.partition,
        account: given.account,
        cpus: given.workerCpus,
        memoryMb: given.workerMemory,
        gpus: given.workerGpus,
        timeMinutes: given.time,
        extra: given.sbatch,
      },
    };
  if (executor !== 'kubernetes') return null;
  if (image === undefined || claim === undefined || mount === undefined)
    throw new ConfigError('--executor kubernetes: needs --image, --claim and --mount');
  return {
    kind: 'kubernetes',
    options: {
      trialDir,
      command: ['graft', 'trial', 'work', trialDir, ...trust()],
      image,
      claim,
      mountPath: mount,
      namespace: given.namespace,
      cpu: given.workerCpus === undefined ? undefined : String(given.workerCpus),
      memory: given.workerMemory === undefined ? undefined : `${given.workerMemory}Mi`,
      gpus: given.workerGpus,
      kubeconfig: given.kubeconfig,
      apiServer: given.kubeApi,
    },
  };
}

/**
 * @param hooks.warn also told how to start workers, where nobody else does
 * @returns undefined for this machine
 * @throws ConfigError where an engine needs an option that is not given
 */
export async function openExecutor(
  trialDir: string,
  given: ExecutorOptions,
  hooks: { warn: (message: string) => void; interrupt?: ObjectStoreOptions['interrupt'] },
): Promise<Executor | undefined> {
  const { executor = 'local', workers } = given;
  const store = await openStore(given, hooks);
  const queue = executor === 'queue' ? ' --queue postgresql://…' : '';
  if (store || executor === 'queue' || executor === 'workers') {
    const place = store?.url ?? resolve(trialDir);
    hooks.warn(
      `waiting for workers; on each machine: ${commandLine`graft trial work ${place}`}${queue}${trust().map((flag) => ` ${flag}`)}`,
    );
    return elsewhere(store ? { place: coordinatedStore(openMirror(store, trialDir)) } : {});
  }
  if (executor !== 'local' && workers === undefined)
    throw new ConfigError(`--executor ${executor}: say how many with --workers <count>`);
  const engine = engineOf(trialDir, given);
  if (!engine) return undefined;
  const started = engine.kind === 'slurm' ? slurmWorkers(engine.options) : kubernetesWorkers(engine.options);
  return elsewhere({ fleet: keptGoing(started, { count: workers!, warn: hooks.warn }) });
}

/**
 * What would be handed to the engine: a job script, or a manifest for `kubectl create`.
 * @throws ConfigError where there is none, or an option is missing
 */
export function describeExecutor(trialDir: string, given: ExecutorOptions): string {
  const { workers = 1 } = given;
  const engine = engineOf(trialDir, given);
  if (engine?.kind === 'slurm') return describeSlurm(engine.options, workers);
  if (engine?.kind === 'kubernetes') return kubernetesManifest(engine.options, workers);
  throw new ConfigError('--dry-run: shows what goes to an engine; add --executor slurm or kubernetes');
}

/** Jobs elsewhere have the cores that they are given there; 0 where they run here. */
export const threadsElsewhere = ({ executor = 'local', workerCpus = 1 }: ExecutorOptions): number =>
  executor === 'local' ? 0 : workerCpus;

/**
 * The store that the trial lies in; asks it for nothing yet.
 * @throws ConfigError without a queue, which alone keeps two workers from one job where no file system is shared; as
 * `openObjectStore`
 */
export async function openStore(
  { store: url, executor }: ExecutorOptions,
  options: ObjectStoreOptions = {},
): Promise<ObjectStore | null> {
  if (url === undefined) return null;
  if (executor !== 'queue') throw new ConfigError('--store: goes with --executor queue');
  return await openObjectStore(url, options);
}
