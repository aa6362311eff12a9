/**
 * One HTTP(S) request with the manners of a long download: separate limits for connecting and for silence, a body that
 * is known to be whole, no cookies, no credentials but the given ones, connections kept open between requests.
 *
 * A slow body is fine as long as bytes come or go: only silence counts. Node's `fetch` knows no such limits without a
 * further dependency.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { HttpError } from './error.js';

export interface Timeouts {
  /** To reach the server, names and TLS included; default 3 s. */
  connectTimeoutMs: number;
  /** Without a byte from the server; default 15 s. */
  idleTimeoutMs: number;
}

export interface HttpResponse {
  url: URL;
  status: number;
  headers: http.IncomingHttpHeaders;
  /** To be read to the end or discarded, once. Ends only when the body is whole, else throws an HttpError. */
  body: AsyncGenerator<Buffer, void, undefined>;
  /** Gives the connection up without reading the body. */
  discard(): void;
}

export interface HttpRequest extends Partial<Timeouts> {
  /** Default GET. */
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array;
  signal?: AbortSignal;
}

/** What a request with redirects sends to one of its addresses. */
export type HeadersFor = (url: URL) => Readonly<Record<string, string>>;

export interface Http {
  /**
   * One try, one address: any status comes back.
   * @throws HttpError when no whole head of an answer came; the signal's reason
   */
  send(url: URL, request?: HttpRequest): Promise<HttpResponse>;
  /**
   * A GET that goes where it is sent.
   * @param options.headersFor headers of each address: secrets are for the first server only
   * @param options.onRedirect looks at each answer that leads elsewhere
   * @throws HttpError as `send`, and when it is led in circles
   */
  follow(
    url: URL,
    options: HttpRequest & { headersFor?: HeadersFor; onRedirect?: (response: HttpResponse) => void },
  ): Promise<HttpResponse>;
  /** Closes the connections that were kept open. */
  close(): void;
}

export interface HttpOptions extends Partial<Timeouts> {
  /** Program and version, so that the server's owner knows whom to ask; default `graft`. */
  userAgent?: string;
  /** Uses a connection again for the same host; default true. Not for what must not be sent twice. */
  keepAlive?: boolean;
  /** Where Node 24 is told to heed proxies (`NODE_USE_ENV_PROXY=1`, then `HTTPS_PROXY`); default the process's. */
  env?: Readonly<Record<string, string | undefined>>;
}

const mostRedirects = 5;
/** So much is handed over at once: each piece that leaves shows that the server listens. */
const sentPieceBytes = 1 << 18;

/** A client whose connections are its own; to be closed. */
export function createHttp(options: HttpOptions = {}): Http {
  const { userAgent = 'graft', keepAlive = true, env = process.env } = options;
  const { connectTimeoutMs = 3000, idleTimeoutMs = 15_000 } = options;
  const settings = { keepAlive, ...(env.NODE_USE_ENV_PROXY === '1' ? { proxyEnv: env } : {}) };
  const agents = { 'http:': new http.Agent(settings), 'https:': new https.Agent(settings) };
  const send: Http['send'] = async (url, request = {}) => {
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new HttpError(`${url.protocol} URLs are not fetched`, { passing: false });
    return sendBy(agents[url.protocol], url, {
      connectTimeoutMs,
      idleTimeoutMs,
      ...request,
      headers: { 'user-agent': userAgent, ...request.headers },
    });
  };
  return {
    send,
    follow: async (from, { headersFor, onRedirect, ...request }) => {
      let url = from;
      for (let redirects = 0; ; redirects++) {
        const response = await send(url, {
          ...request,
          headers: { ...request.headers, ...headersFor?.(url) },
        });
        const { location } = response.headers;
        if (response.status < 300 || response.status >= 400 || location === undefined) return response;
        onRedirect?.(response);
        response.discard();
        if (redirects >= mostRedirects)
          throw new HttpError(`${url.host} redirects in circles`, { passing: false });
        url = parseUrl(location, url);
      }
    },
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

/** @throws HttpError, a passing one: whoever gave a wrong address may give a right one when it is asked again */
export function parseUrl(text: string, from?: URL): URL {
  try {
    return new URL(text, from);
  } catch (cause) {
    throw new HttpError(`'${text.slice(0, 80)}' is no URL of a file`, { passing: true, cause });
  }
}

type Sent = HttpRequest & Timeouts;

const seconds = (ms: number): string => `${ms / 1000} s`;

const timedOut = (url: URL, text: string): HttpError =>
  new HttpError(`${url.host} ${text}`, { passing: true });

/** What Node says of a broken connection, in one line. */
function brokenOff(url: URL, cause: unknown): HttpError {
  if (cause instanceof HttpError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const text =
    message === 'aborted'
      ? 'cut the connection in the middle of an answer'
      : code === 'ECONNRESET'
        ? 'cut the connection'
        : `cannot be reached (${code || message})`;
  return new HttpError(`${url.host} ${text}`, { passing: true, cause });
}

function sendBy(agent: http.Agent, url: URL, options: Sent): Promise<HttpResponse> {
  const { method = 'GET', headers, body, signal, connectTimeoutMs, idleTimeoutMs } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      agent,
      method,
      headers: { ...headers, ...length },
    });
    let timer: NodeJS.Timeout | undefined;
    let settled = false;
    const limit = (ms: number, text: string): void => {
      clearTimeout(timer);
      if (!settled) timer = setTimeout(() => request.destroy(timedOut(url, text)), ms);
    };
    const onAbort = (): void => {
      request.destroy();
    };
    const settle = (): void => {
      settled = true;
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
    sendBody(request, body, awaitAnswer);
  });
}

function sendBody(request: http.ClientRequest, body: Uint8Array | undefined, onSent: () => void): void {
  const sendFrom = (start: number): void => {
    if (body === undefined || start >= body.length) {
      request.end();
      return;
    }
    request.write(body.subarray(start, start + sentPieceBytes), (error) => {
      if (error) return; // the request's own handler is told as well
      onSent();
      sendFrom(start + sentPieceBytes);
    });
  };
  sendFrom(0);
}

async function* bodyOf(
  response: http.IncomingMessage,
  url: URL,
  { signal, idleTimeoutMs }: Sent,
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
