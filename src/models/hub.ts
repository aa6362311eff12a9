/**
 * Weights files by where they are: a path, or `hf:<owner>/<repository>[@revision]/<file>` on the Hugging Face hub, of
 * which a copy is kept in `$GRAFT_CACHE/weights`. `HF_ENDPOINT` names another server and `HF_HUB_OFFLINE=1` forbids any,
 * as for the hub's own tools.
 *
 * A file is in the cache whole or not at all: what arrives is held against the size and the SHA-256 that the hub
 * states, and takes its name only then.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, DataError } from '../errors.js';
import { replaceFileAsync } from '../files.js';

export const HUB_PREFIX = 'hf:';
const PUBLIC_ENDPOINT = 'https://huggingface.co';

export interface HubFile {
  /** `owner/name`. */
  repository: string;
  /** Branch, tag or commit. */
  revision: string;
  /** Path within the repository. */
  file: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export interface HubOptions {
  /** Default: the process's. */
  env?: Environment;
  /** Tries in all. Default 4. */
  attempts?: number;
  /** Before the second try; twice as long before each further one. Default 1000. */
  firstWaitMs?: number;
  /** Without a byte from the server. Default 30,000. */
  idleTimeoutMs?: number;
  /** Told after each piece; the total is null where the server does not say. */
  onProgress?: (doneBytes: number, totalBytes: number | null) => void;
}

const isName = (part: string): boolean => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part);

/**
 * `hf:timm/tf_efficientnet_b0.ns_jft_in1k/model.safetensors`, or with `@<revision>` behind the repository.
 *
 * @returns null for anything that does not begin with `hf:`
 * @throws ConfigError when what follows is no file of a repository
 */
export function parseHubFile(spec: string): HubFile | null {
  if (!spec.startsWith(HUB_PREFIX)) return null;
  const [owner = '', second = '', ...path] = spec.slice(HUB_PREFIX.length).split('/');
  const [name = '', revision = 'main', ...rest] = second.split('@');
  // The parts become a path in the cache: nothing that climbs out of it.
  if (path.length === 0 || rest.length > 0 || ![owner, name, revision, ...path].every(isName)) {
    throw new ConfigError(
      `weights '${spec}': a file on the hub is hf:<owner>/<repository>/<file>, such as hf:timm/tf_efficientnet_b0.ns_jft_in1k/model.safetensors`,
    );
  }
  return { repository: `${owner}/${name}`, revision, file: path.join('/') };
}

/** `$GRAFT_CACHE/weights`, else `graft/weights` in `$XDG_CACHE_HOME` or `~/.cache`. */
export function weightsCacheDir(env: Environment = process.env): string {
  if (env.GRAFT_CACHE) return join(env.GRAFT_CACHE, 'weights');
  // A relative one is to be ignored, says the XDG Base Directory Specification.
  const base =
    env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'graft', 'weights');
}

/** Where a weights file is, or will be once `openWeightsFile` has brought it. Asks no server. */
export function weightsFilePath(spec: string, env: Environment = process.env): string {
  const hub = parseHubFile(spec);
  return hub ? join(weightsCacheDir(env), hub.repository, hub.revision, hub.file) : spec;
}

/**
 * Path of a weights file on this machine; one on the hub is downloaded unless it is there already.
 *
 * @throws ConfigError for a `hf:` that names no file
 * @throws DataError when it cannot be had: one line with the URL and the path where to put it by hand
 */
export async function openWeightsFile(spec: string, options: HubOptions = {}): Promise<string> {
  const { env = process.env, attempts = 4, firstWaitMs = 1000 } = options;
  const hub = parseHubFile(spec);
  const path = weightsFilePath(spec, env);
  if (!hub || existsSync(path)) return path;
  const endpoint = (env.HF_ENDPOINT || PUBLIC_ENDPOINT).replace(/\/+$/, '');
  const url = `${endpoint}/${hub.repository}/resolve/${hub.revision}/${hub.file}`;
  const byHand = (why: string, cause?: unknown): DataError =>
    new DataError(`${url} cannot be fetched (${why}); download it elsewhere and put it at ${path}`, {
      cause,
    });
  if (env.HF_HUB_OFFLINE && env.HF_HUB_OFFLINE !== '0') throw byHand('HF_HUB_OFFLINE is set');
  for (let attempt = 1; ; attempt++) {
    try {
      await replaceFileAsync(path, (temporary) => download(url, temporary, options));
      return path;
    } catch (error) {
      if (!(error instanceof DownloadError)) throw error;
      if (!error.passing || attempt >= attempts) throw byHand(error.message, error);
      await sleep(Math.max(error.retryAfterMs, firstWaitMs * 2 ** (attempt - 1)));
    }
  }
}

/** A download that did not end well. */
class DownloadError extends DataError {
  override name = 'DownloadError';

  constructor(
    message: string,
    /** Whether the same request may succeed a little later. */
    readonly passing: boolean,
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
}

const LONGEST_RETRY_AFTER_MS = 60_000;
const MOST_REDIRECTS = 5;
const PASSING_STATUSES = [408, 425, 429, 500, 502, 503, 504];

async function download(url: string, path: string, options: HubOptions): Promise<void> {
  const silence = new Silence(options.idleTimeoutMs ?? 30_000);
  try {
    const { response, expected } = await request(url, silence);
    const sizeText = response.headers.get('content-length');
    const total = expected.sizeBytes ?? (sizeText === null ? null : Number(sizeText));
    const hash = createHash('sha256');
    const file = await open(path, 'wx');
    let done = 0;
    try {
      for await (const chunk of response.body ?? []) {
        silence.restart();
        hash.update(chunk);
        await file.writeFile(chunk);
        done += chunk.length;
        options.onProgress?.(done, total);
      }
    } finally {
      await file.close();
    }
    if (total !== null && done !== total) {
      throw new DownloadError(`${done} of ${total} bytes came`, true);
    }
    const found = hash.digest('hex');
    if (expected.sha256 !== null && found !== expected.sha256) {
      throw new DownloadError(`the bytes that came are not the hub's: SHA-256 ${found}`, true);
    }
  } catch (error) {
    throw silence.over ? new DownloadError(silence.message, true) : asDownloadError(error);
  } finally {
    silence.end();
  }
}

/** What the hub states of a large file in its first answer, which sends the client elsewhere for the bytes. */
interface Expected {
  sizeBytes: number | null;
  sha256: string | null;
}

async function request(url: string, silence: Silence): Promise<{ response: Response; expected: Expected }> {
  const expected: Expected = { sizeBytes: null, sha256: null };
  let target = url;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    // Bytes as they are stored: compressed ones would have another size.
    const headers = { 'accept-encoding': 'identity', 'user-agent': 'graft' };
    const response = await fetch(target, { redirect: 'manual', headers, signal: silence.signal });
    silence.restart();
    const { status } = response;
    const tag = response.headers.get('x-linked-etag')?.match(/^(?:W\/)?"?([0-9a-f]{64})"?$/);
    const size = response.headers.get('x-linked-size');
    if (tag) expected.sha256 = tag[1]!;
    if (size) expected.sizeBytes = Number(size);
    const location = response.headers.get('location');
    if (status >= 300 && status < 400 && location) {
      await response.body?.cancel();
      target = new URL(location, target).href;
      continue;
    }
    if (status === 200 && !response.headers.get('content-type')?.startsWith('text/html')) {
      return { response, expected };
    }
    await response.body?.cancel();
    throw refusal(response);
  }
  throw new DownloadError('it leads from one address to the next without an end', false);
}

function refusal({ status, headers }: Response): DownloadError {
  if (status === 200) return new DownloadError('a web page came instead of a file', false);
  // The hub answers 401 for a repository that does not exist, so as not to tell which do.
  if (status === 401 || status === 403) {
    return new DownloadError(`status ${status}: no such repository, or not a public one`, false);
  }
  if (status === 404) return new DownloadError('status 404: no such file or revision', false);
  const waitMs = Number(headers.get('retry-after') ?? 0) * 1000;
  const retryAfterMs = waitMs > 0 ? Math.min(waitMs, LONGEST_RETRY_AFTER_MS) : 0;
  return new DownloadError(`status ${status}`, PASSING_STATUSES.includes(status), retryAfterMs);
}

/** Errors of the connection, in one line; any other, such as of a full disk, as it is. */
function asDownloadError(error: unknown): unknown {
  // `fetch` says "fetch failed" or "terminated", and keeps why as the cause.
  if (!(error instanceof TypeError)) return error;
  const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException;
  return new DownloadError(code ?? message, true);
}

/** Aborts a request that says nothing for too long. A slow one is fine as long as bytes come. */
class Silence {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  over = false;

  constructor(private readonly limitMs: number) {
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get message(): string {
    return `nothing came for ${this.limitMs / 1000} s`;
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.over = true;
      this.#controller.abort();
    }, this.limitMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
