/**
 * An object store in memory that speaks as much of S3 as a trial needs, for tests. It checks every signature by the
 * published recipe (AWS Signature Version 4, "Create a signed AWS API request"), with none of the client's code.
 */
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3Server {
  endpoint: string;
  /** What the environment of a client must hold. */
  env: Record<string, string>;
  objects: Map<string, { content: Buffer; etag: string; modifiedMs: number }>;
  /** `PUT bucket/key` of every request that was served, in order. */
  requests: string[];
  /** Answers before the store does, where it gives a status. */
  intercept: (method: string, key: string) => number | undefined;
  stop(): Promise<void>;
}

const ACCESS_KEY = 'TESTKEY';
const SECRET = 'k3y/Qz+7$=x9'; // no words: what stands in it is blanked out of every message
export const REGION = 'eu-test-1';

/** @param pageSize keys a page of a list; the real stores' is 1,000 */
export async function startS3(bucket: string, pageSize = 1000): Promise<S3Server> {
  const objects: S3Server['objects'] = new Map();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(request, Buffer.concat(chunks), response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const s3: S3Server = {
    endpoint,
    env: {
      AWS_ACCESS_KEY_ID: ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: SECRET,
      AWS_REGION: REGION,
      AWS_ENDPOINT_URL: endpoint,
    },
    objects,
    requests: [],
    intercept: () => undefined,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  function answer(request: IncomingMessage, body: Buffer, response: ServerResponse): unknown {
    const method = request.method!;
    const url = new URL(request.url!, endpoint);
    const [, name, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const key = rest.join('/');
    const refuse = (status: number, code: string, message: string): unknown => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      return response.end(
        `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
      );
    };
    const status = s3.intercept(method, key);
    if (status !== undefined) return refuse(status, 'SlowDown', 'Please reduce your request rate.');
    if (request.headers.authorization !== authorization(request, url))
      return refuse(403, 'SignatureDoesNotMatch', 'The signature does not match.');
    if (name !== bucket) return refuse(404, 'NoSuchBucket', 'The specified bucket does not exist');
    s3.requests.push(`${method} ${key}`);
    if (method === 'GET' && key === '') return list(url, response);
    if (method === 'PUT') {
      const etag = createHash('md5').update(body).digest('hex');
      objects.set(key, { content: body, etag, modifiedMs: Date.now() });
      return response.writeHead(200, { etag: `"${etag}"` }).end();
    }
    if (method === 'DELETE') {
      objects.delete(key);
      return response.writeHead(204).end();
    }
    const found = objects.get(key);
    if (!found) return refuse(404, 'NoSuchKey', 'The specified key does not exist.');
    return response.writeHead(200, { etag: `"${found.etag}"` }).end(found.content);
  }

  function list(url: URL, response: ServerResponse): unknown {
    const after = url.searchParams.get('continuation-token') ?? '';
    const prefix = url.searchParams.get('prefix') ?? '';
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const page = keys.slice(0, pageSize);
    const xml = (text: string) =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
    const entries = page.map((key) => {
      const { etag, content, modifiedMs } = objects.get(key)!;
      return `<Contents><Key>${xml(key)}</Key><LastModified>${new Date(modifiedMs).toISOString()}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${content.length}</Size></Contents>`;
    });
    const next =
      keys.length > page.length
        ? `<IsTruncated>true</IsTruncated><NextContinuationToken>${xml(page.at(-1)!)}</NextContinuationToken>`
        : '<IsTruncated>false</IsTruncated>';
    response.writeHead(200, { 'content-type': 'application/xml' });
    return response.end(
      `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${next}${entries.join('')}</ListBucketResult>`,
    );
  }

  return s3;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** RFC 3986: everything but A–Z a–z 0–9 - . _ ~ as %XX. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** What the request's Authorization header must be. */
function authorization(request: IncomingMessage, url: URL): string {
  const given = request.headers.authorization ?? '';
  const signed = /SignedHeaders=([^,]*)/.exec(given)?.[1]?.split(';') ?? [];
  const date = String(request.headers['x-amz-date'] ?? '');
  const scope = `${date.slice(0, 8)}/${REGION}/s3/aws4_request`;
  const canonical = [
    request.method,
    url.pathname
      .split('/')
      .map((part) => encode(decodeURIComponent(part)))
      .join('/'),
    [...url.searchParams]
      .map((pair) => pair.map(encode).join('='))
      .sort()
      .join('&'),
    ...signed.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}`),
    '',
    signed.join(';'),
    request.headers['x-amz-content-sha256'],
  ].join('\n');
  const digest = createHash('sha256').update(canonical).digest('hex');
  const toSign = ['AWS4-HMAC-SHA256', date, scope, digest].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${SECRET}`, date.slice(0, 8)), REGION), 's3'), 'aws4_request');
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  return `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY}/${scope}, SignedHeaders=${signed.join(';')}, Signature=${signature}`;
}
