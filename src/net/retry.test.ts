import { Random } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { HttpError } from './error.js';
import { createRateLimiter } from './rate.js';
import { backOffMs, parseRetryAfter, withRetries } from './retry.js';
import { testClock } from './test-clock.test-data.js';

const jitterOf = (seed: number): (() => number) => {
  const random = new Random(seed);
  return () => random.uniform(0, 1);
};
const nowMs = Date.UTC(2026, 10, 5, 12, 0, 0);

test.each<[string | undefined, number | undefined]>([
  ['7', 7000],
  [' 0 ', 0],
  ['Thu, 05 Nov 2026 12:00:09 GMT', 9000],
  ['Thu, 05 Nov 2026 11:00:00 GMT', 0],
  ['soon', undefined],
  [undefined, undefined],
])('Retry-After: %s', (header, ms) => {
  expect(parseRetryAfter(header, nowMs)).toBe(ms);
});

test('back-off doubles from half a second to a minute, of which a random half to all', () => {
  const jitter = jitterOf(1);
  for (let failures = 1; failures <= 12; failures++) {
    const mostMs = Math.min(60_000, 500 * 2 ** (failures - 1));
    const waits = Array.from({ length: 200 }, () => backOffMs(failures, { jitter }));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(mostMs / 2);
    expect(Math.max(...waits)).toBeLessThan(mostMs);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(mostMs / 3);
  }
  const [one, other] = [jitterOf(5), jitterOf(5)];
  expect(backOffMs(3, { jitter: one })).toBe(backOffMs(3, { jitter: other }));
});

/** Work that fails as told, then succeeds. */
function failing(errors: readonly Error[]) {
  const clock = testClock(nowMs);
  let calls = 0;
  const options = { clock, limiter: createRateLimiter(1e6, clock), jitter: jitterOf(0), attempts: 4 };
  return {
    clock,
    options,
    work: async () => {
      const error = errors[calls++];
      if (error) throw error;
      return calls;
    },
    calls: () => calls,
  };
}
const passing = (retryAfterMs?: number, status = 503) =>
  new HttpError(`answered ${status}`, { status, passing: true, retryAfterMs });

test('passing failures are tried again, up to the number of tries', async () => {
  const some = failing([passing(), passing(), passing()]);
  expect(await withRetries(some.work, some.options)).toBe(4);
  expect(some.clock.waits).toHaveLength(3);
  const many = failing(Array.from({ length: 9 }, () => passing()));
  await expect(withRetries(many.work, many.options)).rejects.toThrow('answered 503');
  expect(many.calls()).toBe(4);
});

test.each([new HttpError('404', { status: 404, passing: false }), new TypeError('a bug')])(
  'no other failure is: %s',
  async (error) => {
    const { work, options, calls } = failing([error]);
    await expect(withRetries(work, options)).rejects.toThrow(error.message);
    expect(calls()).toBe(1);
  },
);

test('Retry-After is waited for, unless it is longer than a run should wait', async () => {
  const polite = failing([passing(90_000)]);
  await withRetries(polite.work, polite.options);
  expect(polite.clock.now() - nowMs).toBe(90_000);
  const endless = failing([passing(3_600_000)]);
  await expect(withRetries(endless.work, endless.options)).rejects.toThrow('answered 503');
  expect(endless.clock.waits).toEqual([]);
});

test('patience instead of a number of tries', async () => {
  const away = failing(Array.from({ length: 99 }, () => passing()));
  const { attempts: _, ...options } = away.options;
  await expect(withRetries(away.work, { ...options, patienceMs: 60_000 })).rejects.toThrow('answered 503');
  expect(away.clock.now() - nowMs).toBeGreaterThan(20_000);
  expect(away.clock.now() - nowMs).toBeLessThanOrEqual(60_000);
});

test('an abort during a wait ends it with its reason', async () => {
  const { work, options } = failing([passing(), passing()]);
  const stop = new AbortController();
  const onRetry = (): void => stop.abort(new Error('enough'));
  await expect(withRetries(work, { ...options, signal: stop.signal, onRetry })).rejects.toThrow('enough');
});

test('the limiter: a second’s worth at once, then the rate; whoever came first goes first', async () => {
  const clock = testClock(0);
  const limiter = createRateLimiter(4, clock);
  const order: string[] = [];
  await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      limiter.take().then(() => {
        order.push(`${i} at ${clock.now()}`);
      }),
    ),
  );
  expect(order).toEqual([
    ...['0 at 0', '1 at 0', '2 at 0', '3 at 0', '4 at 250', '5 at 500', '6 at 750', '7 at 1000'],
    ...['8 at 1250', '9 at 1500', '10 at 1750', '11 at 2000'],
  ]);
});

test('the limiter: a pause holds everybody; 429 halves the rate, answers bring it back', async () => {
  const clock = testClock(0);
  const limiter = createRateLimiter(8, clock);
  limiter.pause(5000);
  await Promise.all([limiter.take(), limiter.take()]);
  expect(clock.now()).toBe(5000);
  limiter.slowDown();
  limiter.slowDown();
  expect(limiter.ratePerS).toBe(2);
  await limiter.take();
  expect(clock.now()).toBe(5500);
  for (let i = 0; i < 100; i++) limiter.slowDown();
  expect(limiter.ratePerS).toBe(0.25);
  for (let i = 0; i < 20; i++) limiter.answered();
  expect(limiter.ratePerS).toBe(8);
});

test('the limiter: one that gave up does not hold up the next', async () => {
  const clock = testClock(0);
  const limiter = createRateLimiter(1, clock);
  const stop = new AbortController();
  await limiter.take();
  const given = limiter.take(stop.signal);
  stop.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  await limiter.take();
  expect(clock.now()).toBe(1000);
});
