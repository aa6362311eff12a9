/** Bounded parallelism for work that waits on other threads (decoding, reading). */
import { availableParallelism } from 'node:os';

/**
 * Calls `work` for 0…count − 1, a few at a time, in order of start. The first error stops new work and is thrown
 * once what was begun has ended.
 * @param options.width how many at a time; default twice the cores, so that reading and decoding overlap
 * @param options.signal stops between two items with its reason
 */
export async function forEachParallel(
  count: number,
  work: (index: number) => Promise<void>,
  options: { width?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const { width = Math.min(16, 2 * availableParallelism()), signal } = options;
  let next = 0;
  let failed: { error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < count && !failed) {
      try {
        signal?.throwIfAborted();
        await work(next++);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  if (failed) throw failed.error;
}
