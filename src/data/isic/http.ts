/**
 * One HTTP(S) GET with the manners of a long download: separate limits for connecting and for silence, a body that
 * is known to be whole, no cookies, no credentials, connections kept open between requests.
 *
 * A slow body is fine as long as bytes come: only silence counts. Node's `fetch` knows no such limits without a
 * further dependency.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { DataError } from 'graft-torch/base';

/** A request to the archive that did not end well. */
export class ArchiveError extends DataError {
  override name = 'ArchiveError';
  /** HTTP status; undefined when none came. */
  readonly status: number | undefined;
  /** Whether the same request may succeed a little later. */
  readonly passing: boolean;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    details: { status?: number; passing: boolean; retryAfterMs?: number; cause?: unknown },
  ) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.passing = details.passing;
    this.retryAfterMs = details.retryAfterMs;
  }
}

export interface Timeouts {
  /** To reach the server, names and TLS included; default 3 s. */
  connectTimeoutMs: number;
  /** Without a byte from the server; default 15 s. */
  idleTimeoutMs: number;
}

export const defaultTimeouts: Timeouts = { connectTimeoutMs: 3000, idleTimeoutMs: 15_000 };

export interface HttpResponse {
  url: URL;
  status: number;
  headers: http.IncomingHttpHeaders;
  /** To be read to the end or discarded, once. Ends only when the body is whole, else throws an ArchiveError. */
  body: AsyncGenerator<Buffer, void, undefined>;
  /** Gives the connection up without reading the body. */
  discard(): void;
}

export interface HttpAgents {
  get(
    url: URL,
    options: Timeouts & { headers?: Readonly<Record<string, string>>; signal?: AbortSignal },
  ): Promise<HttpResponse>;
  /** Closes the connections that were kept open. */
  close(): void;
}

/** Connections that are used again for the same host. */
export function createAgents(): HttpAgents {
  const agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true }),
  };
  return {
    get: async (url, options) => {
      if (url.protocol !== 'http:' && url.protocol !== 'https:')
        throw new ArchiveError(`${url.protocol} URLs are not fetched`, { passing: false });
      return get(url, { ...options, agent: agents[url.protocol] });
    },
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

type GetOptions = Parameters<HttpAgents['get']>[1] & { agent: http.Agent };

const seconds = (ms: number): string => `${ms / 1000} s`;

const timedOut = (url: URL, text: string): ArchiveError =>
  new ArchiveError(`${url.host} ${text}`, { passing: true });

/** What Node says of a broken connection, in one line. */
function brokenOff(url: URL, cause: unknown): ArchiveError {
  if (cause instanceof ArchiveError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const text =
    message === 'aborted'
      ? 'cut the connection in the middle of an answer'
      : code === 'ECONNRESET'
        ? 'cut the connection'
        : `cannot be reached (${code ?? message})`;
  return new ArchiveError(`${url.host} ${text}`, { passing: true, cause });
}

function get(url: URL, options: GetOptions): Promise<HttpResponse> {
  const { agent, headers, signal, connectTimeoutMs, idleTimeoutMs } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).get(url, { agent, headers });
    let timer: NodeJS.Timeout | undefined;
    const limit = (ms: number, text: string): void => {
      clearTimeout(timer);
      timer = setTimeout(() => request.destroy(timedOut(url, text)), ms);
    };
    const onAbort = (): void => {
      request.destroy();
    };
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const awaitAnswer = (): void => limit(idleTimeoutMs, `did not answer within ${seconds(idleTimeoutMs)}`);
    request.on('socket', (socket) => {
      if (!socket.connecting) return awaitAnswer();
      limit(connectTimeoutMs, `could not be reached within ${seconds(connectTimeoutMs)}`);
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', awaitAnswer);
    });
    request.on('error', (error) => {
      settle();
      reject(signal?.aborted ? signal.reason : brokenOff(url, error));
    });
    request.on('response', (response) => {
      settle();
      // It may break before anybody reads it; whoever does is told then.
      response.on('error', () => {});
      resolve({
        url,
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: bodyOf(response, url, options),
        discard: () => {
          response.destroy();
        },
      });
    });
  });
}

async function* bodyOf(
  response: http.IncomingMessage,
  url: URL,
  { signal, idleTimeoutMs }: GetOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const chunks = response[Symbol.asyncIterator]();
  const onAbort = (): void => {
    response.destroy(signal?.reason);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    for (;;) {
      // The limit runs only while we wait for the server, not while the caller writes to a slow disk.
      const timer = setTimeout(
        () => response.destroy(timedOut(url, `sent nothing for ${seconds(idleTimeoutMs)}`)),
        idleTimeoutMs,
      );
      let next: IteratorResult<Buffer>;
      try {
        next = await chunks.next();
      } catch (error) {
        signal?.throwIfAborted();
        throw brokenOff(url, error);
      } finally {
        clearTimeout(timer);
      }
      if (next.done) break;
      yield next.value;
    }
    if (!response.complete) throw brokenOff(url, new Error('aborted'));
  } finally {
    signal?.removeEventListener('abort', onAbort);
    if (!response.complete) response.destroy();
  }
}
