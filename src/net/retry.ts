/** Which failures pass by themselves, and how long to wait for that: exponential back-off with jitter, Retry-After. */
import { type Clock, systemClock } from './clock.js';
import { HttpError } from './error.js';
import type { RateLimiter } from './rate.js';

export interface RetryOptions {
  /** Tries in all; default 4, or without end where patience is given. */
  attempts?: number;
  /** How long to go on, ms; default without end. */
  patienceMs?: number;
  /** Before the second try; twice as long before each further one. Default 500. */
  firstWaitMs?: number;
  /** Default 60,000. */
  longestWaitMs?: number;
  /** Which failures are tried again; default those that pass by themselves. */
  mayRetry?: (error: HttpError) => boolean;
  onRetry?: (error: HttpError, waitMs: number) => void;
  /** Gives every try its turn. */
  limiter?: RateLimiter;
  /** Spreads the waits of many workers: a number in [0, 1). Default by chance. */
  jitter?: () => number;
  clock?: Clock;
  /** Ends a wait with its reason. */
  signal?: AbortSignal;
}

/** A server that asks for more is taken at its word once; the run is then to be started again later. */
const longestRetryAfterMs = 15 * 60_000;

const passingStatuses = [408, 425, 429, 500, 502, 503, 504];

/** Whether an answer with this status may become another one by waiting. */
export const isPassingStatus = (status: number): boolean => passingStatuses.includes(status);

/**
 * Retry-After in milliseconds: seconds, or a date.
 * @returns undefined when there is none, or none that can be read
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

type BackOff = Pick<RetryOptions, 'firstWaitMs' | 'longestWaitMs' | 'jitter'>;

/** Wait after the n-th failure in a row, n from 1: by default 0.5, 1, 2 … 60 s, of which a random half to all. */
export function backOffMs(failures: number, options: BackOff = {}): number {
  const { firstWaitMs = 500, longestWaitMs = 60_000, jitter = Math.random } = options;
  return Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1)) * (0.5 + jitter() / 2);
}

/**
 * Calls `work` until it succeeds, its failure is not passing, or tries or patience are used up.
 * @throws the last failure
 */
export async function withRetries<Result>(
  work: (attempt: number) => Promise<Result>,
  options: RetryOptions = {},
): Promise<Result> {
  const { clock = systemClock, limiter, signal, mayRetry = ({ passing }) => passing } = options;
  const { patienceMs = Number.POSITIVE_INFINITY } = options;
  const { attempts = options.patienceMs === undefined ? 4 : Number.POSITIVE_INFINITY } = options;
  const endMs = clock.now() + patienceMs;
  for (let attempt = 1; ; attempt++) {
    await limiter?.take(signal);
    try {
      const result = await work(attempt);
      limiter?.answered();
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof HttpError) || attempt >= attempts || !mayRetry(error)) throw error;
      const { retryAfterMs = 0, status } = error;
      const waitMs = Math.max(retryAfterMs, backOffMs(attempt, options));
      if (retryAfterMs > longestRetryAfterMs || clock.now() + waitMs > endMs) throw error;
      if (status === 429) limiter?.slowDown();
      if (retryAfterMs > 0) limiter?.pause(retryAfterMs);
      options.onRetry?.(error, waitMs);
      await clock.sleep(waitMs, signal);
    }
  }
}
