/**
 * Workers as the pods of Indexed Jobs on a Kubernetes cluster. The Job's controller replaces pods that die; `ensure`
 * adds a further Job only for workers that Kubernetes has given up. All that is known of them stands in the cluster,
 * under the trial's label.
 */
import { ConfigError } from 'graft-torch/base';
import { KubeError, type KubeRequest, kubeClient } from './kube-client.js';
import { type KubeConfigOptions, readKubeConfig } from './kube-config.js';
import { type KubernetesJobOptions, kubernetesJob, labelKey } from './kubernetes-job.js';
import {
  isAlive,
  stoppedExitCode,
  trialLabel,
  untilGone,
  type WorkerState,
  type Workers,
} from './workers.js';

export interface KubernetesOptions extends KubernetesJobOptions, KubeConfigOptions {
  pollMs?: number;
}

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

interface Job {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { completions: number };
  status?: { succeeded?: number; failedIndexes?: string; conditions?: Condition[] };
}

interface Pod {
  metadata: { name: string; labels?: Record<string, string> };
  status?: {
    phase?: string;
    conditions?: Condition[];
    containerStatuses?: {
      state?: {
        waiting?: { reason?: string; message?: string };
        terminated?: { reason?: string; exitCode: number };
      };
    }[];
  };
}

/** @throws ConfigError when there is no kubeconfig, or it asks for something unknown */
export function kubernetesWorkers(options: KubernetesOptions): Workers {
  const config = readKubeConfig(options);
  const namespace = options.namespace ?? config.namespace ?? 'default';
  const job: KubernetesJobOptions = { ...options, namespace };
  const request = kubeClient(config);
  const selector = `?labelSelector=${encodeURIComponent(`${labelKey}=${trialLabel(options.trialDir)}`)}`;
  const jobsPath = `/apis/batch/v1/namespaces/${namespace}/jobs`;
  const podsPath = `/api/v1/namespaces/${namespace}/pods`;
  let notices: string[] = [];

  const states = async (): Promise<WorkerState[]> => {
    const jobs = (await request<{ items: Job[] }>('GET', jobsPath + selector)).items;
    const pods = (await request<{ items: Pod[] }>('GET', podsPath + selector)).items;
    notices = noticesOf(jobs, pods);
    return jobs.flatMap((one) =>
      statesOf(
        one,
        pods.filter((pod) => jobOf(pod) === one.metadata.name),
      ),
    );
  };

  return {
    states,
    async ensure(count) {
      const missing = count - (await states()).filter(isAlive).length;
      if (missing < 1) return;
      const manifest = kubernetesJob(job, missing);
      await requireClaim(request, namespace, options.claim);
      await request('POST', jobsPath, manifest);
    },
    async stop() {
      const jobs = (await request<{ items: Job[] }>('GET', jobsPath + selector)).items;
      // In the foreground: the Job stays until its pods have saved and ended.
      for (const { metadata } of jobs) await deleteJob(request, `${jobsPath}/${metadata.name}`);
      // Kubernetes ends them itself when their time is over; the rest is for the API to catch up.
      const graceMs = ((options.graceSeconds ?? 120) + 30) * 1000;
      await untilGone({ states }, { graceMs, pollMs: options.pollMs ?? 1000 });
    },
    notices: () => notices,
  };
}

async function deleteJob(request: KubeRequest, path: string): Promise<void> {
  try {
    await request('DELETE', path, {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      propagationPolicy: 'Foreground',
    });
  } catch (error) {
    if (!(error instanceof KubeError && error.status === 404)) throw error;
  }
}

/** A pod without its claim would wait for ever, and say so only in its events. */
async function requireClaim(request: KubeRequest, namespace: string, claim: string): Promise<void> {
  try {
    await request('GET', `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${claim}`);
  } catch (error) {
    if (error instanceof KubeError && error.status === 404)
      throw new ConfigError(
        `no PersistentVolumeClaim '${claim}' in namespace '${namespace}'; create one with accessModes: [ReadWriteMany] that holds the trial and its data set`,
      );
    // Who may not look at claims may still use one.
    if (!(error instanceof ConfigError)) throw error;
  }
}

// The second is the label of Kubernetes before 1.27.
const jobOf = ({ metadata: { labels = {} } }: Pod): string | undefined =>
  labels['batch.kubernetes.io/job-name'] ?? labels['job-name'];

const isTrue = (conditions: readonly Condition[] | undefined, ...types: string[]): Condition | undefined =>
  conditions?.find(({ type, status }) => types.includes(type) && status === 'True');

/** One state an index. A pod that died is no end: its index is pending until the controller's next pod runs. */
function statesOf({ metadata, spec, status = {} }: Job, pods: readonly Pod[]): WorkerState[] {
  const running = pods.filter((pod) => pod.status?.phase === 'Running').length;
  const over = isTrue(status.conditions, 'Complete', 'Failed', 'FailureTarget', 'SuccessCriteriaMet');
  const ended = metadata.deletionTimestamp || over;
  // Of an ended or deleted Job only those live on that are still saving.
  const alive = ended
    ? running
    : spec.completions - (status.succeeded ?? 0) - countIndexes(status.failedIndexes);
  const at = (index: number): WorkerState => (index < running ? 'running' : 'pending');
  return Array.from({ length: spec.completions }, (_, index) => (index < alive ? at(index) : 'gone'));
}

/** How many indexes `0,3-5` names. */
export function countIndexes(ranges = ''): number {
  return ranges
    .split(',')
    .filter((range) => range !== '')
    .map((range) => range.split('-').map(Number))
    .reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0);
}

function noticesOf(jobs: readonly Job[], pods: readonly Pod[]): string[] {
  const failed = jobs.flatMap(({ metadata, status }) => {
    const condition = isTrue(status?.conditions, 'Failed');
    return condition ? [`Kubernetes gave up ${metadata.name}: ${condition.message ?? condition.reason}`] : [];
  });
  const ofPods = pods.flatMap(({ metadata, status }) => {
    const unscheduled = status?.conditions?.find(
      ({ type, status: is }) => type === 'PodScheduled' && is === 'False',
    );
    const containers = (status?.containerStatuses ?? []).flatMap(({ state = {} }) => {
      const { waiting, terminated } = state;
      if (waiting && !['ContainerCreating', 'PodInitializing'].includes(waiting.reason ?? ''))
        return [`a worker does not start: ${[waiting.reason, waiting.message].filter(Boolean).join(': ')}`];
      // 137 alone says little; OOMKilled says what to do.
      if (terminated && ![0, stoppedExitCode].includes(terminated.exitCode))
        return [
          `a worker ended: ${terminated.reason ?? 'Error'}, exit status ${terminated.exitCode}; kubectl logs ${metadata.name}`,
        ];
      return [];
    });
    return [
      ...(unscheduled ? [`a worker finds no place: ${unscheduled.message ?? unscheduled.reason}`] : []),
      ...containers,
    ];
  });
  return [...new Set([...failed, ...ofPods])];
}
