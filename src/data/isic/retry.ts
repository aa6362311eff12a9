/** Which failures pass by themselves, and how long to wait for that: exponential back-off with jitter, Retry-After. */
import type { Random } from 'graft-torch/base';
import type { Clock } from './clock.js';
import { ArchiveError } from './http.js';
import type { RateLimiter } from './rate.js';

export interface RetryOptions {
  clock: Clock;
  limiter: RateLimiter;
  /** Spreads the waits of many workers. */
  random: Random;
  /** Tries in all. */
  attempts: number;
  signal?: AbortSignal;
  onRetry?: (error: ArchiveError, waitMs: number) => void;
}

const firstWaitMs = 500;
const longestWaitMs = 60_000;
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

/** Wait after the n-th failure in a row, n from 1: 0.5, 1, 2 … 60 s, of which a random half to all. */
export function backOffMs(failures: number, random: Random): number {
  return Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1)) * random.uniform(0.5, 1);
}

/**
 * Calls `work` until it succeeds, its failure is not passing, or the tries are used up. Every try waits for its turn
 * at the limiter.
 * @throws the last failure
 */
export async function withRetries<Result>(
  work: (attempt: number) => Promise<Result>,
  options: RetryOptions,
): Promise<Result> {
  const { clock, limiter, random, attempts, signal } = options;
  for (let attempt = 1; ; attempt++) {
    await limiter.take(signal);
    try {
      const result = await work(attempt);
      limiter.answered();
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof ArchiveError) || !error.passing || attempt >= attempts) throw error;
      const { retryAfterMs = 0, status } = error;
      if (retryAfterMs > longestRetryAfterMs) throw error;
      if (status === 429) limiter.slowDown();
      if (retryAfterMs > 0) limiter.pause(retryAfterMs);
      const waitMs = Math.max(retryAfterMs, backOffMs(attempt, random));
      options.onRetry?.(error, waitMs);
      await clock.sleep(waitMs, signal);
    }
  }
}
