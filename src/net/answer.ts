/** The body of an answer, whole and in memory, and what an answer other than 200 says. */
import { gunzipSync } from 'node:zlib';
import { HttpError } from './error.js';
import type { HttpResponse } from './http.js';
import { isPassingStatus, parseRetryAfter } from './retry.js';

const largestAnswerBytes = 64 << 20;

/**
 * Reads an answer whole.
 * @param largestBytes default 64 MB: an answer of words is no longer
 * @throws HttpError when it breaks off, cannot be unpacked, or has no end
 */
export async function readBody(response: HttpResponse, largestBytes = largestAnswerBytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > largestBytes)
      throw new HttpError(`${response.url.host} answers without end`, { passing: false });
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (response.headers['content-encoding'] !== 'gzip') return body;
  try {
    return gunzipSync(body, { maxOutputLength: largestBytes });
  } catch (cause) {
    throw new HttpError(`${response.url.host} answered what cannot be unpacked`, { passing: true, cause });
  }
}

/** `readBody` as UTF-8. */
export async function readText(response: HttpResponse): Promise<string> {
  return (await readBody(response)).toString('utf8');
}

/**
 * An answer's status as an error.
 * @param said what the server says about it
 * @param nowMs milliseconds since 1970: the server may name a date to wait for
 */
export function statusError(
  { url, status, headers }: Pick<HttpResponse, 'url' | 'status' | 'headers'>,
  said = '',
  nowMs = Date.now(),
): HttpError {
  const retryAfterMs = parseRetryAfter(headers['retry-after'], nowMs);
  const asked = retryAfterMs ? ` and asks to wait ${Math.ceil(retryAfterMs / 1000)} s` : '';
  return new HttpError(`${url.host} answered ${status}${asked}${said === '' ? '' : `: ${said}`}`, {
    status,
    passing: isPassingStatus(status),
    retryAfterMs,
  });
}
