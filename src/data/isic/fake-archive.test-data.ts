/**
 * A fake of the archive on 127.0.0.1: pages with cursors, sizes, collections, licence texts, file URLs that expire,
 * and every fault that a download of hours meets. It serves phantoms.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Random } from 'graft-torch/base';
import sharp from 'sharp';
import { renderPhantom, samplePhantom } from '../phantom/index.js';
import { type Matcher, parseQuery } from './fake-query.test-data.js';

export interface FakeImage {
  id: string;
  bytes: Buffer;
  extension: string;
  licence: string;
  attribution: string;
  acquisition: Record<string, unknown>;
  clinical: Record<string, unknown>;
  collections: number[];
  /** What the record says; undefined: the truth; null: nothing. */
  declaredBytes?: number | null;
  /** `never`: the record has no files; `gone`: no record either, once listed. */
  file?: 'never' | 'gone';
}

/** What can go wrong with one answer. */
export const faults = [
  'reset', // the connection breaks before any answer
  'silent', // no answer at all
  'cut', // … breaks in the middle of the body
  'cut-chunked', // … of a body without a length
  'stalled', // … goes silent in the middle of the body
  'truncated', // a shorter body, with the length that it has
  'wrong-length', // a longer Content-Length than there is body
  'too-long', // a longer body than there should be
  'empty', // a body of nothing
  'trickle', // no fault: slow
  'html', // 200, but a proxy's page
  'bad-json', // 200, but cut off where nobody notices
  '429-seconds',
  '429-date',
  '429',
  '500',
  '502',
  '503',
  '504',
  '403', // of files: expired
] as const;
export type Fault = (typeof faults)[number];

export type RequestKind = 'search' | 'size' | 'record' | 'collections' | 'licence' | 'file' | 'bulk';

export interface FakeRequest {
  kind: RequestKind;
  /** Path and query without what changes from time to time. */
  key: string;
  /** How often this key was asked for, from 1. */
  visit: number;
  headers: IncomingMessage['headers'];
}

export interface FakeOptions {
  images: readonly FakeImage[];
  collections?: readonly { id: number; name: string; pinned?: boolean }[];
  /** The most results a page; the real archive has 100. */
  pageSize?: number;
  /** Downloads that a signed URL is good for; default: any number. */
  usesPerUrl?: number;
  /** A new URL makes the ones before it invalid. */
  onlyLatestUrl?: boolean;
  /** The URLs in pages have expired; those of single records are good. */
  listedUrlsAreDead?: boolean;
  fault?: (request: FakeRequest) => Fault | undefined;
  /** Changes a page before it is sent. */
  page?: (
    page: { results: unknown[]; count: number | null; next: string | null },
    request: FakeRequest,
  ) => void;
  /** Called before each answer. */
  onRequest?: (request: FakeRequest, served: number) => void | Promise<void>;
  bulk?: Buffer;
  /** Waits between the pieces of a slow body; default 1 ms. */
  trickleMs?: number;
}

export interface FakeArchive {
  url: string;
  requests: FakeRequest[];
  options: FakeOptions;
  close(): Promise<void>;
}

/** Phantoms as the archive would have them: every third malignant, lesions of two images, licences of all kinds. */
export async function fakeImages(
  count: number,
  options: { seed?: number; sizePx?: number } = {},
): Promise<FakeImage[]> {
  const { seed = 0, sizePx = 32 } = options;
  const random = new Random(seed).fork('fake archive');
  return Promise.all(
    Array.from({ length: count }, async (_, i): Promise<FakeImage> => {
      const factors = samplePhantom(random, { prevalence: i % 3 === 0 ? 1 : 0 });
      const raw = { width: sizePx, height: sizePx, channels: 3 as const };
      const pixels = sharp(renderPhantom(factors, sizePx), { raw });
      const isPng = i % 5 === 4;
      return {
        id: `ISIC_${String(i + 1).padStart(7, '0')}`,
        bytes: await (isPng ? pixels.png() : pixels.jpeg({ quality: 95 })).toBuffer(),
        extension: isPng ? '.png' : '.jpg',
        licence: ['CC-0', 'CC-BY', 'CC-BY-NC'][i % 3]!,
        attribution: i % 4 === 0 ? 'Anonymous' : `Hospital ${i % 4}, "Süd"`,
        acquisition: { pixels_x: sizePx, pixels_y: sizePx, image_type: 'dermoscopic' },
        clinical: {
          age_approx: 5 * (i % 17),
          ...(i % 2 === 0 ? { sex: 'female' } : {}),
          diagnosis_1: i % 3 === 0 ? 'Malignant' : 'Benign',
          lesion_id: `IL_${String(i >> 1).padStart(7, '0')}`,
        },
        collections: i % 2 === 0 ? [2] : [17],
      };
    }),
  );
}

export async function startFakeArchive(options: FakeOptions): Promise<FakeArchive> {
  const requests: FakeRequest[] = [];
  const visits = new Map<string, number>();
  const issued = new Map<string, { latest: number; uses: Map<number, number>; dead: Set<number> }>();
  const sockets = new Set<Socket>();
  const archive: FakeArchive = {
    url: '',
    requests,
    options,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  const recordOf = (image: FakeImage, isListed: boolean): object => {
    const own = issued.get(image.id) ?? { latest: 0, uses: new Map(), dead: new Set() };
    issued.set(image.id, own);
    own.latest++;
    if (isListed && archive.options.listedUrlsAreDead) own.dead.add(own.latest);
    const signature = createHash('md5').update(`${image.id}${own.latest}`).digest('hex');
    const url = `${archive.url}files/${image.id}${image.extension}?Expires=${own.latest}&Signature=${signature}`;
    const size = image.declaredBytes === undefined ? image.bytes.length : image.declaredBytes;
    return {
      public: true,
      isic_id: image.id,
      copyright_license: image.licence,
      attribution: image.attribution,
      ...(image.file === 'never'
        ? {}
        : { files: { full: { url, ...(size === null ? {} : { size }) }, thumbnail_256: { url, size: 1 } } }),
      metadata: { acquisition: image.acquisition, clinical: image.clinical },
    };
  };
  const found = (url: URL): FakeImage[] => {
    const query = url.searchParams.get('query') ?? '';
    const matches: Matcher = query.trim() === '' ? () => true : parseQuery(query);
    const collections = (url.searchParams.get('collections') ?? '').split(',').filter(Boolean).map(Number);
    return archive.options.images.filter(
      (image) =>
        matches(fieldsOf(image)) &&
        (collections.length === 0 || image.collections.some((id) => collections.includes(id))),
    );
  };

  interface Answer {
    status: number;
    type: string;
    body: Buffer;
  }
  const json = (status: number, value: unknown): Answer => ({
    status,
    type: 'application/json; charset=utf-8',
    body: Buffer.from(JSON.stringify(value)),
  });
  const notFound = json(404, { detail: 'Not Found' });

  const search = (url: URL, all: readonly unknown[], request: FakeRequest): Answer => {
    const most = archive.options.pageSize ?? 100;
    const limit = Math.max(1, Math.min(most, Number(url.searchParams.get('limit') ?? most)));
    const cursor = url.searchParams.get('cursor');
    const from =
      cursor === null ? 0 : Number(/^p=(\d+)$/.exec(Buffer.from(cursor, 'base64').toString())?.[1]);
    if (Number.isNaN(from))
      return json(422, { detail: [{ loc: ['query', 'cursor'], msg: 'Value error, Invalid cursor.' }] });
    let next: string | null = null;
    if (from + limit < all.length) {
      const following = new URL(url);
      following.searchParams.set('cursor', Buffer.from(`p=${from + limit}`).toString('base64'));
      next = following.href;
    }
    const page = {
      results: all.slice(from, from + limit).map((one) => (isImage(one) ? recordOf(one, true) : one)),
      count: cursor === null ? all.length : null,
      next,
      previous: null,
    };
    archive.options.page?.(page, request);
    return json(200, page);
  };
  const serveFile = (id: string, url: URL): Answer => {
    const image = archive.options.images.find((one) => one.id === id);
    const own = issued.get(id);
    const number = Number(url.searchParams.get('Expires'));
    const { usesPerUrl = Number.POSITIVE_INFINITY, onlyLatestUrl = false } = archive.options;
    const uses = (own?.uses.get(number) ?? 0) + 1;
    own?.uses.set(number, uses);
    if (
      !image ||
      image.file === 'gone' ||
      uses > usesPerUrl ||
      own?.dead.has(number) ||
      (onlyLatestUrl && number !== own?.latest)
    )
      return {
        status: 403,
        type: 'application/xml',
        body: Buffer.from('<Error><Code>AccessDenied</Code></Error>'),
      };
    return { status: 200, type: 'image/jpeg', body: image.bytes };
  };
  const answer = (url: URL, request: FakeRequest): Answer => {
    const path = url.pathname.replace(/^\//, '');
    const { images, collections = [], bulk } = archive.options;
    const [, folder, id] = /^([a-z-]+)\/([^/]+?)(?:\.\w+)?\/?$/.exec(path) ?? [];
    if (request.kind === 'file') return serveFile(id!, url);
    try {
      if (request.kind === 'search') return search(url, found(url), request);
      if (request.kind === 'size')
        return json(200, { size: found(url).reduce((sum, { bytes }) => sum + bytes.length, 0) });
    } catch {
      return json(400, { message: 'Could not parse search query.' });
    }
    if (request.kind === 'record') {
      const image = images.find((one) => one.id === id);
      return image && image.file !== 'gone' ? json(200, recordOf(image, false)) : notFound;
    }
    const described = collections.map((one) => ({
      pinned: false,
      public: true,
      locked: false,
      doi: null,
      ...one,
    }));
    if (path === 'collections/') {
      const pinned = url.searchParams.get('pinned');
      return search(
        url,
        described.filter((one) => pinned === null || String(one.pinned) === pinned),
        request,
      );
    }
    if (request.kind === 'collections') {
      const one = described.find((collection) => String(collection.id) === id);
      return one ? json(200, one) : notFound;
    }
    if (folder === undefined && /^zip-download\/license-file\/CC-(0|BY|BY-NC)\/$/.test(path))
      return { status: 200, type: 'text/plain', body: Buffer.from(`Text of ${path.split('/')[2]}.\n`) };
    if (request.kind === 'bulk' && bulk) return { status: 200, type: 'binary/octet-stream', body: bulk };
    return notFound;
  };

  const server = createServer(async (message, response) => {
    const url = new URL(message.url ?? '/', archive.url);
    const kind = kindOf(url);
    const key = kind === 'file' ? url.pathname : `${url.pathname}${url.search}`;
    const visit = (visits.get(key) ?? 0) + 1;
    visits.set(key, visit);
    const request: FakeRequest = { kind, key, visit, headers: message.headers };
    requests.push(request);
    await archive.options.onRequest?.(request, requests.length);
    if (response.destroyed) return;
    const whole = answer(url, request);
    const fault = archive.options.fault?.(request);
    await send(message, response, whole, fault, archive.options.trickleMs ?? 1);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  archive.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return archive;
}

const isImage = (one: unknown): one is FakeImage => typeof one === 'object' && one !== null && 'bytes' in one;

function fieldsOf(image: FakeImage): Record<string, string> {
  const all = {
    ...image.acquisition,
    ...image.clinical,
    copyright_license: image.licence,
    isic_id: image.id,
  };
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, String(value)]));
}

function kindOf({ pathname }: URL): RequestKind {
  if (pathname.startsWith('/files/')) return 'file';
  if (pathname.startsWith('/collections/')) return 'collections';
  if (pathname.startsWith('/zip-download/')) return 'licence';
  if (pathname === '/images/search/size/') return 'size';
  if (pathname === '/images/search/') return 'search';
  return pathname.endsWith('.parquet') ? 'bulk' : 'record';
}

async function send(
  message: IncomingMessage,
  response: ServerResponse,
  answer: { status: number; type: string; body: Buffer },
  fault: Fault | undefined,
  trickleMs: number,
): Promise<void> {
  const { socket } = response;
  const { status, type } = answer;
  const isGzip = String(message.headers['accept-encoding'] ?? '').includes('gzip') && type.includes('json');
  const body = isGzip ? gzipSync(answer.body) : answer.body;
  const half = body.subarray(0, Math.ceil(body.length / 2));
  const headers = {
    'content-type': type,
    'content-length': body.length,
    // Neither may ever come back with a request for a file.
    'set-cookie': 'session=secret',
    ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
  };
  const refuse = (code: number, more: Record<string, string> = {}): void => {
    response.writeHead(code, { 'content-type': 'text/html', ...more }).end('<html>busy</html>');
  };
  const written = (chunk: Buffer): Promise<void> =>
    new Promise((resolve) => response.write(chunk, () => resolve()));

  switch (fault) {
    case undefined:
      response.writeHead(status, headers).end(body);
      return;
    case 'reset':
      socket?.resetAndDestroy();
      return;
    case 'silent':
      return;
    case 'cut':
      response.writeHead(status, headers);
      await written(half);
      socket?.destroy();
      return;
    case 'cut-chunked': {
      const { 'content-length': _, ...others } = headers;
      response.writeHead(status, others);
      await written(half);
      socket?.destroy();
      return;
    }
    case 'stalled':
      response.writeHead(status, headers);
      await written(half);
      return;
    case 'truncated':
      response.writeHead(status, { ...headers, 'content-length': half.length }).end(half);
      return;
    case 'wrong-length':
      response.writeHead(status, { ...headers, 'content-length': body.length + 7 });
      await written(body);
      socket?.end();
      return;
    case 'too-long':
      response
        .writeHead(status, { ...headers, 'content-length': body.length + 7 })
        .end(Buffer.concat([body, Buffer.from('surplus')]));
      return;
    case 'empty':
      response.writeHead(status, { ...headers, 'content-length': 0 }).end();
      return;
    case 'trickle': {
      response.writeHead(status, headers);
      const step = Math.ceil(body.length / 12);
      for (let at = 0; at < body.length && !response.destroyed; at += step) {
        await written(body.subarray(at, at + step));
        await delay(trickleMs);
      }
      response.end();
      return;
    }
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please log in</html>');
      return;
    case 'bad-json':
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"results": [{"isic_id": "ISIC_00');
      return;
    case '429-seconds':
      refuse(429, { 'retry-after': '7' });
      return;
    case '429-date':
      refuse(429, { 'retry-after': new Date(Date.now() + 5000).toUTCString() });
      return;
    default:
      refuse(Number(fault));
  }
}

/**
 * Faults at random: the first visits of a key fail with the given probability each, later ones never, so that every
 * request succeeds in the end.
 */
export function seededFaults(
  kinds: readonly Fault[],
  options: {
    seed: number;
    share: number;
    visits: number;
    isPossible: (fault: Fault, request: FakeRequest) => boolean;
  },
): (request: FakeRequest) => Fault | undefined {
  const { seed, share, visits, isPossible } = options;
  return (request) => {
    const { key, visit } = request;
    if (visit > visits) return undefined;
    // By key, so that the order in which requests come does not matter.
    const random = new Random(seed).fork(`${key} ${visit}`);
    if (!random.chance(share)) return undefined;
    const fitting = kinds.filter((fault) => isPossible(fault, request));
    return fitting[random.int(fitting.length)];
  };
}
