/** Where the jobs of a trial are done: on this machine, or by workers that another engine starts. */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { commandLine } from '../base/index.js';
import type { Interrupt } from '../run/index.js';
import type {
  KubernetesOptions,
  ObjectStore,
  ObjectStoreOptions,
  SlurmOptions,
  Workers,
} from '../trial/executors/index.js';
import {
  describeSlurm,
  kubernetesManifest,
  kubernetesWorkers,
  openMirror,
  openObjectStore,
  slurmWorkers,
  storeExecutor,
  workersExecutor,
} from '../trial/executors/index.js';
import type { Executor, ExecutorContext } from '../trial/index.js';
import { programPath } from '../trial/index.js';
import { collect, integer } from './common.js';

const EXECUTORS = ['local', 'slurm', 'kubernetes', 'queue', 'workers'] as const;

export interface ExecutorFlags {
  jobs?: number;
  executor?: (typeof EXECUTORS)[number];
  store?: string;
  workers?: number;
  workerCpus?: number;
  workerMemory?: number;
  workerGpus?: number;
  partition?: string;
  account?: string;
  time?: number;
  sbatch?: string[];
  image?: string;
  namespace?: string;
  claim?: string;
  mount?: string;
  kubeconfig?: string;
  kubeApi?: string;
}

export const addExecutorOptions = (command: Command): Command =>
  command
    .option(
      '--jobs <count>',
      'jobs at once on this machine (default: as many as it has room for, measured)',
      integer({ min: 1, max: 1024 }),
    )
    .addOption(
      new Option(
        '--executor <name>',
        'who does the jobs: this machine, a Slurm job array, a Kubernetes Job, or workers that you start yourself (graft trial work), with or without a queue',
      )
        .choices(EXECUTORS)
        .default('local'),
    )
    .optionsGroup('Workers elsewhere:')
    .option(
      '--store <url>',
      'queue: s3://BUCKET/FOLDER, where workers that share no file system find the trial',
    )
    .option('--workers <count>', 'Slurm, Kubernetes: workers at a time', integer({ min: 1, max: 10_000 }))
    .option('--worker-cpus <count>', 'cores of one worker', integer({ min: 1, max: 1024 }))
    .option('--worker-memory <MiB>', 'memory of one worker', integer({ min: 256 }))
    .option('--worker-gpus <count>', 'GPUs of one worker', integer({ min: 0, max: 16 }))
    .option('--partition <name>', 'Slurm')
    .option('--account <name>', 'Slurm')
    .option('--time <minutes>', 'Slurm: time limit of a worker, which is queued again', integer({ min: 1 }))
    .option('--sbatch <option>', 'Slurm: a further option of sbatch; repeatable', collect, [])
    .option('--image <name>', 'Kubernetes: image with Graft in it')
    .option('--namespace <name>', 'Kubernetes')
    .option('--claim <name>', 'Kubernetes: PersistentVolumeClaim that holds the trial and its dataset')
    .option('--mount <path>', 'Kubernetes: where the claim is mounted, here and in the pods')
    .option('--kubeconfig <file>', 'Kubernetes (default: $KUBECONFIG, else ~/.kube/config)')
    .option('--kube-api <url>', 'Kubernetes: an API that asks for nothing, such as kubectl proxy’s');

/**
 * @returns undefined for this machine
 * @throws ConfigError where an engine needs an option that is not given
 */
export async function openExecutor(
  trialDir: string,
  flags: ExecutorFlags,
  warn: (message: string) => void,
  interrupt?: Interrupt,
): Promise<Executor | undefined> {
  const { executor = 'local' } = flags;
  if (flags.store !== undefined) return await mirrorExecutor(trialDir, flags, { warn, interrupt });
  if (executor === 'local') return undefined;
  if (executor === 'queue' || executor === 'workers') {
    warn(
      `waiting for workers; on each machine: ${commandLine`graft trial work ${resolve(trialDir)}`}${executor === 'queue' ? ' --queue postgresql://…' : ''}`,
    );
    return waitForWorkers;
  }
  if (flags.workers === undefined)
    throw new ConfigError(`--executor ${executor}: say how many with --workers <count>`);
  const workers = await (executor === 'slurm' ? slurm(trialDir, flags) : kubernetes(trialDir, flags));
  return workersExecutor(workers, { count: flags.workers, warn });
}

/**
 * What would be handed to the engine: a job script, or a manifest.
 * @throws ConfigError where there is none, or an option is missing
 */
export async function describeExecutor(trialDir: string, flags: ExecutorFlags): Promise<string> {
  const { executor = 'local', workers = 1 } = flags;
  if (executor === 'slurm') {
    return describeSlurm(await slurmOptions(trialDir, flags), workers);
  }
  if (executor === 'kubernetes') {
    return kubernetesManifest(await kubernetesOptions(trialDir, flags), workers);
  }
  throw new ConfigError('--dry-run: shows what goes to an engine; add --executor slurm or kubernetes');
}

/**
 * The store of the flags; asks it for nothing yet.
 * @throws ConfigError without a queue, which alone keeps two workers from one job where no file system is shared; as
 * `openObjectStore`
 */
export async function openStore(
  { store: url, executor }: ExecutorFlags,
  options: ObjectStoreOptions = {},
): Promise<ObjectStore | null> {
  if (url === undefined) return null;
  if (executor !== 'queue') throw new ConfigError('--store: goes with --executor queue');
  return await openObjectStore(url, options);
}

async function mirrorExecutor(
  trialDir: string,
  flags: ExecutorFlags,
  options: { warn: (message: string) => void; interrupt?: Interrupt },
): Promise<Executor> {
  const store = (await openStore(flags, options))!;
  options.warn(
    `waiting for workers; on each machine: ${commandLine`graft trial work ${store.url}`} --queue postgresql://…`,
  );
  return storeExecutor(openMirror(store, trialDir));
}

async function slurm(trialDir: string, flags: ExecutorFlags): Promise<Workers> {
  return slurmWorkers(await slurmOptions(trialDir, flags));
}

async function slurmOptions(trialDir: string, flags: ExecutorFlags): Promise<SlurmOptions> {
  return {
    trialDir,
    command: [process.execPath, programPath, 'trial', 'work', resolve(trialDir), '--quiet'],
    partition: flags.partition,
    account: flags.account,
    cpus: flags.workerCpus,
    memoryMb: flags.workerMemory,
    gpus: flags.workerGpus,
    timeMinutes: flags.time,
    extra: flags.sbatch,
  };
}

async function kubernetes(trialDir: string, flags: ExecutorFlags): Promise<Workers> {
  return kubernetesWorkers(await kubernetesOptions(trialDir, flags));
}

async function kubernetesOptions(trialDir: string, flags: ExecutorFlags): Promise<KubernetesOptions> {
  const { image, claim, mount } = flags;
  if (image === undefined || claim === undefined || mount === undefined)
    throw new ConfigError('--executor kubernetes: needs --image, --claim and --mount');
  return {
    trialDir,
    image,
    claim,
    mountPath: mount,
    namespace: flags.namespace,
    cpu: flags.workerCpus === undefined ? undefined : String(flags.workerCpus),
    memory: flags.workerMemory === undefined ? undefined : `${flags.workerMemory}Mi`,
    gpus: flags.workerGpus,
    kubeconfig: flags.kubeconfig,
    apiServer: flags.kubeApi,
  };
}

/** Looks on while others work. */
async function waitForWorkers({
  states,
  interrupt,
  onTurn,
}: ExecutorContext): Promise<'finished' | 'stopped'> {
  while (!(await interrupt.poll())) {
    const known = states();
    onTurn(known);
    if ([...known.values()].every((state) => state === 'done' || state === 'failed')) return 'finished';
    await sleep(1000);
  }
  return 'stopped';
}
