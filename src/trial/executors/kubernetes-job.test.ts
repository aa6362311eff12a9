import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { kubernetesJob, kubernetesManifest } from './kubernetes-job.js';
import { trialLabel } from './workers.js';

const golden = new URL('../../../test/goldens/executors/kubernetes-job.json', import.meta.url);
const { types } = JSON.parse(readFileSync(golden, 'utf8')) as {
  types: Record<string, Record<string, string>>;
};

const mountPath = mkdtempSync(join(tmpdir(), 'graft-volume-'));
afterAll(() => rmSync(mountPath, { recursive: true, force: true }));
const trialDir = join(mountPath, 'trials', 'Ä first: 1');
mkdirSync(trialDir, { recursive: true });
const options = { trialDir, mountPath, image: 'registry.example/graft:1', claim: 'shared' };
const everything = {
  ...options,
  command: ['graft', 'trial', 'work', 'a b: #c'],
  namespace: 'imaging',
  cpu: '500m',
  memory: '4Gi',
  gpus: 1,
  userId: 501,
  groupId: 20,
  nodeSelector: { zone: 'a' },
  imagePullSecret: 'registry',
};

/** What is wrong with a value by Kubernetes' description of its type, one line each. */
function faults(value: unknown, type: string, path: string): string[] {
  const list = /^Array<(.+)>$/.exec(type)?.[1];
  if (list) {
    if (!Array.isArray(value)) return [`${path}: not a list`];
    return value.flatMap((item, index) => faults(item, list, `${path}[${index}]`));
  }
  const entry = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (entry)
    return Object.entries(value as object).flatMap(([key, item]) => faults(item, entry, `${path}.${key}`));
  if (type === 'number') return Number.isInteger(value) ? [] : [`${path}: not an integer`];
  if (type === 'string' || type === 'boolean') return typeof value === type ? [] : [`${path}: not a ${type}`];
  const fields = types[type];
  if (!fields) return [`${path}: of type ${type}, which is not in the golden file`];
  const given = value as Record<string, unknown>;
  const missing = Object.keys(fields).filter((name) => fields[name]!.endsWith('!') && !(name in given));
  return [
    ...missing.map((name) => `${path}: no ${name}`),
    ...Object.entries(given).flatMap(([name, inner]) =>
      fields[name]
        ? faults(inner, fields[name]!.replace('!', ''), `${path}.${name}`)
        : [`${path}: ${type} has no ${name}`],
    ),
  ];
}

describe('the Job', () => {
  it.each([
    ['least', options],
    ['everything', everything],
  ])('is one by the API’s description (%s)', (_, asked) => {
    expect(faults(parse(kubernetesManifest(asked, 3)), 'V1Job', 'job')).toEqual([]);
  });

  it('the check finds a wrong name, type and omission', () => {
    const job = structuredClone(kubernetesJob(everything, 3)) as unknown as Record<
      string,
      Record<string, unknown>
    >;
    job.spec!.parallelism = '3';
    job.spec!.completionsMode = 'Indexed';
    delete (job.spec as { template: { spec: { containers: { name?: string }[] } } }).template.spec
      .containers[0]!.name;
    expect(faults(job, 'V1Job', 'job')).toEqual([
      'job.spec.parallelism: not an integer',
      'job.spec.template.spec.containers[0]: no name',
      'job.spec: V1JobSpec has no completionsMode',
    ]);
  });

  it('keeps the rules that the API server adds', () => {
    const { metadata, spec } = kubernetesJob(everything, 5);
    // Name, five random letters, index and five more stay within a host name.
    expect(metadata.generateName.length + 5 + '-999'.length).toBeLessThanOrEqual(63);
    expect(metadata.generateName).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?-$/);
    expect(metadata.labels['graft-trial']).toBe(trialLabel(trialDir));
    expect(spec.template.metadata.labels).toEqual(metadata.labels);
    expect([spec.completionMode, spec.completions, spec.parallelism]).toEqual(['Indexed', 5, 5]);
    // A podFailurePolicy needs both.
    expect([spec.template.spec.restartPolicy, spec.podReplacementPolicy]).toEqual(['Never', 'Failed']);
    const [container] = spec.template.spec.containers;
    const mounts = container!.volumeMounts.map(({ name }) => name);
    expect(spec.template.spec.volumes.map(({ name }) => name)).toEqual(mounts);
    // GPUs are asked for in limits, and a request must be equal.
    expect(container!.resources).toEqual({
      requests: { cpu: '500m', memory: '4Gi', 'nvidia.com/gpu': '1' },
      limits: { memory: '4Gi', 'nvidia.com/gpu': '1' },
    });
    expect(JSON.stringify(kubernetesJob(options, 5))).not.toContain('nvidia');
  });

  it('runs as who owns the files, never as root', () => {
    const { securityContext } = kubernetesJob(options, 1).spec.template.spec;
    expect(securityContext.runAsUser).toBe(process.getuid!() || 1000);
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    const given = kubernetesJob(everything, 1).spec.template.spec.securityContext;
    expect([given.runAsUser, given.runAsGroup, given.fsGroup]).toEqual([501, 20, 20]);
  });

  it('a worker that saved is started again for nothing', () => {
    const { rules } = kubernetesJob(options, 1).spec.podFailurePolicy;
    expect(rules).toContainEqual({ action: 'Ignore', onExitCodes: { operator: 'In', values: [75] } });
  });

  it('the trial must be on the volume', () => {
    for (const mount of [join(mountPath, 'other'), '/', trialDir, 'relative'])
      expect(() => kubernetesJob({ ...options, mountPath: mount }, 1)).toThrow(ConfigError);
    expect(() => kubernetesJob({ ...options, mountPath: `${mountPath}x` }, 1)).toThrow(
      /mount the volume at one path/,
    );
  });
});
