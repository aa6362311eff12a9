/**
 * Weights files by where they are: a path, or `hf:<owner>/<repository>[@revision]/<file>` on the Hugging Face hub, of
 * which a copy is kept in `$GRAFT_CACHE/weights`. `HF_ENDPOINT` names another server and `HF_HUB_OFFLINE=1` forbids any,
 * as for the hub's own tools.
 *
 * A file is in the cache whole or not at all: what arrives is held against the size and the SHA-256 that the hub
 * states, and takes its name only then. Where it states a SHA-256, a connection that broke is taken up at the byte where
 * it broke (RFC 9110, range requests); without one nothing would tell whether both pieces are of one file.
 *
 * `HF_TOKEN` (or `HUGGING_FACE_HUB_TOKEN`) opens private and gated repositories. It goes to the hub alone, never to the
 * servers that it redirects to (their addresses are signed), never over an open line, and into no message.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, DataError, replaceFileAsync, userCacheDir } from 'graft-torch/base';
import { hiddenParts, hideSecrets, shownAddress } from '../base/index.js';

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
  return userCacheDir('weights', env);
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
    new DataError(
      `${shownAddress(url)} cannot be fetched (${hideSecrets(why, hiddenParts(url))}); download it elsewhere and put it at ${path}`,
      {
        cause,
      },
    );
  if (env.HF_HUB_OFFLINE && env.HF_HUB_OFFLINE !== '0') throw byHand('HF_HUB_OFFLINE is set');
  const source = { url, ...rightsAt(endpoint, env) };
  await replaceFileAsync(path, async (temporary) => {
    const part = new Part(await open(temporary, 'wx'));
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await download(source, part, options);
        } catch (error) {
          if (!(error instanceof DownloadError)) throw error;
          if (!error.passing || attempt >= attempts) throw byHand(error.message, error);
          await sleep(Math.max(error.retryAfterMs, firstWaitMs * 2 ** (attempt - 1)));
        }
      }
    } finally {
      await part.file.close();
    }
  });
  return path;
}

/**
 * The token to send, and what to say where access is refused.
 * @throws ConfigError for a token that no header can hold; the message does not show it
 */
function rightsAt(endpoint: string, env: Environment): Pick<Source, 'token' | 'ifRefused'> {
  const name = ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'].find((key) => env[key]?.trim());
  if (name === undefined) return { token: null, ifRefused: 'not a public one: set HF_TOKEN for that' };
  const token = env[name]!.trim();
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new ConfigError(`${name}: holds characters that are in no token; set it anew, or unset it`);
  if (!isPrivateLine(endpoint))
    return {
      token: null,
      ifRefused: 'not a public one, and the token is not sent over an open line: use https in HF_ENDPOINT',
    };
  return {
    token,
    ifRefused: `${name} has no access to it: has its account accepted the conditions on the repository's page?`,
  };
}

/** Whether nobody on the way can read along: encrypted, or within this machine. */
function isPrivateLine(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** What has come of a file, over all tries. */
class Part {
  done = 0;
  hash = createHash('sha256');
  /** Of the whole file, as the hub stated it; null where it did not. */
  sha256: string | null = null;

  constructor(readonly file: FileHandle) {}

  async append(chunk: Uint8Array): Promise<void> {
    for (let written = 0; written < chunk.length; ) {
      const { bytesWritten } = await this.file.write(
        chunk,
        written,
        chunk.length - written,
        this.done + written,
      );
      written += bytesWritten;
    }
    this.hash.update(chunk);
    this.done += chunk.length;
  }

  async startAnew(): Promise<void> {
    await this.file.truncate(0);
    this.done = 0;
    this.hash = createHash('sha256');
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

/** Where a file is asked for, and with whose rights. */
interface Source {
  url: string;
  token: string | null;
  /** What the user can do then. */
  ifRefused: string;
}

async function download(source: Source, part: Part, options: HubOptions): Promise<void> {
  const silence = new Silence(options.idleTimeoutMs ?? 30_000);
  try {
    const { response, expected, from } = await request(source, part, silence);
    if (from !== part.done) await part.startAnew();
    part.sha256 = expected.sha256;
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const total = expected.sizeBytes ?? (Number.isNaN(length) ? null : from + length);
    for await (const chunk of response.body ?? []) {
      silence.restart();
      await part.append(chunk);
      options.onProgress?.(part.done, total);
    }
    if (total !== null && part.done !== total) {
      // Too much is no beginning of the right file.
      const { done } = part;
      if (done > total) await part.startAnew();
      throw new DownloadError(`${done} of ${total} bytes came`, true);
    }
    const found = part.hash.copy().digest('hex');
    if (expected.sha256 !== null && found !== expected.sha256) {
      await part.startAnew();
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

interface Answer {
  response: Response;
  expected: Expected;
  /** The place in the file that the answer's first byte belongs to. */
  from: number;
}

async function request({ url, token, ifRefused }: Source, part: Part, silence: Silence): Promise<Answer> {
  const expected: Expected = { sizeBytes: null, sha256: null };
  const hub = new URL(url).origin;
  let target = url;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    // A branch may have moved on since the first piece came: then it is not the same file.
    const resumes = part.done > 0 && expected.sha256 !== null && expected.sha256 === part.sha256;
    const headers: Record<string, string> = {
      // Bytes as they are stored: compressed ones would have another size.
      'accept-encoding': 'identity',
      'user-agent': 'graft',
      ...(resumes ? { range: `bytes=${part.done}-` } : {}),
      ...(token !== null && new URL(target).origin === hub ? { authorization: `Bearer ${token}` } : {}),
    };
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
      return { response, expected, from: 0 };
    }
    if (status === 206 && resumes) {
      const from = Number(response.headers.get('content-range')?.match(/^bytes (\d+)-/)?.[1] ?? Number.NaN);
      if (from === part.done) return { response, expected, from };
    }
    await response.body?.cancel();
    // What cannot be gone on with is asked for as a whole the next time.
    if (resumes && (status === 206 || status === 416)) {
      await part.startAnew();
      throw new DownloadError(`status ${status} for the rest of the file`, true);
    }
    throw refusal(response, ifRefused);
  }
  throw new DownloadError('it leads from one address to the next without an end', false);
}

function refusal({ status, headers }: Response, ifRefused: string): DownloadError {
  if (status === 200) return new DownloadError('a web page came instead of a file', false);
  // The hub answers 401 for a repository that does not exist, so as not to tell which do.
  if (status === 401 || status === 403) {
    return new DownloadError(`status ${status}: no such repository, or ${ifRefused}`, false);
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
