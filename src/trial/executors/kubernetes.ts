/**
 * Workers as the pods of Indexed Jobs on a Kubernetes cluster. The Job's controller replaces pods that die; `ensure`
 * adds a further Job only for workers that Kubernetes has given up. All that is known of them stands in the cluster,
 * under the trial's label. Everything is told by `kubectl`, which finds the cluster and signs in.
 */
import { ConfigError, GraftError, oneLine } from 'graft-torch/base';
import { type KubernetesJobOptions, kubernetesManifest, labelKey } from './kubernetes-job.js';
import { lastLine, runTool } from './tool.js';
import {
  isAlive,
  stoppedExitCode,
  trialLabel,
  untilGone,
  type WorkerState,
  type Workers,
} from './workers.js';

export interface KubernetesOptions extends KubernetesJobOptions {
  /** A kubeconfig file; default: as `kubectl` finds one ($KUBECONFIG, ~/.kube/config, the pod's service account). */
  kubeconfig?: string | undefined;
  /** Address of an API that asks for nothing, such as `kubectl proxy` offers: `http://127.0.0.1:8001`. */
  apiServer?: string | undefined;
  /** Default: the file's current context. */
  context?: string;
  pollMs?: number;
  environment?: NodeJS.ProcessEnv;
}

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

interface Job {
  kind: 'Job';
  metadata: { name: string; deletionTimestamp?: string };
  spec: { completions: number };
  status?: { succeeded?: number; failedIndexes?: string; conditions?: Condition[] };
}

interface Pod {
  kind: 'Pod';
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

export function kubernetesWorkers(options: KubernetesOptions): Workers {
  const { namespace, kubeconfig, apiServer, context, environment } = options;
  const given = Object.entries({ namespace, kubeconfig, context, server: apiServer }).flatMap(
    ([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]),
  );
  const kubectl = (args: readonly string[], input = ''): Promise<string> =>
    runTool('kubectl', {
      args: [...args, ...given],
      input,
      environment,
      absent: 'install it (https://kubernetes.io/docs/tasks/tools), sign in, or take another --executor',
      failure: kubectlError,
    });
  const selector = `--selector=${labelKey}=${trialLabel(options.trialDir)}`;
  let notices: string[] = [];

  const states = async (): Promise<WorkerState[]> => {
    const items = itemsIn(await kubectl(['get', 'jobs.batch,pods', selector, '--output=json']));
    const jobs = items.filter((item): item is Job => item.kind === 'Job');
    const pods = items.filter((item): item is Pod => item.kind === 'Pod');
    notices = noticesOf(jobs, pods);
    return jobs.flatMap((one) =>
      statesOf(
        one,
        pods.filter((pod) => jobOf(pod) === one.metadata.name),
      ),
    );
  };

  /** A pod without its claim would wait for ever, and say so only in its events. */
  const requireClaim = async (claim: string): Promise<void> => {
    try {
      await kubectl(['get', 'persistentvolumeclaim', claim, '--output=name']);
    } catch (error) {
      if (error instanceof NotFound)
        throw new ConfigError(
          `no PersistentVolumeClaim '${claim}' in ${namespace === undefined ? 'the context’s namespace' : `namespace '${namespace}'`}; create one with accessModes: [ReadWriteMany] that holds the trial and its data set`,
        );
      // Who may not look at claims may still use one.
      if (!(error instanceof ConfigError)) throw error;
    }
  };

  return {
    states,
    async ensure(count) {
      const missing = count - (await states()).filter(isAlive).length;
      if (missing < 1) return;
      const manifest = kubernetesManifest(options, missing);
      await requireClaim(options.claim);
      await kubectl(['create', '--filename=-', '--output=name'], manifest);
    },
    async stop() {
      // In the foreground: the Job stays until its pods have saved and ended.
      await kubectl([
        ...['delete', 'jobs.batch', selector],
        ...['--cascade=foreground', '--wait=false', '--ignore-not-found'],
      ]);
      // Kubernetes ends them itself when their time is over; the rest is for the API to catch up.
      const graceMs = ((options.graceSeconds ?? 120) + 30) * 1000;
      await untilGone({ states }, { graceMs, pollMs: options.pollMs ?? 1000 });
    },
    notices: () => notices,
  };
}

/** @throws GraftError where that is no list: a plugin or a proxy has answered instead */
function itemsIn(answer: string): (Job | Pod)[] {
  try {
    const { items } = JSON.parse(answer) as { items: (Job | Pod)[] };
    return items.filter(({ kind, metadata }) => kind && metadata?.name);
  } catch {
    throw new GraftError(`kubectl: gave no list of jobs and pods, but: ${oneLine(answer, 80)}`);
  }
}

/** There is no such object. */
class NotFound extends GraftError {}

/** What kubectl says, and what helps. The lasting ones are ConfigErrors: trying again is of no use. */
const remedies: readonly [RegExp, string][] = [
  [
    /unauthorized|logged in|provide credentials|enter username/i,
    'sign in again (kubectl auth whoami shows who you are)',
  ],
  [/\(forbidden\)/i, 'ask for a role that may create, list and delete jobs and list pods there'],
  [/x509|certificate/i, 'its certificate is not trusted; check the kubeconfig'],
  // Where kubectl looks when nobody tells it of a cluster.
  [/server localhost:8080 was refused/, 'name a cluster with --kubeconfig (or KUBECONFIG)'],
  [
    /error in configuration|invalid configuration|error loading config|^error: stat /im,
    'check the kubeconfig',
  ],
  [/\((invalid|badrequest)\)|error validating/i, 'the cluster refuses the Job'],
];

function kubectlError(stderr: string, error: Error): GraftError {
  const said = lastLine(stderr, /^(error|Error from server( \(\w+\))?): /i) ?? error.message;
  if (/\(notfound\)/i.test(stderr)) return new NotFound(`kubectl: ${said}`);
  const remedy = remedies.find(([pattern]) => pattern.test(stderr))?.[1];
  if (remedy) return new ConfigError(`kubectl: ${said}; ${remedy}`);
  const isAway = /refused|unable to connect|timeout|timed out|no such host|unreachable/i.test(stderr);
  return new GraftError(`kubectl: ${said}${isAway ? '; kubectl cluster-info says more' : ''}`);
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
