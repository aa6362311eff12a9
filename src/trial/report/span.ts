/** Numbers that may differ from fold to fold. */
import { whole } from '../../report/index.js';
import type { TrialSummary } from '../summary.js';

/** '1,200', or '1,180–1,200' where folds differ. */
export function spanOf(values: readonly number[], print: (value: number) => string = whole): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? print(low) : `${print(low)}–${print(high)}`;
}

/** Images, or groups, of a split in each fold; of one class, or of all. */
export const countsIn = (
  folds: TrialSummary['folds'],
  split: string,
  { label, key = 'images' }: { label?: string | undefined; key?: 'images' | 'groups' } = {},
): number[] =>
  folds.map(({ counts }) =>
    counts
      .filter((row) => row.split === split && (label === undefined || row.label === label))
      .reduce((sum, row) => sum + row[key], 0),
  );
