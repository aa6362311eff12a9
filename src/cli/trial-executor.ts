/** The options of a trial that say who does its jobs: this machine, or workers elsewhere. */
import { type Command, Option } from 'commander';
import { type ExecutorOptions, executorNames } from '../trial/executors/index.js';
import { collect, integer } from './common.js';

export interface ExecutorFlags extends ExecutorOptions {
  /** At once on this machine. */
  jobs?: number;
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
        .choices(executorNames)
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
    .option('--kubeconfig <file>', 'Kubernetes (default: as kubectl finds one: $KUBECONFIG, ~/.kube/config)')
    .option('--kube-api <url>', 'Kubernetes: an API that asks for nothing, such as kubectl proxy’s');
