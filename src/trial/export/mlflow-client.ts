/**
 * The part of MLflow's REST API 2.0 that an export needs (https://mlflow.org/docs/latest/rest-api.html). Credentials come
 * from the variables that MLflow's own client reads; they are never shown.
 */
import { ConfigError, GraftError } from 'graft-torch/base';
import { shownAddress } from '../../base/index.js';
import { createHttp, type Http, HttpError, readText, statusError, withRetries } from '../../net/index.js';

type Environment = Readonly<Record<string, string | undefined>>;

export interface MlflowClientOptions {
  /** Of the tracking server: `http://localhost:5000`. */
  uri: string;
  /** Sends the requests. Default: a client of its own. */
  http?: Http;
  /** Default: the process's. */
  env?: Environment;
  signal?: AbortSignal;
  /** Before the second try; twice as long before each further one. Default 500. */
  firstWaitMs?: number;
}

export interface MlflowRun {
  id: string;
  status: string;
  artifactUri: string;
  tags: Record<string, string>;
}

export interface Metric {
  key: string;
  value: number;
  /** Milliseconds since 1970. */
  timestamp: number;
  step: number;
}

export interface Batch {
  metrics?: readonly Metric[];
  params?: Readonly<Record<string, string>>;
  tags?: Readonly<Record<string, string>>;
}

export interface MlflowClient {
  /** Without a slash at the end, and without credentials. */
  readonly uri: string;
  /** @returns its id; made if missing. @throws GraftError for one that was deleted there */
  experiment(name: string): Promise<string>;
  /** Every run of the experiment with this tag. */
  findRuns(experimentId: string, tag: { key: string; value: string }): Promise<MlflowRun[]>;
  createRun(
    experimentId: string,
    run: { name: string; startedAtMs: number; tags: Readonly<Record<string, string>> },
  ): Promise<MlflowRun>;
  /** At most {@link BATCH_ITEMS} in all. Metrics are appended, parameters can never change, tags are replaced. */
  log(runId: string, batch: Batch): Promise<void>;
  finish(runId: string, status: 'FINISHED' | 'KILLED' | 'RUNNING', endedAtMs: number | null): Promise<void>;
  /** @returns false where the server does not take files itself (they go to a store of its own) */
  upload(run: MlflowRun, path: string, content: Uint8Array): Promise<boolean>;
}

/** What one request may hold: metrics, parameters and tags together, and parameters alone. */
export const BATCH_ITEMS = 1000;
export const BATCH_PARAMS = 100;

const SILENCE_MS = 60_000;
/** The server did not begin the work: to ask again writes nothing twice. */
const NOT_BEGUN = [429, 503];
const PAGE = 1000;

/** An answer with an error; `code` is MLflow's word for it, '' where there is none. */
class MlflowError extends GraftError {
  override name = 'MlflowError';

  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

const pairs = (map: Readonly<Record<string, string>>): { key: string; value: string }[] =>
  Object.entries(map).map(([key, value]) => ({ key, value }));

/** @throws ConfigError for an address that is none, or of another kind of store */
export function mlflowClient(options: MlflowClientOptions): MlflowClient {
  const { env = process.env, signal, firstWaitMs } = options;
  const { uri, authorization } = readAddress(options.uri, env);
  // A request to log must not be sent twice: no connection that the server may be closing.
  const http =
    options.http ??
    createHttp({ connectTimeoutMs: 10_000, idleTimeoutMs: SILENCE_MS, keepAlive: false, env });

  async function send(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body?: { json: object } | { bytes: Uint8Array },
  ): Promise<Record<string, unknown>> {
    const type = body && 'json' in body ? 'application/json' : 'application/octet-stream';
    const content = body && ('json' in body ? Buffer.from(JSON.stringify(body.json)) : body.bytes);
    const headers = { ...authorization, ...(body ? { 'content-type': type } : {}) };
    let answer = { status: 0, text: '' };
    const once = async (): Promise<void> => {
      const response = await http.send(new URL(`${uri}/api/2.0/${path}`), {
        method,
        headers,
        body: content,
        signal,
      });
      answer = { status: response.status, text: await readText(response) };
      if (NOT_BEGUN.includes(response.status)) throw statusError(response);
    };
    try {
      await withRetries(once, { signal, firstWaitMs, mayRetry: ({ status }) => status !== undefined });
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      if (error.status === undefined) throw unreachable(uri, error);
    }
    return readAnswer(answer, `${uri}: ${path.split('?')[0]}`);
  }
  const call = (path: string, json: object) => send('POST', `mlflow/${path}`, { json });

  return {
    uri,
    experiment: async (name) => {
      const query = new URLSearchParams({ experiment_name: name });
      try {
        const answer = await send('GET', `mlflow/experiments/get-by-name?${query}`);
        const { experiment_id: id, lifecycle_stage: stage } = answer.experiment as Record<string, string>;
        if (stage === 'deleted')
          throw new GraftError(
            `${uri}: the experiment '${name}' was deleted there; restore it (mlflow experiments restore -x ${id}) or name another one`,
          );
        return id!;
      } catch (error) {
        if (!(error instanceof MlflowError) || error.code !== 'RESOURCE_DOES_NOT_EXIST') throw error;
        return (await call('experiments/create', { name })).experiment_id as string;
      }
    },
    findRuns: async (experimentId, { key, value }) => {
      const found: MlflowRun[] = [];
      let token: string | undefined;
      do {
        const answer = await call('runs/search', {
          experiment_ids: [experimentId],
          filter: `tags.\`${key}\` = '${value}'`,
          run_view_type: 'ACTIVE_ONLY',
          max_results: PAGE,
          page_token: token,
        });
        found.push(...((answer.runs ?? []) as RawRun[]).map(readRun));
        token = (answer.next_page_token as string) || undefined;
      } while (token !== undefined);
      return found;
    },
    createRun: async (experimentId, { name, startedAtMs, tags }) => {
      const answer = await call('runs/create', {
        experiment_id: experimentId,
        run_name: name,
        start_time: startedAtMs,
        // Older servers take the name from this tag alone.
        tags: pairs({ ...tags, 'mlflow.runName': name }),
      });
      return readRun(answer.run as RawRun);
    },
    log: async (runId, { metrics = [], params = {}, tags = {} }) => {
      await call('runs/log-batch', { run_id: runId, metrics, params: pairs(params), tags: pairs(tags) });
    },
    finish: async (runId, status, endedAtMs) => {
      await call('runs/update', {
        run_id: runId,
        status,
        ...(endedAtMs === null ? {} : { end_time: endedAtMs }),
      });
    },
    upload: async ({ artifactUri }, path, content) => {
      const folder = /^mlflow-artifacts:\/+(?:[^/]+:\d+\/)?(.+)$/.exec(artifactUri)?.[1];
      if (folder === undefined) return false;
      const target = `${folder}/${path}`.split('/').map(encodeURIComponent).join('/');
      await send('PUT', `mlflow-artifacts/artifacts/${target}`, { bytes: content });
      return true;
    },
  };
}

interface RawRun {
  info: { run_id: string; status?: string; artifact_uri?: string };
  data?: { tags?: { key: string; value: string }[] };
}

const readRun = ({ info, data }: RawRun): MlflowRun => ({
  id: info.run_id,
  status: info.status ?? 'RUNNING',
  artifactUri: info.artifact_uri ?? '',
  tags: Object.fromEntries((data?.tags ?? []).map(({ key, value }) => [key, value])),
});

function readAddress(
  address: string,
  env: Environment,
): { uri: string; authorization: Record<string, string> } {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new ConfigError(
      `MLflow: '${shownAddress(address)}' is no address; give the tracking server's, as http://localhost:5000`,
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new ConfigError(
      `MLflow: ${url.protocol} is no tracking server; start one (mlflow server) and give its http address`,
    );
  const user = decodeURIComponent(url.username) || env.MLFLOW_TRACKING_USERNAME;
  const password = decodeURIComponent(url.password) || env.MLFLOW_TRACKING_PASSWORD;
  const token = env.MLFLOW_TRACKING_TOKEN;
  const uri = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  // A name with a password wins over a token, as in MLflow's own client.
  if (user && password) {
    const encoded = Buffer.from(`${user}:${password}`).toString('base64');
    return { uri, authorization: { authorization: `Basic ${encoded}` } };
  }
  return { uri, authorization: token ? { authorization: `Bearer ${token}` } : {} };
}

function unreachable(uri: string, error: HttpError): GraftError {
  const reason = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.message;
  return new GraftError(
    `${uri}: the MLflow server cannot be reached (${reason}); is it running, and is the address right (MLFLOW_TRACKING_URI)?`,
    { cause: error },
  );
}

/** @throws MlflowError for a status that is no success, and for an answer that is not MLflow's */
function readAnswer(
  { status, text }: { status: number; text: string },
  asked: string,
): Record<string, unknown> {
  const isGood = status >= 200 && status < 300;
  let content: Record<string, unknown> | null = null;
  try {
    content = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  } catch {}
  if (isGood && typeof content === 'object' && content !== null) return content;
  if (isGood)
    throw new MlflowError(`${asked}: the answer is not MLflow's; is the address that of its server?`, '');
  if (status === 401 || status === 403)
    throw new MlflowError(
      `${asked}: refused (${status}); set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, of an account that may write there`,
      'PERMISSION_DENIED',
    );
  const { error_code: code = '', message = '' } = (content ?? {}) as {
    error_code?: string;
    message?: string;
  };
  const said = String(message).split('\n')[0]!.slice(0, 300);
  const remedy = code === '' && status === 404 ? '; is the address that of an MLflow server?' : '';
  throw new MlflowError(`${asked}: ${status} ${[code, said].filter(Boolean).join(': ')}${remedy}`, code);
}
