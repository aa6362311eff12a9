/**
 * Ctrl-C and SIGTERM. The first asks the running loop to save its state and end; the second ends the process at
 * once. A loop polls between two steps, never inside one, so that what it saves is a state it can resume.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { GraftError } from 'graft-torch/base';

/** The user stopped a run whose state was saved: exit code 130. The message says how to go on. */
export class InterruptedError extends GraftError {
  override name = 'InterruptedError';
}

/** What a loop asks. */
export interface Interrupt {
  /** Whether the user asked to stop; only ever turns true while the event loop gets its turn: see `poll`. */
  readonly requested: boolean;
  /**
   * Gives the event loop its turn (signals are not noticed otherwise, however many promises a loop awaits) and
   * says whether the user asked to stop. Costs microseconds: call it once a step.
   */
  poll(): Promise<boolean>;
}

/** For callers without a terminal: yields, and never asks to stop. */
export const neverInterrupted: Interrupt = {
  requested: false,
  poll: async () => {
    await setImmediate();
    return false;
  },
};

const signals = ['SIGINT', 'SIGTERM'] as const;

/** Sleeps in short pieces, so that Ctrl-C does not wait for a long one. @param signal ends it early */
export async function sleepUnless(
  interrupt: Interrupt | undefined,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; ) {
    if (interrupt?.requested || signal?.aborted) return;
    await sleep(Math.min(200, Math.max(1, end - performance.now())), undefined, { signal }).catch(() => {});
  }
}

/** Exit code of an interrupted process, as shells have it for SIGINT (128 + 2). */
export const interruptedExitCode = 130;

/**
 * Runs `work` with the signals caught, and gives them back after it.
 * @param notice printed on stderr at the first signal.
 * @param options.repeatMs a further signal within this time of the first is the same one: a batch system signals every
 * process of a job, and a process's own parent may pass the signal on. Default 0
 */
export async function withInterrupt<Result>(
  work: (interrupt: Interrupt) => Promise<Result>,
  notice = 'stopping after this step and saving the state; once more to stop at once',
  { repeatMs = 0 }: { repeatMs?: number } = {},
): Promise<Result> {
  let requested = false;
  let firstMs = 0;
  const onSignal = (): void => {
    if (requested && performance.now() - firstMs < repeatMs) return;
    if (requested) process.exit(interruptedExitCode);
    requested = true;
    firstMs = performance.now();
    process.stderr.write(`\ngraft: ${notice}\n`);
  };
  const interrupt: Interrupt = {
    get requested() {
      return requested;
    },
    poll: async () => {
      await setImmediate();
      return requested;
    },
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work(interrupt);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
