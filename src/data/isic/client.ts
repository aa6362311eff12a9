/**
 * Client of the ISIC archive's API, version 2 (https://api.isic-archive.com/api/docs/swagger/): search by pages,
 * single records, sizes, collections, licence texts. Every request waits its turn, is tried again when the failure
 * passes by itself, and is checked before it is believed.
 */
import { setMaxListeners } from 'node:events';
import { ConfigError, DataError, Random } from 'graft-torch/base';
import { z } from 'zod';
import { shownAddress } from '../../base/index.js';
import {
  type Clock,
  createHttp,
  createRateLimiter,
  HttpError,
  type HttpResponse,
  parseUrl,
  readText,
  statusError,
  systemClock,
  type Timeouts,
  withRetries,
} from '../../net/index.js';
import { type ArchiveRequest, archiveQuery, searchParameters, syntheticQuery } from './query.js';
import {
  type Collection,
  collectionSchema,
  type ImageRecord,
  pageSchema,
  sizeSchema,
  toRecord,
} from './schema.js';

export const archiveUrl = 'https://api.isic-archive.com/api/v2/';

export interface ClientOptions {
  /** Default {@link archiveUrl}. */
  baseUrl?: string;
  /** Program and version, so that the archive knows whom to ask; default `graft`. */
  userAgent?: string;
  /** Requests a second, files included; default 20. */
  ratePerS?: number;
  /** Tries of one request; default 10, which take 3 to 5 minutes. */
  attempts?: number;
  timeouts?: Partial<Timeouts>;
  /** Ends every request with its reason. */
  signal?: AbortSignal;
  clock?: Clock;
  /** Of the jitter; default 0. */
  seed?: number;
  onRetry?: (error: HttpError, waitMs: number) => void;
}

export interface Page {
  /** As they came, unchecked. */
  results: unknown[];
  /** Images in all; null where the archive does not say (on all pages but the first). */
  count: number | null;
  /** Null: this is the last page. */
  next: string | null;
}

export interface ArchiveClient {
  readonly baseUrl: string;
  readonly host: string;
  readonly clock: Clock;
  /** Tries that failed and were followed by another. */
  readonly retries: number;
  /** Address of a search's first page. */
  searchUrl(request: ArchiveRequest): string;
  /** @throws HttpError, with status 422 for a cursor that the archive does not know (any more) */
  page(url: string): Promise<Page>;
  /**
   * How many images there are, and how many synthetic ones were left out of them.
   * @throws ConfigError when the archive does not understand the query
   */
  count(request: ArchiveRequest): Promise<{ images: number; synthetic: number }>;
  /** Bytes of all images of a request, its limit apart; null when the archive cannot say. */
  size(request: ArchiveRequest): Promise<number | null>;
  collections(filter: { pinned?: boolean }): Promise<Collection[]>;
  /** @returns null when there is none with this id that is public */
  collection(id: number): Promise<Collection | null>;
  /** @returns null for a licence that the archive has no text of */
  licenceText(licence: string): Promise<string | null>;
  /** One try, without retries. @returns null when the archive does not have the image (any more) */
  recordOnce(id: string): Promise<ImageRecord | null>;
  /** Opens a file's URL, once, following redirects: without credentials or cookies. Any status comes back. */
  openFile(url: string): Promise<HttpResponse>;
  /** Retries with the client's limits. */
  retry<Result>(work: (attempt: number) => Promise<Result>): Promise<Result>;
  /** Ends what is still under way, waits between tries included, and closes the connections. */
  close(): void;
}

/** The most the server gives at once, and what its own client asks for. */
const pageSize = 100;
const mostPages = 10_000;
const anyObject = z.looseObject({});

export function createClient(options: ClientOptions = {}): ArchiveClient {
  const base = parseBase(options.baseUrl ?? archiveUrl);
  const { clock = systemClock, ratePerS = 20, attempts = 10 } = options;
  const closing = new AbortController();
  const signal = AbortSignal.any([closing.signal, ...(options.signal ? [options.signal] : [])]);
  // Each request listens while it runs; Node takes more than ten for a leak.
  setMaxListeners(0, signal);
  const http = createHttp({ ...options.timeouts, userAgent: options.userAgent });
  const limiter = createRateLimiter(ratePerS, clock);
  const random = new Random(options.seed ?? 0).fork('isic');
  let retries = 0;

  const retry = <Result>(work: (attempt: number) => Promise<Result>, most = attempts): Promise<Result> =>
    withRetries(work, {
      clock,
      limiter,
      jitter: () => random.uniform(0, 1),
      attempts: Math.min(most, attempts),
      signal,
      onRetry: (error, waitMs) => {
        retries++;
        options.onRetry?.(error, waitMs);
      },
    });

  /** The body of a 200 of the wanted type; anything else is thrown. */
  const getText = async (url: URL, accept: string): Promise<string> => {
    const response = await http.send(url, { signal, headers: { accept, 'accept-encoding': 'gzip' } });
    const text = await readText(response);
    if (response.status !== 200) throw statusError(response, saidIn(response, text), clock.now());
    // A proxy's login page, for example, comes with 200 as well.
    const type = response.headers['content-type'] ?? '';
    if (type.startsWith(accept) && text !== '') return text;
    const start = text.trim().slice(0, 40).replace(/\s+/g, ' ');
    throw new HttpError(`${url.host} answered what is not ${accept} ('${start}')`, { passing: true });
  };
  const getJson = async <Schema extends z.ZodType>(url: URL, schema: Schema): Promise<z.output<Schema>> => {
    const text = await getText(url, 'application/json');
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (cause) {
      throw new HttpError(`${url.host} answered JSON that is cut off or damaged`, {
        passing: true,
        cause,
      });
    }
    const checked = schema.safeParse(json);
    if (checked.success) return checked.data;
    const [issue] = checked.error.issues;
    throw new HttpError(
      `${url.host} answered JSON of another form (${issue?.path.join('.')}: ${issue?.message})`,
      { passing: true },
    );
  };
  const ask = <Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    most?: number,
  ): Promise<z.output<Schema>> => retry(() => getJson(new URL(path, base), schema), most);

  /** A page's address must lie on the archive's own host: whoever answers shall not send us elsewhere. */
  const pageUrl = (next: string): URL => {
    let url: URL;
    try {
      url = new URL(next, base);
    } catch (cause) {
      throw new DataError(`${base.host} names '${next}' as its next page, which is no URL`, { cause });
    }
    if (url.host !== base.host)
      throw new DataError(
        `${base.host} names a next page on another host (${url.host}); it is not followed: check --base-url, and run it again later`,
      );
    // A server behind a proxy may not know that it is reached by https.
    url.protocol = base.protocol;
    return url;
  };
  const page: ArchiveClient['page'] = async (next) => {
    const answer = await retry(() => getJson(pageUrl(next), pageSchema));
    return { results: answer.results, count: answer.count ?? null, next: answer.next ?? null };
  };
  const countOf = async (query: string, request: ArchiveRequest): Promise<number> => {
    const url = `images/search/?${searchParameters(query, request, 1)}`;
    const { count } = await page(url);
    if (count === null) throw new DataError(`${base.host} does not say how many images there are`);
    return count;
  };

  return {
    baseUrl: base.href,
    host: base.host,
    clock,
    get retries() {
      return retries;
    },
    searchUrl: (request) =>
      new URL(
        `images/search/?${searchParameters(archiveQuery(request), request, Math.min(pageSize, request.limit ?? pageSize))}`,
        base,
      ).href,
    page,
    count: async (request) => {
      try {
        return {
          images: await countOf(archiveQuery(request), request),
          synthetic: request.includeSynthetic ? 0 : await countOf(syntheticQuery(request), request),
        };
      } catch (error) {
        if (error instanceof HttpError && error.status === 400 && request.query !== '')
          throw queryError(request.query, error);
        throw error;
      }
    },
    size: async (request) => {
      const url = `images/search/size/?${searchParameters(archiveQuery(request), request)}`;
      try {
        return (await ask(url, sizeSchema, 3)).size;
      } catch (error) {
        // The archive does not document this address: a download must not hang on it.
        if (error instanceof HttpError) return null;
        throw error;
      }
    },
    collections: async ({ pinned }) => {
      const found: Collection[] = [];
      let next: string | null = `collections/?${pinned === undefined ? '' : `pinned=${pinned}&`}sort=name`;
      for (let pages = 0; next !== null && pages < mostPages; pages++) {
        const answer: Page = await page(next);
        for (const result of answer.results) {
          const { data } = collectionSchema.safeParse(result);
          if (data) found.push(toCollection(data));
        }
        next = answer.next;
      }
      return found;
    },
    collection: async (id) => {
      try {
        return toCollection(await ask(`collections/${id}/`, collectionSchema));
      } catch (error) {
        if (error instanceof HttpError && isAbsent(error)) return null;
        throw error;
      }
    },
    licenceText: async (licence) => {
      try {
        const url = new URL(`zip-download/license-file/${encodeURIComponent(licence)}/`, base);
        return await retry(() => getText(url, 'text/plain'));
      } catch (error) {
        if (error instanceof HttpError && isAbsent(error)) return null;
        throw error;
      }
    },
    recordOnce: async (id) => {
      await limiter.take(signal);
      const url = new URL(`images/${encodeURIComponent(id)}/`, base);
      try {
        const record = toRecord(await getJson(url, anyObject));
        if (record?.id === id) return record;
      } catch (error) {
        if (error instanceof HttpError && isAbsent(error)) return null;
        throw error;
      }
      throw new HttpError(`${base.host} answered another record than that of ${id}`, { passing: true });
    },
    openFile: async (url) =>
      http.follow(parseUrl(url), { signal, headers: { 'accept-encoding': 'identity' } }),
    retry: (work) => retry(work),
    close: () => {
      closing.abort(new Error('the client is closed'));
      http.close();
    },
  };
}

/** @throws ConfigError when it is no http(s) URL */
function parseBase(text: string): URL {
  try {
    const url = new URL(text.endsWith('/') ? text : `${text}/`);
    // An address goes into the dataset's description: no place for a password.
    const isPlain = url.username === '' && url.password === '' && url.search === '';
    if (isPlain && (url.protocol === 'https:' || url.protocol === 'http:')) return url;
  } catch {}
  throw new ConfigError(
    `--base-url ${shownAddress(text)}: expected the address of the archive's API, without password or query, such as ${archiveUrl}`,
  );
}

/** `{"message": …}`, `{"detail": …}` or `{"detail": [{"msg": …}]}`; where it leads elsewhere, that. */
function saidIn({ status, headers }: HttpResponse, text: string): string {
  if (status >= 300 && status < 400) return `to ${headers.location}; check --base-url`;
  try {
    const { message, detail } = JSON.parse(text);
    const said = message ?? (Array.isArray(detail) ? detail.map((one) => one?.msg).join(', ') : detail);
    return typeof said === 'string' ? said.replace(/\s+/g, ' ').slice(0, 200) : '';
  } catch {
    return '';
  }
}

const isAbsent = ({ status }: HttpError): boolean => status === 404 || status === 410;

function toCollection(data: z.output<typeof collectionSchema>): Collection {
  return { id: data.id, name: data.name, pinned: data.pinned ?? false, doi: data.doi ?? '' };
}

function queryError(query: string, cause: HttpError): ConfigError {
  const hint = /(^|[\s(-])diagnosis:/.test(query)
    ? "the archive has no field 'diagnosis' any more, but diagnosis_1 to diagnosis_5"
    : 'expected field:value terms with AND, OR and parentheses (docs/isic-archive.md)';
  return new ConfigError(`--query: the archive does not understand '${query}'; ${hint}`, { cause });
}
