/** A number that may differ from fold to fold. */
import { whole } from '../../report/index.js';

/** '1,200', or '1,180–1,200' where folds differ. */
export function spanOf(values: readonly number[], print: (value: number) => string = whole): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? print(low) : `${print(low)}–${print(high)}`;
}
