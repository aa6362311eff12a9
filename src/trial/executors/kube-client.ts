/**
 * The Kubernetes API in the four calls that workers need: create, list and delete Jobs, list their pods. The client
 * library would be 30 MB for these.
 */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { ConfigError, GraftError } from 'graft-torch/base';
import type { KubeConfig } from './kube-config.js';

/** The API answered with an error; 5xx and 429 may pass. */
export class KubeError extends GraftError {
  override name = 'KubeError';
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type KubeRequest = <Answer>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
) => Promise<Answer>;

/**
 * Sends requests to one API server, as JSON.
 * @returns a function that rejects with ConfigError (not allowed, not signed in, refused as invalid), KubeError
 *   (404 and what may pass) or GraftError (not reachable)
 */
export function kubeClient(config: KubeConfig, timeoutMs = 30_000): KubeRequest {
  return async <Answer>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<Answer> => {
    const { status, text } = await send(config, { method, path, body, timeoutMs });
    if (status >= 200 && status < 300) return JSON.parse(text || '{}') as Answer;
    throw failure({ server: config.server, method, path, status, text });
  };
}

interface Sent {
  method: string;
  path: string;
  body?: unknown;
  timeoutMs: number;
}

async function send(config: KubeConfig, { method, path, body, timeoutMs }: Sent) {
  const { token, certificate, key } = await config.credentials();
  const url = new URL(config.server + path);
  const json = body === undefined ? undefined : JSON.stringify(body);
  const options = {
    method,
    headers: {
      accept: 'application/json',
      'user-agent': 'graft',
      // Node sends a DELETE's body without saying how long it is.
      ...(json === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ca: config.authority,
    cert: certificate,
    key,
    servername: config.serverName,
    rejectUnauthorized: config.verify,
    timeout: timeoutMs,
  };
  return new Promise<{ status: number; text: string }>((done, fail) => {
    const begin = url.protocol === 'http:' ? requestHttp : requestHttps;
    const outgoing = begin(url, options, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () => done({ status: answer.statusCode ?? 0, text }));
      answer.on('error', (error) => fail(unreachable(config.server, error)));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)));
    outgoing.on('error', (error) => fail(unreachable(config.server, error)));
    outgoing.end(json);
  });
}

function unreachable(server: string, error: Error): GraftError {
  const { code } = error as NodeJS.ErrnoException;
  const said = error.message || code || 'no connection';
  // Certificate errors last; connections come back.
  const isCertificate = /CERT|SIGNED|ISSUER|ALTNAME/.test(code ?? '');
  if (isCertificate)
    return new ConfigError(`${server}: its certificate is not trusted (${said}); check the kubeconfig`);
  return new GraftError(
    `${server}: the Kubernetes API is not reachable (${said}); kubectl cluster-info says more`,
  );
}

interface Failure {
  server: string;
  method: string;
  path: string;
  status: number;
  text: string;
}

function failure({ server, method, path, status, text }: Failure): GraftError {
  const said = messageOf(text) || `${method} ${path}`;
  if (status === 401)
    return new ConfigError(
      `${server}: not signed in (${said}); sign in again (kubectl auth whoami shows who you are)`,
    );
  if (status === 403)
    return new ConfigError(
      `${server}: ${said}; ask for a role that may create, list and delete jobs and list pods there`,
    );
  if (status === 400 || status === 422) return new ConfigError(`${server}: refused: ${said}`);
  return new KubeError(status, `${server}: ${said} (HTTP ${status})`);
}

/** The API's errors are objects of kind Status. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return message.replace(/\s+/g, ' ').trim();
  } catch {}
  return text.replace(/\s+/g, ' ').trim().slice(0, 200);
}
