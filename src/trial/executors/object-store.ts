/**
 * A folder in an object store, by S3's protocol, which Amazon, Google Cloud (interoperability keys), Cloudflare R2, MinIO,
 * Ceph and others speak. aws4fetch signs the requests (AWS Signature Version 4); what is here is the few requests
 * that a trial needs, their errors in words, and patience.
 *
 * Amazon S3 API Reference: ListObjectsV2, GetObject, PutObject, DeleteObject.
 */
import { constants } from 'node:buffer';
import { ConfigError, GraftError } from 'graft-torch/base';
import { DOMParser } from 'linkedom';
import { hideSecrets, shownAddress } from '../../base/index.js';
import { createHttp, HttpError, isPassingStatus, readBody, withRetries } from '../../net/index.js';
import type { Interrupt } from '../../run/index.js';

export interface StoredObject {
  /** Changes with the content. */
  etag: string;
  sizeBytes: number;
  /** When it was last written, by the store's clock: milliseconds since 1970. */
  modifiedMs: number;
}

/** Paths are relative to the folder, with slashes. */
export interface ObjectStore {
  /** `s3://bucket/folder` */
  readonly url: string;
  /** Everything whose path begins so, and the store's clock. */
  list(prefix?: string): Promise<{ objects: Map<string, StoredObject>; nowMs: number }>;
  /** Undefined where there is no such object. */
  get(path: string): Promise<Uint8Array | undefined>;
  put(path: string, content: Uint8Array): Promise<{ etag: string }>;
  /** No error where there is none. */
  remove(path: string): Promise<void>;
}

export interface ObjectStoreOptions {
  /** AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL. */
  env?: NodeJS.ProcessEnv;
  /** How long the store may be away, ms. */
  patienceMs?: number;
  /** Asked to stop, it waits no longer. */
  interrupt?: Interrupt;
  warn?: (message: string) => void;
  /** Imports the package. */
  load?: (name: string) => Promise<unknown>;
}

/** What is used of an XML document and its elements. */
interface Xml {
  querySelector(name: string): { textContent: string | null } | null;
}

/** What is used of aws4fetch. */
interface Client {
  sign(url: string, init: { method: string; body?: Uint8Array }): Promise<Request>;
}

interface Answer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

export const isStoreUrl = (text: string): boolean => /^s3:\/\//.test(text);

/** Silence after which a request is begun anew. */
const SILENCE_MS = 300_000;

/**
 * @param url `s3://bucket/folder`
 * @throws ConfigError for a URL or environment that says too little, or without aws4fetch
 */
export async function openObjectStore(url: string, options: ObjectStoreOptions = {}): Promise<ObjectStore> {
  const { env = process.env, patienceMs = 600_000, interrupt, warn } = options;
  const [, bucket, rest = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})(?:\/(.*))?$/.exec(url) ?? [];
  const folder = rest.replace(/\/+$/, '');
  if (!bucket || !folder)
    throw new ConfigError(
      `${shownAddress(url)}: expected s3://BUCKET/FOLDER, a folder of the trial's own; keys stand in the environment`,
    );
  const client = await openClient(env, options.load);
  const base = bucketAddress(bucket, env);
  const http = createHttp({ connectTimeoutMs: 10_000, idleTimeoutMs: SILENCE_MS, env });
  const told = new Set<string>();

  /** One request, again while the store is away; what it refuses is thrown, but for a missing object. */
  async function request(
    method: string,
    address: string,
    { body, what }: { body?: Uint8Array; what: string },
  ): Promise<Answer> {
    const once = async (): Promise<Answer> => {
      // Signed anew each time: a signature holds for some minutes.
      const signed = await client.sign(address, { method, body });
      const headers = Object.fromEntries(signed.headers);
      const response = await http.send(new URL(signed.url), { method, headers, body });
      const { status } = response;
      const answer = {
        status,
        headers: response.headers,
        body: await readBody(response, constants.MAX_LENGTH),
      };
      if (isGood(status) || (status === 404 && what !== url)) return answer;
      const reason = reasonOf(answer);
      if (status < 500 && !isPassingStatus(status))
        throw new ConfigError(`${what}: ${reason}; ${remedy(status)}`);
      throw new HttpError(reason, { status, passing: true });
    };
    try {
      return await withRetries(once, {
        patienceMs,
        firstWaitMs: 250,
        longestWaitMs: 15_000,
        mayRetry: () => !interrupt?.requested,
        onRetry: ({ message }) => {
          const trouble = `${what}: ${message}`;
          if (!told.has(trouble)) warn?.(`${trouble}; trying again`);
          told.add(trouble);
        },
      });
    } catch (error) {
      throw error instanceof HttpError ? new GraftError(`${what}: ${error.message}`) : error;
    }
  }

  const addressOf = (path: string): string =>
    `${base}/${`${folder}/${path}`.split('/').map(encodeURIComponent).join('/')}`;
  const nameOf = (path: string): string => `s3://${bucket}/${folder}/${path}`;

  return {
    url: `s3://${bucket}/${folder}`,
    async list(prefix = '') {
      const objects = new Map<string, StoredObject>();
      let nowMs = Date.now();
      for (let token: string | null = ''; token !== null; ) {
        const query = new URLSearchParams({ 'list-type': '2', prefix: `${folder}/${prefix}` });
        if (token) query.set('continuation-token', token);
        const response = await request('GET', `${base}/?${query}`, { what: url });
        nowMs = Date.parse(String(response.headers.date)) || Date.now();
        const page = new DOMParser().parseFromString(response.body.toString('utf8'), 'text/xml');
        const text = (of: Xml, name: string): string => of.querySelector(name)?.textContent ?? '';
        for (const entry of page.querySelectorAll('Contents')) {
          const path = text(entry, 'Key').slice(folder.length + 1);
          // What is written to a disk by these names is to stay in its folder.
          if (path === '' || path.split('/').some((part) => part === '' || part === '.' || part === '..'))
            continue;
          objects.set(path, {
            etag: bare(text(entry, 'ETag')),
            sizeBytes: Number(text(entry, 'Size')),
            modifiedMs: Date.parse(text(entry, 'LastModified')),
          });
        }
        token = text(page, 'NextContinuationToken') || null;
      }
      return { objects, nowMs };
    },
    async get(path) {
      const response = await request('GET', addressOf(path), { what: nameOf(path) });
      return isGood(response.status) ? response.body : undefined;
    },
    async put(path, content) {
      const response = await request('PUT', addressOf(path), { body: content, what: nameOf(path) });
      if (!isGood(response.status))
        throw new ConfigError(`${nameOf(path)}: ${reasonOf(response)}; ${remedy(404)}`);
      return { etag: bare(String(response.headers.etag ?? '')) };
    },
    async remove(path) {
      await request('DELETE', addressOf(path), { what: nameOf(path) });
    },
  };
}

async function openClient(
  env: NodeJS.ProcessEnv,
  load: NonNullable<ObjectStoreOptions['load']> = (name) => import(name),
): Promise<Client> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (!accessKeyId || !secretAccessKey)
    throw new ConfigError(
      'the object store needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment',
    );
  try {
    const { AwsClient } = (await load('aws4fetch')) as typeof import('aws4fetch');
    return new AwsClient({
      accessKeyId,
      secretAccessKey,
      sessionToken: env.AWS_SESSION_TOKEN,
      service: 's3',
      region: env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1',
      retries: 0,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new ConfigError('the object store needs aws4fetch, which is not installed: npm install aws4fetch');
  }
}

/** Amazon's by the bucket's name; an endpoint of one's own has the bucket in its path. */
function bucketAddress(bucket: string, env: NodeJS.ProcessEnv): string {
  const endpoint = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  if (endpoint && !/^https?:\/\/[^\s@?#]+$/.test(endpoint))
    throw new ConfigError(
      'AWS_ENDPOINT_URL: expected https://HOST:PORT, without user, key or query; keys stand in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    );
  if (endpoint) return `${endpoint.replace(/\/+$/, '')}/${bucket}`;
  return `https://${bucket}.s3.${env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1'}.amazonaws.com`;
}

const isGood = (status: number): boolean => status >= 200 && status < 300;

/** Some stores put quotation marks around it, some do not. */
const bare = (etag: string): string => etag.replaceAll('"', '');

/** `AccessDenied: Access Denied`, from the answer's XML. */
function reasonOf({ status, body }: Answer): string {
  const text = body.toString('utf8');
  const tag = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? '';
  return hideSecrets([tag('Code') || `HTTP ${status}`, tag('Message')].filter(Boolean).join(': '));
}

function remedy(status: number): string {
  if (status === 404) return 'make the bucket first, or check its name and AWS_ENDPOINT_URL';
  if (status === 301 || status === 400) return 'check AWS_REGION and AWS_ENDPOINT_URL';
  return 'check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they are allowed to do';
}
