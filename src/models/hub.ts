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
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError, replaceFileAsync, userCacheDir } from 'graft-torch/base';
import { hiddenParts, hideSecrets, shownAddress } from '../base/index.js';
import {
  createHttp,
  type Expected,
  type Http,
  HttpError,
  type HttpResponse,
  openPart,
  type PartFile,
  statusError,
  withRetries,
} from '../net/index.js';

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
  /** Before the second try; twice as long before each further one. Default 1000. */
  firstWaitMs?: number;
  /** Without a byte from the server. Default 30,000. */
  idleTimeoutMs?: number;
  /** Told after each piece; the total is null where the server does not say. */
  onProgress?: Expected['onProgress'];
  /** Sends the requests. Default: a client of its own. */
  http?: Http;
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
  const { env = process.env, idleTimeoutMs = 30_000 } = options;
  const hub = parseHubFile(spec);
  const path = weightsFilePath(spec, env);
  if (!hub || existsSync(path)) return path;
  const endpoint = (env.HF_ENDPOINT || PUBLIC_ENDPOINT).replace(/\/+$/, '');
  const url = `${endpoint}/${hub.repository}/resolve/${hub.revision}/${hub.file}`;
  const byHand = (why: string, cause?: unknown): DataError =>
    new DataError(
      `${shownAddress(url)} cannot be fetched (${hideSecrets(why, hiddenParts(url))}); download it elsewhere and put it at ${path}`,
      { cause },
    );
  if (env.HF_HUB_OFFLINE && env.HF_HUB_OFFLINE !== '0') throw byHand('HF_HUB_OFFLINE is set');
  const source = { url: new URL(url), ...rightsAt(endpoint, env) };
  const http = options.http ?? createHttp({ connectTimeoutMs: 10_000, idleTimeoutMs, env });
  try {
    await replaceFileAsync(path, async (temporary) => {
      const part = await openPart(temporary);
      try {
        await withRetries(() => download(http, source, { part, onProgress: options.onProgress }), {
          firstWaitMs: options.firstWaitMs ?? 1000,
        });
      } finally {
        await part.close();
      }
    });
  } catch (error) {
    throw error instanceof HttpError ? byHand(error.message, error) : error;
  } finally {
    http.close();
  }
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

/** Where a file is asked for, and with whose rights. */
interface Source {
  url: URL;
  token: string | null;
  /** What the user can do then. */
  ifRefused: string;
}

/** One try, from where the one before it broke. */
async function download(
  http: Http,
  { url, token, ifRefused }: Source,
  { part, onProgress }: { part: PartFile } & Pick<HubOptions, 'onProgress'>,
): Promise<void> {
  // What the hub states of a large file in its first answer, which sends the client elsewhere for the bytes.
  const expected: Expected = { sizeBytes: null, sha256: null };
  const note = ({ headers }: HttpResponse): void => {
    const tag = /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(String(headers['x-linked-etag'] ?? ''));
    if (tag) expected.sha256 = tag[1]!;
    if (headers['x-linked-size']) expected.sizeBytes = Number(headers['x-linked-size']);
  };
  // A branch may have moved on since the first piece came: then it is not the same file.
  const resumes = (): boolean =>
    part.bytes > 0 && expected.sha256 !== null && expected.sha256 === part.announced;
  let isResumed = false;
  const response = await http.follow(url, {
    onRedirect: note,
    headersFor: ({ origin }) => {
      isResumed = resumes();
      return {
        // Bytes as they are stored: compressed ones would have another size.
        'accept-encoding': 'identity',
        ...(isResumed ? { range: `bytes=${part.bytes}-` } : {}),
        ...(token !== null && origin === url.origin ? { authorization: `Bearer ${token}` } : {}),
      };
    },
  });
  note(response);
  const { status, headers } = response;
  if (status === 200 && !headers['content-type']?.startsWith('text/html'))
    return part.receive(response, { ...expected, onProgress });
  if (status === 206 && isResumed) {
    const from = Number(/^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1] ?? Number.NaN);
    if (from === part.bytes) return part.receive(response, { ...expected, from, onProgress });
  }
  response.discard();
  // What cannot be gone on with is asked for as a whole the next time.
  if (isResumed && (status === 206 || status === 416)) {
    await part.startAnew();
    throw new HttpError(`status ${status} for the rest of the file`, { status, passing: true });
  }
  throw refusal(response, ifRefused);
}

function refusal(response: HttpResponse, ifRefused: string): HttpError {
  const { status } = response;
  const final = (message: string): HttpError => new HttpError(message, { status, passing: false });
  if (status === 200) return final('a web page came instead of a file');
  // The hub answers 401 for a repository that does not exist, so as not to tell which do.
  if (status === 401 || status === 403) return final(`status ${status}: no such repository, or ${ifRefused}`);
  if (status === 404) return final('status 404: no such file or revision');
  return statusError(response);
}
