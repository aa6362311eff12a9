/**
 * How fast requests leave: a token bucket shared by all workers. A server that asks for a pause stops all of them,
 * and each 429 halves the rate, which then grows back by a twentieth of the set rate with every request that is
 * answered (additive increase, multiplicative decrease, as TCP does it).
 */
import type { Clock } from './clock.js';

export interface RateLimiter {
  /** Resolves when the next request may leave. */
  take(signal?: AbortSignal): Promise<void>;
  /** No request leaves before `ms` milliseconds from now. */
  pause(ms: number): void;
  /** The server said that there were too many requests. */
  slowDown(): void;
  /** A request was answered. */
  answered(): void;
  /** Requests a second at present. */
  readonly ratePerS: number;
}

const slowestShare = 1 / 32;

/** @param ratePerS requests a second; as many may leave at once after a rest */
export function createRateLimiter(ratePerS: number, clock: Clock): RateLimiter {
  const burst = Math.max(1, ratePerS);
  let rate = ratePerS;
  let tokens = burst;
  let countedMs = clock.now();
  let openMs = Number.NEGATIVE_INFINITY;
  // One waits at a time, the others queue behind it: first come, first served.
  let queue: Promise<void> = Promise.resolve();

  const refill = (): void => {
    const nowMs = clock.now();
    // A wall clock may be set back.
    tokens = Math.min(burst, tokens + (Math.max(0, nowMs - countedMs) * rate) / 1000);
    countedMs = nowMs;
  };
  const wait = async (signal?: AbortSignal): Promise<void> => {
    for (;;) {
      signal?.throwIfAborted();
      refill();
      const pauseMs = openMs - clock.now();
      if (pauseMs <= 0 && tokens >= 1) break;
      await clock.sleep(pauseMs > 0 ? pauseMs : Math.ceil(((1 - tokens) * 1000) / rate), signal);
    }
    tokens -= 1;
  };
  return {
    take: (signal) => {
      const turn = queue.then(() => wait(signal));
      queue = turn.catch(() => {});
      return turn;
    },
    pause: (ms) => {
      openMs = Math.max(openMs, clock.now() + ms);
    },
    slowDown: () => {
      rate = Math.max(ratePerS * slowestShare, rate / 2);
      tokens = 0;
    },
    answered: () => {
      rate = Math.min(ratePerS, rate + ratePerS / 20);
    },
    get ratePerS() {
      return rate;
    },
  };
}
