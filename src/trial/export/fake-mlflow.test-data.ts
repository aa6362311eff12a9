/**
 * A tracking server for tests: MLflow's REST API as far as the export asks for it, with MLflow's own limits and error
 * words, over real HTTP. What it holds can be looked at.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Pair {
  key: string;
  value: string;
}

export interface StoredRun {
  experiment: string;
  status: string;
  endTime: number | null;
  tags: Record<string, string>;
  params: Record<string, string>;
  metrics: { key: string; value: number; step: number; timestamp: number }[];
}

export interface FakeMlflow {
  uri: string;
  experiments: Map<string, { id: string; deleted: boolean }>;
  runs: Map<string, StoredRun>;
  files: Map<string, Buffer>;
  /** Method and path of every request. */
  requests: string[];
  /** Answers of these statuses come first, before any work. */
  failures: number[];
  close(): Promise<void>;
}

export interface FakeOptions {
  /** The Authorization header that it wants; default none. */
  authorization?: string;
  /** Where files go; default the server itself. */
  artifactRoot?: string;
  /** Runs a page of a search. */
  pageSize?: number;
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const asMap = (pairs: readonly Pair[]): Record<string, string> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value]));

export async function fakeMlflow(options: FakeOptions = {}): Promise<FakeMlflow> {
  const { authorization, artifactRoot = 'mlflow-artifacts:', pageSize = 2 } = options;
  const fake: Omit<FakeMlflow, 'uri' | 'close'> = {
    experiments: new Map(),
    runs: new Map(),
    files: new Map(),
    requests: [],
    failures: [],
  };
  const server: Server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      const { status = 500, code = 'INTERNAL_ERROR', message } = error as Partial<Refusal>;
      response.writeHead(status).end(JSON.stringify({ error_code: code, message }));
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url!, 'http://fake');
    fake.requests.push(`${request.method} ${url.pathname}`);
    const failure = fake.failures.shift();
    if (failure !== undefined) {
      response.writeHead(failure, { 'retry-after': '0' }).end('busy');
      return;
    }
    if (authorization !== undefined && request.headers.authorization !== authorization) {
      response.writeHead(401).end('You are not authenticated.');
      return;
    }
    const path = url.pathname.replace('/api/2.0/', '');
    const content = path.startsWith('mlflow-artifacts/artifacts/')
      ? upload(decodeURIComponent(path.slice('mlflow-artifacts/artifacts/'.length)), body)
      : call(`${request.method} ${path.replace('mlflow/', '')}`, url, body);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(content));
  }

  function upload(path: string, body: Buffer): object {
    fake.files.set(path, body);
    return {};
  }

  function call(what: string, url: URL, body: Buffer): object {
    if (body.length > 1e6) throw new Refusal(413, '', 'more than 1 MB');
    const json = (body.length > 0 ? JSON.parse(body.toString()) : {}) as Record<string, unknown>;
    switch (what) {
      case 'GET experiments/get-by-name': {
        const name = url.searchParams.get('experiment_name')!;
        const found = fake.experiments.get(name);
        if (!found) throw new Refusal(404, 'RESOURCE_DOES_NOT_EXIST', `no experiment '${name}'`);
        return {
          experiment: { experiment_id: found.id, lifecycle_stage: found.deleted ? 'deleted' : 'active' },
        };
      }
      case 'POST experiments/create': {
        const id = String(fake.experiments.size + 1);
        fake.experiments.set(json.name as string, { id, deleted: false });
        return { experiment_id: id };
      }
      case 'POST runs/search':
        return search(json);
      case 'POST runs/create': {
        const id = `run${fake.runs.size}`;
        fake.runs.set(id, {
          experiment: json.experiment_id as string,
          status: 'RUNNING',
          endTime: null,
          tags: asMap(json.tags as Pair[]),
          params: {},
          metrics: [],
        });
        return { run: shown(id) };
      }
      case 'POST runs/log-batch':
        return log(json as unknown as LogBatch);
      case 'POST runs/update': {
        const run = fake.runs.get(json.run_id as string)!;
        run.status = json.status as string;
        run.endTime = (json.end_time as number) ?? run.endTime;
        return { run_info: {} };
      }
      default:
        throw new Refusal(404, '', 'Not Found');
    }
  }

  function shown(id: string): object {
    const run = fake.runs.get(id)!;
    const tags = Object.entries(run.tags).map(([key, value]) => ({ key, value }));
    const folder = `${artifactRoot}/${run.experiment}/${id}/artifacts`;
    return { info: { run_id: id, status: run.status, artifact_uri: folder }, data: { tags } };
  }

  function search({
    filter,
    experiment_ids: experiments,
    page_token: token,
  }: Record<string, unknown>): object {
    const [, key, value] = /^tags\.`([^`]+)` = '([^']*)'$/.exec(filter as string)!;
    const found = [...fake.runs].filter(
      ([, run]) => (experiments as string[]).includes(run.experiment) && run.tags[key!] === value,
    );
    const start = Number(token ?? 0);
    const next = start + pageSize < found.length ? { next_page_token: String(start + pageSize) } : {};
    return { runs: found.slice(start, start + pageSize).map(([id]) => shown(id)), ...next };
  }

  interface LogBatch {
    run_id: string;
    metrics: StoredRun['metrics'];
    params: Pair[];
    tags: Pair[];
  }

  function log({ run_id: id, metrics, params, tags }: LogBatch): object {
    const run = fake.runs.get(id)!;
    const invalid = (message: string): never => {
      throw new Refusal(400, 'INVALID_PARAMETER_VALUE', message);
    };
    if (metrics.length + params.length + tags.length > 1000) invalid('more than 1000 items');
    if (params.length > 100 || tags.length > 100) invalid('more than 100 params or tags');
    for (const { key, value, step, timestamp } of metrics) {
      if (typeof value !== 'number') invalid(`metric ${key} has value ${value}`);
      if (!Number.isInteger(step) || !Number.isInteger(timestamp)) invalid(`metric ${key}: step or time`);
    }
    for (const { key } of [...metrics, ...params]) {
      if (!/^[\w\-. /]+$/.test(key) || key.length > 250) invalid(`name '${key}'`);
    }
    for (const { key, value } of params) {
      if (key in run.params && run.params[key] !== value)
        invalid(`param ${key} is ${run.params[key]} already`);
      if (value.length > 500) invalid(`param ${key} is too long`);
      run.params[key] = value;
    }
    run.metrics.push(...metrics);
    Object.assign(run.tags, asMap(tags));
    return {};
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...fake,
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
