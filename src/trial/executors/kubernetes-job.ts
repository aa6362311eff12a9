/**
 * The manifest of a trial's workers: one Indexed Job (https://kubernetes.io/docs/concepts/workloads/controllers/job/).
 * The Job's controller starts a pod again that died: a pod whose node was drained, or that was told to stop and saved
 * (exit status 75), for nothing; one that failed, a few times. The pods satisfy the "restricted" pod security standard.
 */
import { isAbsolute, relative, resolve } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { stringify } from 'yaml';
import { stoppedExitCode, trialLabel } from './workers.js';

export interface KubernetesJobOptions {
  /** The trial's folder; under `mountPath`, at the same path here and in the pods. */
  trialDir: string;
  /** An image with Graft in it. */
  image: string;
  /** What a worker is; in the image's words. */
  command?: readonly string[];
  /** Default: the context's. */
  namespace?: string | undefined;
  /** The PersistentVolumeClaim that holds the trial and its data set: one that many nodes may write (ReadWriteMany). */
  claim: string;
  mountPath: string;
  /** Of one worker, in Kubernetes' units: `2`, `500m`; `8Gi`. */
  cpu?: string | undefined;
  memory?: string | undefined;
  /** `nvidia.com/gpu` of one worker. */
  gpus?: number | undefined;
  /** User and group that own the files on the volume; default: those of this process, 1000 in place of root. */
  userId?: number;
  groupId?: number;
  nodeSelector?: Readonly<Record<string, string>>;
  imagePullSecret?: string;
  /** How often one worker may fail before Kubernetes gives it up. */
  mostFailures?: number;
  /** Between the word to stop and the end, in which a worker saves. */
  graceSeconds?: number;
}

/** The label under which this trial's Jobs and pods are found again. */
export const labelKey = 'graft-trial';

/**
 * A `batch/v1` Job of `count` workers; its name is the API server's to complete (`generateName`).
 * @throws ConfigError when the trial is not on the volume
 */
export function kubernetesJob(options: KubernetesJobOptions, count: number) {
  const {
    image,
    claim,
    mountPath,
    cpu = '2',
    memory = '8Gi',
    gpus = 0,
    nodeSelector,
    imagePullSecret,
  } = options;
  const {
    userId = process.getuid?.() || 1000,
    groupId = process.getgid?.() || 1000,
    mostFailures = 3,
    graceSeconds = 120,
  } = options;
  const trialDir = resolve(options.trialDir);
  requireOnVolume(trialDir, mountPath);
  const label = trialLabel(trialDir);
  const labels = { 'app.kubernetes.io/name': 'graft', [labelKey]: label };
  const gpu = gpus > 0 ? { 'nvidia.com/gpu': String(gpus) } : {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      generateName: `graft-${label}-`,
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
      labels,
    },
    spec: {
      completionMode: 'Indexed',
      completions: count,
      parallelism: count,
      backoffLimitPerIndex: mostFailures,
      // A new pod only when the old one has ended for good: it may still be saving.
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          { action: 'Ignore', onExitCodes: { operator: 'In', values: [stoppedExitCode] } },
        ],
      },
      ttlSecondsAfterFinished: 86_400,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: graceSeconds,
          automountServiceAccountToken: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: userId,
            runAsGroup: groupId,
            fsGroup: groupId,
            fsGroupChangePolicy: 'OnRootMismatch',
            seccompProfile: { type: 'RuntimeDefault' },
          },
          ...(nodeSelector ? { nodeSelector: { ...nodeSelector } } : {}),
          // Clusters keep other pods off their GPU nodes with this taint.
          ...(gpus > 0
            ? { tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }] }
            : {}),
          ...(imagePullSecret ? { imagePullSecrets: [{ name: imagePullSecret }] } : {}),
          containers: [
            {
              name: 'worker',
              image,
              command: [...(options.command ?? ['graft', 'trial', 'work', trialDir])],
              workingDir: mountPath,
              env: [
                { name: 'GRAFT_WORKER', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
                // The user may have no home in the image.
                { name: 'HOME', value: '/tmp' },
              ],
              // No limit on the CPU: it would only slow a worker down on an idle node.
              resources: { requests: { cpu, memory, ...gpu }, limits: { memory, ...gpu } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
              volumeMounts: [
                { name: 'trial', mountPath },
                { name: 'temporary', mountPath: '/tmp' },
              ],
            },
          ],
          volumes: [
            { name: 'trial', persistentVolumeClaim: { claimName: claim } },
            { name: 'temporary', emptyDir: {} },
          ],
        },
      },
    },
  };
}

/** What `--dry-run` shows, and `kubectl create -f` takes. */
export const kubernetesManifest = (options: KubernetesJobOptions, count: number): string =>
  stringify(kubernetesJob(options, count), { lineWidth: 0 });

function requireOnVolume(trialDir: string, mountPath: string): void {
  const path = relative(mountPath, trialDir);
  const isBelow = path !== '' && path !== '..' && !path.startsWith('../');
  if (isAbsolute(mountPath) && mountPath !== '/' && isBelow) return;
  throw new ConfigError(
    `${trialDir}: not under the volume's mount path ${mountPath}, so the pods would not see it; mount the volume at one path here and there, and put the trial on it`,
  );
}
