/**
 * The network: one HTTP client for whatever is fetched or sent (the ISIC archive, the weights hub, object stores,
 * MLflow). `createHttp` sends one request with limits on connecting and on silence; `withRetries` tries again what passes
 * by itself, with back-off, jitter and Retry-After; `openPart` takes a file in, checked while it is written and taken up
 * where a connection broke. Errors are HttpErrors, in one line, without an address that may hold a secret.
 */

// Requests and answers.

export { readBody, readText, statusError } from './answer.js';
export { HttpError } from './error.js';
export {
  createHttp,
  type Http,
  type HttpOptions,
  type HttpRequest,
  type HttpResponse,
  parseUrl,
  type Timeouts,
} from './http.js';

// Patience: when to try again, and how fast.

export { type Clock, systemClock } from './clock.js';
export { createRateLimiter, type RateLimiter } from './rate.js';
export { isPassingStatus, parseRetryAfter, type RetryOptions, withRetries } from './retry.js';

// Files as they come.

export { announcedBytes, type Expected, openPart, type PartFile } from './part.js';
