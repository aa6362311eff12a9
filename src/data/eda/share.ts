/** A share with its interval. */
import type { Share } from '../../report/index.js';
import { wilsonInterval } from '../../stats/index.js';

/** Wilson's 95 % interval. @param hits of `n`; null where n is 0 */
export const wilson = (hits: number, n: number): Share | null =>
  n === 0 ? null : { value: hits / n, ...wilsonInterval(hits / n, n) };
