import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something holds; what throws does not hold yet. */
export async function until(holds: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  for (const end = Date.now() + limitMs; ; await sleep(100)) {
    try {
      if (await holds()) return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    if (Date.now() > end) throw new Error(`still not so after ${limitMs} ms: ${holds}`);
  }
}
