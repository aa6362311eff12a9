/** The text of an answer, and what an answer other than 200 says. */
import { gunzipSync } from 'node:zlib';
import type { Clock } from './clock.js';
import { ArchiveError, type HttpResponse } from './http.js';
import { isPassingStatus, parseRetryAfter } from './retry.js';

const largestAnswerBytes = 64 << 20;

/**
 * Reads an answer whole.
 * @throws ArchiveError when it breaks off, cannot be unpacked, or has no end
 */
export async function readAnswer(response: HttpResponse): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > largestAnswerBytes)
      throw new ArchiveError(`${response.url.host} answers without end`, { passing: false });
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (response.headers['content-encoding'] !== 'gzip') return body.toString('utf8');
  try {
    return gunzipSync(body, { maxOutputLength: largestAnswerBytes }).toString('utf8');
  } catch (cause) {
    throw new ArchiveError(`${response.url.host} answered what cannot be unpacked`, { passing: true, cause });
  }
}

/** An answer's status as an error, with what the server says about it. */
export function statusError(
  { url, status, headers }: Pick<HttpResponse, 'url' | 'status' | 'headers'>,
  text: string,
  clock: Clock,
): ArchiveError {
  const detail = detailOf(text);
  const retryAfterMs = parseRetryAfter(headers['retry-after'], clock.now());
  const asked = retryAfterMs ? ` and asks to wait ${Math.ceil(retryAfterMs / 1000)} s` : '';
  const redirected = status >= 300 && status < 400 ? ` (to ${headers.location}; check --base-url)` : '';
  return new ArchiveError(
    `${url.host} answered ${status}${redirected}${asked}${detail === '' ? '' : `: ${detail}`}`,
    {
      status,
      passing: isPassingStatus(status),
      retryAfterMs,
    },
  );
}

/** `{"message": …}`, `{"detail": …}` or `{"detail": [{"msg": …}]}`. */
function detailOf(text: string): string {
  try {
    const { message, detail } = JSON.parse(text);
    const said = message ?? (Array.isArray(detail) ? detail.map((one) => one?.msg).join(', ') : detail);
    return typeof said === 'string' ? said.replace(/\s+/g, ' ').slice(0, 200) : '';
  } catch {
    return '';
  }
}
