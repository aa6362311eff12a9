/**
 * A Kubernetes API server in memory, for tests: Jobs, their pods and claims of one namespace, and of the Job controller
 * what workers see of it: one pod an index, a new pod for one that failed, foreground deletion.
 */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
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

export interface FakeApi {
  url: string;
  jobs: Map<string, FakeJob>;
  pods: FakePod[];
  claims: Set<string>;
  /** What came in: `GET /path`, with the sign-in. */
  requests: { line: string; authorization?: string; certificate?: string; body?: unknown }[];
  /** Answers instead of the API, while set. */
  refuse?: (line: string) => { status: number; message: string } | undefined;
  schedule(pod: FakePod): void;
  /** A container's end: what the Job controller makes of it follows the Job's own policy. */
  end(pod: FakePod, exitCode: number): void;
  close(): Promise<void>;
}

export async function startFakeApi(tls?: { key: string; cert: string; ca: string }): Promise<FakeApi> {
  let serial = 0;
  const addPod = (job: FakeJob, index: number, failures: number) => {
    const name = `${job.name}-${index}-${(serial++).toString(36).padStart(5, '0')}`;
    api.pods.push({ name, job: job.name, index, phase: 'Pending', status: {}, failures });
  };
  const clean = (name: string) => {
    if (!api.pods.some((pod) => pod.job === name)) api.jobs.delete(name);
  };
  const api: FakeApi = {
    url: '',
    jobs: new Map(),
    pods: [],
    claims: new Set(['shared']),
    requests: [],
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

  const answer = (method: string, url: URL, body: unknown): { status: number; value: unknown } => {
    const [, , namespace, kind, name] =
      /^\/(apis\/batch\/v1|api\/v1)\/namespaces\/([^/]+)\/([^/]+)(?:\/(.+))?$/.exec(url.pathname) ?? [];
    const missing = { status: 404, value: status(404, `${kind} "${name ?? url.pathname}" not found`) };
    if (namespace !== 'imaging') return missing;
    const selected = (labels: Record<string, string>) => {
      const [key, value] = (url.searchParams.get('labelSelector') ?? '=').split('=');
      return labels[key!] === value;
    };
    if (kind === 'jobs' && method === 'POST') {
      const manifest = body as Manifest;
      const job = {
        name: `${manifest.metadata.generateName}${(serial++).toString(36).padStart(5, 'x')}`,
        manifest,
        succeeded: 0,
        failedIndexes: [],
        deleting: false,
      };
      api.jobs.set(job.name, job);
      for (let index = 0; index < manifest.spec.completions; index++) addPod(job, index, 0);
      return { status: 201, value: showJob(job) };
    }
    if (kind === 'jobs' && method === 'DELETE') {
      const job = api.jobs.get(name!);
      if (!job) return missing;
      job.deleting = true;
      api.pods = api.pods.filter((pod) => pod.job !== name || pod.phase === 'Running');
      clean(name!);
      return { status: 200, value: {} };
    }
    if (kind === 'persistentvolumeclaims' && name)
      return api.claims.has(name) ? { status: 200, value: {} } : missing;
    const jobs = [...api.jobs.values()].filter((job) => selected(job.manifest.metadata.labels));
    if (kind === 'jobs') return { status: 200, value: { items: jobs.map(showJob) } };
    const names = jobs.map((job) => job.name);
    return {
      status: 200,
      value: { items: api.pods.filter((pod) => names.includes(pod.job)).map(showPod) },
    };
  };

  const listen: RequestListener = (request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      const line = `${request.method} ${request.url?.split('?')[0]}`;
      const body = text ? JSON.parse(text) : undefined;
      const certificate = tls && (request.socket as TLSSocket).getPeerCertificate().subject?.CN?.toString();
      api.requests.push({ line, authorization: request.headers.authorization, certificate, body });
      const refused = api.refuse?.(line);
      const { status: code, value } = refused
        ? { status: refused.status, value: status(refused.status, refused.message) }
        : answer(request.method!, new URL(request.url!, 'http://x'), body);
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    });
  };
  const server = tls
    ? createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: false }, listen)
    : createServer(listen);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  api.url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return api;
}

const status = (code: number, message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  message,
  code,
});

function showJob({ name, manifest, succeeded, failedIndexes, deleting, ended }: FakeJob) {
  const { completions } = manifest.spec;
  const over = ended !== undefined || succeeded + failedIndexes.length === completions;
  const message = ended ?? (failedIndexes.length > 0 ? 'Job has failed indexes' : undefined);
  return {
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
  metadata: { name, labels: { 'batch.kubernetes.io/job-name': job } },
  status: { phase, ...more },
});
