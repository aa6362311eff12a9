/**
 * A `kubectl` for tests, in front of a cluster in memory: Jobs, their pods and claims of one namespace, and of the Job
 * controller what workers see of it: one pod an index, a new pod for one that failed, foreground deletion. The program is a
 * script that hands its arguments and its input to the test's own process.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import type { kubernetesJob } from './kubernetes-job.js';

type Manifest = ReturnType<typeof kubernetesJob>;

export interface FakePod {
  name: string;
  job: string;
  index: number;
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  status: Record<string, unknown>;
  failures: number;
}

export interface FakeJob {
  name: string;
  manifest: Manifest;
  succeeded: number;
  failedIndexes: number[];
  deleting: boolean;
  /** Ended as a whole, by a quota or a deadline for instance: the reason. */
  ended?: string;
}

export interface FakeCluster {
  /** With the script on PATH. */
  environment: NodeJS.ProcessEnv;
  jobs: Map<string, FakeJob>;
  pods: FakePod[];
  claims: Set<string>;
  /** What kubectl was called with. */
  calls: string[][];
  /** Says this on stderr and fails, while set. */
  refuse?: (args: readonly string[]) => string | undefined;
  schedule(pod: FakePod): void;
  /** A container's end: what the Job controller makes of it follows the Job's own policy. */
  end(pod: FakePod, exitCode: number): void;
  close(): Promise<void>;
}

/** @param dir an empty folder, for the script */
export async function startFakeKubectl(dir: string): Promise<FakeCluster> {
  let serial = 0;
  const addPod = (job: FakeJob, index: number, failures: number) => {
    const name = `${job.name}-${index}-${(serial++).toString(36).padStart(5, '0')}`;
    api.pods.push({ name, job: job.name, index, phase: 'Pending', status: {}, failures });
  };
  const clean = (name: string) => {
    if (!api.pods.some((pod) => pod.job === name)) api.jobs.delete(name);
  };
  const api: FakeCluster = {
    environment: { ...process.env, PATH: `${dir}${delimiter}${process.env.PATH}` },
    jobs: new Map(),
    pods: [],
    claims: new Set(['shared']),
    calls: [],
    schedule(pod) {
      pod.phase = 'Running';
    },
    end(pod, exitCode) {
      const job = api.jobs.get(pod.job)!;
      pod.phase = exitCode === 0 ? 'Succeeded' : 'Failed';
      pod.status = { containerStatuses: [{ state: { terminated: { exitCode, reason: 'Error' } } }] };
      if (job.deleting) {
        api.pods = api.pods.filter((one) => one !== pod);
        return clean(job.name);
      }
      if (exitCode === 0) {
        job.succeeded++;
        return;
      }
      const { podFailurePolicy, backoffLimitPerIndex } = job.manifest.spec;
      const ignored = podFailurePolicy.rules.some(
        (rule) => rule.action === 'Ignore' && rule.onExitCodes?.values.includes(exitCode),
      );
      const failures = pod.failures + (ignored ? 0 : 1);
      if (failures > backoffLimitPerIndex) job.failedIndexes.push(pod.index);
      else addPod(job, pod.index, failures);
    },
    close: () => new Promise((done) => server.close(() => done())),
  };

  const notFound = (what: string) => fail(`Error from server (NotFound): ${what} not found`);
  const answer = (args: readonly string[], input: string): Answer => {
    const refused = api.refuse?.(args);
    if (refused !== undefined) return fail(refused);
    const option = (name: string): string | undefined =>
      args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
    const [verb, kind, name] = args;
    if (option('namespace') !== 'imaging') return notFound(`namespace "${option('namespace')}"`);
    if (verb === 'create') {
      const manifest = parse(input) as Manifest;
      const job = {
        name: `${manifest.metadata.generateName}${(serial++).toString(36).padStart(5, 'x')}`,
        manifest,
        succeeded: 0,
        failedIndexes: [],
        deleting: false,
      };
      api.jobs.set(job.name, job);
      for (let index = 0; index < manifest.spec.completions; index++) addPod(job, index, 0);
      return { code: 0, stdout: `job.batch/${job.name}\n`, stderr: '' };
    }
    if (kind === 'persistentvolumeclaim')
      return api.claims.has(name!)
        ? { code: 0, stdout: `persistentvolumeclaim/${name}\n`, stderr: '' }
        : notFound(`persistentvolumeclaims "${name}"`);
    const [key, value] = (option('selector') ?? '=').split('=');
    const labelled = ({ metadata }: Manifest) => (metadata.labels as Record<string, string>)[key!] === value;
    const jobs = [...api.jobs.values()].filter((job) => labelled(job.manifest));
    if (verb === 'delete') {
      for (const job of jobs) {
        job.deleting = true;
        api.pods = api.pods.filter((pod) => pod.job !== job.name || pod.phase === 'Running');
        clean(job.name);
      }
      return { code: 0, stdout: '', stderr: '' };
    }
    const pods = api.pods.filter((pod) => jobs.some((job) => job.name === pod.job));
    return {
      code: 0,
      stdout: JSON.stringify({ kind: 'List', items: [...jobs.map(showJob), ...pods.map(showPod)] }),
      stderr: '',
    };
  };

  const socket = join(dir, 'socket');
  const server = createServer({ allowHalfOpen: true }, (connection) => {
    let text = '';
    connection.on('data', (piece) => {
      text += piece;
    });
    connection.on('end', () => {
      const { args, input } = JSON.parse(text) as { args: string[]; input: string };
      api.calls.push(args);
      connection.end(JSON.stringify(answer(args, input)));
    });
  });
  await new Promise<void>((done) => server.listen(socket, done));
  writeFileSync(join(dir, 'kubectl'), script(socket));
  chmodSync(join(dir, 'kubectl'), 0o755);
  return api;
}

interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

const fail = (stderr: string): Answer => ({ code: 1, stdout: '', stderr: `${stderr}\n` });

const script = (socket: string): string => `#!${process.execPath}
const { readFileSync } = require('node:fs');
const connection = require('node:net').connect(${JSON.stringify(socket)});
connection.end(JSON.stringify({ args: process.argv.slice(2), input: readFileSync(0, 'utf8') }));
let text = '';
connection.on('data', (piece) => (text += piece));
connection.on('end', () => {
  const { code, stdout, stderr } = JSON.parse(text);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = code;
});
`;

function showJob({ name, manifest, succeeded, failedIndexes, deleting, ended }: FakeJob) {
  const { completions } = manifest.spec;
  const over = ended !== undefined || succeeded + failedIndexes.length === completions;
  const message = ended ?? (failedIndexes.length > 0 ? 'Job has failed indexes' : undefined);
  return {
    kind: 'Job',
    metadata: {
      name,
      labels: manifest.metadata.labels,
      ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: manifest.spec,
    status: {
      succeeded,
      failedIndexes: failedIndexes.join(','),
      conditions: over ? [{ type: message ? 'Failed' : 'Complete', status: 'True', message }] : [],
    },
  };
}

const showPod = ({ name, job, phase, status: more }: FakePod) => ({
  kind: 'Pod',
  metadata: { name, labels: { 'batch.kubernetes.io/job-name': job } },
  status: { phase, ...more },
});
