/** A clock that goes forward as fast as it is asked to, for tests of waits. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from './clock.js';

export interface TestClock extends Clock {
  /** Every wait that was asked for, in milliseconds. */
  readonly waits: number[];
}

export function testClock(startMs = Date.now()): TestClock {
  let nowMs = startMs;
  const waits: number[] = [];
  return {
    waits,
    now: () => nowMs,
    sleep: async (ms, signal) => {
      waits.push(ms);
      await setImmediate();
      signal?.throwIfAborted();
      nowMs += ms;
    },
  };
}
